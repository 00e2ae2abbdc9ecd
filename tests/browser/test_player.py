"""Hear and read a clip: its sound to point at, its words as they are said, keys, links, and where one was."""

import asyncio
import re
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import numpy as np
import pytest
from playwright.async_api import BrowserContext, Locator, Route, expect

from tests import speech
from tests.browser.page import LISTEN, SOON_MS, WORDS_MS, DictaphonePage, edit, open_clip, plays, title_of, words_of
from tests.browser.screenshots import EACH_ONCE, LOOKS, RESULTS, SCREENS, Scheme
from tests.conftest import Launch, Parts
from tests.servers.stack import Stack

SILENCE_S = 6.0
SAID = speech.samples(["austen-0870.wav"]), speech.samples(["austen-0920.wav", "austen-0930.wav"])
SOUND = np.concatenate([SAID[0], np.zeros(int(SILENCE_S * speech.RATE), np.int16), SAID[1]])
LENGTH_S = len(SOUND) / speech.RATE

KEYS = """
window.handlers = {};
if (navigator.mediaSession) {
  const set = navigator.mediaSession.setActionHandler.bind(navigator.mediaSession);
  navigator.mediaSession.setActionHandler = (action, work) => { handlers[action] = work; set(action, work); };
}
"""
"""Runs before the page's own scripts: knows what the lock screen would call."""

AT = "() => window.sounds?.find(sound => sound.currentTime > 0 || !sound.paused)?.currentTime ?? 0"
MARKED = "() => [...(CSS.highlights.get('said') ?? [])].map(String).join(' ')"


@dataclass(frozen=True)
class Heard:
    """A clip that was transcribed, and when each of its words was said."""

    url: str
    id: str
    words: list[tuple[int, str]]
    text: str

    def at(self, word: str) -> float:
        """When a word is first said, in seconds."""
        return next(start_ms for start_ms, text in self.words if text.strip(",.").lower() == word) / 1000


@pytest.fixture(scope="module")
def heard_stack(module_local_parts: Parts) -> Iterator[Stack]:
    with Stack(module_local_parts, migrate=False) as stack:
        yield stack


@pytest.fixture(scope="module")
def clip(heard_stack: Stack) -> Heard:
    id, end = str(uuid.uuid4()), time.monotonic() + WORDS_MS / 1000
    with httpx.Client(base_url=heard_stack.api_url, trust_env=False) as api:
        headers = {"Content-Type": "audio/webm"}
        sound = speech.encode(SOUND)
        api.put(f"/api/clips/{id}", params={"name": "Norland"}, content=sound, headers=headers).raise_for_status()
        while (known := api.get(f"/api/clips/{id}").json())["status"] != "done":
            assert time.monotonic() < end, known
            time.sleep(0.2)
        told = api.get(f"/api/clips/{id}/transcript.json").json()
    words = [(word["start_ms"], word["text"]) for word in told["words"]]
    return Heard(heard_stack.api_url, id, words, told["text"])


@pytest.fixture
async def context(launch_browser: Launch) -> BrowserContext:
    context = await (await launch_browser()).new_context(locale="en-US", service_workers="block")
    await context.add_init_script(LISTEN)
    await context.add_init_script(KEYS)
    return context


async def opened(context: BrowserContext, clip: Heard) -> tuple[DictaphonePage, Locator]:
    """The clip's page, with all of it there."""
    here = await DictaphonePage.open(context, clip.url)
    page = await open_clip(here, clip.id)
    await expect(bar_of(here).locator("canvas")).to_be_visible()
    await expect(page.get_by_role("link", name="Play from").first).to_be_visible()
    return here, page


def bar_of(here: DictaphonePage, name: str = "Player") -> Locator:
    return here.page.get_by_role("region", name=name, exact=True)


async def stands(here: DictaphonePage, seconds: float, *, within: float = 0.4, name: str = "Seek") -> None:
    """Wait until the slider is there."""
    slider = here.page.get_by_role("slider", name=name)
    await here.page.wait_for_function(
        "([slider, at, within]) => Math.abs(slider.value / 1000 - at) < within",
        arg=[await slider.element_handle(), seconds, within],
    )


async def point(here: DictaphonePage, page: Locator, word: str) -> tuple[float, float]:
    """The middle of a word on the screen."""
    box = await words_of(page).evaluate(
        """(element, word) => {
            for (const paragraph of element.querySelectorAll("p")) {
                const node = paragraph.lastChild, at = node.data.toLowerCase().indexOf(word);
                if (at < 0) continue;
                const range = document.createRange();
                range.setStart(node, at);
                range.setEnd(node, at + word.length);
                const { x, y, width, height } = range.getBoundingClientRect();
                return [x + width / 2, y + height / 2];
            }
        }""",
        word,
    )
    return box[0], box[1]


async def test_one_player_goes_with_the_person_and_is_given_to_what_they_play(
    context: BrowserContext, clip: Heard
) -> None:
    other = await put(clip.url, "Other", SAID[1])
    here, page = await opened(context, clip)
    bar, beside = bar_of(here), here.row(other)
    await bar.get_by_role("button", name="Play").click()
    await plays(here.page)
    # What plays goes on while one looks elsewhere, and leads back.
    await open_clip(here, other)
    await expect(bar.get_by_role("link", name="Norland")).to_be_visible()
    await expect(bar.get_by_role("button", name="Pause")).to_be_visible()
    await expect(here.row(clip.id).get_by_role("button", name="Pause Norland")).to_be_attached()
    await page.get_by_role("button", name="Play", exact=True).click()
    await expect(beside.get_by_role("button", name="Pause Other")).to_be_attached()
    await expect(here.row(clip.id).get_by_role("button", name="Play Norland")).to_be_attached()
    await expect(bar.get_by_role("link")).to_be_hidden()
    await beside.get_by_role("button", name="Pause Other").click()
    assert await here.page.evaluate("() => window.sounds.filter(sound => !sound.paused).length") == 0
    # A clip that is deleted takes its player along.
    await api_delete(clip.url, other)
    await expect(beside).to_be_hidden(timeout=SOON_MS)
    await expect(bar).to_be_hidden()
    assert here.errors == []


async def put(url: str, name: str, sound: np.ndarray) -> str:
    """Store a clip, and return its id."""
    async with httpx.AsyncClient(base_url=url, trust_env=False) as api:
        id, headers = str(uuid.uuid4()), {"Content-Type": "audio/webm"}
        answer = await api.put(f"/api/clips/{id}", params={"name": name}, content=speech.encode(sound), headers=headers)
        answer.raise_for_status()
        return id


async def api_delete(url: str, id: str) -> None:
    async with httpx.AsyncClient(base_url=url, trust_env=False) as api:
        (await api.delete(f"/api/clips/{id}")).raise_for_status()


async def test_a_click_and_a_drag_on_the_waveform_go_there(context: BrowserContext, clip: Heard) -> None:
    here, _page = await opened(context, clip)
    box = await bar_of(here).locator("canvas").bounding_box()
    assert box
    middle = box["y"] + box["height"] / 2
    await here.page.mouse.move(box["x"] + box["width"] / 4, middle)
    await expect(bar_of(here).locator(".peek")).to_have_text(f"0:{int(LENGTH_S / 4):02}")
    await here.page.mouse.click(box["x"] + box["width"] / 2, middle)
    await stands(here, LENGTH_S / 2)
    await expect(bar_of(here).get_by_role("slider", name="Seek")).to_have_attribute(
        "aria-valuetext", re.compile(r"^\d+ seconds of \d+ seconds$")
    )
    await bar_of(here).get_by_role("button", name="Play").click()
    await plays(here.page)
    assert await here.page.evaluate(AT) > LENGTH_S / 2 - 0.2
    await bar_of(here).get_by_role("button", name="Pause").click()
    await here.page.mouse.move(box["x"] + box["width"] / 2, middle)
    await here.page.mouse.down()
    await here.page.mouse.move(box["x"] + box["width"] / 10, middle, steps=5)
    await here.page.mouse.up()
    await stands(here, LENGTH_S / 10)
    assert here.errors == []


async def test_the_word_that_is_said_is_marked_and_a_click_on_a_word_goes_there(
    context: BrowserContext, clip: Heard
) -> None:
    here, page = await opened(context, clip)
    await here.page.mouse.click(*await point(here, page, "leisure"))
    await stands(here, clip.at("leisure"))
    assert (await here.page.evaluate(MARKED)).strip(",.").lower() == "leisure"
    await bar_of(here).get_by_role("button", name="Play").click()
    # The page itself notes time and mark, in one turn: a look from here comes late on a busy machine.
    await here.page.evaluate(f"() => setInterval(() => {{ (window.said ??= []).push([({AT})(), ({MARKED})()]); }}, 20)")
    await here.page.wait_for_function(
        "() => new Set((window.said ?? []).filter(([at]) => at).map(([, word]) => word)).size >= 6"
    )
    # Before the sound is there, the mark stands where the click was.
    for at, marked in [each for each in await here.page.evaluate("() => said") if each[0]]:
        spoken = {word for start_ms, word in clip.words if abs(start_ms / 1000 - at) < 1.5}
        assert marked in spoken, (at, marked)
    # Paragraphs have their time as a link, which plays.
    second = page.get_by_role("link", name="Play from").nth(1)
    await second.press("Enter")
    await here.page.wait_for_function("() => sounds.some(s => !s.paused && s.currentTime > 13)")
    assert here.errors == []


async def test_the_caret_leads_to_a_moment_too(context: BrowserContext, clip: Heard) -> None:
    here, page = await opened(context, clip)
    await here.page.get_by_role("heading", name="Dictaphone").click()
    await words_of(page).evaluate(
        """element => {
            const node = element.querySelector("p").lastChild;
            getSelection().collapse(node, node.data.indexOf("leisure") + 3);
        }"""
    )
    await here.page.keyboard.press("Enter")
    await stands(here, clip.at("leisure"))
    assert here.errors == []


async def test_browsers_that_mark_no_words_mark_the_paragraph(context: BrowserContext, clip: Heard) -> None:
    await context.add_init_script("delete window.Highlight")
    here, page = await opened(context, clip)
    await here.page.mouse.click(*await point(here, page, "leisure"))
    marked = words_of(page).locator(".said")
    await expect(marked).to_contain_text("leisure")
    await here.page.mouse.click(*await point(here, page, "married"))
    await expect(marked).to_contain_text("married")
    await expect(marked).to_have_count(1)
    assert here.errors == []


async def test_the_page_follows_the_words_unless_somebody_reads_elsewhere(context: BrowserContext, clip: Heard) -> None:
    many = " ".join(f"word{n}." if n % 10 == 9 else f"word{n}" for n in range(1_500))
    async with httpx.AsyncClient(base_url=clip.url, trust_env=False) as api:
        await api.patch(f"/api/clips/{clip.id}", json={"text": many})
        try:
            here, _page = await opened(context, clip)
            await bar_of(here).get_by_role("button", name="Play").click()
            scrolled = "document.querySelector('.clip-page').scrollTop"
            await here.page.wait_for_function(f"() => {scrolled} > 500")
            box = "() => [...CSS.highlights.get('said')][0].getBoundingClientRect().top"
            await here.page.wait_for_function(
                f"() => {{ const top = ({box})(); return top > 0 && top < innerHeight; }}"
            )
            await here.page.evaluate(f"() => void ({scrolled} = 1e6)")
            word, bottom = await here.page.evaluate(MARKED), await here.page.evaluate(f"() => {scrolled}")
            await here.page.wait_for_function(f"word => ({MARKED})() !== word", arg=word)
            await here.page.wait_for_timeout(500)
            assert await here.page.evaluate(f"() => {scrolled}") == bottom
            assert here.errors == []
        finally:
            await api.patch(f"/api/clips/{clip.id}", json={"text": clip.text})


async def test_text_is_selected_and_copied_as_text(context: BrowserContext, clip: Heard) -> None:
    here, page = await opened(context, clip)
    await here.page.evaluate(
        "element => getSelection().selectAllChildren(element)", await words_of(page).element_handle()
    )
    selected = await here.page.evaluate("() => getSelection().toString()")
    assert selected.split() == clip.text.split()
    x, y = await point(here, page, "dashwood")
    await here.page.get_by_role("heading", name="Dictaphone").click()  # lets go of the selection
    await here.page.mouse.click(x, y)
    await here.page.mouse.move(x - 20, y)
    await here.page.mouse.down()
    await here.page.mouse.move(x + 60, y, steps=4)
    await here.page.mouse.up()
    at = await bar_of(here).get_by_role("slider", name="Seek").input_value()
    assert await here.page.evaluate("() => getSelection().toString().length > 3")
    assert abs(int(at) / 1000 - clip.at("dashwood")) < 0.4  # a drag goes nowhere


async def test_keys_play_seek_and_change_the_speed(context: BrowserContext, clip: Heard) -> None:
    here, page = await opened(context, clip)
    press = here.page.keyboard.press
    await here.page.get_by_role("heading", name="Dictaphone").click()
    await press("l")
    await stands(here, 10)
    await press("j")
    await stands(here, 0)
    await press("ArrowRight")
    await stands(here, 5)
    await press("ArrowLeft")
    await press("Shift+ArrowRight")
    await press("Shift+ArrowRight")
    await stands(here, clip.words[1][0] / 1000 if clip.words[0][0] > 0 else clip.words[2][0] / 1000)
    await press("Space")
    await plays(here.page)
    await press("k")
    await expect(bar_of(here).get_by_role("button", name="Play", exact=True)).to_be_visible()
    await press(".")
    await press(".")
    await expect(bar_of(here).get_by_role("combobox", name="Speed")).to_have_value("1.5")
    await expect(here.page.get_by_text("Speed 1.5×")).to_be_attached()
    await press(",")
    await expect(bar_of(here).get_by_role("combobox", name="Speed")).to_have_value("1.25")
    await press("?")
    sheet = here.page.get_by_role("dialog", name="Keyboard shortcuts")
    await expect(sheet).to_contain_text("10 seconds back, forward")
    await press("Escape")
    await expect(sheet).to_have_count(0)
    await expect(page).to_be_visible()
    name = page.get_by_role("textbox", name="Name")
    await page.get_by_role("button", name="Rename").click()
    await press("k")  # a letter in a field
    await expect(name).to_have_value(re.compile("k"))
    await press("Escape")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Norland")
    await press("Escape")
    await expect(title_of(here.row(clip.id))).to_be_focused()
    assert here.errors == []


async def test_speed_is_heard_and_remembered_and_silence_is_skipped(context: BrowserContext, clip: Heard) -> None:
    here, _page = await opened(context, clip)
    await bar_of(here).get_by_role("combobox", name="Speed").select_option("3")
    await bar_of(here).get_by_role("button", name="Skip silence").click()
    await expect(bar_of(here).get_by_role("button", name="Skip silence")).to_have_attribute("aria-pressed", "true")
    await bar_of(here).get_by_role("button", name="Play").click()
    await plays(here.page)
    played = "() => sounds.filter(s => s.src).map(s => [s.playbackRate, s.preservesPitch])"
    assert await here.page.evaluate(played) == [[3, True]]
    await here.page.wait_for_function("() => sounds[0].ended", timeout=SOON_MS)
    # Of what was played, `played` is the ranges: the silence is not among them.
    heard_s = await here.page.evaluate(
        """() => {
            const { played } = sounds[0];
            return [...Array(played.length).keys()].reduce((sum, i) => sum + played.end(i) - played.start(i), 0);
        }"""
    )
    assert heard_s < LENGTH_S - SILENCE_S + 1.5, (heard_s, LENGTH_S)
    assert heard_s > LENGTH_S - SILENCE_S - 3, (heard_s, LENGTH_S)
    await here.page.reload()
    await expect(bar_of(here).get_by_role("combobox", name="Speed")).to_have_value("3")
    await expect(bar_of(here).get_by_role("button", name="Skip silence")).to_have_attribute("aria-pressed", "true")
    assert here.errors == []


async def test_a_clip_remembers_where_one_was(context: BrowserContext, clip: Heard) -> None:
    here, page = await opened(context, clip)
    await here.page.mouse.click(*await point(here, page, "leisure"))
    await bar_of(here).get_by_role("button", name="Play").click()
    await here.page.wait_for_function("at => sounds.some(s => s.currentTime > at)", arg=4)
    await bar_of(here).get_by_role("button", name="Pause").click()
    at = await here.page.evaluate(AT)
    await here.page.reload()
    await stands(here, at, within=2)
    await bar_of(here).get_by_role("button", name="Play").click()
    await plays(here.page)
    assert abs(await here.page.evaluate(AT) - at) < 2
    await here.page.evaluate("() => void (sounds.find(s => !s.paused).currentTime = 1e6)")
    await here.page.wait_for_function("() => sounds.every(s => s.paused)")
    await here.page.reload()
    await stands(here, 0)
    assert here.errors == []


async def test_an_address_opens_its_clip_at_its_moment_and_says_when_there_is_none(
    context: BrowserContext, clip: Heard
) -> None:
    here = DictaphonePage(await context.new_page())
    newer = await put(clip.url, "Newer", SAID[0])
    # Not in the part of the list that the page reads: it is fetched by itself.
    await here.page.route(
        re.compile(r"/api/clips(\?|$)"),
        lambda route: route.continue_(url=f"{route.request.url}{'&' if '?' in route.request.url else '?'}limit=1"),
    )
    # As links of older releases, and as people wrote them down.
    await here.page.goto(f"{clip.url}/#clip={clip.id}&t=5")
    await expect(here.page.get_by_role("heading", name="Norland", level=1)).to_be_visible()
    await stands(here, 5)
    assert await here.page.evaluate("() => sounds.every(s => s.paused)")
    assert here.page.url == f"{clip.url}/clips/{clip.id}?t=5"
    await here.page.goto(f"{clip.url}/clips/{clip.id}?t=9")
    await stands(here, 9)
    await here.page.goto(f"{clip.url}/clips/{uuid.uuid4()}")
    await expect(here.page.get_by_role("alert").filter(has_text="is not here")).to_be_visible()
    await here.page.go_back()
    await stands(here, 9)
    await here.page.evaluate(f"() => void (location.hash = 'clip={clip.id}&t=3')")
    await stands(here, 3)
    assert here.errors == []
    await api_delete(clip.url, newer)


async def test_the_lock_screen_knows_what_plays_and_its_keys_work(context: BrowserContext, clip: Heard) -> None:
    here, _page = await opened(context, clip)
    await bar_of(here).get_by_role("button", name="Play").click()
    await plays(here.page)
    told = "() => [navigator.mediaSession.metadata.title, navigator.mediaSession.playbackState]"
    assert await here.page.evaluate(told) == ["Norland", "playing"]
    await here.page.evaluate("() => handlers.pause({ action: 'pause' })")
    await expect(bar_of(here).get_by_role("button", name="Play", exact=True)).to_be_visible()
    assert await here.page.evaluate(told) == ["Norland", "paused"]
    await here.page.evaluate("() => handlers.seekto({ action: 'seekto', seekTime: 12 })")
    await stands(here, 12)
    await here.page.evaluate("() => handlers.seekbackward({ action: 'seekbackward' })")
    await stands(here, 2)
    await here.page.evaluate("() => handlers.seekforward({ action: 'seekforward', seekOffset: 3 })")
    await stands(here, 5)
    await here.page.evaluate("() => handlers.play({ action: 'play' })")
    await expect(bar_of(here).get_by_role("button", name="Pause", exact=True)).to_be_visible()
    assert here.errors == []


@pytest.mark.parametrize(
    ("screen", "scheme"),
    [pytest.param(*look, marks=[] if look in EACH_ONCE else pytest.mark.slow) for look in LOOKS],
)
async def test_all_of_it_fits_every_screen_and_scheme(
    launch_browser: Launch, clip: Heard, screen: str, scheme: Scheme
) -> None:
    browser = await launch_browser()
    context = await browser.new_context(**SCREENS[screen], color_scheme=scheme, locale="de-DE", service_workers="block")
    await context.add_init_script(LISTEN)
    here = await DictaphonePage.open(context, clip.url)
    look = f"{screen}-{scheme}"
    RESULTS.mkdir(exist_ok=True)
    tap = Locator.tap if screen == "phone" else Locator.click
    await tap(title_of(here.row(clip.id)))
    page = here.page.get_by_role("article")
    await expect(page.get_by_role("link", name="Ab 0:").first).to_be_visible()
    canvas = bar_of(here, "Wiedergabe").locator("canvas")
    box = await canvas.bounding_box()
    assert box
    if screen == "phone":
        await here.page.touchscreen.tap(box["x"] + box["width"] / 3, box["y"] + 20)
    else:
        await here.page.mouse.click(box["x"] + box["width"] / 3, box["y"] + 20)
    await stands(here, LENGTH_S / 3, name="Stelle")
    drawn = "canvas => [...canvas.getContext('2d').getImageData(0, 0, canvas.width / 3 - 8, canvas.height).data]"
    pixels = np.array(await canvas.evaluate(drawn)).reshape(-1, 4)
    accent = {"light": (200, 51, 29), "dark": (255, 116, 96)}[scheme]
    assert (np.abs(pixels[pixels[:, 3] == 255][:, :3] - accent) < 3).all(axis=1).mean() > 0.9  # what was played
    await here.page.screenshot(path=RESULTS / f"{look}-player-open.png", animations="disabled")
    assert await here.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    await tap(page.get_by_role("button", name="Bearbeiten"))
    await expect(page.get_by_role("textbox", name="Transkript")).to_be_focused()
    await here.page.screenshot(path=RESULTS / f"{look}-player-edit.png", animations="disabled")
    await tap(page.get_by_role("button", name="Fertig"))
    await expect(page.get_by_role("textbox", name="Transkript")).to_be_hidden()
    await here.page.keyboard.press("?")
    await expect(here.page.get_by_role("dialog", name="Tastenkürzel")).to_be_visible()
    await here.page.screenshot(path=RESULTS / f"{look}-player-keys.png", animations="disabled")
    assert here.errors == []


SHARE = """
window.shared = [];
navigator.canShare = () => true;
navigator.share = async ({ title, text, files = [] }) => {
  window.shared.push([title, text, files.map(({ name, size, type }) => [name, size > 1000, type])]);
};
"""
"""Chromium has it where the system has something to share with."""


async def test_a_clip_is_shared_with_its_words_and_with_the_sound_that_is_here(
    context: BrowserContext, clip: Heard
) -> None:
    await context.add_init_script(SHARE)
    here, page = await opened(context, clip)
    share = page.get_by_role("button", name="Share")
    await share.click()
    await here.page.wait_for_function("() => window.shared.length === 1")
    assert await here.page.evaluate("() => window.shared[0]") == ["Norland", clip.text, []]
    # What was played is kept here, and goes with it.
    await bar_of(here).get_by_role("button", name="Play").click()
    await plays(here.page)
    await here.page.wait_for_function(
        "async () => (await caches.keys()).includes('dictaphone-sounds') &&"
        " (await (await caches.open('dictaphone-sounds')).keys()).length > 0"
    )
    await share.click()
    await here.page.wait_for_function("() => window.shared.length === 2")
    [[name, is_sound, mime]] = await here.page.evaluate("() => window.shared[1][2]")
    assert (name.partition(".")[0], is_sound) == ("Norland", True)
    assert mime.startswith(("audio/", "video/"))
    assert here.errors == []


async def slowly(route: Route) -> None:
    if route.request.method == "PATCH":
        await asyncio.sleep(1)
    await route.continue_()


async def test_words_are_edited_in_place_and_none_is_lost(context: BrowserContext, clip: Heard) -> None:
    here, page = await opened(context, clip)
    field = page.get_by_role("textbox", name="Transcript")
    x, y = await point(here, page, "leisure")
    await here.page.mouse.dblclick(x, y)
    await expect(field).to_be_focused()
    assert (await here.page.evaluate("() => getSelection().toString()")).strip() == "leisure"
    await here.page.keyboard.type("pleasure")
    await here.page.keyboard.press("Escape")
    await expect(field).to_be_hidden()
    await expect(words_of(page)).to_contain_text("pleasure")
    await expect(page.get_by_role("button", name="Edit")).to_be_focused()
    await page.get_by_role("button", name="Edit").click()
    await expect(field).to_be_focused()
    await page.get_by_role("button", name="Done").click()
    await expect(field).to_be_hidden()
    changed = clip.text.replace("leisure", "pleasure")
    await expect(words_of(page)).to_have_text(changed)
    # A person's words have times, too.
    await expect(page.get_by_role("link", name="Play from").first).to_be_visible()
    await here.page.mouse.click(*await point(here, page, "pleasure"))
    await stands(here, clip.at("leisure"))

    # What is typed is saved as one goes: a tab may die.
    await (await edit(page)).fill("Half a sentence")
    await field.press_sequentially(",")
    await here.page.wait_for_function(
        "async id => (await (await fetch(`/api/clips/${id}`)).json()).text === 'Half a sentence,'",
        arg=clip.id,
        timeout=SOON_MS,
    )
    await expect(field).to_be_focused()
    await field.press_sequentially(" and more")
    await field.press("Escape")
    await expect(words_of(page)).to_have_text("Half a sentence, and more")

    # Who goes on writing while it is saved is not in conflict with themselves.
    await here.page.route("**/api/clips/*", slowly)
    await (await edit(page)).fill("The beginning,")
    await field.blur()
    await field.focus()
    await field.press_sequentially(" and the end.")
    await field.press("Escape")
    await expect(field).to_be_hidden()
    await here.page.unroute("**/api/clips/*")
    await expect(words_of(page)).to_have_text("The beginning, and the end.")
    await expect(page.get_by_role("alert")).to_be_hidden()

    # What is refused stays in the field, whatever else is done.
    await here.page.route(
        "**/api/clips/*",
        lambda route: (
            route.fulfill(status=413, json={"title": "Too many words.", "status": 413})
            if route.request.method == "PATCH"
            else route.fallback()
        ),
    )
    await (await edit(page)).fill("Typed by somebody else.")
    await here.page.get_by_role("heading", name="Dictaphone").click()
    await expect(page.get_by_role("alert")).to_contain_text("Not saved yet.")
    await expect(field).to_have_text("Typed by somebody else.")
    await here.page.unroute("**/api/clips/*")
    await page.get_by_role("button", name="Save again").click()
    await expect(field).to_be_hidden()
    await expect(words_of(page)).to_have_text("Typed by somebody else.")
    async with httpx.AsyncClient(base_url=clip.url, trust_env=False) as api:
        await api.patch(f"/api/clips/{clip.id}", json={"text": clip.text})
    assert here.errors == []
