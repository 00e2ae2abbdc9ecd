"""Debian's WebKitGTK, Safari's engine with GStreamer for sound, driven by the W3C's WebDriver on a screen in memory."""

import asyncio
import base64
import os
import subprocess
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Self

import httpx

from tests.servers import actions, debian
from tests.servers.server import Server

NAME = "WebKitWebDriver"
SCREEN = "Xvfb"

PACKAGES = (
    "webkit2gtk-driver", "gir1.2-webkit2-4.1", "python3-gi", "xvfb",
    *(f"gstreamer1.0-{name}" for name in ("plugins-base", "plugins-good", "plugins-bad", "plugins-ugly", "libav")),
)  # fmt: skip
"""What Debian and Ubuntu call it: engine, driver and screen, and what plays and records sound."""

SCRIPT_MS = 60_000
"""Time for a function of a test."""

BROWSER = Path(__file__).with_name("webkit_browser.py")
"""The small browser, which runs on the system's Python."""

IMPORTS = "import gi; gi.require_version('WebKit2', '4.1'); from gi.repository import WebKit2"


def is_installed() -> bool:
    """Whether driver and screen are here, and the system's Python can show pages by WebKitGTK."""
    python = Path("/usr/bin/python3")
    if not (debian.program(NAME) and debian.program(SCREEN) and python.exists()):
        return False
    return subprocess.run([python, "-c", IMPORTS], capture_output=True, check=False).returncode == 0


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
        self._screen = Screen()
        self._driver = WebKitDriver(self._screen.display)
        self._held = AsyncExitStack()
        self._client: httpx.AsyncClient
        self._session = ""

    @property
    def downloads(self) -> Path:
        return self._profile / "downloads"

    @property
    def _profile(self) -> Path:
        return self._driver.folder / "profile"

    async def __aenter__(self) -> Self:
        try:
            await asyncio.to_thread(self._screen.start)
            await self._start()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._held.aclose()
        await asyncio.to_thread(self._driver.kill)  # asked to end, it waits for its browser, which nobody ends
        await asyncio.to_thread(self._driver.close)
        await asyncio.to_thread(self._screen.close)

    async def _start(self) -> None:
        await asyncio.to_thread(self._driver.start)
        async with AsyncExitStack() as held:
            self._client = await held.enter_async_context(
                httpx.AsyncClient(base_url=f"http://127.0.0.1:{self._driver.port}", trust_env=False, timeout=120)
            )
            self._session = ""
            options = {"binary": str(BROWSER), "args": [str(self._profile)]}
            wanted = {"alwaysMatch": {"webkitgtk:browserOptions": options}}
            answer = await self._call("POST", "/session", capabilities=wanted)
            self._session = f"/session/{answer['sessionId']}"
            await self._call("POST", "/timeouts", script=SCRIPT_MS)
            self._held = held.pop_all()

    async def crash(self) -> None:
        """Kill the browser as a power cut would, and start it again with what it kept."""
        await asyncio.to_thread(self._driver.kill)
        await self._held.aclose()
        await self._start()

    async def goto(self, url: str) -> None:
        await self._call("POST", "/url", url=url)

    async def back(self) -> None:
        await self._call("POST", "/back")

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

    async def click_at(self, x: float, y: float) -> None:
        await self._call("POST", "/actions", actions=actions.click(x, y))

    async def press(self, chord: str) -> None:
        await self._call("POST", "/actions", actions=actions.press(chord))

    async def type_text(self, text: str) -> None:
        await self._call("POST", "/actions", actions=actions.type_text(text))

    async def screenshot(self) -> bytes:
        return base64.b64decode(await self._call("GET", "/screenshot"))

    async def _call(self, method: str, path: str, **body: Any) -> Any:
        json = body if method == "POST" else None
        response = await self._client.request(method, f"{self._session}{path}", json=json)
        value = response.json()["value"]
        if response.is_error:
            raise RuntimeError(f"{path}: {value['error']}: {value['message']}")
        return value
