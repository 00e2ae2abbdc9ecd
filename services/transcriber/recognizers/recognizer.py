"""Who turns sound into words: one protocol, and a file for each of those that speak it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from services.transcriber.audio.decode import AudioRejected, FetchedAudio
from services.transcriber.jobs.base import TryLater
from services.transcriber.models.registry import ModelAwaited, Models
from services.transcriber.settings import TranscriberSettings

log = structlog.get_logger(__name__)

NOBODY = (
    "Nothing here turns speech into words: set WHISPER_URL to a Whisper server, "
    "or install the embedded engine (the package faster-whisper), then ask again."
)


class RecognizerUnavailable(TryLater):
    """The recognizer cannot do it now."""


class RecognizerBusy(RecognizerUnavailable):
    """The recognizer works for somebody else."""


class WronglySet(TryLater):
    """The recognizer takes nothing from us, whatever the audio: its address, key or model is wrong, or was just now."""

    switches_off = True


class NotTaken(AudioRejected):
    """The recognizer takes audio, but not this file; perhaps another, of the same sound."""

    def __init__(self, sentence: str, *, is_too_large: bool = False) -> None:
        super().__init__(sentence)
        self.is_too_large = is_too_large


@dataclass(frozen=True)
class Word:
    start_ms: int
    end_ms: int
    text: str


def joined(words: Iterable[Word]) -> list[Word]:
    """Put together again what Whisper cuts at hyphens: `ill` and `-disposed` are one word, ` -5` and `-` are their own.

    Each may still have the space before it that says where a word begins; none that is returned has.
    """
    whole: list[Word] = []
    for word in words:
        text = word.text.strip()
        if whole and word.text.startswith("-") and len(text) > 1:
            before = whole.pop()
            whole.append(Word(before.start_ms, word.end_ms, before.text + text))
        else:
            whole.append(Word(word.start_ms, word.end_ms, text))
    return whole


@dataclass(frozen=True)
class Passage:
    """Words that belong together, about a sentence."""

    start_ms: int
    end_ms: int
    text: str
    words: list[Word] = field(default_factory=list)


@dataclass(frozen=True)
class Recognition:
    """What was said; empty if nobody spoke, and then without a language."""

    text: str
    language: str | None
    passages: list[Passage]
    recognizer: str | None = None
    """Who heard it, where that is not the one that was asked."""


Tell = Callable[[int, str], None]
"""Told how many milliseconds have been heard, and the words of the passage that ended there."""


def to_nobody(heard_ms: int, words: str) -> None:
    """The `Tell` of who does not want to know."""


class Recognizer(Protocol):
    """Many threads may call one recognizer."""

    @property
    def name(self) -> str:
        """What people read as the author of the words."""

    def transcribe(
        self,
        audio: FetchedAudio,
        *,
        attempt_id: str,
        check: Callable[[], None],
        tell: Tell = to_nobody,
        language: str | None = None,
    ) -> Recognition:
        """Hear all of it. `check` is called now and then and raises to stop.

        `attempt_id` is never used twice, and no other begins with it and a hyphen: those are for who asks in parts.
        Who hears it passage by passage may `tell` of each. `language` is what a person says it is (ISO 639-1, as
        Whisper knows them); None: it is to be found out.

        Raises `RecognizerUnavailable`, `RecognizerBusy`, `WronglySet`, `AudioRejected`, and `ModelAwaited` before it
        has begun.
        """


def open_recognizer(settings: TranscriberSettings, models: Models | None = None) -> Recognizer | None:
    """The one that the settings ask for; None if this installation has none. Loads nothing heavy yet."""
    several = settings.each()
    opened = [(found, each.jobs_at_once()) for each in several if (found := _open_one(each, models))]
    if 0 < len(opened) < len(several):
        log.warning("WHISPER_URL names the embedded engine, which is not installed; it goes without")
    if len(opened) > 1:
        from services.transcriber.recognizers.fallback import PreferredRecognizer

        return PreferredRecognizer(opened)
    return opened[0][0] if opened else None


def _open_one(settings: TranscriberSettings, models: Models | None) -> Recognizer | None:
    if settings.whisper_url.endswith("/audio/transcriptions"):
        from services.transcriber.recognizers.openai import OpenAIRecognizer

        return OpenAIRecognizer(settings)
    if settings.whisper_url:
        from services.transcriber.recognizers.cog import CogRecognizer

        return CogRecognizer(settings)
    from services.transcriber.recognizers.embedded import EmbeddedRecognizer, is_installed

    return EmbeddedRecognizer(settings, models) if is_installed() else None


__all__ = [
    "NOBODY",
    "AudioRejected",
    "FetchedAudio",
    "ModelAwaited",
    "NotTaken",
    "Passage",
    "Recognition",
    "Recognizer",
    "RecognizerBusy",
    "RecognizerUnavailable",
    "Tell",
    "Word",
    "WronglySet",
    "joined",
    "open_recognizer",
    "to_nobody",
]
