"""What a person does on the page, by role and name, in any browser of `tests.browser.browsers`."""

import asyncio
import base64
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from tests.browser.browsers import BrowserPage
from tests.browser.page import SOON_MS

T = TypeVar("T")

Wish = dict[str, Any]
"""What is looked for: `{"role": "button", "name": "Play"}`; a name between slashes is a pattern."""

Seen = dict[str, Any]
"""What `LOOK` tells of an element."""

ROLES = Path(__file__).with_name("roles.js").read_text().rstrip().rstrip(";")

LOOK = f"""(wish) => {{
  const found = ({ROLES})(wish);
  if (!found.length) return null;
  const [element] = found;
  element.scrollIntoView({{ block: "center", inline: "center", behavior: "instant" }});
  const {{ x, y, width, height }} = element.getBoundingClientRect();
  return {{
    x: x + width / 2, y: y + height / 2, count: found.length, text: element.innerText, value: element.value ?? null,
    pressed: element.ariaPressed, expanded: element.ariaExpanded, selected: element.ariaSelected,
    isFocused: element === document.activeElement, html: element.outerHTML.slice(0, 300),
  }};
}}"""

CHOOSE = f"""(wish, text) => {{
  const [list] = ({ROLES})(wish);
  const option = [...list.options].find((each) => each.text.startsWith(text));
  list.value = option.value;
  list.dispatchEvent(new Event("input", {{ bubbles: true }}));
  list.dispatchEvent(new Event("change", {{ bubbles: true }}));
}}"""
"""What a list of options drops down is the browser's own, outside of the page: no driver but Playwright reaches it."""

WORD = """(word) => {
  for (const paragraph of document.querySelectorAll("[data-part=text] p")) {
    const node = paragraph.lastChild, at = node.data.indexOf(word);
    if (at < 0) continue;
    paragraph.scrollIntoView({ block: "center", behavior: "instant" });
    const range = document.createRange();
    range.setStart(node, at);
    range.setEnd(node, at + word.length);
    const { x, y, width, height } = range.getBoundingClientRect();
    return [x + width / 2, y + height / 2];
  }
}"""
"""The middle of a word of the transcript, on the screen."""

LISTEN = """() => {
  const { play } = HTMLMediaElement.prototype;
  HTMLMediaElement.prototype.play = function () {
    window.sound = this;
    if (this.mozCaptureStream && !('voice' in this.dataset)) this.muted = true;
    return play.call(this);
  };
}"""
"""Keeps the element that the page plays. In Firefox it is muted: without a sound card, one that is not fails now and
then."""

ALL = f"""() => (
  "heading button link textbox searchbox slider combobox tab alert status group menuitem checkbox"
).split(" ").flatMap(
  (role) => ({ROLES})({{ role }}).map((one) => `${{role}}: ${{(one.ariaLabel ?? one.innerText).slice(0, 80)}}`)
).join("; ")"""
"""What is there, for the message of a test that does not find something."""

SPEAK = """async (wav) => {
  const bytes = Uint8Array.from(atob(wav), (letter) => letter.charCodeAt(0));
  const play = async () => {
    const audio = new Audio(URL.createObjectURL(new Blob([bytes], { type: "audio/wav" })));
    if (audio.mozCaptureStream) {
      audio.dataset.voice = "";
      await audio.play();
      return audio.mozCaptureStream();
    }
    const context = new AudioContext();
    await context.resume();
    const source = new AudioBufferSourceNode(context, { buffer: await context.decodeAudioData(bytes.buffer.slice()) });
    const { stream } = source.connect(context.createMediaStreamDestination());
    source.start();
    return stream;
  };
  navigator.mediaDevices.getUserMedia = play;
}"""
"""A microphone that hears a file. Firefox's Web Audio stands still without a sound card, its elements do not."""

WATCH = """() => {
  window.faults = [];
  addEventListener("error", ({ message }) => window.faults.push(message));
  addEventListener("unhandledrejection", ({ reason }) => window.faults.push(String(reason)));
}"""
"""Keeps what goes wrong in the page's scripts."""

SETTLED = "() => document.querySelector('[data-part=library]').ariaBusy === 'false'"

PAUSE_S = 0.05

PLAYER: Wish = {"role": "region", "name": "Player"}
CLIPS: Wish = {"role": "region", "name": "Clips"}
CLIP: Wish = {"role": "article"}


class Person:
    """Somebody in front of one open page."""

    def __init__(self, page: BrowserPage) -> None:
        self.page = page

    async def opens(self, url: str, microphone: bytes | None = None) -> None:
        """Open the page, wait until the list is there, and speak the WAV whenever it listens."""
        await self.page.goto(url)
        await self.waits(lambda: self.page.evaluate(SETTLED), "the list")
        await self.page.evaluate(WATCH)
        if microphone:
            await self.page.evaluate(SPEAK, base64.b64encode(microphone).decode())
        await self.page.evaluate(LISTEN)

    async def sees(self, role: str, name: str | None = None, *, within: Wish | None = None, ms: int = SOON_MS) -> Seen:
        """Wait until something visible has this role and name, and tell what it is."""
        wish = {"role": role, "name": name, "within": within}
        found: Seen = await self.waits(lambda: self.page.evaluate(LOOK, wish), f"{role} {name!r}", ms=ms)
        return found

    async def misses(self, role: str, name: str | None = None, *, within: Wish | None = None) -> None:
        """Wait until nothing visible has this role and name."""
        wish = {"role": role, "name": name, "within": within}

        async def is_gone() -> bool:
            return await self.page.evaluate(LOOK, wish) is None

        await self.waits(is_gone, f"no {role} {name!r}")

    async def clicks(self, role: str, name: str | None = None, *, within: Wish | None = None) -> None:
        found = await self.sees(role, name, within=within)
        await self.page.click_at(found["x"], found["y"])

    async def clicks_word(self, word: str) -> None:
        """Click a word of the transcript that is shown."""
        await self.page.click_at(*await self.waits_until(WORD, word))

    async def chooses(self, name: str, option: str, *, within: Wish | None = None) -> None:
        """Choose in a list of options, by how one begins."""
        await self.sees("combobox", name, within=within)
        await self.page.evaluate(CHOOSE, {"role": "combobox", "name": name, "within": within}, option)

    async def picks(self, menu: str, item: str, *, within: Wish | None = None) -> None:
        """Open a menu, and choose in it."""
        await self.clicks("button", menu, within=within)
        await self.clicks("menuitem", item)

    async def types(self, role: str, name: str, text: str) -> None:
        """Put a text in the place of what is in a field."""
        await self.clicks(role, name)
        await self.page.press("Control+a")
        await self.page.type_text(text)

    async def faults(self) -> list[str]:
        """What went wrong in the page's scripts since it was opened."""
        faults: list[str] = await self.page.evaluate("() => window.faults")
        return faults

    async def waits(self, look: Callable[[], Awaitable[T]], for_what: str, *, ms: int = SOON_MS) -> T:
        """Look again and again until there is something to see."""
        end = time.monotonic() + ms / 1000
        while not (found := await look()):
            if time.monotonic() > end:
                there = await self.page.evaluate(ALL)
                raise AssertionError(f"{self.page.name} shows no {for_what} within {ms} ms, but\n{there}")
            await asyncio.sleep(PAUSE_S)
        return found

    async def waits_until(self, condition: str, *arguments: Any, ms: int = SOON_MS) -> Any:
        """Wait until a function of the page's language gives something."""
        return await self.waits(lambda: self.page.evaluate(condition, *arguments), condition, ms=ms)
