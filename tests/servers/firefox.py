"""Debian's Firefox without a window, driven by WebDriver BiDi, the W3C's protocol that Firefox itself speaks.

Playwright drives Firefox by the same protocol, but with commands that the long-lived release does not know.
"""

import asyncio
import base64
import json
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path
from typing import Any, Self

from websockets.asyncio.client import ClientConnection, connect

from tests.servers import actions, debian
from tests.servers.server import Server

NAME = "firefox-esr"

PREFERENCES = {
    "app.update.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "media.autoplay.default": 0,  # sound may begin without a click, as in the tests' Chromium
    "media.navigator.permission.disabled": True,
    "media.navigator.streams.fake": True,
    "toolkit.telemetry.reportingpolicy.firstRun": False,
    "ui.primaryPointerCapabilities": 6,  # a mouse, which a machine without a screen has not
}

MAX_ANSWER_BYTES = 64 * 1000**2
"""A picture of a page is some megabytes."""


class Firefox(Server):
    """A Firefox with a profile of its own, which goes with it.

    Without a sound card its elements play by the system's clock, and its Web Audio stands still. ALSA's null device is
    no way out: with it, sound plays ten times too fast.
    """

    name = NAME

    @property
    def downloads(self) -> Path:
        return self.folder / "downloads"

    def command(self) -> list[str]:
        profile = self.folder / "profile"
        profile.mkdir(exist_ok=True)
        preferences = {**PREFERENCES, "browser.download.folderList": 2, "browser.download.dir": str(self.downloads)}
        lines = (f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in preferences.items())
        (profile / "user.js").write_text("\n".join(lines))
        return [
            str(debian.program(NAME)), "--headless", "--no-remote", "--profile", str(profile),
            "--remote-debugging-port", str(self.port), "about:blank",
        ]  # fmt: skip

    def launch(self) -> None:
        self.log_path.unlink(missing_ok=True)  # one that was killed has said that it listens
        super().launch()

    def check(self) -> None:
        if "WebDriver BiDi listening" not in self.log():
            raise RuntimeError("it does not listen yet")


class FirefoxPage:
    """The one page of a Firefox of its own."""

    name = "firefox"

    def __init__(self) -> None:
        self._firefox = Firefox()
        self._held = AsyncExitStack()
        self._numbers = count(1)
        self._socket: ClientConnection
        self._tab: str

    @property
    def downloads(self) -> Path:
        return self._firefox.downloads

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._held.aclose()
        await asyncio.to_thread(self._firefox.close)

    async def _start(self) -> None:
        await asyncio.to_thread(self._firefox.start)
        async with AsyncExitStack() as held:
            address = f"ws://127.0.0.1:{self._firefox.port}/session"
            self._socket = await held.enter_async_context(connect(address, max_size=MAX_ANSWER_BYTES, proxy=None))
            await self._call("session.new", capabilities={})
            # In a new window the address bar has the focus: its first page may get keys, but is told of no focus.
            self._tab = (await self._call("browsingContext.create", type="tab"))["context"]
            await self._call("browsingContext.activate", context=self._tab)
            self._held = held.pop_all()

    async def crash(self) -> None:
        """Kill the browser as a power cut would, and start it again with what it kept."""
        await asyncio.to_thread(self._firefox.kill)
        await self._held.aclose()
        await self._start()

    async def goto(self, url: str) -> None:
        await self._call("browsingContext.navigate", context=self._tab, url=url, wait="complete")

    async def back(self) -> None:
        await self._call("browsingContext.traverseHistory", context=self._tab, delta=-1)

    async def evaluate(self, function: str, *arguments: Any) -> Any:
        """Call a function of the page's language with JSON, as if a person had just clicked; wait for its promise."""
        answer = await self._call(
            "script.callFunction",
            functionDeclaration=f"async (given) => JSON.stringify((await ({function})(...JSON.parse(given))) ?? null)",
            arguments=[{"type": "string", "value": json.dumps(arguments)}],
            target={"context": self._tab},
            awaitPromise=True,
            userActivation=True,
        )
        if answer["type"] == "exception":
            raise RuntimeError(answer["exceptionDetails"]["text"])
        return json.loads(answer["result"]["value"])

    async def click(self, selector: str) -> None:
        """Click the middle of an element as a person does."""
        await self.click_at(*await self.evaluate(MIDDLE, selector))

    async def click_at(self, x: float, y: float) -> None:
        await self._perform(actions.click(x, y))

    async def press(self, chord: str) -> None:
        await self._perform(actions.press(chord))

    async def type_text(self, text: str) -> None:
        await self._perform(actions.type_text(text))

    async def screenshot(self) -> bytes:
        answer = await self._call("browsingContext.captureScreenshot", context=self._tab)
        return base64.b64decode(answer["data"])

    async def _perform(self, performed: actions.Actions) -> None:
        await self._call("input.performActions", context=self._tab, actions=performed)

    async def _call(self, method: str, **parameters: Any) -> Any:
        number = next(self._numbers)
        await self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            answer = json.loads(await self._socket.recv())
            if answer.get("id") != number:
                continue
            if answer["type"] == "error":
                raise RuntimeError(f"{method}: {answer['error']}: {answer['message']}")
            return answer["result"]


MIDDLE = """(selector) => {
  const element = document.querySelector(selector);
  element.scrollIntoView({ block: "center", behavior: "instant" });
  const { x, y, width, height } = element.getBoundingClientRect();
  return [x + width / 2, y + height / 2];
}"""
