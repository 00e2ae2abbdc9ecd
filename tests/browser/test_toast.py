"""One line says what passes: it can be closed, takes things back, and keeps what must not be missed."""

import uuid
from pathlib import Path

import httpx
from playwright.async_api import expect

from tests import recordings
from tests.browser.page import SOON_MS, DictaphonePage, delete
from tests.conftest import Launch
from tests.servers.stack import Stack


async def test_what_stays_comes_back_after_what_passes_and_each_can_be_closed(
    calm_stack: Stack, launch_browser: Launch, tmp_path: Path
) -> None:
    clip = str(uuid.uuid4())
    async with httpx.AsyncClient(base_url=calm_stack.api_url, trust_env=False) as api:
        headers = {"Content-Type": "audio/webm"}
        (
            await api.put(
                f"/api/clips/{clip}", params={"name": "Gone"}, content=recordings.recording(1), headers=headers
            )
        ).raise_for_status()
    letter = tmp_path / "letter.txt"
    letter.write_text("Dear John")
    here = await DictaphonePage.open(await launch_browser(), calm_stack.api_url)
    await here.page.set_input_files("input[type=file]", letter)
    toast = here.page.get_by_role("status").filter(has=here.button("Close"))
    await expect(toast).to_contain_text("letter.txt", timeout=SOON_MS)
    await delete(here, clip)
    await expect(toast).to_contain_text("is in the bin.")
    await expect(toast).not_to_contain_text("letter.txt")
    await here.page.keyboard.press("Control+z")
    await expect(here.row(clip)).to_be_visible(timeout=SOON_MS)
    await expect(toast).to_contain_text("letter.txt")
    await here.button("Close").click()
    await expect(toast).to_be_hidden()
    assert here.errors == []
