"""The same few verbs for a page in Chromium, Firefox and WebKit.

What only needs Chromium uses Playwright (`launch_browser`), which can far more.
"""

from contextlib import AsyncExitStack
from typing import Any, Protocol, Self

from playwright.async_api import Page, async_playwright

from tests.servers import chromium, debian, firefox, webkit


class BrowserPage(Protocol):
    """An open page of a browser of its own, which ends with it: `async with open_page("firefox") as page`."""

    name: str

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *_: object) -> None: ...

    async def goto(self, url: str) -> None:
        """Open an address and wait until it is loaded."""

    async def evaluate(self, function: str, *arguments: Any) -> Any:
        """Call a function, written in the page's language, with JSON, and return what its promise gives."""

    async def click(self, selector: str) -> None:
        """Click the middle of an element as a person does."""

    async def screenshot(self) -> bytes:
        """A PNG of what is in sight."""


class ChromiumPage:
    """The one page of a Chromium of its own."""

    name = "chromium"

    def __init__(self) -> None:
        self._held = AsyncExitStack()
        self._page: Page

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as held:
            playwright = await held.enter_async_context(async_playwright())
            browser = await chromium.launch(playwright, whole=False)
            held.push_async_callback(browser.close)
            self._page = await browser.new_page(viewport={"width": 1280, "height": 900})
            self._held = held.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._held.aclose()

    async def goto(self, url: str) -> None:
        await self._page.goto(url)

    async def evaluate(self, function: str, *arguments: Any) -> Any:
        return await self._page.evaluate(f"async (given) => (await ({function})(...given)) ?? null", list(arguments))

    async def click(self, selector: str) -> None:
        await self._page.click(selector)

    async def screenshot(self) -> bytes:
        return await self._page.screenshot()


PAGES: dict[str, type[BrowserPage]] = {
    "chromium": ChromiumPage,
    "firefox": firefox.FirefoxPage,
    "webkit": webkit.WebKitPage,
}


def open_page(name: str) -> BrowserPage:
    """A page of one of `PAGES`, to be entered."""
    return PAGES[name]()


def missing(name: str) -> str | None:
    """Say why a browser cannot be started here; None: it can. Chromium is installed where it is missing."""
    if name == "firefox" and not debian.program(firefox.NAME):
        return "there is no firefox-esr on this machine: apt install firefox-esr"
    if name == "webkit" and not (debian.program(webkit.NAME) and debian.program(webkit.SCREEN) and webkit.BROWSERS):
        return "WebKitGTK or its driver is not on this machine: apt install webkit2gtk-driver xvfb gstreamer1.0-libav"
    return None
