"""A change that arrives disturbs nobody: not who listens, not who records, not who types."""

import uuid
from collections.abc import AsyncIterator

import httpx
import pytest
from playwright.async_api import BrowserContext, expect

from shared.clips.schemas import MAX_EVENT_TEXT_CHARS
from tests import speech
from tests.browser.page import LISTEN, SOON_MS, DictaphonePage, edit, name_of, plays, unfold, words_of
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
    await expect(name_of(here.row(clip))).to_have_value("Renamed while it plays", timeout=SOON_MS)
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
    await api.patch(f"/api/clips/{clip}", json={"text": "Words that a machine heard."})
    here = await DictaphonePage.open(context, calm_stack.api_url)
    field = name_of(here.row(clip))
    await field.fill("Half a na")
    await field.press("ArrowLeft")
    await api.patch(f"/api/clips/{clip}", json={"name": "From elsewhere"})
    other = await saved(api, "Something new above")
    await expect(here.row(other)).to_be_visible(timeout=SOON_MS)
    assert await field.input_value() == "Half a na"
    caret = "() => [document.activeElement.closest('li')?.dataset.clipId, document.activeElement.selectionStart]"
    assert await here.page.evaluate(caret) == [clip, len("Half a n")]

    words = words_of(here.row(other))
    await api.patch(f"/api/clips/{other}", json={"text": "First words."})
    await expect(words).to_have_text("First words.", timeout=SOON_MS)
    field = await edit(here.row(other))
    await field.press("End")
    await here.page.keyboard.type(" And mine")
    await api.patch(f"/api/clips/{other}", json={"name": "Changed meanwhile"})
    await expect(name_of(here.row(other))).to_have_value("Changed meanwhile", timeout=SOON_MS)
    assert (await field.inner_text()).strip() == "First words. And mine"
    await field.press("Escape")  # which leaves the field, and loses nothing
    await expect(words).to_have_text("First words. And mine")
    assert (await api.get(f"/api/clips/{other}")).json()["text"] == "First words. And mine"
    assert here.errors == []


async def test_the_words_of_an_hour_come_by_themselves_too(
    calm_stack: Stack, api: httpx.AsyncClient, context: BrowserContext
) -> None:
    clip = await saved(api, "An hour")
    here = await DictaphonePage.open(context, calm_stack.api_url)
    await here.mark()
    an_hour = " ".join(f"word{number}" for number in range(9_000))
    assert len(an_hour) > MAX_EVENT_TEXT_CHARS
    await api.patch(f"/api/clips/{clip}", json={"text": an_hour})
    await expect(words_of(here.row(clip))).to_contain_text("word9 ", timeout=SOON_MS)
    await unfold(here.row(clip))
    await expect(words_of(here.row(clip))).to_have_text(an_hour)
    await api.patch(f"/api/clips/{clip}", json={"name": "An hour, renamed"})
    await expect(name_of(here.row(clip))).to_have_value("An hour, renamed", timeout=SOON_MS)
    await expect(words_of(here.row(clip))).to_have_text(an_hour)
    assert await here.was_never_reloaded()
    assert here.errors == []


async def test_hostile_names_are_only_text(calm_stack: Stack, api: httpx.AsyncClient, context: BrowserContext) -> None:
    name = '<img src=x onerror="window.hacked = true">\u202e😀\'"&amp;'
    clip = await saved(api, name)
    await api.patch(f"/api/clips/{clip}", json={"text": f"{name}<script>window.hacked = true</script>"})
    here = await DictaphonePage.open(context, calm_stack.api_url)
    await expect(name_of(here.row(clip))).to_have_value(name)
    await expect(words_of(here.row(clip))).to_contain_text("<script>")
    assert await here.page.evaluate("() => [window.hacked, document.querySelectorAll('main img').length]") == [None, 0]
    answer = await api.put(
        "/clips/a%20page", content=b"<html><script>top.hacked = 1</script>", headers={"Content-Type": "text/html"}
    )
    assert answer.status_code == 415


async def test_who_reads_further_down_stays_where_they_are(
    calm_stack: Stack, api: httpx.AsyncClient, context: BrowserContext
) -> None:
    clips = [await saved(api, f"Line {number}") for number in range(15)]
    here = await DictaphonePage.open(context, calm_stack.api_url)
    field = name_of(here.row(clips[3]))
    await field.scroll_into_view_if_needed()
    await field.focus()
    place = (
        """field => [Math.round(field.getBoundingClientRect().top), document.activeElement === field, scrollY > 0]"""
    )
    before = await field.evaluate(place)
    assert before[1:] == [True, True]
    newest = await saved(api, "Above all")
    await expect(here.row(newest)).to_be_attached(timeout=SOON_MS)
    assert await field.evaluate(place) == before
    await api.delete(f"/api/clips/{clips[14]}")
    await expect(here.row(clips[14])).to_have_count(0, timeout=SOON_MS)
    assert await field.evaluate(place) == before
    assert here.errors == []


async def test_what_is_deleted_elsewhere_plays_on(
    calm_stack: Stack, api: httpx.AsyncClient, context: BrowserContext
) -> None:
    clip = await saved(api, "Heard to the end")
    here = await DictaphonePage.open(context, calm_stack.api_url)
    await here.row(clip).get_by_role("button", name="Play").click()
    await plays(here.page)
    await api.delete(f"/api/clips/{clip}")
    await expect(here.row(clip)).to_contain_text("It was deleted elsewhere.", timeout=SOON_MS)
    at = await here.page.evaluate("() => sounds.find(sound => !sound.paused).currentTime")
    await here.page.wait_for_function(
        "at => sounds.some(sound => !sound.paused && sound.currentTime > at + 0.5)", arg=at
    )
    assert here.errors == []


async def test_words_changed_elsewhere_are_overwritten_only_when_asked(
    calm_stack: Stack, api: httpx.AsyncClient, context: BrowserContext
) -> None:
    clip = await saved(api, "Edited twice")
    await api.patch(f"/api/clips/{clip}", json={"text": "The machine’s."})
    here = await DictaphonePage.open(context, calm_stack.api_url)
    row = here.row(clip)
    await (await edit(row)).fill("Mine.")
    await api.patch(f"/api/clips/{clip}", json={"text": "Theirs.", "name": "Edited by both"})
    await expect(name_of(row)).to_have_value("Edited by both", timeout=SOON_MS)
    await here.page.get_by_role("heading", name="Dictaphone").click()
    note = row.get_by_role("alert")
    await expect(note).to_contain_text("changed elsewhere", timeout=SOON_MS)
    assert (await api.get(f"/api/clips/{clip}")).json()["text"] == "Theirs."
    await row.get_by_role("button", name="Keep mine").click()
    await here.page.wait_for_function(
        "async id => (await (await fetch(`/api/clips/${id}`)).json()).text === 'Mine.'", arg=clip
    )
    await expect(note).not_to_be_visible()
    await expect(words_of(row)).to_have_text("Mine.")
    assert here.errors == []


async def test_a_page_knows_how_many_others_are_open(calm_stack: Stack, context: BrowserContext) -> None:
    here = await DictaphonePage.open(context, calm_stack.api_url)
    looking = here.page.get_by_text("other screen")
    await expect(looking).to_be_hidden()
    there = await DictaphonePage.open(context, calm_stack.api_url)
    await expect(looking).to_have_text("Open on 1 other screen", timeout=SOON_MS)
    third = await DictaphonePage.open(context, calm_stack.api_url)
    await expect(looking).to_have_text("Open on 2 other screens", timeout=SOON_MS)
    await there.page.close()
    await third.page.close()
    await expect(looking).to_be_hidden(timeout=SOON_MS)
