"""Titles of the first words, in several scripts."""

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.clips.names import clean_name
from shared.clips.titles import MAX_TITLE_CHARS, suggest_title

CASES = json.loads((Path(__file__).parents[2] / "data" / "titles.json").read_text())


@pytest.mark.parametrize(("text", "title"), [(case["text"], case["title"]) for case in CASES])
def test_the_first_sentence_that_says_something_is_the_title(text: str, title: str | None) -> None:
    """`static/shared/titles.js` is held to the same table."""
    assert suggest_title(text) == title


def test_a_long_sentence_without_spaces_is_cut_between_letters() -> None:
    title = suggest_title("กำ" * 200)
    assert title is not None
    assert len(title) <= MAX_TITLE_CHARS
    assert title.endswith("…")


@pytest.mark.parametrize("text", ["no. " * 1_000, "a. " * 1_333, "." * 3_999 + "x"], ids=["no", "letters", "stops"])
def test_what_a_recognizer_repeats_without_end_takes_no_time(text: str) -> None:
    """A title is made while the clip's row, on SQLite the whole database, is locked."""
    times = []
    for _ in range(3):
        start = time.perf_counter()
        suggest_title(text)
        times.append(time.perf_counter() - start)
    assert min(times) < 0.05


@given(st.text() | st.text(alphabet="ab .!?,\n\u0301\u0e33\u3042\u200f\u202e\0", max_size=300))
def test_every_title_is_a_name(text: str) -> None:
    title = suggest_title(text)
    if title is not None:
        assert clean_name(title) == title
        assert 0 < len(title) <= MAX_TITLE_CHARS
        assert "\n" not in title
