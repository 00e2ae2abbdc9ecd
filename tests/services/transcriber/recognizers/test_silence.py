"""Where nobody speaks there are no words: each filter on sounds that it is there for, and speech that it must keep."""

import time
from typing import Any

import numpy as np
import pytest

from services.transcriber.audio.blocks import decode_blocks
from services.transcriber.recognizers import embedded, hallucinations
from services.transcriber.recognizers.embedded import EmbeddedRecognizer
from services.transcriber.recognizers.recognizer import Recognition
from tests import speech
from tests.services.transcriber import files, sounds
from tests.services.transcriber.recognizers.test_recognizers import fetched, hear, settings

QUIET = 10 ** (-30 / 20)
"""Thirty decibels below what is well recorded: somebody at the other end of the room."""

NOISE_BELOW = 10 ** (-15 / 20)
"""And the room's own noise, not much softer than that."""

LONGEST_S = 10
"""For half a minute in which nobody speaks; an idle machine needs one."""

INVENTIVE = {
    "silence": sounds.LOUDEST,
    "clicks": sounds.LOUDEST,
    "brown noise": sounds.LOUDEST // 3,
    "pink noise": 30,
    "breathing": sounds.LOUDEST // 8,
    "throbbing": sounds.LOUDEST // 3,
    "dialling": 100,
}
"""Sounds, and how loud they are, of which the model makes up words where no VAD stands before it. Of four, it makes a
sentence again and again: how another processor rounds may save one."""

DOUBTS = {"STOCK_PHRASES": frozenset(), "LOGPROB_THRESHOLD": -float("inf"), "COMPRESSION_RATIO_THRESHOLD": float("inf")}
"""What is asked of words where the model says that nobody spoke, each with a value that lets everything through."""


@pytest.fixture(scope="module")
def engine() -> EmbeddedRecognizer:
    return EmbeddedRecognizer(settings(concurrency=1))


@pytest.mark.parametrize("name", sounds.SPEECHLESS)
def test_half_a_minute_without_speech_has_no_words_and_no_language(engine: EmbeddedRecognizer, name: str) -> None:
    audio = fetched(sounds.wav(sounds.SPEECHLESS[name]()), "audio/wav")
    began = time.monotonic()
    assert hear(engine, audio) == Recognition("", None, [])
    assert time.monotonic() - began < LONGEST_S


# -- each filter by itself ---------------------------------------------------------------------------------------------


def heard_without_vad(engine: EmbeddedRecognizer, content: bytes) -> list[Any]:
    """The engine's own segments."""
    [(_, samples)] = decode_blocks(fetched(content, "audio/wav").file)
    # The second chance is drawn by lot, and these are to be the same words each time.
    options = embedded.TRANSCRIBE_OPTIONS | {"vad_filter": False, "temperature": 0.0}
    return list(engine._model().transcribe(samples, language="en", **options)[0])


@pytest.fixture(scope="module")
def invented(engine: EmbeddedRecognizer) -> list[list[Any]]:
    return [heard_without_vad(engine, sounds.wav(sounds.SPEECHLESS[name](), loud)) for name, loud in INVENTIVE.items()]


def believed(invented: list[list[Any]]) -> list[str]:
    return [passage.text for segments in invented for passage in embedded._to_passages(segments, 0)]


def test_without_vad_words_are_invented_and_not_believed(invented: list[list[Any]]) -> None:
    assert sum(any(segment.text.strip() for segment in segments) for segments in invented) >= 2
    assert believed(invented) == []


@pytest.mark.parametrize("name", INVENTIVE)
def test_with_vad_they_are_not_even_invented(
    engine: EmbeddedRecognizer, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(embedded, "is_hallucination", lambda *_, **__: False)
    assert hear(engine, fetched(sounds.wav(sounds.SPEECHLESS[name](), INVENTIVE[name]), "audio/wav")).text == ""


def test_they_are_doubted_because_the_model_says_that_nobody_spoke(
    invented: list[list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hallucinations, "NO_SPEECH_THRESHOLD", 1)
    monkeypatch.setattr(hallucinations, "MAX_COMPRESSION_RATIO", float("inf"))
    assert believed(invented)


@pytest.mark.parametrize("kept", DOUBTS)
def test_each_doubt_finds_some_of_them_by_itself(
    invented: list[list[Any]], monkeypatch: pytest.MonkeyPatch, kept: str
) -> None:
    monkeypatch.setattr(hallucinations, "MAX_COMPRESSION_RATIO", float("inf"))
    for name in DOUBTS.keys() - {kept}:
        monkeypatch.setattr(hallucinations, name, DOUBTS[name])
    some = believed(invented)
    monkeypatch.setattr(hallucinations, kept, DOUBTS[kept])
    assert len(some) < len(believed(invented))


def test_a_phrase_that_comes_again_and_again_is_not_believed_whatever_the_model_says(
    invented: list[list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hallucinations, "NO_SPEECH_THRESHOLD", 1)
    monkeypatch.setattr(hallucinations, "MAX_COMPRESSION_RATIO", float("inf"))
    once = believed(invented)
    monkeypatch.setattr(hallucinations, "COMPRESSION_RATIO_THRESHOLD", float("inf"))
    assert len(once) < len(believed(invented))


# -- and what they must keep -------------------------------------------------------------------------------------------


def far_away() -> bytes:
    sound = speech.samples(files.SAID) * QUIET
    room = sounds.coloured(1)[: len(sound)] * np.std(sound) * NOISE_BELOW
    return speech.wav((sound + room).astype(np.int16))


def test_quiet_speech_in_a_noisy_room_is_kept(engine: EmbeddedRecognizer) -> None:
    said = speech.words(files.SAID)
    assert speech.word_errors(hear(engine, fetched(far_away(), "audio/wav")).text, said) <= 0.2
    # The filters behind the VAD would keep it, too.
    segments = heard_without_vad(engine, far_away())
    assert believed([segments]) == [segment.text.strip() for segment in segments]
    assert speech.word_errors(" ".join(believed([segments])), said) <= 0.2
