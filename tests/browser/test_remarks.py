"""What an open clip says of its sound, and what a person does about it."""

from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
from playwright.async_api import BrowserContext, Locator, expect

from tests.browser.page import LISTEN, SOON_MS, WORDS_MS, DictaphonePage, choose, clip_page
from tests.browser.screenshots import EACH_ONCE, LOOKS, RESULTS, SCREENS, Scheme
from tests.browser.test_any_device import remarked, stored
from tests.cases.encode import Track, mux
from tests.cases.source import RATE, Sound
from tests.conftest import Launch, Parts
from tests.servers.stack import Stack

REMARKS: list[dict[str, Any]] = [
    {"kind": "quiet"},
    {"kind": "tracks", "heard": [2], "silent": [1, 3]},
    {"kind": "opposite-phase"},
    {"kind": "not-understood", "at_ms": 2_000, "length_ms": 1_500},
    {"kind": "not-understood", "at_ms": 6_000, "length_ms": 2_000},
]

OUTLINE = "bar => bar.querySelector('canvas').toDataURL()"


def tone(seconds: float, hz: float) -> Sound:
    """A tone in a file of ten seconds, the rest of which is silence."""
    times = np.arange(10 * RATE) / RATE
    wave = 0.5 * np.sin(2 * np.pi * hz * times) * (times < seconds)
    return wave.astype(np.float32).reshape(1, -1)


@pytest.fixture(scope="module")
def stack(module_local_parts: Parts) -> Iterator[Stack]:
    with Stack(module_local_parts, migrate=False) as stack:
        yield stack


@pytest.fixture(scope="module")
def clip(stack: Stack) -> str:
    """Two tracks with sound, and a third one without."""
    tracks = [Track("aac", [(0.0, tone(seconds, hz))]) for seconds, hz in ((9, 300), (3, 700), (0, 100))]
    return stored(stack.api_url, "Interview", "audio/mp4", mux("mp4", *tracks))


@pytest.fixture
def many_remarks(stack: Stack, clip: str) -> Iterator[None]:
    """The server says more of the clip than this sound deserves."""
    with remarked(stack, clip, REMARKS):
        yield


async def opened(context: BrowserContext, url: str, id: str) -> tuple[DictaphonePage, Locator, Locator]:
    """The page with this clip, the clip's page, and the player at its foot."""
    here = await DictaphonePage.open(context, f"{url}/clips/{id}")
    bar = here.page.locator("[data-part=player]")  # its name depends on the reader's language
    await expect(bar.locator("canvas")).to_be_visible(timeout=SOON_MS)
    return here, clip_page(here.page), bar


async def test_speech_that_was_not_understood_is_said_and_played_to_its_end(
    launch_browser: Launch, stack: Stack, clip: str, many_remarks: None
) -> None:
    context = await (await launch_browser()).new_context(locale="en-US", service_workers="block")
    await context.add_init_script(LISTEN)
    here, page, bar = await opened(context, stack.api_url, clip)
    remarks = page.locator(".remarks li")
    await expect(remarks).to_have_text(
        [
            "The sound is very quiet. It was amplified for the transcript.",
            "3 sound tracks: track 2 was heard, tracks 1 and 3 are silent.",
            "The two channels cancel each other out. The louder one was heard.",
            "Speech at 0:02–0:03 was not understood. Listen",
            "Speech at 0:06–0:08 was not understood. Listen",
        ]
    )
    await expect(bar.locator(".marks .band")).to_have_count(2)
    state = "() => sounds.filter(one => one.src).map(one => [one.paused, one.currentTime]).at(-1) ?? [true, 0]"
    await remarks.nth(3).get_by_role("button", name="Listen").click()
    await here.page.wait_for_function(f"() => (({state})())[1] >= 2")
    await expect(bar.get_by_role("button", name="Play", exact=True)).to_be_visible(timeout=SOON_MS)
    is_paused, at_s = await here.page.evaluate(state)
    assert (is_paused, at_s) == (True, pytest.approx(3.5, abs=0.3))
    # Who goes elsewhere listens on.
    await remarks.nth(3).get_by_role("button", name="Listen").click()
    await here.page.wait_for_function(f"() => !(({state})())[0]")
    await bar.get_by_role("slider").fill("300")
    await here.page.wait_for_function(f"() => (({state})())[1] > 4", timeout=SOON_MS)
    assert here.errors == []


async def test_a_track_is_chosen_and_the_choice_taken_back(launch_browser: Launch, stack: Stack, clip: str) -> None:
    context = await (await launch_browser()).new_context(locale="en-US", service_workers="block")
    here, page, bar = await opened(context, stack.api_url, clip)
    said = page.locator(".remarks li").first
    await expect(said).to_have_text("3 sound tracks: tracks 1 and 2 were heard, track 3 is silent.")
    mixed = await bar.evaluate(OUTLINE)
    await choose(page, "More", "Track 2")
    await expect(said).to_have_text(
        "3 sound tracks: track 2 was heard, tracks 1 and 3 were left out.", timeout=WORDS_MS
    )
    await expect(page).to_have_attribute("data-status", "done", timeout=WORDS_MS)
    assert await chosen(here, page) == ["Track 2"]
    await here.page.wait_for_function(f"mixed => ({OUTLINE})(document) !== mixed", arg=mixed)  # that of what is heard
    async with httpx.AsyncClient(base_url=stack.api_url, trust_env=False) as api:
        known = (await api.get(f"/api/clips/{clip}")).json()
    assert (known["track_set"], known["has_true_clock"]) == (2, False)
    await choose(page, "More", "All tracks")
    await expect(said).to_have_text("3 sound tracks: tracks 1 and 2 were heard, track 3 is silent.", timeout=WORDS_MS)
    # The next test makes up remarks, which nothing that is still heard may replace.
    await expect(page).to_have_attribute("data-status", "done", timeout=WORDS_MS)
    assert here.errors == []


async def chosen(here: DictaphonePage, page: Locator) -> list[str]:
    """Which tracks the clip's menu says are heard."""
    await page.get_by_role("button", name="More", exact=True).click()
    texts = await here.page.get_by_role("menuitemcheckbox", checked=True).all_inner_texts()
    await here.page.keyboard.press("Escape")
    return texts


@pytest.mark.parametrize(
    ("screen", "scheme"),
    [pytest.param(*look, marks=[] if look in EACH_ONCE[1:] else pytest.mark.slow) for look in LOOKS],
)
async def test_remarks_fit_every_screen_and_scheme(
    launch_browser: Launch, stack: Stack, clip: str, many_remarks: None, screen: str, scheme: Scheme
) -> None:
    browser = await launch_browser()
    context = await browser.new_context(**SCREENS[screen], color_scheme=scheme, locale="de-DE", service_workers="block")
    here, page, _ = await opened(context, stack.api_url, clip)
    await expect(page.locator(".remarks li")).to_have_count(len(REMARKS))
    RESULTS.mkdir(exist_ok=True)
    await here.page.screenshot(path=RESULTS / f"{screen}-{scheme}-player-remarks.png", animations="disabled")
    assert await here.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    assert here.errors == []
