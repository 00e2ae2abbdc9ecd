"""Text of a request, without a server; tests of the live API cover the other parameters."""

from hypothesis import given
from hypothesis import strategies as st

from services.api.http.params import storable_text


@given(st.text())
def test_text_is_kept_but_for_what_no_database_takes(words: str) -> None:
    kept = storable_text(words)
    assert kept == "".join(letter for letter in words if letter != "\0" and not "\ud800" <= letter <= "\udfff")


def test_lone_surrogates_are_dropped() -> None:
    assert storable_text("a\ud800b\0c") == "abc"
