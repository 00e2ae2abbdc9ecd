"""Everybody can use it: axe-core finds nothing in any state of the page, and a keyboard is enough."""

import uuid
from pathlib import Path
from typing import Literal

import httpx
from playwright.async_api import Page, expect

from tests import speech
from tests.browser.page import SOON_MS, DictaphonePage, edit, heard, unfold, words_of
from tests.browser.screenshots import EACH_ONCE, LOOKS, RESULTS, Camera, break_one
from tests.conftest import Launch, Parts, StartStack
from tests.node import SCRIPTS, has_node
from tests.servers.stack import Stack
from tests.services.transcriber import files

AXE = SCRIPTS / "node_modules" / "axe-core" / "axe.min.js"

MOST_TABS = 60
"""Once around a page with a clip or two."""

FOUND = """async () => {
  const { violations } = await axe.run(document, { resultTypes: ["violations"] });
  return violations.flatMap(({ id, impact, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${impact} ${id}: ${target} ${failureSummary}`));
}"""

AT_REST = """() => Promise.allSettled(document.getAnimations()
  .filter((each) => each.playState === "running" && each.effect.getComputedTiming().endTime < 1000)
  .map((each) => each.finished))"""
"""Resolves when what fades has faded; what turns or counts down until somebody comes goes on."""


async def put(stack: Stack, name: str) -> str:
    """A recording with words to come."""
    id = str(uuid.uuid4())
    async with httpx.AsyncClient(base_url=stack.api_url) as api:
        stored = await api.put(f"/api/clips/{id}", params={"name": name}, content=files.webm())
        stored.raise_for_status()
    return id


async def nothing_found(page: Page, state: str) -> None:
    """Ask axe-core about all that is shown now, and keep a picture of it."""
    await page.evaluate(AXE.read_text())
    await page.evaluate(AT_REST)
    RESULTS.mkdir(exist_ok=True)
    await page.screenshot(path=RESULTS / f"accessible-{state}.png", animations="disabled")
    assert await page.evaluate(FOUND) == [], state


@has_node
async def test_axe_finds_nothing_in_any_state(
    local_parts: Parts, start_stack: StartStack, launch_browser: Launch, tmp_path: Path, full_length: bool
) -> None:
    """On desktop and phone, light and dark."""
    stack = start_stack(local_parts)
    browser = await launch_browser(speech.microphone(tmp_path / "speech.wav", files.SAID))
    async with Camera(browser, stack.api_url).looks(LOOKS if full_length else EACH_ONCE) as looks:
        for look, here in looks.items():
            await nothing_found(here.page, f"{look}-empty")
        spoken, broken = await put(stack, "Norland"), await break_one(stack.api_url)
        for look, here in looks.items():
            await here.page.bring_to_front()
            await in_all_states(here, look, spoken, broken)
            assert here.errors == []


async def in_all_states(here: DictaphonePage, look: str, spoken: str, broken: str) -> None:
    row = here.row(spoken)
    await heard(row)
    await expect(here.row(broken).get_by_role("button", name="Retry")).to_be_visible(timeout=SOON_MS)
    await nothing_found(here.page, f"{look}-list")
    await unfold(row)
    await expect(row.get_by_role("slider", name="Seek")).to_be_visible()
    await nothing_found(here.page, f"{look}-open")
    await edit(row)
    await nothing_found(here.page, f"{look}-edit")
    await here.page.keyboard.press("Escape")
    await here.page.keyboard.press("Escape")

    await here.button("Record").click()
    await here.has_recorded(2)
    await nothing_found(here.page, f"{look}-recording")
    await here.button("Stop").click()
    await expect(here.button("Record")).to_be_visible()
    await unfold(here.rows().first)
    await here.rows().first.get_by_role("button", name="Delete").click()
    await nothing_found(here.page, f"{look}-deleted")
    await here.page.get_by_role("link", name="Bin").click()
    await expect(here.page.get_by_role("list", name="Deleted clips").get_by_role("listitem").first).to_be_visible()
    await nothing_found(here.page, f"{look}-bin")


async def reach(page: Page, name: str, role: Literal["button", "textbox"] = "button") -> None:
    """Press Tab until this has the focus, as somebody would who sees where it is."""
    wanted = page.get_by_role(role, name=name, exact=True)
    for _ in range(MOST_TABS):
        await page.keyboard.press("Tab")
        if await wanted.evaluate_all("found => found.includes(document.activeElement)"):
            return
    raise AssertionError(f"Tab never came to the {role} {name}.")


async def test_a_keyboard_is_enough_for_the_main_job(
    local_parts: Parts, start_stack: StartStack, launch_browser: Launch, tmp_path: Path
) -> None:
    """Record, name, stop, hear, correct, delete, take back."""
    stack = start_stack(local_parts, LIVE_CAPTIONS="off")
    browser = await launch_browser(speech.microphone(tmp_path / "speech.wav", files.SAID))
    here = await DictaphonePage.open(browser, stack.api_url)
    page, keys = here.page, here.page.keyboard

    await reach(page, "Record")
    await keys.press("Enter")
    await here.has_recorded(6)
    await reach(page, "Title of this recording", "textbox")
    await keys.press("Control+a")
    await keys.type("Said by keyboard")
    await reach(page, "Stop")
    await keys.press("Space")
    row = here.rows().first
    await expect(row.get_by_role("textbox", name="Name")).to_have_value("Said by keyboard", timeout=SOON_MS)
    said = await heard(row)

    await reach(page, "Play")
    await keys.press("Enter")
    await expect(row.get_by_role("button", name="Pause")).to_be_focused()
    await keys.press("Space")
    await reach(page, "Details")
    await keys.press("Enter")
    await reach(page, "Edit")
    await keys.press("Enter")
    await keys.press("Control+End")
    await keys.type(" And corrected.")
    await keys.press("Escape")
    await expect(words_of(row)).to_contain_text("And corrected.")
    async with httpx.AsyncClient(base_url=stack.api_url) as api:
        [clip] = (await api.get("/api/clips")).json()["clips"]
    assert clip["text"].startswith(said[:20])
    assert clip["text"].endswith("And corrected.")

    await reach(page, "Delete")
    await keys.press("Enter")
    await expect(row.get_by_role("button", name="Undo")).to_be_focused()
    await keys.press("Enter")
    await expect(row.get_by_role("textbox", name="Name")).to_be_visible()
    assert here.errors == []
