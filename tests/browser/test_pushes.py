"""A change that arrives disturbs nobody: not who listens, not who records, not who types."""

import uuid
from collections.abc import AsyncIterator

import httpx
import pytest
from playwright.async_api import BrowserContext, expect

from shared.clips.schemas import MAX_EVENT_TEXT_CHARS
from tests import speech
from tests.browser.page import LISTEN, SOON_MS, DictaphonePage, edit, open_clip, plays, title_of, words_of
from tests.conftest import Launch
from tests.servers.stack import Stack

SOUND = speech.encode(speech.repeated(speech.samples(["austen-0870.wav"]), 60))


@pytest.fixture
async def api(calm_stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=calm_stack.api_url, verify=False) as client:
        yield client


async def saved(api: httpx.AsyncClient, name: str) -> str:
    clip = uuid.uuid4()
    answer = await api.put(
        f"/api/clips/{clip}", params={"name": name, "duration_ms": 60_000}, content=SOUND,
        headers={"Content-Type": "audio/webm"},
    )  # fmt: skip
    assert answer.status_code == 201, answer.text
    return str(clip)


@pytest.fixture
async def context(launch_browser: Launch) -> BrowserContext:
    browser = await launch_browser()
    context = await browser.new_context(service_workers="block")
    await context.add_init_script(LISTEN)
    return context


async def test_who_listens_goes_on_listening(
    calm_stack: Stack, api: httpx.AsyncClient, context: BrowserContext
) -> None:
    clip = await saved(api, "Listened to")
    here = await DictaphonePage.open(context, calm_stack.api_url)
    await here.row(clip).get_by_role("button", name="Play").click()
    await plays(here.page)
    at = await here.page.evaluate("() => { window.playing = sounds.find(s => !s.paused); return playing.currentTime }")
    await here.page.evaluate("() => { window.pauses = 0; playing.addEventListener('pause', () => window.pauses++) }")
    await here.mark()

    await api.patch(f"/api/clips/{clip}", json={"name": "Renamed while it plays"})
    await expect(title_of(here.row(clip))).to_have_text("Renamed while it plays", timeout=SOON_MS)
    other = await saved(api, "Another one")
    await expect(here.row(other)).to_be_visible(timeout=SOON_MS)
    await api.delete(f"/api/clips/{other}")
    await expect(here.row(other)).not_to_be_visible(timeout=SOON_MS)

    await here.page.wait_for_function("at => playing.currentTime > at + 0.5 && !playing.paused", arg=at)
    assert await here.page.evaluate("() => [pauses, microphones, sounds.filter(s => !s.paused).length]") == [0, 0, 1]
    assert await here.was_never_reloaded()
    assert here.errors == []


async def test_who_types_keeps_their_words(calm_stack: Stack, api: httpx.AsyncClient, context: BrowserContext) -> None:
    clip = await saved(api, "Before")
    await api.patch(f"/api/clips/{clip}", json={"text": "First words."})
    here = await DictaphonePage.open(context, calm_stack.api_url)
    opened = await open_clip(here, clip)
    words = words_of(opened)
    await expect(words).to_have_text("First words.")
    await opened.get_by_role("button", name="Rename").click()
    field = opened.get_by_role("textbox", name="Name")
    await field.fill("Half a na")
    await field.press("ArrowLeft")
    await api.patch(f"/api/clips/{clip}", json={"name": "From elsewhere"})
    await expect(title_of(here.row(clip))).to_have_text("From elsewhere", timeout=SOON_MS)
    assert await field.input_value() == "Half a na"
    await expect(field).to_be_focused()
    assert await field.evaluate("field => field.selectionStart") == len("Half a n")
    await field.press("Escape")
    await expect(opened.get_by_role("heading", level=1)).to_have_text("From elsewhere")

    field = await edit(opened)
    await field.press("End")
    await here.page.keyboard.type(" And mine")
    await api.patch(f"/api/clips/{clip}", json={"name": "Changed meanwhile"})
    await expect(opened.get_by_role("heading", level=1)).to_have_text("Changed meanwhile", timeout=SOON_MS)
    assert (await field.inner_text()).strip() == "First words. And mine"
    await field.press("Escape")  # which leaves the field, and loses nothing
    await expect(words).to_have_text("First words. And mine")
    assert (await api.get(f"/api/clips/{clip}")).json()["text"] == "First words. And mine"
    assert here.errors == []


async def test_the_words_of_an_hour_come_by_themselves_too(
    calm_stack: Stack, api: httpx.AsyncClient, context: BrowserContext
) -> None:
    clip = await saved(api, "An hour")
    here = await DictaphonePage.open(context, calm_stack.api_url)
    await here.mark()
    an_hour = " ".join(f"word{number}" for number in range(9_000))
    assert len(an_hour) > MAX_EVENT_TEXT_CHARS
    opened = await open_clip(here, clip)
    await api.patch(f"/api/clips/{clip}", json={"text": an_hour})
    await expect(here.row(clip)).to_contain_text("word9 ", timeout=SOON_MS)
    await expect(words_of(opened)).to_have_text(an_hour, timeout=SOON_MS)
    await api.patch(f"/api/clips/{clip}", json={"name": "An hour, renamed"})
    await expect(title_of(here.row(clip))).to_have_text("An hour, renamed", timeout=SOON_MS)
    await expect(words_of(opened)).to_have_text(an_hour)
    assert await here.was_never_reloaded()
    assert here.errors == []


async def test_hostile_names_are_only_text(calm_stack: Stack, api: httpx.AsyncClient, context: BrowserContext) -> None:
    name = '<img src=x onerror="window.hacked = true">\u202e😀\'"&amp;'
    clip = await saved(api, name)
    await api.patch(f"/api/clips/{clip}", json={"text": f"{name}<script>window.hacked = true</script>"})
    here = await DictaphonePage.open(context, calm_stack.api_url)
    await expect(title_of(here.row(clip))).to_have_text(name)
    await expect(here.row(clip)).to_contain_text("<script>")
    opened = await open_clip(here, clip)
    await expect(opened.get_by_role("heading", level=1)).to_have_text(name)
    await expect(words_of(opened)).to_contain_text("<script>")
    assert await here.page.evaluate("() => [window.hacked, document.querySelectorAll('main img').length]") == [None, 0]
    answer = await api.put(
        "/clips/a%20page", content=b"<html><script>top.hacked = 1</script>", headers={"Content-Type": "text/html"}
    )
    assert answer.status_code == 415


async def test_who_reads_further_down_stays_where_they_are(
    calm_stack: Stack, api: httpx.AsyncClient, context: BrowserContext
) -> None:
    clips = [await saved(api, f"Line {number}") for number in range(25)]
    here = await DictaphonePage.open(context, calm_stack.api_url)
    title = title_of(here.row(clips[13]))
    await title.scroll_into_view_if_needed()
    await title.focus()
    place = """title => {
        const { top } = title.getBoundingClientRect();
        return [top, document.activeElement === title, title.closest("[data-scroller]").scrollTop > 0];
    }"""
    top, *at = await title.evaluate(place)
    assert at == [True, True]
    stays = [pytest.approx(top, abs=1), True, True]  # a pixel is a fraction of one, rounded
    newest = await saved(api, "Above all")
    await expect(here.row(newest)).to_be_attached(timeout=SOON_MS)
    assert await title.evaluate(place) == stays
    await api.delete(f"/api/clips/{clips[24]}")
    await expect(here.row(clips[24])).to_have_count(0, timeout=SOON_MS)
    assert await title.evaluate(place) == stays
    assert here.errors == []


async def test_words_changed_elsewhere_are_overwritten_only_when_asked(
    calm_stack: Stack, api: httpx.AsyncClient, context: BrowserContext
) -> None:
    clip = await saved(api, "Edited twice")
    await api.patch(f"/api/clips/{clip}", json={"text": "The machine’s."})
    here = await DictaphonePage.open(context, calm_stack.api_url)
    opened = await open_clip(here, clip)
    await (await edit(opened)).fill("Mine.")
    await api.patch(f"/api/clips/{clip}", json={"text": "Theirs.", "name": "Edited by both"})
    await expect(title_of(here.row(clip))).to_have_text("Edited by both", timeout=SOON_MS)
    await here.page.get_by_role("heading", name="Dictaphone").click()
    note = opened.get_by_role("alert")
    await expect(note).to_contain_text("changed elsewhere", timeout=SOON_MS)
    assert (await api.get(f"/api/clips/{clip}")).json()["text"] == "Theirs."
    await opened.get_by_role("button", name="Keep mine").click()
    await here.page.wait_for_function(
        "async id => (await (await fetch(`/api/clips/${id}`)).json()).text === 'Mine.'", arg=clip
    )
    await expect(note).not_to_be_visible()
    await expect(words_of(opened)).to_have_text("Mine.")
    assert here.errors == []


async def test_a_page_knows_how_many_others_are_open(calm_stack: Stack, context: BrowserContext) -> None:
    here = await DictaphonePage.open(context, calm_stack.api_url)
    looking = here.page.locator("[data-part=looking]")
    await expect(looking).to_be_hidden()
    there = await DictaphonePage.open(context, calm_stack.api_url)
    await expect(looking).to_have_text("+1 screen", timeout=SOON_MS)
    third = await DictaphonePage.open(context, calm_stack.api_url)
    await expect(looking).to_have_text("+2 screens", timeout=SOON_MS)
    await there.page.close()
    await third.page.close()
    await expect(looking).to_be_hidden(timeout=SOON_MS)
