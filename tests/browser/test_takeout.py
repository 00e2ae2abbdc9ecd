"""A library leaves the page as a zip and comes back by it, to another server."""

import json
import re
import uuid
import zipfile
from pathlib import Path

import httpx
from playwright.async_api import expect

from tests.browser.page import SOON_MS, DictaphonePage, choose, heard, open_clip, title_of
from tests.conftest import Launch, Parts, StartStack
from tests.services.transcriber import files


async def test_export_here_and_import_there(
    local_parts: Parts, server_parts: Parts, start_stack: StartStack, launch_browser: Launch, tmp_path: Path
) -> None:
    old, new = start_stack(local_parts), start_stack(server_parts, "api", "realtime")
    id = str(uuid.uuid4())
    async with httpx.AsyncClient(base_url=old.api_url) as api:
        (await api.put(f"/api/clips/{id}", params={"name": "Norland"}, content=files.webm())).raise_for_status()
    browser = await launch_browser()
    here = await DictaphonePage.open(browser, old.api_url)
    text = await heard(here.row(id))

    await here.page.get_by_role("link", name="Settings", exact=True).click()
    async with here.page.expect_download() as saving:
        await here.page.get_by_role("region", name="The server").get_by_role("link", name="Export all").click()
    archive = tmp_path / "library.zip"
    await (await saving.value).save_as(archive)
    with zipfile.ZipFile(archive) as opened:
        assert json.loads(opened.read("dictaphone.json"))["clips"] == 1

    there = await DictaphonePage.open(browser, new.api_url)
    await there.page.get_by_role("link", name="Settings", exact=True).click()
    async with there.page.expect_file_chooser() as choosing:
        await there.button("Import").click()
    await (await choosing.value).set_files(archive)
    await expect(there.page.get_by_text("1 clip came in.", exact=True)).to_be_visible(timeout=SOON_MS)
    await expect(title_of(there.row(id))).to_have_text("Norland")
    assert await heard(there.row(id)) == text
    await there.page.set_input_files("[data-part=files]", archive)
    await expect(there.page.get_by_text("0 clips came in. 1 was here already.")).to_be_visible(timeout=SOON_MS)

    other = tmp_path / "other.zip"
    with zipfile.ZipFile(other, "w") as made:
        made.writestr("a.txt", "no library")
    await there.page.set_input_files("[data-part=files]", other)
    refusal = "“other.zip” could not be brought in. This zip is no library.* unpack it"
    await expect(there.page.get_by_text(re.compile(refusal))).to_be_visible(timeout=SOON_MS)
    assert here.errors == there.errors == []


async def test_a_clip_is_saved_in_the_form_that_is_chosen(
    local_parts: Parts, start_stack: StartStack, launch_browser: Launch
) -> None:
    stack = start_stack(local_parts)
    id = str(uuid.uuid4())
    async with httpx.AsyncClient(base_url=stack.api_url) as api:
        (await api.put(f"/api/clips/{id}", params={"name": "Norland"}, content=files.webm())).raise_for_status()
    here = await DictaphonePage.open(await launch_browser(), stack.api_url)
    await heard(here.row(id))
    clip = await open_clip(here, id)
    for form, ending in (("Original audio", "webm"), ("Markdown", "md"), ("Subtitles (VTT)", "vtt")):
        async with here.page.expect_download() as saving:
            await choose(clip, "Download", form)
        assert (await saving.value).suggested_filename == f"Norland.{ending}"
    assert here.errors == []
