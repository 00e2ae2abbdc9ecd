"""Places in the list, alone; the rest of the parameters is tried on the live API."""

import base64
from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.http.errors import Problem
from services.api.http.params import Mark, Place, printable

MARKS = st.one_of(
    st.none(),
    st.text(st.characters(codec="utf-8", exclude_characters="\0")),
    st.integers(-(2**63) + 1, 2**63 - 1),
    st.datetimes(timezones=st.just(UTC)),
    st.uuids(),
)


@given(st.lists(MARKS, max_size=5), st.text(max_size=20))
def test_a_cursor_is_read_as_it_was_written(marks: list[Mark], stamp: str) -> None:
    place = Place(tuple(marks))
    assert Place.of(place.cursor(stamp), stamp) == place
    with pytest.raises(Problem, match="belongs to a list of another order or with other filters"):
        Place.of(place.cursor(stamp), f"{stamp}.")


@pytest.mark.parametrize("cursor", [None, ""])
def test_no_cursor_is_the_beginning(cursor: str | None) -> None:
    assert Place.of(cursor, "a") is None


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


@pytest.mark.parametrize("cursor", ["x", "é", "===="])
def test_a_cursor_that_we_did_not_write_is_refused(cursor: str) -> None:
    with pytest.raises(Problem, match="not one that the list gave out"):
        Place.of(cursor, "a")


@pytest.mark.parametrize(
    "marks",
    [
        " ", "{}", "[]", "[1]", "ü ü", "[" * 9_000, '["a", 1.5]', '["a", true]', '["a", [1]]', '["a", {}]',
        '["a", 9223372036854775808]', f'["a", {"9" * 5000}]', '["a", {"id": "0f7a9c1d"}]', '["a", {"id": 1}]',
        '["a", {"at": "now"}]', '["a", {"at": "2026-01-01T00:00:00"}]', '["a", {"at": "2026-01-01T00:00:00+05:00"}]',
    ],
    ids=lambda marks: marks[:40],
)  # fmt: skip
def test_so_is_one_that_holds_something_else(marks: str) -> None:
    with pytest.raises(Problem, match="not one that the list gave out"):
        Place.of(encoded(marks), "a")


@given(st.text())
def test_text_is_kept_but_for_what_no_database_takes(words: str) -> None:
    kept = printable(words)
    assert kept == "".join(letter for letter in words if letter != "\0" and not "\ud800" <= letter <= "\udfff")


def test_half_characters_go() -> None:
    assert printable("a\ud800b\0c") == "abc"
