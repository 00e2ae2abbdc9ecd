"""The settings: what is chosen holds at once, without a reload, and on the next visit."""

import re
import uuid
from pathlib import Path

import httpx
from playwright.async_api import Locator, Page, expect

from tests import speech
from tests.browser.page import LISTEN, SOON_MS, DictaphonePage, open_clip, title_of
from tests.conftest import Launch
from tests.recordings import recording
from tests.servers.stack import Stack
from tests.services.transcriber import files

CUT = """() => [...document.querySelectorAll("button, label, .chip, h1, h2, a.quiet, [role=tab], option, dt, dd")]
  .filter((each) => each.getClientRects().length && !each.closest(".unseen, .skip-link, select, .row"))
  .filter((each) => each.scrollWidth > each.clientWidth + 1 && getComputedStyle(each).display !== "inline")
  .map((each) => `${each.tagName} ${each.textContent.trim()}: ${each.scrollWidth} > ${each.clientWidth}`)"""
"""Words that do not fit into what they stand in."""

PHONE = {"width": 390, "height": 844}


async def put(stack: Stack, name: str) -> str:
    id = str(uuid.uuid4())
    async with httpx.AsyncClient(base_url=stack.api_url) as api:
        (await api.put(f"/api/clips/{id}", params={"name": name}, content=recording(3))).raise_for_status()
    return id


async def open_settings(here: DictaphonePage) -> Locator:
    await here.page.locator("a[href='/settings']:visible").first.click()
    settings = here.page.locator("[data-part=settings]")
    await expect(settings.get_by_role("combobox").first).to_be_visible()
    return settings


async def choose_language(page: Page, label: str, code: str, heading: str) -> None:
    await page.get_by_label(label, exact=True).select_option(code)
    await expect(page.get_by_role("heading", level=1, name=heading)).to_be_visible()


async def test_language_and_theme_change_without_a_reload_and_stay(calm_stack: Stack, launch_browser: Launch) -> None:
    clip = await put(calm_stack, "Norland")
    context = await (await launch_browser()).new_context(
        viewport={"width": 1440, "height": 900}, color_scheme="light", service_workers="block"
    )
    here = await DictaphonePage.open(context, calm_stack.api_url)
    page = here.page
    await here.mark()
    await open_settings(here)
    await choose_language(page, "Language of this page", "de", "Einstellungen")
    await expect(page.get_by_label("Sprache dieser Seite")).to_be_focused()
    await expect(page.get_by_role("searchbox", name="Aufnahmen durchsuchen")).to_be_visible()
    await expect(page.get_by_role("button", name="Aufnehmen", exact=True)).to_be_visible()
    await expect(here.row(clip).get_by_role("button", name="Norland abspielen")).to_be_visible()

    await choose_language(page, "Sprache dieser Seite", "ar", "الإعدادات")
    assert await page.evaluate("document.documentElement.lang + document.documentElement.dir") == "arrtl"
    await expect(page.get_by_text("ترجمة آلية").first).to_be_attached()
    row = await here.row(clip).bounding_box()
    assert row
    assert row["x"] > 1000, "the list is at the right"
    await page.get_by_label("الألوان").select_option("dark")
    assert await page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"
    assert await here.was_never_reloaded()

    await page.reload(wait_until="commit")
    await page.wait_for_function("() => document.body")
    # Before any module has run.
    assert await page.evaluate("document.documentElement.dataset.theme") == "dark"
    await expect(page.get_by_role("heading", level=1, name="الإعدادات")).to_be_visible(timeout=SOON_MS)
    await choose_language(page, "لغة هذه الصفحة", "", "Settings")
    await page.get_by_label("Theme").select_option("system")
    assert await page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "light"
    assert here.errors == []


async def test_the_microphone_is_asked_for_when_it_is_tested_and_let_go_after_it(
    calm_stack: Stack, launch_browser: Launch, tmp_path: Path
) -> None:
    browser = await launch_browser(speech.microphone(tmp_path / "speech.wav", files.SAID), once=False)
    context = await browser.new_context(service_workers="block")
    await context.add_init_script(LISTEN)
    await context.add_init_script("""
      window.tracks = [];
      const add = window.MediaStream.prototype.getTracks;
      const open = navigator.mediaDevices.getUserMedia;
      navigator.mediaDevices.getUserMedia = async (...given) => {
        const stream = await open.apply(navigator.mediaDevices, given);
        window.tracks.push(...add.call(stream));
        return stream;
      };
    """)
    here = await DictaphonePage.open(context, calm_stack.api_url)
    settings = await open_settings(here)
    assert await here.page.evaluate("window.microphones") == 0
    await settings.get_by_role("button", name="Test the microphone").click()
    await expect(settings.get_by_role("status")).to_contain_text("the bars follow your voice", timeout=SOON_MS)
    assert await here.page.evaluate("window.microphones") == 1
    await here.page.get_by_role("link", name="Back to the clips").click()
    await here.page.wait_for_function("() => window.tracks.every((track) => track.readyState === 'ended')")
    await open_settings(here)
    await expect(settings.get_by_role("button", name="Test the microphone")).to_be_visible()
    assert here.errors == []


async def test_a_recording_is_in_the_language_that_was_chosen_and_shows_no_words_where_nobody_wants_them(
    calm_stack: Stack, launch_browser: Launch, tmp_path: Path
) -> None:
    browser = await launch_browser(speech.microphone(tmp_path / "speech.wav", files.SAID), once=False)
    here = await DictaphonePage.open(browser, calm_stack.api_url)
    settings = await open_settings(here)
    await settings.get_by_label("Language that you speak").select_option(label="German")
    await settings.get_by_label("Words while you record").uncheck()
    await here.page.reload()
    await expect(settings.get_by_label("Words while you record")).not_to_be_checked(timeout=SOON_MS)
    id = await here.record("Gesagt", seconds=2)
    async with httpx.AsyncClient(base_url=calm_stack.api_url) as api:
        assert (await api.get(f"/api/clips/{id}")).json()["language_set"] == "de"
    assert here.errors == []


async def test_without_a_server_the_settings_say_what_was_last_known_of_it(
    calm_stack: Stack, launch_browser: Launch
) -> None:
    await put(calm_stack, "One of them")
    here = await DictaphonePage.open(await launch_browser(), calm_stack.api_url)
    settings = await open_settings(here)
    server = settings.get_by_role("region", name="The server")
    await expect(server.get_by_text(re.compile(r"^\d+ clips? · [\d.]+ kB$"))).to_be_visible()
    await expect(server).to_contain_text("What is deleted is kept for 30 days.")
    await expect(settings.get_by_role("region", name="This device")).to_contain_text("Nothing: the server has it all")
    for path in ("about", "storage"):
        await here.page.route(f"**/api/{path}", lambda route: route.abort())
    await here.page.get_by_role("link", name="Back to the clips").click()
    await open_settings(here)
    await expect(server).to_contain_text(re.compile("The server cannot be reached. This is as it was on"))
    await expect(server.get_by_text(re.compile(r"^\d+ clips? · "))).to_be_visible()
    assert here.errors == []


async def test_no_german_word_is_cut_on_a_phone(calm_stack: Stack, launch_browser: Launch) -> None:
    id = await put(calm_stack, "Kaufvertrag")
    context = await (await launch_browser()).new_context(
        viewport=PHONE, locale="de-DE", is_mobile=True, has_touch=True, service_workers="block"
    )
    here = await DictaphonePage.open(context, calm_stack.api_url)
    page = here.page
    assert await page.evaluate(CUT) == [], "list"
    await open_settings(here)
    assert await page.evaluate(CUT) == [], "settings"
    await page.get_by_role("link", name="Papierkorb öffnen").click()
    await expect(page.get_by_role("heading", name="Papierkorb")).to_be_visible()
    assert await page.evaluate(CUT) == [], "bin"
    await page.goto(calm_stack.api_url)
    await title_of(here.row(id)).click()
    await expect(page.get_by_role("article")).to_be_visible()
    assert await page.evaluate(CUT) == [], "clip"
    assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert here.errors == []


async def test_from_right_to_left_all_is_mirrored_but_what_runs_with_the_time(
    calm_stack: Stack, launch_browser: Launch
) -> None:
    id = await put(calm_stack, "Norland")
    context = await (await launch_browser()).new_context(
        viewport={"width": 1440, "height": 900}, locale="ar-EG", service_workers="block"
    )
    here = await DictaphonePage.open(context, calm_stack.api_url)
    await open_clip(here, id)
    player = here.page.get_by_role("region", name="المشغّل")
    for part in ("track", "time"):
        direction = await player.locator(f"[data-part={part}]").evaluate("(each) => getComputedStyle(each).direction")
        assert direction == "ltr", part
    first, last = (await player.locator(f"[data-part={part}]").bounding_box() for part in ("play", "speed"))
    assert first
    assert last
    assert first["x"] > last["x"], "what comes first is at the right"
    assert here.errors == []
