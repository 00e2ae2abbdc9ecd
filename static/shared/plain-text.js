/** Fields of several lines that hold plain text and nothing else, in every browser. */

/** What `beforeinput` calls letters that come from elsewhere, with all that they looked like there. */
const FROM_ELSEWHERE = new Set(["insertFromPaste", "insertFromDrop", "insertFromYank", "insertReplacementText"]);

/**
 * Let people write plain text into an element. Firefox has `plaintext-only` since 136: before, what would bring more
 * than text is turned into text. @param {HTMLElement} field
 */
export function makePlainText(field) {
  field.setAttribute("contenteditable", "plaintext-only");
  if (field.contentEditable === "plaintext-only") return;
  field.contentEditable = "true";
  keepPlain(field);
}

/** Keep all but text out of an element that takes everything. @param {HTMLElement} field */
export function keepPlain(field) {
  field.addEventListener("beforeinput", (event) => {
    const { inputType, dataTransfer } = event;
    const isText = FROM_ELSEWHERE.has(inputType) && dataTransfer;
    if (inputType === "insertParagraph") write("\n");
    else if (isText) write(dataTransfer.getData("text/plain"));
    else if (!inputType.startsWith("format")) return;
    event.preventDefault();
  });
}

/** Write at the caret, as typed: it can be undone. @param {string} text */
function write(text) {
  text.split(/\r\n?|\n/).forEach((line, number) => {
    if (number) document.execCommand("insertLineBreak");
    if (line) document.execCommand("insertText", false, line);
  });
}
