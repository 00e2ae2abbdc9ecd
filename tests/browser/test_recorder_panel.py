"""What a person sees of a recording while it is made: here, and on another device."""

from pathlib import Path

import httpx
from playwright.async_api import expect

from tests import speech
from tests.browser.page import IDS, LISTEN, SOON_MS, DictaphonePage, name_of, plays
from tests.conftest import Launch
from tests.servers.stack import Stack

FIGURES = """() => Object.fromEntries(["recorded", "on-device", "on-server"].map(part => {
    const [minutes, seconds] = document.querySelector(`[data-part=${part}]`).textContent.split(":");
    return [part, 60 * Number(minutes) + Number(seconds)];
}))"""


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
    await expect(name_of(here.rows().first)).to_have_value("Interview")
    names = [await name_of(row).input_value() for row in await here.rows().all()]
    assert names.count("Interview") == 1, "the first one left a clip"
    assert here.errors == []


async def test_the_microphone_that_is_chosen_is_the_one_that_is_used_also_next_time(
    calm_stack: Stack, launch_browser: Launch, tmp_path: Path
) -> None:
    browser = await launch_browser(speech.microphone(tmp_path / "speech.wav"), whole=True)
    here = await DictaphonePage.open(browser, calm_stack.api_url)
    await here.button("Record").click()
    await expect(here.button("Stop")).to_be_visible()
    microphone = here.page.get_by_role("combobox", name="Microphone")
    labels = [label.strip() for label in await microphone.get_by_role("option").all_text_contents()]
    await microphone.select_option(label=labels[-1])
    await here.has_recorded(4)
    await here.button("Stop").click()
    await expect(here.button("Record")).to_be_visible()
    await here.page.reload()
    await expect(microphone.locator("option:checked")).to_have_text(labels[-1])
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
    await here.button("Continue").click()
    await expect(here.button("Continue")).to_be_hidden()
    await expect(here.button("Stop")).to_be_focused()
    await here.has_recorded(8)
    await here.button("Stop").click()
    await expect(here.button("Record")).to_be_visible()
    row = here.rows().first
    await expect(row).to_contain_text("the tab was closed")
    await expect(row).to_contain_text("Waiting to be transcribed", timeout=SOON_MS)
    await row.get_by_role("button", name="Play").click()
    await here.page.wait_for_function("() => sounds.some(({ src, currentTime }) => src.endsWith('=1') && currentTime)")
    seek = row.get_by_role("slider", name="Seek")
    assert int(await seek.input_value()) >= 1_500
    await seek.fill("500")
    await here.page.wait_for_function("() => sounds.some(({ src, paused }) => src.endsWith('audio') && !paused)")
    await row.get_by_role("button", name="Pause").click()
    assert 500 <= int(await seek.input_value()) < 1_500
    assert here.errors == []
