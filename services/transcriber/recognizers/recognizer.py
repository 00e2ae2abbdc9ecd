"""The recognizer protocol, its results and its errors."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Protocol

from services.transcriber.audio.fetch import FetchedAudio
from services.transcriber.errors import AudioRejected, CancellationCheck, RetryLater


class RecognizerUnavailable(RetryLater):
    """The recognizer cannot work now."""


class RecognizerBusy(RecognizerUnavailable):
    """The recognizer works for others now."""


class RecognizerMisconfigured(RetryLater):
    """The recognizer refuses all audio: its address, key or model is wrong, or was so for a moment."""

    is_configuration_error = True


class FileRefused(AudioRejected):
    """The recognizer refuses this file. It may accept another file of the same audio."""

    def __init__(self, sentence: str, *, is_too_large: bool = False) -> None:
        super().__init__(sentence)
        self.is_too_large = is_too_large


@dataclass(frozen=True)
class Word:
    start_ms: int
    end_ms: int
    text: str


def join_hyphenated(words: Iterable[Word]) -> list[Word]:
    """Join the words that Whisper splits at hyphens: `ill` and `-disposed` are one word, ` -5` and `-` are not.

    An input word may have the space before it that tells the cases apart. No output word has a space.
    """
    joined: list[Word] = []
    for word in words:
        text = word.text.strip()
        if joined and word.text.startswith("-") and len(text) > 1:
            previous = joined.pop()
            joined.append(Word(previous.start_ms, word.end_ms, previous.text + text))
        else:
            joined.append(Word(word.start_ms, word.end_ms, text))
    return joined


@dataclass(frozen=True)
class Passage:
    """About one sentence: Whisper's segment."""

    start_ms: int
    end_ms: int
    text: str
    words: list[Word] = field(default_factory=list)
    language: str | None = None
    """Language of the passage (ISO 639-1); None: the clip's."""
    speaker: str | None = None
    """Who speaks, as a recognizer that tells voices apart names them; None: unknown."""


@dataclass(frozen=True)
class Recognition:
    """The words of a clip. Without speech it has no words and no language."""

    text: str
    language: str | None
    passages: list[Passage]
    recognizer: str | None = None
    """The name of the recognizer that did it, if that is not the one that was called."""
    not_understood: list[tuple[int, int]] = field(default_factory=list)
    """Start and end, in milliseconds, of stretches in which somebody speaks and no words were found."""


def join_languages(parts: Iterable[tuple[Iterable[Passage], str | None]]) -> tuple[list[Passage], str | None]:
    """The passages of several parts, each with its language, and the language of most of their text.

    A passage has its own language where that is another one.
    """
    passages = [replace(passage, language=passage.language or language) for part, language in parts for passage in part]
    characters: Counter[str] = Counter()
    for passage in passages:
        if passage.language:
            characters[passage.language] += len(passage.text)
    most = characters.most_common(1)[0][0] if characters else None
    return [replace(each, language=None) if each.language == most else each for each in passages], most


OnProgress = Callable[[int, str], None]
"""Called with the position that is transcribed, in milliseconds, and the words of the passage that ends there."""


def ignore_progress(position_ms: int, words: str) -> None:
    """An `OnProgress` that does nothing."""


class Recognizer(Protocol):
    """Turns audio into words. Many threads may call one recognizer."""

    @property
    def name(self) -> str:
        """The author of the words, for people."""

    def transcribe(
        self,
        audio: FetchedAudio,
        *,
        attempt_id: str,
        check_cancelled: CancellationCheck,
        on_progress: OnProgress = ignore_progress,
        language: str | None = None,
    ) -> Recognition:
        """Transcribe all of the audio.

        `attempt_id` is unique, and no other begins with it and a hyphen: such ids are for the parts of one attempt.
        `language` is a person's choice (ISO 639-1, as Whisper knows them); None: the recognizer detects it.

        Raises `RecognizerUnavailable`, `RecognizerBusy`, `RecognizerMisconfigured`, `AudioRejected`, and, before it
        begins, `ModelNotReady`.
        """
