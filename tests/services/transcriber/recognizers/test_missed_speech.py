"""No passage is dropped: speech is laid against words, and what was passed over is heard again."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from services.transcriber.audio.decode import SAMPLE_RATE, Samples
from services.transcriber.recognizers import block
from services.transcriber.recognizers.block import BlockTranscriber, Heard
from services.transcriber.recognizers.embedded import EmbeddedRecognizer
from services.transcriber.recognizers.hallucinations import is_hallucination
from services.transcriber.recognizers.missed_speech import (
    MIN_MISSED_S,
    cut_passage,
    find_missed_speech,
    merge_passages,
    spans_without_words,
    spoken_spans,
)
from services.transcriber.recognizers.recognizer import Passage, Word, join_hyphenated
from services.transcriber.recognizers.voice_activity import SpeechSpan
from tests import speech
from tests.services.transcriber import files
from tests.services.transcriber.recognizers.test_recognizers import measure, settings, transcribe

# -- stretches without words ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ([], [(0, 10)]),
        ([(0, 1), (1, 2)], [(2, 10)]),
        ([(0.9, 2), (2.9, 4), (5, 6), (6, 7), (8, 9.5)], [(4, 5), (7, 8)]),
        ([(8, 9.4), (0, 1)], [(1, 8)]),
        ([(0, 1), (0.2, 0.4), (1.5, 3), (3, 4.5), (4.5, 6), (6, 7.5), (7.5, 9)], [(9, 10)]),
    ],
)
def test_spans_without_words(words: list[SpeechSpan], found: list[SpeechSpan]) -> None:
    assert list(spans_without_words(words, 10)) == found


def test_a_word_of_eight_seconds_was_stretched_over_what_was_passed_over() -> None:
    said = Passage(2_000, 11_500, "well then", [Word(2_000, 10_000, "well"), Word(10_000, 11_500, "then")])
    assert list(spoken_spans([said], 2_000)) == [(0, 1.5), (8, 9.5)]
    assert list(spoken_spans([replace(said, words=[])], 2_000)) == [(0, 9.5)]  # nobody knows where in it


def test_pauses_and_breaths_are_not_missed_speech() -> None:
    sound = np.zeros(20 * SAMPLE_RATE, np.float32)

    def speech_in(stretch: Samples) -> list[SpeechSpan]:
        spoken: dict[int, list[SpeechSpan]] = {5: [], 4: [(0.5, 1), (2, 2.4)], 9: [(1, 3), (4, 8.5)]}
        return spoken[round(len(stretch) / SAMPLE_RATE)]

    words = [(5.0, 6.0), (10.0, 11.0)]
    assert MIN_MISSED_S > 0.9
    assert list(find_missed_speech(words, sound, speech_in)) == [(12, 19.5)]


# -- and what is put there ----------------------------------------------------------------------------------------


def passage(*words: tuple[int, str], between: str = " ") -> Passage:
    said = [Word(at, at + 400, text) for at, text in words]
    return Passage(said[0].start_ms, said[-1].end_ms, between.join(text for _, text in words), said)


def test_missed_passages_are_merged_between_passages_or_within_one() -> None:
    before, after = passage((0, "one"), (500, "two")), passage((9_000, "nine"))
    found = passage((4_000, "four"), (5_000, "five"))
    assert merge_passages([before, after], [found]) == [before, found, after]
    spanning = passage((0, "one"), (9_000, "nine"))
    assert merge_passages([spanning], [found]) == [passage((0, "one")), found, after]
    assert merge_passages([before, after], []) == [before, after]
    assert merge_passages([], [found]) == [found]


def test_a_part_of_a_passage_keeps_its_spelling() -> None:
    spanning = passage((0, "你"), (500, "好"), (9_000, "吗。"), between="")
    found = passage((4_000, "今"), (5_000, "天"), between="")
    assert [part.text for part in merge_passages([spanning], [found])] == ["你好", "今天", "吗。"]
    assert cut_passage(spanning, spanning.words[1:]).text == "好吗。"
    # Words that are not in the text as they stand there are put between spaces.
    odd = Passage(0, 900, "one two", [Word(0, 400, "1"), Word(500, 900, "2")])
    assert cut_passage(odd, odd.words).text == "1 2"


def test_hyphenated_words_are_joined_and_a_minus_is_not() -> None:
    tokens = [" ill", "-disposed", " minus", " -5", " yes", " -", " no"]
    words = join_hyphenated(Word(at, at + 1, text) for at, text in enumerate(tokens))
    assert [word.text for word in words] == ["ill-disposed", "minus", "-5", "yes", "-", "no"]


# -- the engine -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def recognizer() -> EmbeddedRecognizer:
    return EmbeddedRecognizer(settings(concurrency=1))


def test_speech_that_the_first_pass_missed_is_found_by_the_second(
    recognizer: EmbeddedRecognizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    deaf = block.TRANSCRIBE_OPTIONS | {"vad_filter": False, "clip_timestamps": [0, 7.5, 17.3, 60]}
    monkeypatch.setattr(block, "TRANSCRIBE_OPTIONS", deaf)
    found = transcribe(recognizer, measure(speech.wav(speech.samples())))
    assert speech.word_errors(found.text, speech.words()) <= 0.1
    times = [time for passage in found.passages for time in (passage.start_ms, passage.end_ms)]
    assert times == sorted(times)
    monkeypatch.setattr(block, "find_missed_speech", lambda *_: [])
    assert speech.word_errors(transcribe(recognizer, measure(speech.wav(speech.samples()))).text, speech.words()) > 0.2


def test_a_pause_of_ten_seconds_is_not_transcribed_again(
    recognizer: EmbeddedRecognizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard_again: list[SpeechSpan] = []

    def again(*given: Any) -> Iterator[Heard]:
        heard_again.append(given[3])
        return iter([])

    monkeypatch.setattr(BlockTranscriber, "_hear_again", again)
    sound = speech.samples(files.SAID)
    long_pause = np.random.default_rng(1).normal(0, 30, 10 * speech.RATE).astype(np.int16)
    found = transcribe(recognizer, measure(speech.wav(np.concatenate([sound, long_pause, sound]))))
    assert speech.word_errors(found.text, speech.words([*files.SAID, *files.SAID])) <= 0.1
    assert heard_again == []


# -- words that nobody said ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "previous_text", "no_speech_prob", "avg_logprob", "compression_ratio", "answer"),
    [
        # As openai/whisper tiny.en said them of 30 s of nothing, keys and a telephone, without a VAD before it.
        ("you", "", 0.95, -0.71, 0.3, True),
        (". .", ".", 0.95, -0.28, 4.1, True),
        ("I'm going to go to the right.", "I'm going to go to the left.", 0.79, -0.25, 12.0, True),
        ("Beep Beep Beep", "Beep Beep Beep", 0.53, -0.04, 29.3, True),
        ("Beep beep beep", "", 0.45, -0.04, 29.3, True),
        ("Thank you.", "", 0.7, -0.2, 0.6, True),
        # As it says what was said.
        ("Thank you.", "", 0.1, -0.2, 0.6, False),
        ("No.", "No.", 0.1, -0.3, 0.3, False),
        ("No, no, no, no, no, no, no, no, no, no!", "", 0.1, -0.3, 2.7, False),
        (
            "It was the age of wisdom, it was the age of foolishness.",
            "It was the best of times.",
            0.14,
            -0.16,
            2.3,
            False,
        ),
        ("A whisper far away", "", 0.65, -0.3, 0.9, False),
        ("Mumbling far away", "", 0.65, -0.9, 0.9, True),
    ],
)
def test_hallucinations_by_their_scores(
    text: str, previous_text: str, no_speech_prob: float, avg_logprob: float, compression_ratio: float, *, answer: bool
) -> None:
    assert (
        is_hallucination(
            text,
            previous_text,
            no_speech_prob=no_speech_prob,
            avg_logprob=avg_logprob,
            compression_ratio=compression_ratio,
        )
        is answer
    )
