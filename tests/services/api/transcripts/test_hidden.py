"""Cuts, edits and hearing again in any order: what is typed is shown, and no word is lost."""

import uuid
from collections import Counter
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.api.transcripts.hidden import hidden_words, shown_transcript
from shared.clips.cut_words import shown_text
from shared.clips.cuts import kept_ms, normalize_cuts
from shared.clips.models import Clip
from shared.libraries import HOME
from shared.transcripts.models import Transcript

NOW = datetime(2026, 11, 30, tzinfo=UTC)
WORD_MS, SOUND_MS = 100, 3_000

WORDS = st.lists(st.sampled_from(["one", "two.", "three", "four!", "Five", "\n\nsix"]), min_size=1, max_size=25)
CUTS = st.lists(st.tuples(st.integers(0, 29), st.integers(1, 8)), max_size=4).map(
    lambda cuts: normalize_cuts([(start * 97, (start + length) * 97) for start, length in cuts], SOUND_MS)
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("cut"), CUTS),
        st.tuples(st.just("type"), WORDS),
        st.tuples(st.just("drop"), st.integers(0, 24)),
        st.tuples(st.just("hear"), WORDS),
    ),
    max_size=8,
)


class Edited:
    """A clip as routes and workers treat it, without a database."""

    def __init__(self) -> None:
        self.clip = Clip.new_upload(
            uuid.uuid4(),
            name="a",
            mime="audio/wav",
            bytes=1,
            sha256="",
            audio_key="k",
            duration_ms=SOUND_MS,
            now=NOW,
            library_id=HOME,
        )
        self.timed: Transcript | None = None

    def hear(self, words: list[str]) -> None:
        timed = [
            {"text": word.strip(), "start_ms": at * WORD_MS, "end_ms": (at + 1) * WORD_MS}
            for at, word in enumerate(words)
        ]
        passage = {"start_ms": 0, "end_ms": len(words) * WORD_MS, "text": " ".join(words), "words": timed}
        self.timed = self.clip.finish_transcription(
            text=" ".join(words), language="en", recognizer="a", passages=[passage], duration_ms=SOUND_MS, now=NOW
        )

    def cut(self, cuts: Any) -> None:
        self.clip.set_cuts(cuts, hidden_words(self.clip.words or "", self.timed, cuts, SOUND_MS), NOW)

    def hidden(self) -> Counter[str]:
        return Counter(" ".join((self.clip.words or "")[start:end] for start, end in self.clip.hidden).split())


@given(WORDS, STEPS)
def test_no_order_of_cuts_edits_and_hearing_again_loses_a_word(first: list[str], steps: list[tuple[str, Any]]) -> None:
    edited = Edited()
    clip = edited.clip
    edited.hear(first)
    for kind, what in steps:
        words, hidden, is_edited = clip.words, edited.hidden(), clip.edited
        if kind == "cut":
            edited.cut(what)
            assert clip.words == words, "a cut changes nothing but what is shown"
            assert clip.duration_ms == kept_ms(what, SOUND_MS)
        elif kind == "hear":
            edited.hear(what)
            assert clip.words == (words if is_edited else " ".join(what))
        else:
            shown = (clip.text or "").split(" ")
            text = " ".join(what if kind == "type" else shown[:what] + shown[what + 1 :])
            revision = clip.edit(text, NOW)
            assert clip.text == text, "what was typed is shown"
            assert edited.hidden() == hidden, "what is hidden stays"
            assert revision.text == clip.words
        assert clip.sound_ms == SOUND_MS
        assert clip.text == shown_text(clip.words or "", clip.hidden)
    words = clip.words
    edited.cut([])
    assert (clip.text, clip.whole_text, clip.whole_ms, clip.hidden) == (words, None, None, [])
    assert clip.duration_ms == SOUND_MS


@given(WORDS, CUTS)
def test_the_words_that_are_shown_are_those_whose_times_are_shown(words: list[str], cuts: Any) -> None:
    edited = Edited()
    edited.hear(words)
    edited.cut(cuts)
    shown = shown_transcript(edited.timed, cuts)
    assert shown is not None
    timed = [word for passage in shown.passages or [] for word in passage["words"]]
    assert [word["text"] for word in timed] == (edited.clip.text or "").split()
    assert all(0 <= word["start_ms"] <= word["end_ms"] <= kept_ms(cuts, SOUND_MS) for word in timed)
