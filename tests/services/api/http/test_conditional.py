"""Ranges and entity tags (RFC 9110), without a server."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.http.conditional import byte_range, etag_matches
from services.api.http.errors import Problem


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=0-", (0, 10)),
        ("bytes=3-5", (3, 6)),
        ("bytes=9-", (9, 10)),
        ("bytes=5-999", (5, 10)),
        ("bytes=-3", (7, 10)),
        ("bytes=-999", (0, 10)),
        (f"bytes=0-{'9' * 18}", (0, 10)),
        (f"bytes=-{'9' * 18}", (0, 10)),
    ],
)
def test_a_range_is_a_part(asked: str, part: tuple[int, int]) -> None:
    assert byte_range(asked, 10) == part


@pytest.mark.parametrize(
    "asked",
    [
        "bytes=5-3",
        "bytes=-",
        "bytes=",
        "bytes=a-b",
        "bytes=0-1,3-4",
        "lines=0-1",
        "",
        "bytes=٣-٤",
        f"bytes={'9' * 6000}-",
    ],
    ids=lambda asked: asked[:14],
)
def test_an_unknown_range_is_answered_with_everything(asked: str) -> None:
    assert byte_range(asked, 10) is None


@pytest.mark.parametrize("asked", ["bytes=10-", "bytes=10-20", "bytes=-0"])
def test_a_range_behind_the_end_is_a_problem(asked: str) -> None:
    with pytest.raises(Problem) as refused:
        byte_range(asked, 10)
    assert refused.value.slug == "bad-range"
    assert refused.value.headers == {"Content-Range": "bytes */10"}


@given(st.from_regex(r"bytes=[0-9]{0,3}-[0-9]{0,3}", fullmatch=True), st.integers(1, 200))
def test_a_part_is_never_empty_nor_outside(asked: str, size: int) -> None:
    try:
        part = byte_range(asked, size)
    except Problem:
        return
    if part is not None:
        start, end = part
        assert 0 <= start < end <= size


@pytest.mark.parametrize(
    ("header", "strong", "weak"),
    [
        (None, False, False),
        ('"3"', True, True),
        ("*", True, True),
        ('"1", "3"', True, True),
        ('W/"3"', False, True),
        ('"33"', False, False),
        ("3", False, False),
        ("", False, False),
    ],
)
def test_tags_match_strongly_or_weakly(header: str | None, strong: bool, weak: bool) -> None:
    assert etag_matches(header, '"3"') is strong
    assert etag_matches(header, '"3"', weak=True) is weak
