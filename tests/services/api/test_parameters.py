"""Places in the list, alone; the rest of the parameters is tried on the live API."""

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.errors import Problem
from services.api.parameters import Place, printable


@given(st.datetimes(timezones=st.just(UTC)), st.uuids())
def test_a_cursor_is_read_as_it_was_written(at: datetime, id: object) -> None:
    place = Place(at, id)  # type: ignore[arg-type] # st.uuids() is untyped to us
    assert Place.of(place.cursor()) == place


@pytest.mark.parametrize("cursor", [None, ""])
def test_no_cursor_is_the_beginning(cursor: str | None) -> None:
    assert Place.of(cursor) is None


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "x", "é", "====", encoded(" "), encoded("now later"), encoded("2026-01-01T00:00:00+00:00"), encoded("ü ü"),
        encoded("2026-01-01T00:00:00 0f7a9c1d-0000-4000-8000-000000000000"),
        encoded("2026-01-01T00:00:00+05:00 0f7a9c1d-0000-4000-8000-000000000000"),
        encoded("2026-01-01T00:00:00+00:00 0f7a9c1d"),
    ],
)  # fmt: skip
def test_a_cursor_that_we_did_not_write_is_refused(cursor: str) -> None:
    with pytest.raises(Problem, match="not one that the list gave out"):
        Place.of(cursor)


@given(st.text())
def test_text_is_kept_but_for_what_no_database_takes(words: str) -> None:
    kept = printable(words)
    assert kept == "".join(letter for letter in words if letter != "\0" and not "\ud800" <= letter <= "\udfff")


def test_half_characters_go() -> None:
    assert printable("a\ud800b\0c") == "abc"
