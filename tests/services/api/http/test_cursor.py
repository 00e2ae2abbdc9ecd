"""The cursor of a list, without a server."""

import base64
from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.http.cursor import Cursor, Key
from services.api.http.errors import Problem

KEYS = st.one_of(
    st.none(),
    st.text(st.characters(codec="utf-8", exclude_characters="\0")),
    st.integers(-(2**63) + 1, 2**63 - 1),
    st.datetimes(timezones=st.just(UTC)),
    st.uuids(),
)


@given(st.lists(KEYS, max_size=5), st.text(max_size=20))
def test_a_cursor_is_read_as_it_was_written(keys: list[Key], fingerprint: str) -> None:
    cursor = Cursor(tuple(keys))
    assert Cursor.decode(cursor.encode(fingerprint), fingerprint) == cursor
    with pytest.raises(Problem, match="belongs to a list of another order or with other filters"):
        Cursor.decode(cursor.encode(fingerprint), f"{fingerprint}.")


@pytest.mark.parametrize("text", [None, ""])
def test_no_cursor_is_the_beginning(text: str | None) -> None:
    assert Cursor.decode(text, "a") is None


def encode(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


@pytest.mark.parametrize("text", ["x", "é", "===="])
def test_a_cursor_that_we_did_not_write_is_refused(text: str) -> None:
    with pytest.raises(Problem, match="not one that the list gave out"):
        Cursor.decode(text, "a")


@pytest.mark.parametrize(
    "keys",
    [
        " ", "{}", "[]", "[1]", "ü ü", "[" * 9_000, '["a", 1.5]', '["a", true]', '["a", [1]]', '["a", {}]',
        '["a", 9223372036854775808]', f'["a", {"9" * 5000}]', '["a", {"id": "0f7a9c1d"}]', '["a", {"id": 1}]',
        '["a", {"at": "now"}]', '["a", {"at": "2026-01-01T00:00:00"}]', '["a", {"at": "2026-01-01T00:00:00+05:00"}]',
    ],
    ids=lambda keys: keys[:40],
)  # fmt: skip
def test_a_cursor_that_holds_something_else_is_refused(keys: str) -> None:
    with pytest.raises(Problem, match="not one that the list gave out"):
        Cursor.decode(encode(keys), "a")
