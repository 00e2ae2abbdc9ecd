"""Debian's WebKitGTK, Safari's engine with GStreamer for sound, driven by the W3C's WebDriver on a screen in memory."""

import asyncio
import base64
import os
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Self

import httpx

from tests.servers import debian
from tests.servers.server import Server

NAME = "WebKitWebDriver"
SCREEN = "Xvfb"

SCRIPT_MS = 60_000
"""Time for a function of a test."""

BROWSERS = sorted(Path("/usr/lib").glob("*/webkit2gtk-4.1/MiniBrowser"))
"""The small browser that comes with the library."""

_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
"""The name that the protocol gives to references of elements."""


class Screen(Server):
    """An X server that shows nothing."""

    name = "xvfb"

    @property
    def display(self) -> str:
        return f":{self.port}"

    def command(self) -> list[str]:
        return [str(debian.program(SCREEN)), self.display, "-screen", "0", "1280x900x24", "-nolisten", "tcp"]

    def check(self) -> None:
        if not Path(f"/tmp/.X11-unix/X{self.port}").exists():
            raise RuntimeError("it does not listen yet")


class WebKitDriver(Server):
    """The driver, which starts a browser for each session."""

    name = "webkit"

    def __init__(self, display: str) -> None:
        super().__init__()
        self._display = display

    def environment(self) -> Mapping[str, str]:
        quiet = {
            "DISPLAY": self._display,
            "LIBGL_ALWAYS_SOFTWARE": "1",
            "NO_AT_BRIDGE": "1",
            "GSETTINGS_BACKEND": "memory",
        }
        # Its sandbox needs name spaces, which containers do not give to root.
        bare = {"WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS": "1"} if os.geteuid() == 0 else {}
        return {**super().environment(), **quiet, **bare}

    def command(self) -> list[str]:
        return [str(debian.program(NAME)), f"--port={self.port}", "--host=127.0.0.1"]

    def check(self) -> None:
        httpx.get(f"http://127.0.0.1:{self.port}/status", trust_env=False).raise_for_status()


class WebKitPage:
    """The one page of a WebKit of its own."""

    name = "webkit"

    def __init__(self) -> None:
        self._held = AsyncExitStack()
        self._driver: httpx.AsyncClient
        self._session = ""

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as held:
            screen = Screen()
            held.callback(screen.close)
            await asyncio.to_thread(screen.start)
            driver = WebKitDriver(screen.display)
            held.callback(driver.close)
            await asyncio.to_thread(driver.start)
            self._driver = await held.enter_async_context(
                httpx.AsyncClient(base_url=f"http://127.0.0.1:{driver.port}", trust_env=False, timeout=120)
            )
            options = {"binary": str(BROWSERS[-1]), "args": ["--automation", "--autoplay-policy=allow"]}
            wanted = {"alwaysMatch": {"webkitgtk:browserOptions": options}}
            answer = await self._call("POST", "/session", capabilities=wanted)
            self._session = f"/session/{answer['sessionId']}"
            held.push_async_callback(self._call, "DELETE", "")
            await self._call("POST", "/timeouts", script=SCRIPT_MS)
            await self._call("POST", "/window/rect", width=1280, height=900)
            self._held = held.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._held.aclose()

    async def goto(self, url: str) -> None:
        await self._call("POST", "/url", url=url)

    async def evaluate(self, function: str, *arguments: Any) -> Any:
        """Call a function of the page's language with JSON; wait for its promise."""
        script = (
            "const given = [...arguments], done = given.pop();"
            f"Promise.resolve(given).then((given) => ({function})(...given))"
            ".then((value) => done([value ?? null]), (error) => done(String(error)));"
        )
        answer = await self._call("POST", "/execute/async", script=script, args=arguments)
        if isinstance(answer, str):
            raise RuntimeError(answer)
        return answer[0]

    async def click(self, selector: str) -> None:
        """Click the middle of an element as a person does."""
        found = await self._call("POST", "/element", using="css selector", value=selector)
        await self._call("POST", f"/element/{found[_ELEMENT]}/click")

    async def screenshot(self) -> bytes:
        return base64.b64decode(await self._call("GET", "/screenshot"))

    async def _call(self, method: str, path: str, **body: Any) -> Any:
        json = body if method == "POST" else None
        response = await self._driver.request(method, f"{self._session}{path}", json=json)
        value = response.json()["value"]
        if response.is_error:
            raise RuntimeError(f"{path}: {value['error']}: {value['message']}")
        return value
