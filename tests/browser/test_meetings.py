"""The sound of another tab beside the microphone: both are in the clip, and the end of one ends nothing."""

from pathlib import Path

import httpx
import numpy as np
from playwright.async_api import BrowserContext, expect

from tests import speech
from tests.browser.page import SOON_MS, DictaphonePage
from tests.browser.test_never_lost import RATE, Sound, decoded
from tests.conftest import Launch
from tests.servers.chromium import Microphone
from tests.servers.stack import Stack

SPOKEN_HZ, SHARED_HZ = 440, 1_250
"""Neither is an overtone of the other."""

TONE = """async hz => {
    document.title = "The meeting";
    const context = new AudioContext();
    await context.resume();
    const tone = new OscillatorNode(context, { frequency: hz });
    tone.connect(new GainNode(context, { gain: 0.3 })).connect(context.destination);
    tone.start();
}"""

SHARES = "--auto-select-tab-capture-source-by-title=The meeting"
"""Chromium asks nobody, and shares the tab of this title with its sound."""

RAW = """
const open = MediaDevices.prototype.getUserMedia;
MediaDevices.prototype.getUserMedia = function ({ audio }) {
  const raw = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  return open.call(this, { audio: { ...(audio === true ? {} : audio), ...raw } });
};
const share = MediaDevices.prototype.getDisplayMedia;
MediaDevices.prototype.getDisplayMedia = async function (wanted) {
  window.shared = await share.call(this, wanted);
  return window.shared;
};
"""
"""A tone is what browsers take out of a voice as noise; and the test must end the sharing, as Chromium's bar does."""


def loudness(sound: Sound, hz: int) -> float:
    """How much louder a tone is than what lies around it."""
    power = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2
    at = round(hz * len(sound) / RATE)
    return float(power[at - 3 : at + 4].max() / np.median(power[at - 200 : at + 200]).clip(1e-12))


async def meeting(launch_browser: Launch, url: str, tmp_path: Path) -> tuple[BrowserContext, DictaphonePage]:
    """A page with a microphone that hears one tone, and another tab of its browser that plays another."""
    seconds = np.arange(60 * speech.RATE) / speech.RATE
    microphone = tmp_path / "spoken.wav"
    microphone.write_bytes(speech.wav((8_000 * np.sin(2 * np.pi * SPOKEN_HZ * seconds)).astype(np.int16)))
    more = [SHARES, f"--use-file-for-fake-audio-capture={microphone}"]
    browser = await launch_browser(Microphone.GRANTED, more=more, whole=True)
    context = await browser.new_context(service_workers="block", permissions=["microphone"])
    await context.add_init_script(RAW)
    other = await context.new_page()
    await other.goto(f"{url}/api/about")
    await other.evaluate(TONE, SHARED_HZ)
    return context, await DictaphonePage.open(context, url)


async def ask_for(here: DictaphonePage, item: str) -> None:
    await here.button("Microphone").click()
    await here.page.get_by_role("menuitem", name=item).click()


async def stop(here: DictaphonePage, url: str) -> tuple[Sound, list[str]]:
    """Stop, and return what the clip's bytes hold with the causes of its gaps."""
    await here.button("Stop").click()
    await expect(here.button("Record")).to_be_visible(timeout=SOON_MS)
    clip_id = here.page.url.split("/clips/")[1].split("?")[0]
    where = f"/api/clips/{clip_id}"
    async with httpx.AsyncClient(base_url=url, verify=False) as api:
        clip = (await api.get(where)).json()
        audio = await api.get(f"{where}/audio", headers={"Sec-Fetch-Dest": "empty"})
    return decoded(audio.content), [gap["cause"] for gap in clip["gaps"]]


async def test_both_sounds_of_a_meeting_are_recorded_and_the_end_of_the_sharing_ends_nothing(
    calm_stack: Stack, launch_browser: Launch, tmp_path: Path
) -> None:
    _, here = await meeting(launch_browser, calm_stack.api_url, tmp_path)
    await ask_for(here, "Record a meeting")
    await expect(here.page.get_by_text("Tab or computer", exact=True)).to_be_visible(timeout=SOON_MS)
    assert await here.page.evaluate("() => shared.getVideoTracks().length") == 0, "the picture is let go"
    await here.has_recorded(5)
    await here.page.evaluate(
        "() => { const [track] = shared.getAudioTracks(); track.stop(); track.dispatchEvent(new Event('ended')); }"
    )
    await expect(here.page.get_by_text("The shared sound has ended.")).to_be_visible()
    await expect(here.page.get_by_text("Tab or computer", exact=True)).to_be_hidden()
    await here.has_recorded(10)
    sound, gaps = await stop(here, calm_stack.api_url)
    assert gaps == []
    both, one = sound[2 * RATE : 4 * RATE], sound[-3 * RATE : -1 * RATE]
    heard = [[round(loudness(part, hz)) for hz in (SPOKEN_HZ, SHARED_HZ)] for part in (both, one)]
    assert min(heard[0]) > 1_000, heard
    assert heard[1][0] > 1_000, heard
    assert heard[1][1] < 100, heard
    assert here.errors == []


async def test_a_tab_is_recorded_alone_and_its_end_pauses(
    calm_stack: Stack, launch_browser: Launch, tmp_path: Path
) -> None:
    context, here = await meeting(launch_browser, calm_stack.api_url, tmp_path)
    await ask_for(here, "Record the sound of a tab or the computer alone")
    await here.has_recorded(4)
    await context.pages[0].close()
    await expect(here.button("Resume")).to_be_visible(timeout=SOON_MS)
    await expect(here.page.get_by_text("so the recording is paused")).to_be_visible()
    sound, gaps = await stop(here, calm_stack.api_url)
    assert gaps == []
    part = sound[1 * RATE : 3 * RATE]
    assert loudness(part, SHARED_HZ) > 1_000 > loudness(part, SPOKEN_HZ)
    assert here.errors == []
