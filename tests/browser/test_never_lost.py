"""A minute of speech into a real Chromium while everything around it breaks: what was said is what is kept."""

import asyncio
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import av
import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.async_api import Request, expect

from tests import speech
from tests.browser.page import LISTEN, SOON_MS, WORDS_MS, DictaphonePage
from tests.conftest import Launch, Parts, StartStack
from tests.servers.stack import Stack

RATE = 8_000
"""Samples a second for comparing: speech is below 4 kHz, and a minute is correlated in a moment."""

WINDOW_S = 4
"""Length of the stretches that are looked for in what was fed."""

LEAST_LIKENESS = 0.25
"""Browsers clean a voice of what they take for noise, and speech played backwards most of all; chance gives 0.05."""

SLACK_S = 0.5
"""How far the length of what was kept may be from that of what was fed; a busy page learns late that it records."""

SLICE_S = 3
"""The page commits a piece each so often: what the end of a tab may cost."""

Sound = NDArray[np.float64]


Faults = Sequence[tuple[int, Literal["kill", "cut", "mend"]]]
"""At which second of a recording the server is killed and started again, or the network is cut or mended."""

FAULTS: Faults = ((5, "kill"), (11, "cut"), (15, "mend"))
MANY_FAULTS: Faults = (
    (8, "kill"), (16, "cut"), (22, "mend"), (28, "kill"), (36, "cut"), (42, "mend"), (46, "kill"),
)  # fmt: skip


def a_minute() -> speech.Samples:
    """More than a minute in which no second is like another: speech, then the same backwards."""
    sound = speech.samples(lead_s=0, tail_s=0)
    return np.concatenate([sound, sound[::-1]])


def decoded(content: bytes) -> Sound:
    """Every sample, mono at `RATE`; what is missing between two of them is missing here, too."""
    resampler = av.AudioResampler("dbl", "mono", RATE)
    pieces: list[Sound] = []
    with av.open(io.BytesIO(content), "r") as file:
        for frame in [*file.decode(audio=0), None]:
            pieces += [piece.to_ndarray()[0] for piece in resampler.resample(frame)]
    return np.concatenate(pieces)


def places(kept: Sound, fed: Sound) -> list[tuple[float, float]]:
    """For each stretch of what was kept: where in what was fed it stands, less where it stands itself, and how alike
    the two are (1: equal but for loudness).
    """
    found = []
    size = WINDOW_S * RATE
    energy = np.sqrt(correlated(fed**2, np.ones(size)).clip(1e-9))
    for at in range(0, len(kept) - size, size):
        window = kept[at : at + size]
        likeness = correlated(fed, window) / energy / np.linalg.norm(window).clip(1e-9)
        best = int(likeness.argmax())
        found.append(((best - at) / RATE, float(likeness[best])))
    return found


def correlated(long: Sound, short: Sound) -> Sound:
    """The product sum of the short one with each stretch of the long one, by Fourier transform."""
    size = len(long) + len(short)
    spectrum = np.fft.rfft(long, size) * np.conj(np.fft.rfft(short, size))
    return np.fft.irfft(spectrum, size)[: len(long) - len(short) + 1]


async def finished(stack: Stack, clip_id: str) -> tuple[dict[str, Any], bytes]:
    """Wait until the clip is prepared; return it with its audio."""
    async with httpx.AsyncClient(base_url=stack.api_url, trust_env=False) as api, asyncio.timeout(60):
        while True:
            clip = (await api.get(f"/api/clips/{clip_id}")).json()
            if (await api.get(f"/api/clips/{clip_id}/waveform")).status_code == 200:
                audio = await api.get(f"/api/clips/{clip_id}/audio", headers={"Sec-Fetch-Dest": "empty"})
                return clip, audio.content
            await asyncio.sleep(0.2)


@pytest.mark.parametrize(
    ("seconds", "faults"),
    [pytest.param(22, FAULTS, id="short"), pytest.param(60, MANY_FAULTS, id="minute", marks=pytest.mark.slow)],
)
async def test_what_is_said_is_kept_whole_though_the_server_dies_and_the_network_too(
    start_stack: StartStack,
    local_parts: Parts,
    launch_browser: Launch,
    tmp_path: Path,
    seconds: int,
    faults: Faults,
) -> None:
    # The long one is followed by captions, as recordings are; without them the short one is done sooner.
    stack = start_stack(local_parts, LIVE_CAPTIONS="on" if faults is MANY_FAULTS else "off")
    sound = a_minute()
    microphone = tmp_path / "microphone.wav"
    microphone.write_bytes(speech.wav(np.concatenate([np.zeros(speech.RATE, np.int16), sound])))
    here = await DictaphonePage.open(await launch_browser(microphone), stack.api_url, service_worker=True)
    there = await DictaphonePage.open(await launch_browser(), stack.api_url)
    await here.mark()
    told: list[dict[str, Any]] = []

    def note(asked: Request) -> None:
        if asked.url.endswith("/finish"):
            told.append(asked.post_data_json or {})

    here.page.on("request", note)
    await here.button("Record").click()
    row = there.page.locator("[data-clip-id][data-status=recording]")
    await expect(row).to_be_visible(timeout=SOON_MS)
    clip_id = await row.get_attribute("data-clip-id")
    assert clip_id

    for at, fault in faults:
        await here.has_recorded(at)
        if fault == "kill":
            stack.kill("api")
            await asyncio.sleep(2)
            await asyncio.to_thread(stack.start, "api")
        else:
            await here.page.context.set_offline(fault == "cut")
    await here.has_recorded(seconds)
    await here.button("Stop").click()
    await expect(here.row(clip_id)).to_be_visible(timeout=SOON_MS)
    clip, content = await finished(stack, clip_id)

    kept = decoded(content)
    assert len(kept) / RATE > seconds - SLACK_S
    assert len(kept) / RATE == pytest.approx(told[-1]["duration_ms"] / 1000, abs=SLACK_S)
    assert len(kept) / RATE == pytest.approx(clip["duration_ms"] / 1000, abs=0.1)
    assert clip["gaps"] == []
    # Silence before, since the recorder may be there a moment before the file begins.
    fed = np.concatenate([np.zeros(RATE), decoded(microphone.read_bytes())])
    lags, likeness = zip(*places(kept, fed), strict=True)
    assert len(lags) >= seconds // WINDOW_S - 1
    assert min(likeness) > LEAST_LIKENESS
    assert max(lags) - min(lags) < SLACK_S, f"a piece is missing or doubled: {lags}"
    assert await here.was_never_reloaded()
    assert here.errors == there.errors == []


async def test_a_tab_that_crashes_is_recovered_and_goes_on_as_one_clip(
    start_stack: StartStack, server_parts: Parts, launch_browser: Launch, tmp_path: Path, full_length: bool
) -> None:
    before_s, after_s = (20, 7) if full_length else (8, 4)
    stack = start_stack(server_parts, LIVE_CAPTIONS="on" if full_length else "off")
    microphone = tmp_path / "microphone.wav"
    microphone.write_bytes(speech.wav(a_minute()))
    context = await (await launch_browser(microphone, once=False)).new_context()
    await context.add_init_script(LISTEN)
    here = await DictaphonePage.open(context, stack.api_url)
    await here.button("Record").click()
    title = here.page.get_by_role("textbox", name="Title of this recording")
    await expect(title).to_be_visible(timeout=SOON_MS)
    await title.fill("Cut short")
    await title.press("Enter")
    await here.has_recorded(before_s)
    await here.crash()

    again = await DictaphonePage.open(context, stack.api_url)
    row = again.page.locator("[data-clip-id]", has_text="Continue")
    await expect(row).to_be_visible(timeout=SOON_MS)
    clip_id = await row.get_attribute("data-clip-id")
    assert clip_id
    async with httpx.AsyncClient(base_url=stack.api_url, trust_env=False) as api:
        async with asyncio.timeout(SOON_MS / 1000):
            while True:
                arrived = await api.get(f"/api/clips/{clip_id}/audio", headers={"Sec-Fetch-Dest": "empty"})
                if arrived.status_code == 200 and len(decoded(arrived.content)) / RATE > before_s - SLICE_S - 0.5:
                    break
                await asyncio.sleep(0.2)
        first_s = len(decoded(arrived.content)) / RATE

    await again.page.get_by_role("button", name="Continue:").click()
    await expect(again.button("Stop")).to_be_visible(timeout=SOON_MS)
    await asyncio.sleep(after_s)
    await again.button("Stop").click()
    clip, content = await finished(stack, clip_id)
    async with httpx.AsyncClient(base_url=stack.api_url, trust_env=False) as api:
        assert [one["id"] for one in (await api.get("/api/clips")).json()["clips"]] == [clip_id]
    assert (clip["name"], clip["segments"]) == ("Cut short", 2)
    assert [gap["cause"] for gap in clip["gaps"]] == ["closed"]
    kept = decoded(content)
    assert len(kept) / RATE > first_s + after_s - 1
    assert len(kept) / RATE == pytest.approx(clip["duration_ms"] / 1000, abs=0.1)
    # It plays, and seeks through the join.
    await expect(again.row(clip_id)).not_to_have_attribute("data-status", "recording", timeout=WORDS_MS)
    await again.row(clip_id).get_by_role("button", name="Play").click()
    await again.page.wait_for_function("() => window.sounds.some(sound => !sound.paused && sound.currentTime > 0.3)")
    reached = await again.page.evaluate(
        """async at => {
            const sound = window.sounds.find(sound => !sound.paused);
            sound.currentTime = at;
            await new Promise(done => sound.addEventListener("seeked", done, { once: true }));
            while (sound.currentTime < at + 2) await new Promise(done => setTimeout(done, 50));
            return [sound.currentTime, sound.duration];
        }""",
        first_s - 1,
    )
    assert first_s + 1 <= reached[0] < first_s + 2
    assert reached[1] == pytest.approx(clip["duration_ms"] / 1000, abs=0.2)
    assert again.errors == []
