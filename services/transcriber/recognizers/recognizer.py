"""Who turns sound into words: one protocol, and a file for each of those that speak it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from services.transcriber.audio.fetch import FetchedAudio
from services.transcriber.errors import AudioRejected, TryLater

log = structlog.get_logger(__name__)


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
