"""Speech that a server left without words: noted where this process can tell, whatever the server."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from services.transcriber.audio.fetch import FetchedAudio
from services.transcriber.errors import never_cancelled
from services.transcriber.recognizers import chunks, not_understood
from services.transcriber.recognizers.factory import open_recognizer
from services.transcriber.recognizers.not_understood import note_not_understood
from services.transcriber.recognizers.recognizer import Passage, Recognition
from tests import speech
from tests.servers.whisper import API_KEY, Heard, Whisper
from tests.services.transcriber import files, sounds
from tests.services.transcriber.recognizers.test_recognizers import measure, settings, transcribe

SILENCE_S = 5
SPOKEN = speech.samples(files.SAID[:1])
SPOKEN_MS = len(SPOKEN) * 1000 // speech.RATE
LATER_MS = SPOKEN_MS + SILENCE_S * 1000
"""Where the speech is said once more, behind silence."""


def said_twice() -> FetchedAudio:
    pause = np.zeros(SILENCE_S * speech.RATE, np.int16)
    return measure(speech.wav(np.concatenate([SPOKEN, pause, SPOKEN])), "audio/wav")


def hear_the_first(audio: bytes) -> Heard:
    """Stands in for a model that finds words at the beginning only."""
    segment = {"start": 0.0, "end": SPOKEN_MS / 1000, "text": " What was said first."}
    return {"text": segment["text"], "duration": 1.0, "segments": [segment], "words": []}


@pytest.fixture
def server() -> Iterator[Whisper]:
    with Whisper(transcribe=hear_the_first) as whisper:
        yield whisper


@pytest.mark.parametrize("contract", ["openai", "cog"])
@pytest.mark.parametrize("is_plain", [True, False])
def test_speech_that_a_server_left_without_words_is_not_understood(
    server: Whisper, contract: str, is_plain: bool
) -> None:
    """Of a file that is sent as it is, and of chunks."""
    url = server.openai_url if contract == "openai" else server.cog_url
    recognizer = open_recognizer(settings(whisper_url=url, whisper_api_key=API_KEY))
    assert recognizer
    found = transcribe(recognizer, replace(said_twice(), is_plain=is_plain))
    assert found.text == "What was said first."
    [(start_ms, end_ms)] = found.not_understood
    assert abs(start_ms - LATER_MS) < 700
    assert abs(end_ms - LATER_MS - SPOKEN_MS) < 700


def test_stretches_of_later_chunks_are_on_the_clips_clock(server: Whisper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "MAX_BLOCK_S", SPOKEN_MS // 1000 + SILENCE_S - 1)
    recognizer = open_recognizer(settings(whisper_url=server.openai_url, whisper_api_key=API_KEY))
    assert recognizer
    server._stand_in = lambda _: {"text": "", "duration": 1.0, "segments": [], "words": []}
    found = transcribe(recognizer, replace(said_twice(), is_plain=False))
    assert len(server.requests) > 1
    assert abs(found.not_understood[0][0] - 300) < 700
    assert abs(found.not_understood[-1][1] - LATER_MS - SPOKEN_MS) < 700


def test_nothing_is_decoded_where_the_words_reach_over_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(not_understood, "decode_blocks", lambda *_, **__: pytest.fail("decoded"))
    heard = Recognition("All of it.", "en", [Passage(0, LATER_MS + SPOKEN_MS - 1_000, "All of it.")])
    assert note_not_understood(heard, said_twice(), never_cancelled) is heard


@pytest.mark.parametrize("name", sounds.SPEECHLESS)
def test_sound_without_speech_is_nothing_to_understand(name: str) -> None:
    audio = measure(sounds.wav(sounds.SPEECHLESS[name]()), "audio/wav")
    assert note_not_understood(Recognition("", None, []), audio, never_cancelled).not_understood == []
