"""Everybody can use it: axe-core finds nothing in any place of the page, and a keyboard is enough."""

import uuid
from pathlib import Path
from typing import Literal

import httpx
from playwright.async_api import Page, expect

from tests import speech
from tests.browser.page import SOON_MS, DictaphonePage, clip_page, delete, edit, heard, words_of
from tests.browser.sample_library import break_one
from tests.browser.screenshots import EACH_ONCE, GOTO, LOOKS, MORE_LOOKS, RESULTS, SCREENS, Camera
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

COVERED = """() => {
  const place = document.querySelector("dialog[open]") ?? document;
  // The outline of a sound takes what is meant for the slider below it; what skips comes down when it has the focus.
  return [...place.querySelectorAll("a[href], button:not(.skip-link), input:not([type=range]), select")]
    .filter((each) => each.checkVisibility({ visibilityProperty: true, opacityProperty: true }))
    .flatMap((each) => {
      each.scrollIntoView({ block: "center", behavior: "instant" });
      const { x, y, width, height } = each.getBoundingClientRect();
      const top = document.elementFromPoint(x + width / 2, y + height / 2);
      const isFree = !top || each.contains(top) || top.contains(each) || top.closest("label")?.control === each;
      return isFree ? [] : [`${each.outerHTML.slice(0, 150)} is under ${top.outerHTML.slice(0, 150)}`];
    });
}"""
"""Controls whose middle something else covers: a tap on them does something else, or nothing."""

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
    """Ask axe-core about all that is shown now, whether it can be pressed, too, and keep a picture of it."""
    await page.evaluate(AXE.read_text())
    await page.evaluate(AT_REST)
    RESULTS.mkdir(exist_ok=True)
    await page.screenshot(path=RESULTS / f"accessible-{state}.png", animations="disabled")
    assert await page.evaluate(FOUND) == [], state
    assert "\n".join(await page.evaluate(COVERED)) == "", state


@has_node
async def test_axe_finds_nothing_in_any_place(
    local_parts: Parts, start_stack: StartStack, launch_browser: Launch, full_length: bool
) -> None:
    """On desktop and phone, light and dark; from right to left."""
    stack = start_stack(local_parts)
    camera = Camera(await launch_browser(), stack.api_url)
    looks = {f"{screen}-{scheme}": {**SCREENS[screen], "color_scheme": scheme} for screen, scheme in (
        LOOKS if full_length else EACH_ONCE
    )}  # fmt: skip
    looks |= {look: MORE_LOOKS[look] for look in (MORE_LOOKS if full_length else ("phone-arabic",))}
    for look, options in looks.items():
        async with camera.look(options) as here:
            await nothing_found(here.page, f"{look}-empty")
    spoken, broken = await put(stack, "Norland"), await break_one(stack.api_url)
    binned = await put(stack, "In the bin")
    async with httpx.AsyncClient(base_url=stack.api_url) as api:
        await api.delete(f"/api/clips/{binned}")
    for look, options in looks.items():
        async with camera.look(options) as here:
            await in_all_places(here, look, spoken, broken)
            assert here.errors == []


async def in_all_places(here: DictaphonePage, look: str, spoken: str, broken: str) -> None:
    page = here.page
    await heard(here.row(spoken))
    await expect(here.row(broken).locator("[data-part=retry]")).to_be_visible(timeout=SOON_MS)
    await nothing_found(page, f"{look}-list")
    for id, name in ((spoken, "clip"), (broken, "failed")):
        await page.evaluate(GOTO, f"/clips/{id}")
        await expect(clip_page(page)).to_be_visible()
        # The outline of the clip before is gone.
        await expect(page.locator("[data-part=player] canvas")).to_have_count(int(name == "clip"))
        await nothing_found(page, f"{look}-{name}")
    await page.evaluate(GOTO, "/settings")
    await expect(page.locator("#setting-theme")).to_be_visible()
    await nothing_found(page, f"{look}-settings")
    await page.evaluate(GOTO, "/bin")
    await expect(page.locator("[data-part=binned]")).to_have_count(1)
    await nothing_found(page, f"{look}-bin")
    await page.locator("[data-part=erase]").click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    await nothing_found(page, f"{look}-question")


@has_node
async def test_axe_finds_nothing_while_somebody_records_or_edits(
    local_parts: Parts, start_stack: StartStack, launch_browser: Launch, tmp_path: Path
) -> None:
    stack = start_stack(local_parts)
    browser = await launch_browser(speech.microphone(tmp_path / "speech.wav", files.SAID))
    spoken = await put(stack, "Norland")
    async with Camera(browser, stack.api_url).looks(EACH_ONCE) as looks:
        for look, here in looks.items():
            await here.page.bring_to_front()
            await heard(here.row(spoken))
            await here.page.evaluate(GOTO, f"/clips/{spoken}")
            await edit(clip_page(here.page))
            await nothing_found(here.page, f"{look}-edit")
            await here.page.keyboard.press("Escape")
            await here.page.evaluate(GOTO, "/")
            await here.button("Record").click()
            await here.has_recorded(2)
            await nothing_found(here.page, f"{look}-recording")
            await here.button("Stop").click()
            await expect(clip_page(here.page)).to_be_visible()
            await here.page.evaluate(GOTO, "/")
            await delete(here, (await here.ids())[0])
            await nothing_found(here.page, f"{look}-deleted")
            assert here.errors == []


async def reach(page: Page, name: str, role: Literal["button", "textbox", "link"] = "button") -> None:
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
    """Record, name, stop, hear, correct, delete, take back; and what a screen reader is told of it."""
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
    clip = clip_page(page)
    await expect(clip.get_by_role("heading", level=1, name="Said by keyboard")).to_be_visible(timeout=SOON_MS)
    said = await heard(here.rows().first)
    await expect(clip).to_match_aria_snapshot("""
      - article "Said by keyboard":
        - heading "Said by keyboard" [level=1]
        - button "Rename"
        - button "Star"
        - button "Download"
        - button "More"
        - tablist "Parts of the clip":
          - tab "Transcript" [selected]
        - button "Edit"
        - tabpanel "Transcript":
          - group "Transcript"
    """)
    await expect(page.get_by_role("region", name="Clips")).to_match_aria_snapshot("""
      - region "Clips":
        - search:
          - searchbox "Search clips"
        - region /[Tt]oday/:
          - list:
            - listitem:
              - heading "Said by keyboard" [level=3]:
                - link "Said by keyboard"
              - button "Play Said by keyboard"
              - button "More for Said by keyboard"
    """)

    await reach(page, "Play")
    await keys.press("Enter")
    player = page.get_by_role("region", name="Player")
    await expect(player.get_by_role("button", name="Pause")).to_be_focused()
    await keys.press("Space")
    await reach(page, "Edit")
    await keys.press("Enter")
    await keys.press("Control+End")
    await keys.type(" And corrected.")
    await keys.press("Escape")
    await expect(words_of(clip)).to_contain_text("And corrected.")
    async with httpx.AsyncClient(base_url=stack.api_url) as api:
        [stored] = (await api.get("/api/clips")).json()["clips"]
    assert stored["text"].startswith(said[:20])
    assert stored["text"].endswith("And corrected.")

    await reach(page, "More")
    await keys.press("ArrowUp")
    await expect(page.get_by_role("menuitem", name="Delete")).to_be_focused()
    await keys.press("Enter")
    await expect(here.rows()).to_have_count(0)
    await reach(page, "Undo")
    await keys.press("Enter")
    await expect(here.rows()).to_have_count(1)
    assert here.errors == []
