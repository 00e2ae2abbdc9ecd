"""Speech in another language than the block's: heard again in its own, or marked; the model follows a script."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from services.transcriber.audio.decode import SAMPLE_RATE
from services.transcriber.errors import never_cancelled
from services.transcriber.recognizers import block
from services.transcriber.recognizers.block import BlockRecognition, BlockTranscriber
from services.transcriber.recognizers.recognizer import Passage, Word, ignore_progress, join_languages

SOUND = np.ones(20 * SAMPLE_RATE, np.float32)

Said = tuple[float, float, str, float]
"""Start and end in seconds, one word, and its probability."""


@dataclass
class ScriptedModel:
    """Says of the whole block what is `first`, and of an excerpt what is given for the language."""

    first: list[Said]
    again: dict[str, list[Said]] = field(default_factory=dict)
    asked: list[str | None] = field(default_factory=list)

    def transcribe(self, samples: Any, *, language: str | None, **_: Any) -> tuple[Any, Any]:
        self.asked.append(language)
        said = self.first if len(self.asked) == 1 else self.again.get(language or "", [])
        return iter([_segment(*each) for each in said]), SimpleNamespace(language=language or "en")


def _segment(start: float, end: float, text: str, probability: float) -> Any:
    word = SimpleNamespace(start=start, end=min(end, start + 1.4), word=f" {text}", probability=probability)
    scores = {"no_speech_prob": 0.1, "avg_logprob": -0.3, "compression_ratio": 1.0}
    return SimpleNamespace(start=start, end=end, text=f" {text}", words=[word], **scores)


def run(
    model: ScriptedModel,
    monkeypatch: pytest.MonkeyPatch,
    *,
    found: tuple[str, float] = ("de", 0.95),
    spoken: list[tuple[float, float]] | None = None,
    language: str | None = None,
) -> BlockRecognition:
    monkeypatch.setattr(block, "detect_language", lambda *_: found)
    monkeypatch.setattr(block, "detect_speech", lambda samples: spoken or [])
    transcriber = BlockTranscriber(model, language, None, never_cancelled)
    return transcriber.transcribe(SOUND, 1000, ignore_progress)


GARBLED: list[Said] = [(0, 5, "hello", 0.95), (6, 12, "hoitamon", 0.24), (13, 18, "bye", 0.93)]


def test_doubtful_words_are_heard_again_in_the_language_of_their_stretch(monkeypatch: pytest.MonkeyPatch) -> None:
    model = ScriptedModel(GARBLED, {"de": [(0.1, 3, "Heute", 0.9), (3, 6, "Morgen", 0.8)]})
    found = run(model, monkeypatch)
    assert [(each.text, each.language) for each in found.passages] == [
        ("hello", None),
        ("Heute", "de"),
        ("Morgen", "de"),
        ("bye", None),
    ]
    assert model.asked == [None, "de"]


@pytest.mark.parametrize(
    ("found", "again", "language"),
    [
        (("de", 0.6), [(0.0, 3.0, "Heute", 0.9)], None),  # nobody can tell the language
        (("en", 0.95), [(0.0, 3.0, "Heute", 0.9)], None),  # it is the block's
        (("de", 0.95), [(0.0, 3.0, "Heute", 0.3)], None),  # the other words are no better
        (("de", 0.95), [], None),
        (("de", 0.95), [(0.0, 3.0, "Heute", 0.9)], "en"),  # a person's choice is the only language
    ],
)
def test_doubtful_words_stay_where_no_others_are_better(
    monkeypatch: pytest.MonkeyPatch, found: tuple[str, float], again: list[Said], language: str | None
) -> None:
    block_found = run(ScriptedModel(GARBLED, {"de": again}), monkeypatch, found=found, language=language)
    assert [each.text for each in block_found.passages] == ["hello", "hoitamon", "bye"]
    assert {each.language for each in block_found.passages} == {None}


EMPTY: list[Said] = [(0, 1.4, "hello", 0.95), (1.4, 2.8, "you", 0.95)]


def test_a_stretch_without_words_is_heard_in_its_own_language(monkeypatch: pytest.MonkeyPatch) -> None:
    model = ScriptedModel(EMPTY, {"de": [(2, 4, "Heute", 0.9)]})
    found = run(model, monkeypatch, spoken=[(2, 10)])
    assert [(each.text, each.language) for each in found.passages][-1] == ("Heute", "de")
    assert found.not_understood == []


@pytest.mark.parametrize(("spoken", "marked"), [([(2, 10)], True), ([(2, 3.5)], False), ([], False)])
def test_only_long_speech_that_stays_without_words_is_not_understood(
    monkeypatch: pytest.MonkeyPatch, spoken: list[tuple[float, float]], marked: bool
) -> None:
    found = run(ScriptedModel(EMPTY), monkeypatch, spoken=spoken)
    assert found.not_understood == ([(1000 + 4800, 1000 + 12_800)] if marked else [])


def test_the_language_of_a_clip_is_that_of_most_of_its_text() -> None:
    def passage(text: str, language: str | None = None) -> Passage:
        return Passage(0, 1, text, [Word(0, 1, text)], language)

    parts = [
        ([passage("hello there, friends"), passage("Heute", "de")], "en"),
        ([passage("Morgen")], "de"),
        ([], "nn"),
    ]
    passages, language = join_languages(parts)
    assert (language, [each.language for each in passages]) == ("en", [None, "de", "de"])
    assert join_languages([([], "nn")]) == ([], None)
