/** To-dos in notes: lines that begin with `- [ ]`, or `- [x]` when they are done, as in Markdown. Pure. */

const TO_DO = /^([-*] \[)([ xX])(\] +)(.*\S.*)$/;

/** Those of some notes, with the line on which each stands. @param {string} notes */
export function toDos(notes) {
  return notes.split("\n").flatMap((line, number) => {
    const found = TO_DO.exec(line);
    return found ? [{ line: number, text: found[4].trim(), isDone: found[2] !== " " }] : [];
  });
}

/** The notes with one of them done, or not. @param {string} notes @param {number} line @param {boolean} isDone */
export function withDone(notes, line, isDone) {
  const lines = notes.split("\n");
  lines[line] = (lines[line] ?? "").replace(TO_DO, (_, before, _mark, after, text) => `${before}${isDone ? "x" : " "}${after}${text}`);
  return lines.join("\n");
}
