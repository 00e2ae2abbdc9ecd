"""Cut, split and join with real speech, a real recognizer and a real worker: sound, words and waveform agree."""

import asyncio
import io
import uuid
from typing import Any

import httpx
import numpy as np
import pytest

from services.transcriber.audio.decode import SAMPLE_RATE, decode_file
from tests import speech
from tests.conftest import Parts, StartStack
from tests.services.transcriber import files

WAIT_S = 90

MAX_ERROR_MS = 50
"""What a person who follows the words while they are said does not notice."""

COMPARED_MS = 250

PLAIN = {"Sec-Fetch-Dest": "empty"}


async def settled(api: httpx.AsyncClient, id: str) -> dict[str, Any]:
    async with asyncio.timeout(WAIT_S):
        while (clip := (await api.get(f"/api/clips/{id}")).json())["status"] not in {"done", "failed"}:
            await asyncio.sleep(0.2)
    assert clip["status"] == "done", clip
    return dict(clip)


async def heard(api: httpx.AsyncClient, id: str, query: str = "") -> np.ndarray:
    """The sound of a clip, as soon as it is made."""
    async with asyncio.timeout(WAIT_S):
        while (answer := await api.get(f"/api/clips/{id}/audio{query}", headers=PLAIN)).status_code == 202:
            await asyncio.sleep(0.2)
    assert answer.status_code == 200, answer.text
    return np.concatenate(list(decode_file(io.BytesIO(answer.content))))


async def words(api: httpx.AsyncClient, id: str) -> list[dict[str, Any]]:
    return list((await api.get(f"/api/clips/{id}/transcript.json")).json()["words"])


def error_ms(sound: np.ndarray, at_ms: int, whole: np.ndarray, whole_ms: int) -> float:
    """How far the sound at a moment is from what it is in the whole sound."""
    reach = SAMPLE_RATE * 2 * MAX_ERROR_MS // 1000
    start, length = whole_ms * SAMPLE_RATE // 1000, COMPARED_MS * SAMPLE_RATE // 1000
    sample = whole[start : start + length]
    at = at_ms * SAMPLE_RATE // 1000
    window = np.pad(sound, (reach, reach + length))[at : at + length + 2 * reach]
    return (int(np.correlate(window, sample, "valid").argmax()) - reach) * 1000 / SAMPLE_RATE


def assert_said_there(
    shown: list[dict[str, Any]], sound: np.ndarray, said: list[dict[str, Any]], whole: np.ndarray
) -> None:
    """Every word that is shown is heard where it is shown, as it is heard in the whole sound."""
    assert [word["text"] for word in shown] == [word["text"] for word in said]
    for word, original in zip(shown, said, strict=True):
        if original["end_ms"] - original["start_ms"] >= COMPARED_MS:
            assert abs(error_ms(sound, word["start_ms"], whole, original["start_ms"])) <= MAX_ERROR_MS, word


async def test_words_sound_and_waveform_agree_after_cuts_a_split_and_a_join(
    local_parts: Parts, start_stack: StartStack
) -> None:
    stack = start_stack(local_parts)
    async with httpx.AsyncClient(base_url=stack.api_url, timeout=60) as api:
        first, second, rest, joined = (str(uuid.uuid4()) for _ in range(4))
        contents = {first: files.webm(), second: speech.wav(speech.samples(speech.ALL[3:4]))}
        for id, content in contents.items():
            (await api.put(f"/api/clips/{id}", params={"name": id}, content=content)).raise_for_status()
        clip, _ = [await settled(api, id) for id in contents]
        whole, whole_words = await heard(api, first), await words(api, first)

        # Cut the beginning, and a stretch in the middle.
        cuts = [
            (0, whole_words[3]["start_ms"]),
            (whole_words[10]["start_ms"], whole_words[16]["start_ms"]),
        ]
        shown = (await api.put(f"/api/clips/{first}/cuts", json={"cuts": cuts})).json()
        kept = whole_words[3:10] + whole_words[16:]
        sound = await heard(api, first)
        assert abs(len(sound) * 1000 / SAMPLE_RATE - shown["duration_ms"]) < MAX_ERROR_MS
        assert_said_there(await words(api, first), sound, kept, whole)
        waveform = (await api.get(f"/api/clips/{first}/waveform")).json()
        loudness = [np.abs(part).max() for part in np.array_split(sound, len(waveform["peaks"]))]
        assert np.corrcoef(loudness, waveform["peaks"])[0, 1] > 0.9

        # Split at a word; both parts are heard and read.
        at_ms = (await words(api, first))[12]["start_ms"]
        (await api.post(f"/api/clips/{first}/split", json={"id": rest, "at_ms": at_ms})).raise_for_status()
        for id, said in ((first, kept[:12]), (rest, kept[12:])):
            assert_said_there(await words(api, id), await heard(api, id), said, whole)

        # Join the rest with another clip, without another transcription.
        before = await words(api, rest), await words(api, second)
        sounds = await heard(api, rest), await heard(api, second)
        (await api.post("/api/clips/join", json={"ids": [rest, second], "id": joined})).raise_for_status()
        made = await settled(api, joined)
        assert made["text"] == "\n\n".join([(await settled(api, id))["text"] for id in (rest, second)])
        revisions = (await api.get(f"/api/clips/{joined}/revisions")).json()["revisions"]
        assert len(revisions) == 1, "it was not heard again"
        sound, all_words = await heard(api, joined), await words(api, joined)
        assert_said_there(all_words[: len(before[0])], sound, before[0], sounds[0])
        assert_said_there(all_words[len(before[0]) :], sound, before[1], sounds[1])

        # All of it comes back.
        (await api.put(f"/api/clips/{first}/cuts", json={"cuts": []})).raise_for_status()
        assert (await settled(api, first))["text"] == clip["text"]
        assert (await api.get(f"/api/clips/{first}/audio?as=original", headers=PLAIN)).content == contents[first]
        assert len(await heard(api, joined)) == pytest.approx(len(sounds[0]) + len(sounds[1]), abs=SAMPLE_RATE // 20)
