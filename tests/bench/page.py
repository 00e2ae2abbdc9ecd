"""`make bench-page`: the first visit to a library of 100,000 clips, cold, as JSON.

With `--base COMMIT` a second api of that commit serves the same library, and the visits take turns: what a busy machine
does to one, it does to the other. Each visit is a browser context of its own, in which nothing is cached. Times are the
page's own, from the begin of the navigation. The bundle is made first where Node.js is (`--modules`: plain modules).
"""

import argparse
import asyncio
import contextlib
import json
import os
import platform
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import psutil
from playwright.async_api import Browser, CDPSession, async_playwright

from infra.build_page import BuildError, build_page
from tests.bench.corpus import Corpus
from tests.bench.library import filled
from tests.servers import chromium
from tests.servers.server import Server
from tests.servers.stack import INTERPRETER, ROOT, Service, Stack

MOST = {"requests": 6, "row_ms": 300, "usable_ms": 300, "scrolling_p99_ms": 34}
"""What is to be reached at the median, on an idle machine."""

HALF = ("bytes", "row_ms", "usable_ms", "chromium_cpu_s", "api_cpu_s")
"""What is to be at most half of the other commit's; of Chromium, what is beyond a visit to a line of text."""

SCROLLED_PX = 40_000
"""So far the list is scrolled: through some hundreds of clips, and several pages of the list."""

START_TIMEOUT_S = 60.0
"""A page that is not usable after so long never will be."""

CALM_S = 2.0
"""A visit is over when the page has been usable so long: what comes after the start has come, too."""

WATCH = """
window.marks = {};
const note = (name) => { window.marks[name] ??= performance.now(); };
// The button is there before the script: it can be used when somebody listens to it.
const listen = EventTarget.prototype.addEventListener;
EventTarget.prototype.addEventListener = function (type, ...rest) {
  const isButton = this instanceof HTMLButtonElement && /^Record\\b/.test((this.ariaLabel || this.textContent).trim());
  if (type === "click" && isButton && !this.disabled) note("usable_ms");
  return listen.call(this, type, ...rest);
};
new MutationObserver(() => document.querySelector("main [data-clip-id]") && note("row_ms"))
  .observe(document, { subtree: true, childList: true });
"""

SCROLL = """async (far) => {
  const place = [...document.querySelectorAll("*")].find((element) =>
    element.querySelector("[data-clip-id]") && element.scrollHeight > element.clientHeight + 500 &&
    /auto|scroll/.test(getComputedStyle(element).overflowY)) ?? document.scrollingElement;
  const frames = [];
  let before = performance.now();
  for (let at = 0; at < far; at += 120) {
    place.scrollTop = at;
    await new Promise(requestAnimationFrame);
    frames.push(performance.now() - before);
    before = performance.now();
  }
  frames.sort((a, b) => a - b);
  return { scrolling_p50_ms: frames[frames.length >> 1], scrolling_p99_ms: frames[Math.floor(frames.length * 0.99)] };
}"""


class OtherCommit(Server):
    """The api of another checkout, on the library of this one."""

    name = "api-base"

    def __init__(self, checkout: Path, environment: Mapping[str, str]) -> None:
        super().__init__()
        self._checkout, self._environment = checkout, environment

    def command(self) -> list[str]:
        return [INTERPRETER, "-m", "services.api"]

    def working_folder(self) -> Path:
        return self._checkout

    def environment(self) -> Mapping[str, str]:
        own = {"PYTHONPATH": str(self._checkout), "PYTHONUNBUFFERED": "1", "PORT": str(self.port)}
        return {**super().environment(), **self._environment, **own}

    def check(self) -> None:
        httpx.get(f"http://127.0.0.1:{self.port}/readyz", timeout=2).raise_for_status()


@contextlib.contextmanager
def other_commit(commit: str, environment: Mapping[str, str]) -> Iterator[Server]:
    """Serve the page of another commit from a worktree of its own."""
    with tempfile.TemporaryDirectory() as folder:
        checkout = Path(folder) / "checkout"
        git = ["git", "-C", str(ROOT), "worktree"]
        subprocess.run([*git, "add", "--quiet", "--detach", str(checkout), commit], check=True)
        server = OtherCommit(checkout, environment)
        try:
            yield server.start()
        finally:
            server.close()
            subprocess.run([*git, "remove", "--force", str(checkout)], check=True)


class Traffic:
    """The requests of a page, and the bytes that came over the wire, headers included."""

    def __init__(self, session: CDPSession) -> None:
        self.requests: list[str] = []
        self.bytes = 0
        session.on("Network.requestWillBeSent", self._requested)
        session.on("Network.loadingFinished", self._loaded)

    def _requested(self, event: dict[str, Any]) -> None:
        url = event["request"]["url"]
        if url.startswith("http"):
            self.requests.append(url)

    def _loaded(self, event: dict[str, Any]) -> None:
        self.bytes += int(event["encodedDataLength"])


async def visit_text(browser: Browser, url: str) -> float:
    """Processor time of Chromium for a visit to a line of text: a new process, and its window."""
    context = await browser.new_context(viewport={"width": 1280, "height": 800})
    page = await context.new_page()
    before = chromium_cpu_s()
    await page.goto(f"{url}/healthz")
    await asyncio.sleep(CALM_S)
    took_s = chromium_cpu_s() - before
    await context.close()
    return took_s


async def visit(browser: Browser, url: str, api: psutil.Process) -> dict[str, float]:
    """Open the page for the first time, until it is calm, and then scroll."""
    context = await browser.new_context(
        viewport={"width": 1280, "height": 800}, locale="en-US", service_workers="block"
    )
    page = await context.new_page()
    session = await context.new_cdp_session(page)
    await session.send("Network.enable")
    traffic = Traffic(session)
    await page.add_init_script(WATCH)
    before = chromium_cpu_s(), cpu_s(api)
    await page.goto(url)
    async with asyncio.timeout(START_TIMEOUT_S):
        while not {"row_ms", "usable_ms"} <= set(marks := await page.evaluate("() => window.marks")):
            await asyncio.sleep(0.05)
    await asyncio.sleep(CALM_S)
    after = chromium_cpu_s(), cpu_s(api)
    figures = {
        "requests": len(traffic.requests),
        "bytes": traffic.bytes,
        **marks,
        "chromium_cpu_s": after[0] - before[0],
        "api_cpu_s": after[1] - before[1],
        **await page.evaluate(SCROLL, SCROLLED_PX),
    }
    await context.close()
    return figures


def cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def chromium_cpu_s() -> float:
    """Processor time of all processes of the browser that this one has started."""
    total = 0.0
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if "chrom" in process.name():
                total += cpu_s(process)
    return total


async def measure(apis: Mapping[str, tuple[str, int]], runs: int) -> tuple[dict[str, list[dict[str, float]]], float]:
    """Visit each api in turn. Return the figures, and what a line of text costs Chromium at the median."""
    texts: list[float] = []
    visits: dict[str, list[dict[str, float]]] = {name: [] for name in apis}
    async with async_playwright() as playwright:
        browser = await chromium.launch(playwright)
        # The first round starts the browser's own processes, and has the servers compress what they send.
        for turn in range(runs + 1):
            for name, (url, pid) in apis.items():
                figures = await visit(browser, url, psutil.Process(pid))
                if turn:
                    visits[name].append(figures)
            texts.append(await visit_text(browser, next(iter(apis.values()))[0]))
        await browser.close()
    return visits, median(texts[1:])


def medians(visits: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: round(median(each[name] for each in visits), 2) for name in visits[0]}


def missed(figures: Mapping[str, float], base: Mapping[str, float] | None, text_cpu_s: float) -> list[str]:
    """What was to be reached and was not."""
    found = [
        f"{name} is {figures[name]}, and is to be {most} at most" for name, most in MOST.items() if figures[name] > most
    ]
    if base:
        for name in HALF:
            free = text_cpu_s if name == "chromium_cpu_s" else 0.0
            own, other = figures[name] - free, base[name] - free
            if own > other / 2:
                found.append(f"{name} is {own:.2f} of {other:.2f} of the other commit's, and is to be half at most")
    return found


def begin_events(stack: Stack) -> None:
    """Let there be an event: without any, a page cannot know whether it missed one, and reads the list once more."""
    with httpx.Client(base_url=stack.api_url, trust_env=False) as client:
        [clip] = client.get("/api/clips", params={"limit": 1}).json()["clips"]
        client.patch(f"/api/clips/{clip['id']}", json={"name": "Renamed"}).raise_for_status()


@contextlib.contextmanager
def serving(stack: Stack, folder: Path | None) -> Iterator[Service]:
    """A second api of this tree, with or without a bundle."""
    api = Service("api-2", {**stack.environment, "BUNDLE_DIR": str(folder or "")})
    try:
        yield api.start()
    finally:
        api.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", metavar="COMMIT", help="measure this commit's page as well, in turns")
    parser.add_argument("--clips", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--modules", action="store_true", help="measure plain modules as well")
    options = parser.parse_args()
    with contextlib.ExitStack() as held:
        bundle = Path(held.enter_context(tempfile.TemporaryDirectory())) / "bundle"
        try:
            build_page(bundle)
        except BuildError as error:
            parser.error(f"the bundle cannot be made: {error}")
        stack = held.enter_context(filled(options.database, Corpus(options.clips)))
        begin_events(stack)
        servers: dict[str, Server] = {"bundle": held.enter_context(serving(stack, bundle))}
        if options.modules:
            servers["modules"] = held.enter_context(serving(stack, None))
        if options.base:
            servers["base"] = held.enter_context(other_commit(options.base, stack.environment))
        apis = {name: (f"http://127.0.0.1:{server.port}", server.pid) for name, server in servers.items()}
        visits, text_cpu_s = asyncio.run(measure(apis, options.runs))
    figures = {name: medians(each) for name, each in visits.items()}
    machine = {
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "python": platform.python_version(),
        "date": datetime.now(UTC).date().isoformat(),
    }
    result = {
        "machine": machine,
        "clips": options.clips,
        "database": options.database,
        "runs": options.runs,
        "line_of_text": {"chromium_cpu_s": round(text_cpu_s, 2)},
        **figures,
        "each_row_ms": {name: [round(one["row_ms"]) for one in each] for name, each in visits.items()},
        "missed": missed(figures["bundle"], figures.get("base"), text_cpu_s),
    }
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
