"""What a person sees of a recording while it is made: here, and on another device."""

from pathlib import Path

import httpx
import pytest
from playwright.async_api import expect

from tests import speech
from tests.browser.page import IDS, LISTEN, SOON_MS, DictaphonePage, back_to_list, clip_page, plays, title_of
from tests.conftest import Launch
from tests.servers.stack import Stack

FIGURES = """() => Object.fromEntries(["recorded", "on-device", "on-server"].map(part => {
    const [minutes, seconds] = document.querySelector(`[data-part=${part}]`).textContent.split(":");
    return [part, 60 * Number(minutes) + Number(seconds)];
}))"""


SHIFTS = """
window.shifts = [];
new PerformanceObserver((list) => {
  for (const { hadRecentInput, value, sources } of list.getEntries()) {
    if (!hadRecentInput) window.shifts.push({ value, of: sources.map(({ node }) => node?.outerHTML?.slice(0, 60)) });
  }
}).observe({ type: "layout-shift", buffered: true });
"""
"""Runs before the page's own scripts: what moved without somebody having pressed anything."""


async def test_the_figures_agree_and_pause_holds_them(
    calm_stack: Stack, launch_browser: Launch, tmp_path: Path
) -> None:
    browser = await launch_browser(speech.microphone(tmp_path / "speech.wav"))
    here = await DictaphonePage.open(browser, calm_stack.api_url)
    await expect(here.button("Pause")).to_be_hidden()
    await here.button("Record").click()
    await here.has_recorded(4)
    await here.button("Pause").click()
    proof = here.page.get_by_role("status", name="Proof of capture")
    await expect(here.page.get_by_text("Safe on this device and on the server")).to_be_visible(timeout=SOON_MS)
    await expect(proof).to_be_hidden()
    await here.page.get_by_text("Safe on this device and on the server").click()
    await expect(proof).to_contain_text("On the server")
    await here.page.wait_for_function(f"() => new Set(Object.values(({FIGURES})())).size === 1", timeout=SOON_MS)
    paused = await here.page.evaluate(FIGURES)
    await here.page.wait_for_timeout(2_000)
    assert await here.page.evaluate(FIGURES) == paused
    await here.button("Resume").click()
    await here.has_recorded(paused["recorded"] + 2)
    await here.button("Stop").click()
    await expect(here.button("Record")).to_be_visible()
    await expect(here.button("Pause")).to_be_hidden()
    assert here.errors == []


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1440, 900)])
async def test_record_never_moves_and_nothing_shifts_in_the_main_job(
    calm_stack: Stack, launch_browser: Launch, tmp_path: Path, width: int, height: int
) -> None:
    browser = await launch_browser(speech.microphone(tmp_path / "speech.wav"))
    context = await browser.new_context(service_workers="block", viewport={"width": width, "height": height})
    await context.add_init_script(SHIFTS)
    here = await DictaphonePage.open(context, calm_stack.api_url)
    boxes = [await here.button("Record").bounding_box()]
    await here.button("Record").click()
    await here.has_recorded(1)
    boxes.append(await here.button("Stop").bounding_box())
    await here.has_recorded(4)
    boxes.append(await here.button("Stop").bounding_box())
    await here.button("Stop").click()
    await expect(clip_page(here.page)).to_be_visible()
    if width < 900:  # A clip's page lies over the list, and the button is below that.
        await back_to_list(here)
    await expect(here.button("Record")).to_be_visible()
    boxes.append(await here.button("Record").bounding_box())
    assert boxes == boxes[:1] * len(boxes)
    shifts = await here.page.evaluate("() => window.shifts")
    assert sum(shift["value"] for shift in shifts) < 0.01, shifts
    assert here.errors == []


async def test_silence_is_said_and_unsaid(calm_stack: Stack, launch_browser: Launch, tmp_path: Path) -> None:
    browser = await launch_browser(speech.microphone(tmp_path / "late.wav", lead_s=9))
    here = await DictaphonePage.open(browser, calm_stack.api_url)
    await here.button("Record").click()
    warning = here.page.get_by_text("Nothing is heard. Is the right microphone chosen?")
    await expect(warning).to_be_visible(timeout=SOON_MS)
    await expect(warning).to_be_hidden(timeout=SOON_MS)
    await here.button("Stop").click()


async def test_a_recording_of_which_nothing_came_says_so_and_the_next_one_has_its_title(
    calm_stack: Stack, launch_browser: Launch, tmp_path: Path
) -> None:
    browser = await launch_browser(speech.microphone(tmp_path / "speech.wav"))
    here = await DictaphonePage.open(browser, calm_stack.api_url)
    await here.page.evaluate(
        "() => { window.start = MediaRecorder.prototype.start; MediaRecorder.prototype.start = () => {}; }"
    )
    title = here.page.get_by_role("textbox", name="Title of this recording")
    recorder = here.page.get_by_role("region", name="Recorder")
    await here.button("Record").click()
    await title.fill("Interview")
    await here.button("Stop").click()
    await expect(recorder.get_by_role("alert")).to_contain_text("Nothing was recorded")
    await expect(recorder.get_by_role("alert")).to_contain_text("Interview")
    await here.page.evaluate("() => { MediaRecorder.prototype.start = window.start; }")
    await here.button("Record").click()
    await expect(title).to_have_value("Interview")
    await here.has_recorded(2)
    await here.button("Stop").click()
    await expect(title_of(here.rows().first)).to_have_text("Interview")
    names = await title_of(here.rows()).all_text_contents()
    assert names.count("Interview") == 1, "the first one left a clip"
    assert here.errors == []


async def test_the_microphone_that_is_chosen_is_the_one_that_is_used_also_next_time(
    calm_stack: Stack, launch_browser: Launch, tmp_path: Path
) -> None:
    browser = await launch_browser(speech.microphone(tmp_path / "speech.wav"), whole=True)
    here = await DictaphonePage.open(browser, calm_stack.api_url)
    await here.button("Record").click()
    await expect(here.button("Stop")).to_be_visible()
    choices = here.page.get_by_role("menuitemcheckbox")
    await here.button("Microphone").click()
    label = await choices.last.inner_text()
    await expect(choices.last).not_to_be_checked()
    await choices.last.click()
    await here.has_recorded(4)
    await here.button("Stop").click()
    await expect(here.button("Record")).to_be_visible()
    await here.page.goto(calm_stack.api_url)
    await here.button("Microphone").click()
    await expect(here.page.get_by_role("menuitemcheckbox", name=label, exact=True)).to_be_checked()
    assert here.errors == []


async def test_another_device_sees_the_recording_plays_what_has_arrived_and_finishes_it_when_it_is_left(
    calm_stack: Stack, launch_browser: Launch, tmp_path: Path
) -> None:
    browser = await launch_browser(speech.microphone(tmp_path / "speech.wav"))
    recorder = await DictaphonePage.open(browser, calm_stack.api_url)
    context = await browser.new_context()
    await context.add_init_script(LISTEN)
    there = await DictaphonePage.open(context, calm_stack.api_url)
    before = set(await there.ids())
    await recorder.button("Record").click()
    await there.page.wait_for_function(f"known => ({IDS})().length > known", arg=len(before))
    [clip_id] = set(await there.ids()) - before
    row = there.row(clip_id)
    await expect(row).to_contain_text("Recording now")
    await expect(recorder.row(clip_id)).to_have_count(0)
    await expect(row).to_contain_text("0:04", timeout=SOON_MS)
    await row.get_by_role("button", name="Play").click()
    await plays(there.page)
    await recorder.page.close(run_before_unload=False)
    finish = row.get_by_role("button", name="Finish now")
    await expect(finish).to_be_visible(timeout=20_000 + SOON_MS)
    await finish.click()
    await expect(finish).to_be_hidden()
    async with httpx.AsyncClient(base_url=calm_stack.api_url, verify=False) as api:
        assert (await api.get(f"/api/clips/{clip_id}")).json()["status"] != "recording"
    assert there.errors == []


async def test_a_recording_that_goes_on_after_its_tab_was_closed_is_played_through_the_join(
    calm_stack: Stack, launch_browser: Launch, tmp_path: Path
) -> None:
    browser = await launch_browser(speech.microphone(tmp_path / "speech.wav"))
    context = await browser.new_context()
    await context.add_init_script(LISTEN)
    here = await DictaphonePage.open(context, calm_stack.api_url)
    await here.button("Record").click()
    await here.has_recorded(4)
    await here.page.close(run_before_unload=False)
    here = await DictaphonePage.open(context, calm_stack.api_url)
    await here.page.get_by_role("button", name="Continue:").click()
    await expect(here.page.get_by_role("button", name="Continue:")).to_be_hidden()
    await expect(here.button("Stop")).to_be_focused()
    await here.has_recorded(8)
    await here.button("Stop").click()
    await expect(here.button("Record")).to_be_visible()
    clip, player = clip_page(here.page), here.page.get_by_role("region", name="Player", exact=True)
    await expect(clip.get_by_role("button", name="1 gap")).to_be_visible()
    await expect(clip).to_contain_text("Waiting to be transcribed", timeout=SOON_MS)
    await player.get_by_role("button", name="Play", exact=True).click()
    await here.page.wait_for_function("() => sounds.some(({ src, currentTime }) => src.endsWith('=1') && currentTime)")
    seek = player.get_by_role("slider", name="Seek")
    assert int(await seek.input_value()) >= 1_500
    await seek.fill("500")
    await here.page.wait_for_function("() => sounds.some(({ src, paused }) => src.endsWith('audio') && !paused)")
    await player.get_by_role("button", name="Pause").click()
    assert 500 <= int(await seek.input_value()) < 1_500
    assert here.errors == []
