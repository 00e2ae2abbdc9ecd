"""A clip whose own sound this browser cannot play is heard and saved all the same, on the clock of its words."""

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import av
import httpx
import numpy as np
import pytest
from playwright.async_api import BrowserContext, Locator, Route, expect
from sqlalchemy import create_engine
from sqlmodel import Session

from shared.clips.models import Clip
from tests import speech
from tests.browser.browsers import BrowserPage, missing, open_page
from tests.browser.page import LISTEN, SOON_MS, WORDS_MS, DictaphonePage, choose, clip_page, plays
from tests.browser.screenshots import EACH_ONCE, LOOKS, RESULTS, SCREENS, Scheme
from tests.conftest import Launch, Parts
from tests.servers.stack import Stack

LENGTH_S = 12
FIRST_HZ, RISE_HZ = 300, 100
"""The sound rises by so much each second: what is heard says where it is heard."""

PREPARING = "Preparing the sound for this device …"


def rising_tone() -> speech.Samples:
    t = np.arange(LENGTH_S * speech.RATE) / speech.RATE
    return (12_000 * np.sin(2 * np.pi * (FIRST_HZ * t + RISE_HZ / 2 * t * t))).astype(np.int16)


@pytest.fixture(scope="module")
def stack(module_local_parts: Parts) -> Iterator[Stack]:
    with Stack(module_local_parts, migrate=False) as stack:
        yield stack


def stored(url: str, name: str, mime: str, sound: bytes) -> str:
    """Store a file, and wait until nothing of it changes any more."""
    id, end = str(uuid.uuid4()), time.monotonic() + WORDS_MS / 1000
    with httpx.Client(base_url=url, trust_env=False) as api:
        api.put(
            f"/api/clips/{id}", params={"name": name}, content=sound, headers={"Content-Type": mime}
        ).raise_for_status()
        while (known := api.get(f"/api/clips/{id}").json())["status"] not in {"done", "failed"}:
            assert time.monotonic() < end, known
            time.sleep(0.1)
    return id


@pytest.fixture(scope="module")
def aiff(stack: Stack) -> str:
    """A clip that no browser but Safari plays."""
    return stored(stack.api_url, "Minutes", "audio/aiff", speech.encode(rising_tone(), "aiff", "pcm_s16be"))


@pytest.fixture(scope="module")
def webm(stack: Stack) -> str:
    """A clip that the browsers of the tests play."""
    return stored(stack.api_url, "Tone", "audio/webm", speech.encode(rising_tone()))


@contextmanager
def remarked(stack: Stack, id: str, remarks: list[dict[str, Any]]) -> Iterator[None]:
    """Let the server have these remarks on a clip, and tell every page."""
    engine = create_engine(stack.environment["DATABASE_URL"])
    with Session(engine) as session, httpx.Client(base_url=stack.api_url, trust_env=False) as api:
        clip = session.get_one(Clip, uuid.UUID(id))
        before = clip.remarks
        for each, is_starred in ((remarks, True), (before, False)):
            clip.remarks = each
            session.commit()
            api.patch(f"/api/clips/{id}", json={"starred": is_starred}).raise_for_status()
            if is_starred:
                yield
    engine.dispose()


@pytest.fixture
def two_tracks(stack: Stack, aiff: str) -> Iterator[None]:
    """The clip is said to have two tracks."""
    with remarked(stack, aiff, [{"kind": "tracks", "heard": [2], "silent": [1]}]):
        yield


class Maker:
    """Lets the server say that it still makes a form, until a test has seen what the page makes of that."""

    def __init__(self) -> None:
        self.asked = 0
        self.is_done = False

    async def __call__(self, route: Route) -> None:
        self.asked += 1
        if self.is_done:
            await route.continue_()
        else:
            await route.fulfill(status=202, headers={"Retry-After": "1"}, json={"title": "Soon"})


async def opened(context: BrowserContext, url: str, id: str) -> tuple[DictaphonePage, Locator, Maker]:
    """The page with this clip, the player at its foot, and what it waits for."""
    maker = Maker()
    await context.route("**/audio?as=*", maker)
    here = await DictaphonePage.open(context, f"{url}/clips/{id}")
    bar = here.page.locator("[data-part=player]")  # its name depends on the reader's language
    await expect(bar.locator("canvas")).to_be_visible(timeout=SOON_MS)
    return here, bar, maker


async def test_it_waits_until_the_sound_is_made_and_plays_by_itself(
    launch_browser: Launch, stack: Stack, aiff: str
) -> None:
    context = await (await launch_browser()).new_context(locale="en-US", service_workers="block")
    await context.add_init_script(LISTEN)
    # A browser that claims more than it can, as Safari did of WebM.
    await context.add_init_script("HTMLMediaElement.prototype.canPlayType = () => 'probably'")
    here, bar, maker = await opened(context, stack.api_url, aiff)
    said = bar.get_by_text(PREPARING)
    await bar.get_by_role("button", name="Play", exact=True).click()
    await expect(said).to_be_visible()
    # A press gives it up, and nobody asks any more.
    await bar.get_by_role("button", name="Pause", exact=True).click()
    await expect(said).to_be_hidden()
    asked = maker.asked
    await bar.get_by_role("button", name="Play", exact=True).click()
    await expect(said).to_be_visible()
    assert maker.asked == asked + 1
    maker.is_done = True
    await plays(here.page)
    await expect(said).to_be_hidden()
    await expect(here.page.get_by_role("alert")).to_be_hidden()
    await expect(bar.locator("[data-part=time]")).to_have_text(f"0:00 / 0:{LENGTH_S}")
    assert here.errors == []


async def test_the_form_for_any_device_is_saved_when_it_is_made(
    launch_browser: Launch, stack: Stack, webm: str
) -> None:
    context = await (await launch_browser()).new_context(locale="en-US", service_workers="block")
    here, _, maker = await opened(context, stack.api_url, webm)
    clip = clip_page(here.page)
    said = clip.get_by_text("Preparing the file …")
    await choose(clip, "Download", "Audio for any device (M4A)")
    await expect(said).to_be_visible()
    await clip.get_by_role("button", name="Cancel").click()
    await expect(said).to_be_hidden()
    await choose(clip, "Download", "Audio as MP3")
    await expect(said).to_be_visible()
    async with here.page.expect_download() as saving:
        maker.is_done = True
    saved = await saving.value
    assert saved.suggested_filename == "Tone.mp3"
    with av.open(str(await saved.path())) as file:
        assert file.format.name == "mp3"
        assert abs((file.duration or 0) / av.time_base - LENGTH_S) < 0.1
    await expect(said).to_be_hidden()
    assert here.errors == []


@pytest.mark.parametrize(
    ("screen", "scheme"),
    [pytest.param(*look, marks=[] if look in EACH_ONCE[1:] else pytest.mark.slow) for look in LOOKS],
)
async def test_waiting_and_tracks_fit_every_screen_and_scheme(
    launch_browser: Launch, stack: Stack, aiff: str, two_tracks: None, screen: str, scheme: Scheme
) -> None:
    browser = await launch_browser()
    context = await browser.new_context(**SCREENS[screen], color_scheme=scheme, locale="de-DE", service_workers="block")
    here, bar, _ = await opened(context, stack.api_url, aiff)
    clip = clip_page(here.page)
    RESULTS.mkdir(exist_ok=True)
    look = f"{screen}-{scheme}"
    await bar.get_by_role("button", name="Abspielen", exact=True).click()
    await expect(bar.get_by_text("Der Ton wird für dieses Gerät vorbereitet …")).to_be_visible()
    await here.page.screenshot(path=RESULTS / f"{look}-player-waiting.png", animations="disabled")
    await bar.get_by_role("button", name="Pause", exact=True).click()
    await choose(clip, "Herunterladen", "Ton als MP3")
    await expect(clip.get_by_text("Die Datei wird vorbereitet …")).to_be_visible()
    await clip.get_by_role("button", name="Mehr", exact=True).click()
    await expect(here.page.get_by_role("menuitemcheckbox")).to_have_text(["Alle Spuren", "Spur 1", "Spur 2"])
    await here.page.screenshot(path=RESULTS / f"{look}-player-tracks.png", animations="disabled")
    assert await here.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    assert here.errors == []


HEAR = """(first, rise, listens) => {
  const play = HTMLMediaElement.prototype.play;
  HTMLMediaElement.prototype.play = function () {
    if (!listens) window.sound = this;
    if (!window.sound) {
      const context = new AudioContext();
      window.sound = this;
      window.ear = Object.assign(context.createAnalyser(), { fftSize: 8192, smoothingTimeConstant: 0 });
      context.createMediaElementSource(this).connect(ear);
      ear.connect(context.destination);
      void context.resume();
    }
    return play.call(this);
  };
  window.where = () => {
    const bins = new Float32Array(ear.frequencyBinCount);
    ear.getFloatFrequencyData(bins);
    const loudest = bins.indexOf(Math.max(...bins));
    return bins[loudest] > -60 ? ((loudest * ear.context.sampleRate) / ear.fftSize - first) / rise : null;
  };
}"""
"""Before Play is pressed: listen to what the page plays, and tell at which second of the tone it is."""

LAG = """async () => {
  const late = [];
  for (const end = performance.now() + 1500; performance.now() < end; ) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    const heard = where();
    if (heard !== null && !sound.paused) late.push(sound.currentTime - heard);
  }
  return late.sort((a, b) => a - b)[late.length >> 1] ?? null;
}"""
"""How long (s) what is heard comes behind what the element says: the way through the browser, a constant of it."""

SEEK = """(selector, at_s) => {
  const slider = document.querySelector(selector);
  slider.value = at_s * 1000;
  slider.dispatchEvent(new Event("input"));
}"""

STATE = """() => window.sound && JSON.stringify([
  sound.currentTime, sound.paused, sound.seeking, sound.readyState, sound.networkState, sound.error?.message, sound.src,
])"""

MAX_ERROR_S = 0.1

BAR = "[data-part=player]"


@pytest.mark.parametrize(
    "name", ["chromium", *(pytest.param(name, marks=pytest.mark.slow) for name in ("firefox", "webkit"))]
)
@pytest.mark.parametrize("form", ["webm", "aiff"])
async def test_what_is_heard_is_where_the_page_says_in_every_browser(
    stack: Stack, name: str, form: str, request: pytest.FixtureRequest
) -> None:
    if why := missing(name):
        pytest.skip(why)
    id, listens = request.getfixturevalue(form), name != "firefox"  # whose Web Audio needs a sound card
    async with open_page(name) as page:
        await page.goto(f"{stack.api_url}/clips/{id}?t=1")
        await until(page, f"() => document.querySelector('{BAR} [data-part=seek]').value === '1000'")
        await page.evaluate(HEAR, FIRST_HZ, RISE_HZ, listens)
        await page.click(f"{BAR} [data-part=play]")
        await until(page, "() => window.sound?.currentTime > 1.3")
        source = await page.evaluate("() => sound.src")
        assert source.endswith("as=m4a") == (form == "aiff"), source
        lag_s = listens and await page.evaluate(LAG)
        await page.evaluate(SEEK, f"{BAR} [data-part=seek]", 7)
        await until(page, "() => !sound.seeking && sound.currentTime > 7.6")
        if listens:
            assert await page.evaluate(LAG) == pytest.approx(lag_s, abs=MAX_ERROR_S)
        await page.click(f"{BAR} [data-part=play]")
        await page.evaluate(SEEK, f"{BAR} [data-part=seek]", 3.5)
        await until(page, "() => !sound.seeking && sound.currentTime < 5")
        assert await page.evaluate("() => sound.currentTime") == pytest.approx(3.5, abs=MAX_ERROR_S)
        assert await page.evaluate("() => sound.duration") == pytest.approx(LENGTH_S, abs=MAX_ERROR_S)


async def until(page: BrowserPage, condition: str) -> None:
    """Wait: the page's policy forbids what Playwright waits with, and the others have no such thing."""
    poll = """async (most) => {
      for (const end = performance.now() + most; performance.now() < end; ) {
        if ((CONDITION)()) return true;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }"""
    is_so = await page.evaluate(poll.replace("CONDITION", condition), SOON_MS)
    assert is_so, f"{condition}: {await page.evaluate(STATE)}"
