"""Parse a Whisper server's answer into a recognition, without hallucinations."""

from collections.abc import Iterator
from typing import Any

from services.transcriber.audio.blocks import decode_blocks
from services.transcriber.audio.fetch import FetchedAudio
from services.transcriber.errors import AudioRejected
from services.transcriber.recognizers.hallucinations import is_hallucination, is_stock_phrase
from services.transcriber.recognizers.http_client import clean_text, not_a_transcript
from services.transcriber.recognizers.recognizer import Passage, Recognition, Word, join_hyphenated
from services.transcriber.recognizers.voice_activity import detect_speech, is_installed
from shared.db.columns import MAX_DURATION_MS
from shared.languages import CODES_BY_NAME, LANGUAGES

MAX_SPEAKER_CHARS = 64
"""Characters of a voice's name that are kept: those that servers make have some ten."""

SCORE_NAMES = ("no_speech_prob", "avg_logprob", "compression_ratio")
SegmentScores = dict[str, float]
"""Whisper's scores of a segment, by name, for `is_hallucination`; empty if the server does not send them."""


def parse_recognition(text: Any, segments: Any, words: Any, language: Any, audio: FetchedAudio) -> Recognition:
    """Parse the parts of an answer. Raises `RecognizerUnavailable` for nonsense.

    OpenAI sends `words` beside the segments, other servers inside them.
    """
    if not isinstance(text, str):
        raise not_a_transcript()
    text = clean_text(text)
    if not text:
        return Recognition("", None, [])
    parsed = parse_passages(segments, words)
    kept = _without_hallucinations(parsed)
    if len(kept) < len(parsed):
        text = " ".join(passage.text for passage, _ in kept)
    elif is_stock_phrase(text) and not any(scores for _, scores in parsed) and _is_silent(audio):
        text, kept = "", []
    if not text:
        return Recognition("", None, [])
    passages = [passage for passage, _ in kept] or [Passage(0, audio.duration_ms, text)]
    return Recognition(text, language_code(language), passages)


def parse_passages(segments: Any, words: Any = None) -> list[tuple[Passage, SegmentScores]]:
    """Parse Whisper's `segments` with their scores, and its `words`. Raises `RecognizerUnavailable` for nonsense."""
    try:
        loose_words = join_hyphenated(_parse_words(words))
        return [
            (_parse_passage(segment, loose_words), _parse_scores(segment))
            for segment in segments or ()
            if _parse_text(segment["text"])
        ]
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise not_a_transcript() from error


def _parse_passage(segment: dict[str, Any], loose_words: list[Word]) -> Passage:
    start_ms, end_ms = _parse_times(segment)
    own_words = join_hyphenated(_parse_words(segment.get("words")))
    words = own_words or [word for word in loose_words if start_ms <= (word.start_ms + word.end_ms) / 2 < end_ms]
    return Passage(start_ms, end_ms, _parse_text(segment["text"]), words, speaker=_parse_speaker(segment))


def _parse_words(words: Any) -> Iterator[Word]:
    for word in words or ():
        if text := _parse_text(word["word"] if "word" in word else word["text"]):
            yield Word(*_parse_times(word), text)


def _parse_text(text: Any) -> str:
    if not isinstance(text, str):
        raise TypeError("a text is no text")
    return clean_text(text)


def _parse_times(timed: dict[str, Any]) -> tuple[int, int]:
    start_ms, end_ms = (min(max(0, round(float(timed[key]) * 1000)), MAX_DURATION_MS) for key in ("start", "end"))
    return start_ms, max(start_ms, end_ms)


def _parse_speaker(segment: dict[str, Any]) -> str | None:
    """The name of a voice (`A`, `SPEAKER_00`), if the server tells voices apart."""
    speaker = segment.get("speaker")
    return clean_text(speaker)[:MAX_SPEAKER_CHARS] or None if isinstance(speaker, str) else None


def _parse_scores(segment: dict[str, Any]) -> SegmentScores:
    """The segment's scores. If only some are there, 0 stands for the others: it speaks for the segment."""
    scores = {name: segment[name] for name in SCORE_NAMES if isinstance(segment.get(name), int | float)}
    return dict.fromkeys(SCORE_NAMES, 0.0) | scores if scores else {}


def _without_hallucinations(parsed: list[tuple[Passage, SegmentScores]]) -> list[tuple[Passage, SegmentScores]]:
    previous_texts = ["", *(passage.text for passage, _ in parsed)]
    return [
        (passage, scores)
        for (passage, scores), previous_text in zip(parsed, previous_texts, strict=False)
        if not scores or not is_hallucination(passage.text, previous_text, **scores)
    ]


def _is_silent(audio: FetchedAudio) -> bool:
    """Whether nobody speaks in the audio. False, and the server is believed, where this process cannot tell."""
    try:
        return is_installed() and not any(detect_speech(samples) for _, samples in decode_blocks(audio.file))
    except AudioRejected:
        return False


def language_code(language: Any) -> str | None:
    """`en` for `en`, `EN` and `english`: OpenAI's server sends names."""
    if not isinstance(language, str) or not language:
        return None
    name = language.strip().lower()
    return CODES_BY_NAME.get(name, name if name in LANGUAGES else None)
