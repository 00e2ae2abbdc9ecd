"""Where nobody speaks there are no words: each filter on sounds that it is there for, and speech that it must keep."""

import time
from typing import Any

import numpy as np
import pytest

from services.transcriber.audio.decode import decode_file
from services.transcriber.errors import never_cancelled
from services.transcriber.recognizers import block, hallucinations
from services.transcriber.recognizers.embedded import EmbeddedRecognizer
from services.transcriber.recognizers.recognizer import Recognition
from tests import speech
from tests.services.transcriber import files, sounds
from tests.services.transcriber.recognizers.test_recognizers import measure, settings, transcribe

QUIET = 10 ** (-30 / 20)
"""Thirty decibels below what is well recorded: somebody at the other end of the room."""

NOISE_BELOW = 10 ** (-15 / 20)
"""And the room's own noise, not much softer than that."""

MAX_TRANSCRIPTION_S = 10
"""For half a minute in which nobody speaks; an idle machine needs one."""

HALLUCINATION_SOURCES = {
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
    audio = measure(sounds.wav(sounds.SPEECHLESS[name]()), "audio/wav")
    began = time.monotonic()
    assert transcribe(engine, audio) == Recognition("", None, [])
    assert time.monotonic() - began < MAX_TRANSCRIPTION_S


@pytest.mark.parametrize("name", sounds.SPEECHLESS)
def test_amplified_sound_without_speech_has_no_words(engine: EmbeddedRecognizer, name: str) -> None:
    """At -60 dBFS the gain is the largest; at -35 dBFS a sound is neither quiet nor loud."""
    for level in (33, 580):
        assert transcribe(engine, measure(sounds.wav(sounds.SPEECHLESS[name](), level), "audio/wav")).text == ""


# -- each filter by itself ---------------------------------------------------------------------------------------------


def segments_without_vad(engine: EmbeddedRecognizer, content: bytes) -> list[Any]:
    """The engine's own segments."""
    samples = np.concatenate(list(decode_file(measure(content, "audio/wav").file)))
    # The second chance is drawn by lot, and these are to be the same words each time.
    options = block.TRANSCRIBE_OPTIONS | {"vad_filter": False, "temperature": 0.0}
    return list(engine._loaded(never_cancelled).result().transcribe(samples, language="en", **options)[0])


@pytest.fixture(scope="module")
def hallucinated(engine: EmbeddedRecognizer) -> list[list[Any]]:
    return [
        segments_without_vad(engine, sounds.wav(sounds.SPEECHLESS[name](), loud))
        for name, loud in HALLUCINATION_SOURCES.items()
    ]


def passages_kept(hallucinated: list[list[Any]]) -> list[str]:
    return [passage.text for segments in hallucinated for passage, _ in block.to_passages(segments, 0)]


def test_hallucinations_without_vad_are_dropped(hallucinated: list[list[Any]]) -> None:
    assert sum(any(segment.text.strip() for segment in segments) for segments in hallucinated) >= 2
    assert passages_kept(hallucinated) == []


@pytest.mark.parametrize("name", HALLUCINATION_SOURCES)
def test_with_vad_there_are_no_hallucinations(
    engine: EmbeddedRecognizer, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(block, "is_hallucination", lambda *_, **__: False)
    assert (
        transcribe(
            engine, measure(sounds.wav(sounds.SPEECHLESS[name](), HALLUCINATION_SOURCES[name]), "audio/wav")
        ).text
        == ""
    )


def test_passages_are_doubted_by_their_no_speech_probability(
    hallucinated: list[list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hallucinations, "NO_SPEECH_THRESHOLD", 1)
    monkeypatch.setattr(hallucinations, "MAX_COMPRESSION_RATIO", float("inf"))
    assert passages_kept(hallucinated)


@pytest.mark.parametrize("kept", DOUBTS)
def test_each_threshold_finds_some_hallucinations_by_itself(
    hallucinated: list[list[Any]], monkeypatch: pytest.MonkeyPatch, kept: str
) -> None:
    monkeypatch.setattr(hallucinations, "MAX_COMPRESSION_RATIO", float("inf"))
    for name in DOUBTS.keys() - {kept}:
        monkeypatch.setattr(hallucinations, name, DOUBTS[name])
    some = passages_kept(hallucinated)
    monkeypatch.setattr(hallucinations, kept, DOUBTS[kept])
    assert len(some) < len(passages_kept(hallucinated))


def test_a_repeated_phrase_is_dropped_whatever_its_no_speech_probability(
    hallucinated: list[list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hallucinations, "NO_SPEECH_THRESHOLD", 1)
    monkeypatch.setattr(hallucinations, "MAX_COMPRESSION_RATIO", float("inf"))
    once = passages_kept(hallucinated)
    monkeypatch.setattr(hallucinations, "COMPRESSION_RATIO_THRESHOLD", float("inf"))
    assert len(once) < len(passages_kept(hallucinated))


# -- and what they must keep -------------------------------------------------------------------------------------------


def test_very_quiet_speech_is_heard_alone_and_beside_a_loud_voice(engine: EmbeddedRecognizer) -> None:
    """A peak of -58 dBFS. Of the first clip no word was found, of the second those of the loud voice."""
    near, far = speech.samples(files.SAID[:1]), (speech.samples(files.SAID[1:]) * 0.002).astype(np.int16)
    found = transcribe(engine, measure(speech.wav(far), "audio/wav"))
    assert speech.word_errors(found.text, speech.words(files.SAID[1:])) <= 0.2
    found = transcribe(engine, measure(speech.wav(np.concatenate([near, far, near])), "audio/wav"))
    assert speech.word_errors(found.text, speech.words([*files.SAID, files.SAID[0]])) <= 0.1


def far_away() -> bytes:
    sound = speech.samples(files.SAID) * QUIET
    room = sounds.coloured(1)[: len(sound)] * np.std(sound) * NOISE_BELOW
    return speech.wav((sound + room).astype(np.int16))


def test_quiet_speech_in_a_noisy_room_is_kept(engine: EmbeddedRecognizer) -> None:
    said = speech.words(files.SAID)
    assert speech.word_errors(transcribe(engine, measure(far_away(), "audio/wav")).text, said) <= 0.2
    # The filters behind the VAD would keep it, too.
    segments = segments_without_vad(engine, far_away())
    assert passages_kept([segments]) == [segment.text.strip() for segment in segments]
    assert speech.word_errors(" ".join(passages_kept([segments])), said) <= 0.2
