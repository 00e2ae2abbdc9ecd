"""The language of a clip: shown as it was found, chosen by keyboard, heard again, and told to every other page."""

import uuid

import httpx
from playwright.async_api import expect

from tests.browser.many import id_of, put
from tests.browser.page import SOON_MS, WORDS_MS, DictaphonePage, clip_page, heard, open_clip, words_of
from tests.conftest import Launch, Parts, StartStack
from tests.services.transcriber import files


async def test_a_clip_is_heard_again_in_the_language_that_a_person_chooses(
    local_parts: Parts, start_stack: StartStack, launch_browser: Launch
) -> None:
    stack = start_stack(local_parts)
    id = str(uuid.uuid4())
    async with httpx.AsyncClient(base_url=stack.api_url) as api:
        stored = await api.put(f"/api/clips/{id}", params={"name": "A"}, content=files.webm())
        stored.raise_for_status()
    browser = await launch_browser()
    here = await DictaphonePage.open(await browser.new_context(locale="en-US"), stack.api_url)
    there = await DictaphonePage.open(await browser.new_context(locale="de-DE"), stack.api_url)
    words = await heard(here.row(id))
    clip, elsewhere = await open_clip(here, id), await open_clip(there, id)
    picker, other = clip.get_by_role("combobox", name="Language"), elsewhere.get_by_title("Sprache")
    await expect(clip.get_by_title("Language")).to_contain_text("English")
    await expect(other).to_contain_text("Englisch")

    await picker.focus()
    await expect(picker.locator("option").first).to_have_text("Detect (English)")
    changes: list[str] = []
    here.page.on(
        "request", lambda request: changes.append(request.post_data or "") if request.method == "PATCH" else None
    )
    await here.page.keyboard.type("German", delay=100)  # past Galician and Georgian, as letters lead through any list
    await expect(clip.get_by_title("Language")).to_contain_text("German", timeout=SOON_MS)
    await expect(clip).to_contain_text(
        "tiny.en knows English only, and this clip is said to be in German", timeout=WORDS_MS
    )
    await expect(other).to_contain_text("Deutsch", timeout=SOON_MS)
    assert changes == ['{"language":"de"}']
    await expect(words_of(clip)).to_have_text(words)  # they stay until better ones come

    await picker.select_option(label="Detect")
    await expect(clip.locator("[data-part=status]")).to_be_hidden(timeout=WORDS_MS)
    await expect(clip.get_by_title("Language")).to_contain_text("English")
    await expect(other).to_contain_text("Englisch", timeout=SOON_MS)
    assert here.errors == there.errors == []


async def test_a_language_that_is_refused_says_so_and_is_not_shown(
    local_parts: Parts, start_stack: StartStack, launch_browser: Launch
) -> None:
    put(local_parts, 1, {1: {"language": "en"}})
    stack = start_stack(local_parts, "api", "realtime")
    id = id_of(1)
    here = await DictaphonePage.open(await launch_browser(), f"{stack.api_url}/clips/{id}")
    clip = clip_page(here.page)
    picker = clip.get_by_role("combobox", name="Language")
    await picker.focus()
    refusal = '{"detail": "Nobody here speaks that."}'
    await here.page.route(f"**/api/clips/{id}", lambda route: route.fulfill(status=422, body=refusal))
    await picker.select_option(label="French")
    await expect(clip.get_by_role("alert")).to_contain_text("Nobody here speaks that.")
    await expect(clip.get_by_title("Language")).to_contain_text("English")
    assert await picker.input_value() == ""
    assert here.errors == []
