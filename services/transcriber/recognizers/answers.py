"""Parse a Whisper server's answer into a recognition."""

from collections.abc import Iterator
from typing import Any

from services.transcriber.audio.fetch import FetchedAudio
from services.transcriber.errors import AudioRejected
from services.transcriber.recognizers.embedded import is_installed, speech_in
from services.transcriber.recognizers.hallucinations import is_phantom, is_phrase
from services.transcriber.recognizers.http_client import clean, nonsense
from services.transcriber.recognizers.recognizer import Passage, Recognition, Word, joined
from shared.db.columns import MAX_DURATION_MS
from shared.languages import CODES, LANGUAGES


def recognition(text: Any, segments: Any, words: Any, language: Any, audio: FetchedAudio) -> Recognition:
    """What an answer says, without what nobody said.

    `words` stand beside the segments at OpenAI, inside them at others. Raises `RecognizerUnavailable` for nonsense.
    """
    if not isinstance(text, str):
        raise nonsense()
    text = clean(text)
    if not text:
        return Recognition("", None, [])
    found = passages(segments, words)
    heard = _believed(found)
    if len(heard) < len(found):
        text = " ".join(passage.text for passage, _ in heard)
    elif is_phrase(text) and not any(figures for _, figures in found) and _nobody_speaks(audio):
        text, heard = "", []
    if not text:
        return Recognition("", None, [])
    whole = [passage for passage, _ in heard] or [Passage(0, audio.duration_ms, text)]
    return Recognition(text, language_code(language), whole)


Figures = dict[str, float]
"""What Whisper says of a segment of its own, as `is_phantom` takes it; empty where a server keeps it to itself."""


def passages(found: Any, words: Any = None) -> list[tuple[Passage, Figures]]:
    """Whisper's `segments`, with its `words` and its figures."""
    try:
        loose = joined(_words(words))
        return [(_passage(segment, loose), _figures(segment)) for segment in found or () if _said(segment["text"])]
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise nonsense() from error


def _passage(found: dict[str, Any], loose: list[Word]) -> Passage:
    start_ms, end_ms = _times(found)
    inside = [word for word in loose if start_ms <= (word.start_ms + word.end_ms) / 2 < end_ms]
    return Passage(start_ms, end_ms, _said(found["text"]), joined(_words(found.get("words"))) or inside)


def _words(found: Any) -> Iterator[Word]:
    for word in found or ():
        if text := _said(word["word"] if "word" in word else word["text"]):
            yield Word(*_times(word), text)


def _said(found: Any) -> str:
    if not isinstance(found, str):
        raise TypeError("a text is no text")
    return clean(found)


def _times(found: dict[str, Any]) -> tuple[int, int]:
    start_ms, end_ms = (min(max(0, round(float(found[key]) * 1000)), MAX_DURATION_MS) for key in ("start", "end"))
    return start_ms, max(start_ms, end_ms)


def _figures(found: dict[str, Any]) -> Figures:
    """Those that are there; one that is missing speaks for what was heard."""
    names = {"silent": "no_speech_prob", "confidence": "avg_logprob", "repetition": "compression_ratio"}
    given = {figure: found[name] for figure, name in names.items() if isinstance(found.get(name), int | float)}
    return dict.fromkeys(names, 0.0) | given if given else {}


def _believed(found: list[tuple[Passage, Figures]]) -> list[tuple[Passage, Figures]]:
    befores = ["", *(passage.text for passage, _ in found)]
    return [
        (passage, figures)
        for (passage, figures), before in zip(found, befores, strict=False)
        if not figures or not is_phantom(passage.text, before, **figures)
    ]


def _nobody_speaks(audio: FetchedAudio) -> bool:
    """Whether we hear no speech ourselves. Where we cannot listen, the server is believed."""
    try:
        return is_installed() and not any(speech_in(samples) for _, samples in audio.blocks())
    except AudioRejected:
        return False


def language_code(found: Any) -> str | None:
    """`en` for `en`, `EN` and `english`: OpenAI's server gives names."""
    if not isinstance(found, str) or not found:
        return None
    name = found.strip().lower()
    return CODES.get(name, name if name in LANGUAGES else None)
