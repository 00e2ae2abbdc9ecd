"""Servers die and come back under open pages: nothing said is lost, and every page shows the same clips."""

import hashlib
import io
import re
import uuid
from pathlib import Path
from typing import Any

import av
import httpx
import pytest
from playwright.async_api import Browser, expect

from tests import recordings, speech
from tests.browser.page import SOON_MS, DictaphonePage, title_of
from tests.conftest import Launch, Parts, StartStack
from tests.servers.stack import Stack
from tests.servers.valkey import Valkey

SLICE_S = 3
"""The page commits a piece of a recording each so often: what the end of a tab may cost."""


@pytest.fixture
def doomed_stack(start_stack: StartStack, local_parts: Parts) -> Stack:
    """Api and realtime for one test, which kills them; nobody transcribes."""
    return start_stack(local_parts, "api", "realtime")


@pytest.fixture
async def speaker(launch_browser: Launch, tmp_path: Path) -> Browser:
    """A browser with a microphone that hears speech at once."""
    return await launch_browser(speech.microphone(tmp_path / "speech.wav", lead_s=0))


async def begin(here: DictaphonePage, title: str, seconds: float) -> None:
    """Record under this title for so long, and go on."""
    await here.button("Record").click()
    field = here.page.get_by_role("textbox", name="Title of this recording")
    await expect(field).to_be_visible()
    await field.fill(title)
    await field.press("Enter")
    await here.has_recorded(seconds)


async def kept(here: DictaphonePage) -> None:
    """Wait until the page says that a clip is on this device alone."""
    row = here.page.locator("[data-clip-id]", has_text="Kept on this device, will be sent.")
    await expect(row).to_be_visible(timeout=SOON_MS)


async def sent(here: DictaphonePage) -> None:
    """Wait until the server has every clip that is shown."""
    await expect(here.page.locator("[data-clip-id][data-status=waiting]")).to_have_count(
        await here.rows().count(), timeout=SOON_MS
    )


async def only_clip(stack: Stack) -> tuple[dict[str, Any], bytes]:
    """The one clip that the server has, none in the bin, and its audio."""
    async with httpx.AsyncClient(base_url=stack.api_url, trust_env=False) as api:
        assert (await api.get("/api/clips", params={"deleted": "true"})).json()["clips"] == []
        [clip] = (await api.get("/api/clips")).json()["clips"]
        return clip, (await api.get(f"/api/clips/{clip['id']}/audio")).content


def seconds_of(sound: bytes) -> float:
    """The duration of all that can be decoded."""
    with av.open(io.BytesIO(sound), "r") as file:
        return sum((frame.samples / frame.sample_rate for frame in file.decode(audio=0)), 0.0)


# -- the api is dead when a recording ends ------------------------------------------------------------------------


async def test_what_was_recorded_without_a_server_is_sent_once_when_it_is_back(
    doomed_stack: Stack, speaker: Browser
) -> None:
    here = await DictaphonePage.open(speaker, doomed_stack.api_url, service_worker=True)
    begun: list[str] = []
    here.page.on("response", lambda answer: begun.append(answer.url) if answer.status == 201 else None)
    await begin(here, "Said to nobody", 4)
    doomed_stack.kill("api")
    await here.button("Stop").click()
    await kept(here)
    await here.mark()
    doomed_stack.start("api")
    await sent(here)

    clip, sound = await only_clip(doomed_stack)
    assert clip["name"] == "Said to nobody"
    assert seconds_of(sound) == pytest.approx(clip["duration_ms"] / 1000, abs=0.3)
    assert len(begun) == 1
    assert await here.was_never_reloaded()
    assert here.errors == []


async def test_a_reload_while_the_server_is_away_loses_nothing(doomed_stack: Stack, speaker: Browser) -> None:
    here = await DictaphonePage.open(speaker, doomed_stack.api_url, service_worker=True)
    await begin(here, "Before the reload", 4)
    await here.page.evaluate("() => navigator.serviceWorker.ready.then(() => undefined)")
    doomed_stack.kill("api")
    await here.button("Stop").click()
    await kept(here)
    await here.page.reload()
    doomed_stack.start("api")
    await expect(here.rows()).to_have_count(1, timeout=SOON_MS)
    await sent(here)

    clip, sound = await only_clip(doomed_stack)
    assert clip["name"] == "Before the reload"
    assert seconds_of(sound) == pytest.approx(clip["duration_ms"] / 1000, abs=0.3)


async def test_a_recording_whose_tab_ended_is_finished_with_at_most_one_piece_less(
    doomed_stack: Stack, speaker: Browser
) -> None:
    here = await DictaphonePage.open(speaker, doomed_stack.api_url, service_worker=True)
    await begin(here, "Cut short", 7)
    await here.crash()
    again = await DictaphonePage.open(here.page.context, doomed_stack.api_url)
    await expect(again.rows()).to_have_count(1, timeout=SOON_MS)
    await again.page.get_by_role("button", name="Finish:").click()
    await sent(again)

    clip, sound = await only_clip(doomed_stack)
    assert clip["name"] == "Cut short"
    # The second piece is out at twice its length; a busy recorder may hand it out a little early.
    assert seconds_of(sound) > 2 * SLICE_S - 0.5


# -- a long file, and a server that dies while it is sent -------------------------------------------------------


async def test_three_minutes_arrive_whole_though_the_server_dies_on_the_way(
    start_stack: StartStack, local_parts: Parts, launch_browser: Launch, tmp_path: Path
) -> None:
    stack = start_stack(local_parts)
    sound = speech.encode(speech.repeated(speech.samples(), 180))
    assert len(sound) > 2_500_000, "the seed lost what was larger"
    file = tmp_path / "Three minutes.webm"
    file.write_bytes(sound)
    here = await DictaphonePage.open(await launch_browser(), stack.api_url)
    # Frozen: the upload is on its way and nobody reads it.
    stack["api"].pause()
    await here.page.set_input_files("input[type=file]", file)
    await expect(here.page.locator("[data-status=sending]")).to_be_visible(timeout=SOON_MS)
    stack.kill("api")
    await kept(here)
    stack.start("api")

    heard = here.page.locator("[data-status=transcribing], [data-status=done]")
    await expect(heard).to_be_visible(timeout=SOON_MS)
    await expect(heard).to_contain_text("3 min")
    clip, stored = await only_clip(stack)
    assert clip["name"] == "Three minutes"
    assert hashlib.sha256(stored).digest() == hashlib.sha256(sound).digest()


# -- events are lost ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["Redis is killed", "Redis is emptied", "realtime is killed"])
async def test_browsers_catch_up_without_a_reload(
    doomed_stack: Stack, valkey: Valkey, launch_browser: Launch, fault: str
) -> None:
    stack = doomed_stack
    async with httpx.AsyncClient(base_url=stack.api_url, trust_env=False) as api:

        async def add(name: str) -> str:
            number = int(uuid.uuid4()) % 1000
            answer = await api.put(
                f"/api/clips/{uuid.uuid4()}", params={"name": name}, content=recordings.recording(number),
                headers={"Content-Type": "audio/webm"},
            )  # fmt: skip
            return str(answer.raise_for_status().json()["id"])

        first, second = await add("Renamed meanwhile"), await add("Deleted meanwhile")
        browser = await launch_browser()
        pages = [await DictaphonePage.open(browser, stack.api_url) for _ in range(2)]
        third = await add("Heard of at once")
        for here in pages:
            await here.mark()
            await expect(here.row(third)).to_be_visible(timeout=SOON_MS)

        match fault:
            case "Redis is killed":
                valkey.kill()
            case "Redis is emptied":
                with valkey.client() as client:
                    client.flushall()
            case _:
                stack.kill("realtime")
        await api.patch(f"/api/clips/{first}", json={"name": "While nobody told"})
        await api.delete(f"/api/clips/{second}")
        fourth = await add("Added while nobody told")
        valkey.start()
        stack.start("realtime")

        for here in pages:
            await expect(here.row(fourth)).to_be_visible(timeout=SOON_MS)
            await expect(title_of(here.row(first))).to_have_text("While nobody told", timeout=SOON_MS)
            await expect(here.row(second)).not_to_be_visible(timeout=SOON_MS)
        fifth = await add("Heard of afterwards")
        listed = [clip["id"] for clip in (await api.get("/api/clips")).json()["clips"]]
        for here in pages:
            await expect(here.row(fifth)).to_be_visible(timeout=SOON_MS)
            assert await here.ids() == listed
            assert await here.was_never_reloaded()
            assert here.errors == []


# -- what people upload never runs --------------------------------------------------------------------------------


async def test_a_page_uploaded_as_audio_is_refused_or_inert(doomed_stack: Stack, launch_browser: Launch) -> None:
    script = b"<html><script>document.title = 'hacked'; window.hacked = true</script>"
    browser = await launch_browser()
    async with httpx.AsyncClient(base_url=doomed_stack.api_url, trust_env=False) as api:
        for mime in ("text/html", "audio/webm", "image/svg+xml", ""):
            answer = await api.put("/clips/page", content=script, headers={"Content-Type": mime} if mime else {})
            assert answer.status_code == 415, mime
            assert re.match(r"application/problem\+json", answer.headers["content-type"])
        disguised = recordings.WEBM_HEAD + script
        stored = await api.put("/clips/page", content=disguised, headers={"Content-Type": "audio/webm"})
        assert stored.status_code == 201
    page = await browser.new_page()
    for path in ("/clips/page", "/audio/page", f"/api/clips/{stored.json()['id']}/audio"):
        answered = await page.goto(doomed_stack.api_url + path)
        assert answered is not None
        headers = answered.headers
        assert headers["content-type"].startswith("audio/")
        assert headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in headers["content-security-policy"]
        assert await page.evaluate("() => [window.hacked, document.title === 'hacked']") == [None, False]
