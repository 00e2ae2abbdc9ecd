"""Times of words: of those that the machine heard, and of those that a person wrote in their place."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.transcripts.alignment import align_words
from services.api.transcripts.tokens import MAX_COLUMNS, columns, tokenize

LENGTH_MS = 10_000


def passage(*words: tuple[str, int, int]) -> dict[str, Any]:
    spoken = [{"text": text, "start_ms": start, "end_ms": end} for text, start, end in words]
    return {"start_ms": words[0][1], "end_ms": words[-1][2], "text": " ".join(w[0] for w in words), "words": spoken}


HEARD = [
    passage(("And", 500, 700), ("mister", 700, 1000), ("Dashwood", 1000, 1600)),
    passage(("had", 4000, 4200), ("then", 4200, 4500), ("leisure.", 4500, 5000)),
]


def times(text: str, passages: list[dict[str, Any]] = HEARD) -> list[tuple[str, int, int]]:
    return [(word.text, word.start_ms, word.end_ms) for word in align_words(text, passages, LENGTH_MS)]


def test_unedited_words_have_the_machines_times() -> None:
    assert times("And mister Dashwood had then leisure.") == [
        ("And", 500, 700), ("mister", 700, 1000), ("Dashwood", 1000, 1600),
        ("had", 4000, 4200), ("then", 4200, 4500), ("leisure.", 4500, 5000),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "moved"),
    [
        ("And Mr. Dashwood had then leisure.", [("Mr.", 700, 1000)]),
        ("and, Mister DASHWOOD — had then leisure!", [("Mister", 700, 1000), ("—", 1600, 2000)]),
        ("And Dashwood had no leisure.", [("And", 500, 700), ("Dashwood", 1000, 1600), ("no", 4200, 4500)]),
        ("Hear! And mister Dashwood had leisure.", [("Hear!", 0, 500), ("leisure.", 4500, 5000)]),
        ("And mister Dashwood had then leisure. The end.", [("The", 5000, 5800), ("end.", 5800, 6800)]),
    ],
    ids=["replaced", "written-otherwise", "left-out", "put-before", "put-behind"],
)  # fmt: skip
def test_edited_words_have_the_times_of_the_words_they_replace(text: str, moved: list[tuple[str, int, int]]) -> None:
    found = times(text)
    assert [word for word, _, _ in found] == text.split()
    assert set(moved) <= set(found)


def test_passages_without_words_are_shared_by_length() -> None:
    found = times("Yes, indeed. So.", [{"start_ms": 1000, "end_ms": 3000, "text": "Yes, indeed. So."}])
    assert found == [("Yes,", 1000, 1588), ("indeed.", 1588, 2529), ("So.", 2529, 3000)]


def test_times_that_go_back_are_ignored() -> None:
    wild = [
        passage(
            ("one", 0, 400), ("two", 90_000, 90_400), ("three", 800, 1200), ("four", 700, 1500), ("five", 2000, 1900)
        )
    ]
    found = align_words("one two three four five", wild, LENGTH_MS)
    assert (found[0].start_ms, found[-1].start_ms) == (0, 2000)
    assert 400 <= found[1].start_ms <= found[1].end_ms <= found[3].start_ms <= 2000


def test_a_long_text_keeps_its_times_around_each_of_many_edits() -> None:
    said = [f"w{number * 7919 % 997}" for number in range(5_000)]
    heard = [passage(*((word, 400 * at, 400 * at + 350) for at, word in enumerate(said)))]
    edited = [word if at % 40 else f"Better {word} here" for at, word in enumerate(said)]
    found = [word for word in align_words(" ".join(edited), heard, 400 * 5_000) if word.text not in {"Better", "here"}]
    assert [word.text for word in found] == said
    assert [word.start_ms for word in found] == [400 * at for at in range(5_000)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("今天天气很好，我们去（公园）。", ["今天", "天气", "很好，", "我们", "去", "（公园）。"]),
        ("Das 東京タワー", ["Das", "東京タワー"]),
        ("안녕하세요 여러분", ["안녕하세요", "여러분"]),
        ("a\0b\nc\u2028d\ud800e", ["a", "b", "c", "d", "e"]),
        ("x" * 100, ["x" * 42, "x" * 42, "x" * 16]),
        ("cafe\u0301", ["cafe\u0301"]),
        ("", []),
    ],
    ids=["chinese", "japanese", "korean", "unprintable", "long", "accent", "empty"],
)
def test_tokens_are_words(text: str, found: list[str]) -> None:
    assert [token.text for token in tokenize(text)] == found


WORDS = st.sampled_from(["a", "no", "No.", "there,", "今天很好。", "x" * 60, "<i>", "-->", "\0", "\n"]) | st.text(
    max_size=8
)
TIMES_MS = st.integers(0, 20_000)
SPOKEN = st.lists(st.tuples(WORDS, TIMES_MS, TIMES_MS), min_size=1, max_size=12).map(lambda words: passage(*words))
UNTIMED = st.tuples(WORDS, TIMES_MS, TIMES_MS).map(lambda one: {**passage(one), "words": []})
PASSAGES = st.lists(SPOKEN | UNTIMED, max_size=5)
TEXTS = st.lists(WORDS, max_size=60).map(" ".join)


@given(TEXTS, PASSAGES, TIMES_MS)
def test_no_word_is_lost_and_no_time_goes_back(text: str, passages: list[dict[str, Any]], length_ms: int) -> None:
    found = align_words(text, passages, length_ms)
    assert [(word.text, word.is_spaced) for word in found] == tokenize(text)
    assert all(0 <= word.start_ms <= word.end_ms <= length_ms for word in found)
    assert all(word.end_ms <= following.start_ms for word, following in pairwise(found))
    assert all(columns(word.text) <= MAX_COLUMNS for word in found)
