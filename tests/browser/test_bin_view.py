"""The bin as a view of its own: what is deleted anywhere is in it, is heard, and comes back."""

import io
import re
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from playwright.async_api import Locator, expect
from pydantic import SecretStr

from services.api.background.clip_rows import Place
from services.api.background.found_audio import FoundAudio
from shared.db.engine import open_engine
from shared.libraries import HOME
from shared.settings import DatabaseSettings
from shared.storage.files import FileStore
from shared.storage.keys import file_key
from tests.browser.page import LISTEN, SOON_MS, DictaphonePage, choose, plays
from tests.conftest import Launch, Parts, StartStack
from tests.recordings import recording
from tests.servers.stack import Stack


def binned(here: DictaphonePage, name: str) -> Locator:
    items = here.page.get_by_role("list", name="Deleted clips").get_by_role("listitem")
    return items.filter(has=here.page.get_by_role("heading", name=name, exact=True))


async def open_bin(here: DictaphonePage) -> None:
    """Go to the bin by the settings, as a keyboard does."""
    await here.page.get_by_role("link", name="Settings", exact=True).press("Enter")
    await here.page.get_by_role("link", name="Open the bin").press("Enter")


async def test_what_is_deleted_anywhere_is_in_the_bin_is_heard_and_comes_back(
    calm_stack: Stack, launch_browser: Launch
) -> None:
    clips = {name: str(uuid.uuid4()) for name in ("Early", "Late")}
    async with httpx.AsyncClient(base_url=calm_stack.api_url, verify=False) as api:
        for number, (name, id) in enumerate(clips.items()):
            headers = {"Content-Type": "audio/webm"}
            sound = recording(number, seconds=3)
            (
                await api.put(f"/api/clips/{id}", params={"name": name}, content=sound, headers=headers)
            ).raise_for_status()
        await api.delete(f"/api/clips/{clips['Early']}")
        context = await (await launch_browser()).new_context()
        await context.add_init_script(LISTEN)
        here = await DictaphonePage.open(context, calm_stack.api_url)
        await open_bin(here)
        await expect(here.page.get_by_role("heading", name="Bin")).to_be_focused()
        early, late = binned(here, "Early"), binned(here, "Late")
        await expect(early).to_contain_text(re.compile(r"Deleted today.*kept until"))
        await api.delete(f"/api/clips/{clips['Late']}")
        await expect(late).to_be_visible(timeout=SOON_MS)
    await late.get_by_role("button", name="Play Late").click()
    await plays(here.page)
    await expect(here.page.get_by_role("region", name="Player").get_by_role("link", name="Late")).to_be_visible()
    await expect(early.get_by_role("link", name="Download")).to_have_attribute("href", re.compile(clips["Early"]))
    await early.get_by_role("button", name="Restore Early").press("Enter")
    await expect(early).to_be_hidden()
    await expect(late.get_by_role("button", name="Restore Late")).to_be_focused()
    await expect(here.row(clips["Early"])).to_be_visible()
    await here.button("Undo").click()
    await expect(early).to_be_visible()
    await expect(here.row(clips["Early"])).to_be_hidden()
    await early.get_by_role("button", name="Restore Early").click()
    await here.page.go_back()
    await expect(here.page.get_by_role("heading", name="Settings")).to_be_focused()
    await expect(here.row(clips["Early"])).to_be_visible()
    await expect(here.row(clips["Late"])).to_be_hidden()
    assert here.errors == []


async def test_a_bin_that_cannot_be_read_says_so_and_is_read_when_it_can_be(
    calm_stack: Stack, launch_browser: Launch
) -> None:
    here = await DictaphonePage.open(await launch_browser(), calm_stack.api_url)
    deleted = re.compile(r"/api/clips\?.*deleted=true")
    await here.page.route(deleted, lambda route: route.abort())
    await here.page.goto(f"{calm_stack.api_url}/#bin")
    problem = here.page.get_by_role("region", name="Bin").get_by_role("alert")
    await expect(problem).to_contain_text("The bin could not be read")
    await here.page.unroute(deleted)
    await here.button("Try again").click()
    await expect(problem).to_be_hidden()
    assert here.errors == []


async def test_what_the_server_refused_is_in_the_bin_for_a_month_since_it_is_the_only_copy(
    calm_stack: Stack, launch_browser: Launch, tmp_path: Path
) -> None:
    here = await DictaphonePage.open(await launch_browser(), calm_stack.api_url)
    file = tmp_path / "The only copy.webm"
    sound = recording(3)
    file.write_bytes(sound)
    problem = '{"type": "about:blank", "title": "No", "status": 413, "detail": "The server takes less."}'
    await here.page.route(
        "**/api/uploads", lambda route: route.fulfill(status=413, content_type="application/problem+json", body=problem)
    )
    await here.page.set_input_files("input[type=file]", file)
    row = here.page.locator("[data-clip-id]", has_text="The server takes less.")
    await expect(row).to_be_visible(timeout=SOON_MS)
    await choose(row, "More for", "Delete")
    await expect(here.page.get_by_text("“The only copy” is in the bin.")).to_be_visible()
    await here.page.reload()
    await open_bin(here)
    kept = binned(here, "The only copy")
    await expect(kept).to_contain_text("kept until")
    async with here.page.expect_download() as download:
        await kept.get_by_role("link", name="Download").click()
    await (await download.value).save_as(tmp_path / "saved")
    assert (tmp_path / "saved").read_bytes() == sound
    await here.page.unroute("**/api/uploads")
    await kept.get_by_role("button", name="Restore").click()
    await expect(kept).to_be_hidden()
    await row.get_by_role("button", name="Retry").click()
    await expect(here.page.locator("[data-clip-id]", has_text="The server takes less.")).to_have_count(0)
    assert here.errors == []


async def test_a_clip_that_was_found_again_says_so_and_why(
    launch_browser: Launch, start_stack: StartStack, local_parts: Parts
) -> None:
    id, sound = uuid.uuid4(), recording(7)
    engine = open_engine(DatabaseSettings(database_url=SecretStr(local_parts["DATABASE_URL"])))
    store = FileStore(Path(local_parts["DATA_DIR"], "objects"))
    store.put(file_key(HOME, id, 0, len(sound), len(sound)), io.BytesIO(sound), len(sound), "audio/webm")
    found = FoundAudio(engine, store, lambda: None).adopt(
        Place(HOME, id), list(store.list_objects()), datetime.now(UTC)
    )
    engine.dispose()
    assert len(found) == 1
    stack = start_stack(local_parts, "api", "realtime")
    here = await DictaphonePage.open(await launch_browser(), stack.api_url)
    await here.page.goto(f"{stack.api_url}/#bin")
    row = here.page.get_by_role("list", name="Deleted clips").get_by_role("listitem")
    await expect(row).to_contain_text(re.compile(r"Found again today.*kept until"))
    await expect(row).to_contain_text("a backup of its database may have been restored")
    await row.get_by_role("button", name="Restore").click()
    await expect(row).to_be_hidden()
    await expect(here.row(str(id))).to_be_visible()
    assert here.errors == []


async def test_the_bin_says_how_long_it_keeps_a_clip_and_what_is_deleted_for_good_is_gone_everywhere(
    launch_browser: Launch, start_stack: StartStack, local_parts: Parts
) -> None:
    stack = start_stack(local_parts, "api", "realtime", BIN_DAYS="7")
    clips = {name: str(uuid.uuid4()) for name in ("First", "Second", "Third")}
    async with httpx.AsyncClient(base_url=stack.api_url) as api:
        for number, (name, id) in enumerate(clips.items()):
            sound = recording(number, seconds=3)
            (await api.put(f"/api/clips/{id}", params={"name": name}, content=sound)).raise_for_status()
            await api.delete(f"/api/clips/{id}")
        browser = await launch_browser()
        here = await DictaphonePage.open(browser, stack.api_url)
        there = await DictaphonePage.open(browser, stack.api_url)
        for page in (here, there):
            await open_bin(page)
        await expect(here.page.get_by_text("What is deleted is kept for 7 days.").last).to_be_visible()
        until = datetime.now(UTC) + timedelta(days=7)
        await expect(binned(here, "First")).to_contain_text(f"kept until {until:%B} {until.day}")

        erase = binned(here, "First").get_by_role("button", name="Delete for good: First")
        await erase.click()
        question = here.page.get_by_role("dialog", name="Delete “First” for good?")
        await expect(question).to_contain_text("This cannot be taken back.")
        await here.page.keyboard.press("Escape")
        await expect(question).to_be_hidden()
        await expect(binned(here, "First")).to_be_visible()
        await erase.click()
        await question.get_by_role("button", name="Delete for good").click()
        for page in (here, there):
            await expect(binned(page, "First")).to_be_hidden(timeout=SOON_MS)
        assert (await api.get(f"/api/clips/{clips['First']}")).status_code == 404

        await here.button("Empty the bin").click()
        await here.page.get_by_role("dialog", name="Empty the bin?").get_by_role("button", name="Empty the bin").click()
        await expect(here.page.get_by_role("region", name="Bin").get_by_text("The bin is empty.")).to_be_visible()
        await expect(there.page.get_by_role("list", name="Deleted clips").get_by_role("listitem")).to_have_count(0)
        assert (await api.get("/api/clips?deleted=true")).json()["clips"] == []
    assert here.errors == there.errors == []
