"""What an open clip says of its sound, and what a person does about it."""

import re
from collections.abc import Iterator

import httpx
import numpy as np
import pytest
from playwright.async_api import BrowserContext, Locator, Route, expect

from tests.browser.page import LISTEN, SOON_MS, WORDS_MS, DictaphonePage
from tests.browser.screenshots import EACH_ONCE, LOOKS, RESULTS, SCREENS, Scheme
from tests.browser.test_any_device import stored
from tests.cases.encode import Track, mux
from tests.cases.source import RATE, Sound
from tests.conftest import Launch, Parts
from tests.servers.stack import Stack

REMARKS = [
    {"kind": "quiet"},
    {"kind": "tracks", "heard": [2], "silent": [1, 3]},
    {"kind": "opposite-phase"},
    {"kind": "not-understood", "at_ms": 2_000, "length_ms": 1_500},
    {"kind": "not-understood", "at_ms": 6_000, "length_ms": 2_000},
]

OUTLINE = "row => row.querySelector('canvas').toDataURL()"


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


async def with_remarks(context: BrowserContext, id: str) -> None:
    """Let the server say more of the clip than this sound deserves."""

    async def add(route: Route) -> None:
        answer = await (await route.fetch()).json()
        clips = [{**clip, "remarks": REMARKS} if clip["id"] == id else clip for clip in answer["clips"]]
        await route.fulfill(json={**answer, "clips": clips})

    await context.route(re.compile(r"/api/clips(\?|$)"), add)


async def opened(context: BrowserContext, url: str, id: str) -> tuple[DictaphonePage, Locator]:
    here = await DictaphonePage.open(context, f"{url}/#clip={id}")
    row = here.row(id)
    await expect(row.locator("canvas")).to_be_visible(timeout=SOON_MS)
    return here, row


async def test_speech_that_was_not_understood_is_said_and_played_to_its_end(
    launch_browser: Launch, stack: Stack, clip: str
) -> None:
    context = await (await launch_browser()).new_context(locale="en-US", service_workers="block")
    await context.add_init_script(LISTEN)
    await with_remarks(context, clip)
    here, row = await opened(context, stack.api_url, clip)
    remarks = row.locator(".remarks li")
    await expect(remarks).to_have_text(
        [
            "The sound is very quiet. It was amplified for the transcript.",
            "3 sound tracks: track 2 was heard, tracks 1 and 3 are silent.",
            "The two channels cancel each other out. The louder one was heard.",
            "Speech at 0:02–0:03 was not understood. Listen",
            "Speech at 0:06–0:08 was not understood. Listen",
        ]
    )
    await expect(row.locator(".bands i")).to_have_count(2)
    state = "() => sounds.filter(one => one.src).map(one => [one.paused, one.currentTime]).at(-1) ?? [true, 0]"
    await remarks.nth(3).get_by_role("button", name="Listen").click()
    await here.page.wait_for_function(f"() => (({state})())[1] >= 2")
    await expect(row.get_by_role("button", name="Play", exact=True)).to_be_visible(timeout=SOON_MS)
    is_paused, at_s = await here.page.evaluate(state)
    assert (is_paused, at_s) == (True, pytest.approx(3.5, abs=0.3))
    # Who goes elsewhere listens on.
    await remarks.nth(3).get_by_role("button", name="Listen").click()
    await here.page.wait_for_function(f"() => !(({state})())[0]")
    await row.get_by_role("slider").fill("300")
    await here.page.wait_for_function(f"() => (({state})())[1] > 4", timeout=SOON_MS)
    assert here.errors == []


async def test_a_track_is_chosen_and_the_choice_taken_back(launch_browser: Launch, stack: Stack, clip: str) -> None:
    context = await (await launch_browser()).new_context(locale="en-US", service_workers="block")
    here, row = await opened(context, stack.api_url, clip)
    said, choice = row.locator(".remarks li").first, row.get_by_role("combobox", name="Track")
    await expect(said).to_have_text("3 sound tracks: tracks 1 and 2 were heard, track 3 is silent.")
    mixed = await row.evaluate(OUTLINE)
    await choice.select_option("Track 2")
    await choice.blur()
    await expect(said).to_have_text(
        "3 sound tracks: track 2 was heard, tracks 1 and 3 were left out.", timeout=WORDS_MS
    )
    await expect(row).to_have_attribute("data-status", "done", timeout=WORDS_MS)
    await expect(choice).to_have_value("2")
    assert await row.evaluate(OUTLINE) != mixed, "the outline is the one of what is heard"
    async with httpx.AsyncClient(base_url=stack.api_url, trust_env=False) as api:
        known = (await api.get(f"/api/clips/{clip}")).json()
    assert (known["track_set"], known["has_true_clock"]) == (2, False)
    await choice.select_option("All tracks")
    await expect(said).to_have_text("3 sound tracks: tracks 1 and 2 were heard, track 3 is silent.", timeout=WORDS_MS)
    # The next test makes up remarks, which no event about this clip may replace.
    await expect(row).to_have_attribute("data-status", "done", timeout=WORDS_MS)
    assert here.errors == []


@pytest.mark.parametrize(
    ("screen", "scheme"),
    [pytest.param(*look, marks=[] if look in EACH_ONCE[1:] else pytest.mark.slow) for look in LOOKS],
)
async def test_remarks_fit_every_screen_and_scheme(
    launch_browser: Launch, stack: Stack, clip: str, screen: str, scheme: Scheme
) -> None:
    browser = await launch_browser()
    context = await browser.new_context(**SCREENS[screen], color_scheme=scheme, locale="de-DE", service_workers="block")
    await with_remarks(context, clip)
    here, row = await opened(context, stack.api_url, clip)
    await expect(row.locator(".remarks li")).to_have_count(len(REMARKS))
    RESULTS.mkdir(exist_ok=True)
    await here.page.screenshot(path=RESULTS / f"{screen}-{scheme}-player-remarks.png", animations="disabled")
    assert await here.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    assert here.errors == []
