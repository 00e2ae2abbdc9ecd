"""The public forms of a clip: what an event leaves out, and how an excerpt is cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.clips.excerpt import MAX_EXCERPT_CHARS, READ_EXCERPT_CHARS, excerpt_of
from shared.clips.markers import MAX_MARKERS, change_markers, readable_markers
from shared.clips.schemas import LONG_FIELDS, MAX_EVENT_TEXT_CHARS, PublicClip
from tests.shared.clips.test_models import NOW, new_clip


@pytest.mark.parametrize(
    ("text", "notes", "marked", "is_short"),
    [
        ("a" * MAX_EVENT_TEXT_CHARS, "", "", False),
        ("a" * MAX_EVENT_TEXT_CHARS, "b", "", True),
        ("a" * 19_000, "", "c" * 1_001, True),
        (None, "b" * 100, "c", False),
    ],
)
def test_a_long_clip_comes_in_its_short_form(text: str | None, notes: str, marked: str, is_short: bool) -> None:
    clip = new_clip("Talk")
    clip.text, clip.notes = text, notes
    clip.change_markers([{"id": "m", "at_ms": 0, "text": marked}], (), NOW)
    told = PublicClip.model_validate(clip).event()["clip"]
    assert (not LONG_FIELDS & told.keys()) is is_short
    assert told["excerpt"] == (text and text[:MAX_EXCERPT_CHARS])
    assert told["text_chars"] == (text and len(text))


@given(st.text(alphabet="ab \n\u0301\u0e33\u3042", max_size=3 * MAX_EXCERPT_CHARS))
def test_an_excerpt_is_the_start_of_a_text_and_the_same_of_its_start(text: str) -> None:
    excerpt = excerpt_of(text)
    assert excerpt is not None
    assert text.startswith(excerpt)
    assert len(excerpt) <= MAX_EXCERPT_CHARS
    assert excerpt_of(excerpt) == excerpt
    assert excerpt_of(text[:READ_EXCERPT_CHARS]) == excerpt, "a database cuts it before"


def test_an_excerpt_ends_with_a_word() -> None:
    assert excerpt_of("abcd " * 200) == "abcd " * 79 + "abcd"
    assert excerpt_of("あ" * 500) == "あ" * 400
    assert excerpt_of("x" * 399 + "e\u0301") == "x" * 399


marks = st.lists(
    st.fixed_dictionaries({"id": st.sampled_from("abcd"), "at_ms": st.integers(0, 5), "text": st.text(max_size=2)}),
    unique_by=lambda each: each["id"],
)


@given(marks, marks, marks)
def test_changes_of_different_markers_may_come_in_any_order(before: list, mine: list, theirs: list) -> None:  # type: ignore[type-arg]
    own = {each["id"] for each in mine}
    theirs = [each for each in theirs if each["id"] not in own]
    one_way = change_markers(change_markers(before, mine, ()), theirs, ())
    assert one_way == change_markers(change_markers(before, theirs, ()), mine, ())
    assert change_markers(one_way, mine, ()) == one_way


def test_too_many_markers_are_refused_and_strange_ones_are_passed_over() -> None:
    many = [{"id": str(number), "at_ms": 0, "text": ""} for number in range(MAX_MARKERS)]
    with pytest.raises(ValueError, match="at most 500 markers"):
        change_markers(many, [{"id": "more", "at_ms": 0, "text": ""}], ())
    assert readable_markers([*many[:1], {"id": 7}, "?", {"id": "a", "at_ms": -1, "text": ""}]) == many[:1]
    assert readable_markers({"of": "a newer release"}) == []
