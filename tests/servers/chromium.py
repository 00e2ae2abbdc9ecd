"""A real Chromium with a microphone that plays a file, that is refused, or that is not there."""

import hashlib
import shutil
from collections.abc import Sequence
from enum import Enum
from functools import cache
from pathlib import Path

from playwright.async_api import Browser, BrowserContext, Playwright

from tests.servers import debian
from tests.servers.server import ServerFailed

NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
"""What it is called on Debian, elsewhere on Linux, and on macOS."""

SHELL = "chromium-headless-shell"
"""Debian's Chromium without windows, menus and extensions: the same engine for two thirds of the computing time. It
forgets the ids of microphones with each page."""

QUIET = (
    "--no-sandbox",  # Chromium refuses to start as root with its sandbox
    "--disable-dev-shm-usage",  # containers give /dev/shm 64 MB
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--autoplay-policy=no-user-gesture-required",
)


MAX_BROWSERS = 3
"""Browsers that a test process keeps: a test uses one or two, and each takes some 200 MB."""


class Microphone(Enum):
    """What a page finds when there is no file to play."""

    REFUSED = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream=deny")
    ABSENT = ("--disable-audio-input", "--use-fake-ui-for-media-stream")
    GRANTED = ("--use-fake-device-for-media-stream",)
    """A context allows it: the stand-in for the prompt gives a beep in the place of the sound of a tab."""


async def launch(
    playwright: Playwright,
    microphone: Path | Microphone = Microphone.ABSENT,
    *,
    once: bool = True,
    more: Sequence[str] = (),
    whole: bool = True,
) -> Browser:
    """Start Chromium; the microphone's file is `speech.microphone(…)`, played `once` or over and over.

    `whole`: not the headless shell, even where there is one.
    """
    sound: tuple[str, ...]
    if isinstance(microphone, Microphone):
        sound = microphone.value
    else:
        sound = (
            "--use-fake-device-for-media-stream",
            "--use-fake-ui-for-media-stream",
            f"--use-file-for-fake-audio-capture={microphone}{'%noloop' if once else ''}",
        )
    return await playwright.chromium.launch(
        executable_path=executable(playwright, whole=whole),
        args=[*QUIET, *sound, *more],
        # Chromium gives no sound of a tab that is muted.
        ignore_default_args=["--mute-audio"] if microphone is Microphone.GRANTED else None,
        chromium_sandbox=False,
    )


async def launch_with_profile(playwright: Playwright, profile: Path) -> BrowserContext:
    """Start Chromium with a profile that outlives it."""
    return await playwright.chromium.launch_persistent_context(
        profile,
        executable_path=executable(playwright, whole=False),
        args=[*QUIET, "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"],
        chromium_sandbox=False,
        locale="en-US",
    )


class Browsers:
    """Chromium for many tests, since a start costs more than most tests: the same microphone is the same browser.

    A test makes contexts of its own in them, which share nothing; `clear` takes those away.
    """

    def __init__(self, playwright: Playwright) -> None:
        self._playwright = playwright
        self._kept: dict[object, Browser] = {}
        """The one that was used last stands at the end."""

    async def launch(
        self,
        microphone: Path | Microphone = Microphone.ABSENT,
        *,
        once: bool = True,
        more: Sequence[str] = (),
        whole: bool = False,
    ) -> Browser:
        """`launch`, or a browser that was launched with these arguments; files count as the same by what they hold."""
        key = _contents(microphone), once, tuple(more), whole
        browser = self._kept.pop(key, None)
        if browser is None or not browser.is_connected():
            browser = await launch(self._playwright, microphone, once=once, more=more, whole=whole)
        self._kept[key] = browser
        while len(self._kept) > MAX_BROWSERS:
            await self._kept.pop(next(iter(self._kept))).close()
        return browser

    async def clear(self) -> None:
        for browser in self._kept.values():
            for context in browser.contexts:
                await context.close()

    async def close(self) -> None:
        for browser in self._kept.values():
            await browser.close()


def _contents(microphone: Path | Microphone) -> bytes | Microphone:
    return hashlib.sha256(microphone.read_bytes()).digest() if isinstance(microphone, Path) else microphone


def executable(playwright: Playwright, *, whole: bool) -> Path:
    """Find a Chromium: the system's, else Playwright's own, else install the system's if we may.

    Raises `ServerFailed` where there is none: a browser test that is skipped proves nothing.
    """
    if not whole and (shell := _headless_shell()):
        return shell
    own = Path(playwright.chromium.executable_path)
    found = _of_the_system() or (own if own.exists() else None)
    if found is None and (failure := debian.install("chromium")):
        raise ServerFailed(
            f"The browser tests need Chromium: none of {', '.join(NAMES)} was found, Playwright has none in {own}, and "
            f"{failure}. Run `playwright install chromium`, or install Chromium with the system's package manager, and "
            "start the tests again."
        )
    found = found or _of_the_system()
    assert found is not None
    return found


def _of_the_system() -> Path | None:
    return next((Path(path) for name in NAMES if (path := shutil.which(name))), None)


@cache
def _headless_shell() -> Path | None:
    if shutil.which(SHELL) is None:
        debian.install(SHELL)
    path = shutil.which(SHELL)
    return Path(path) if path else None
