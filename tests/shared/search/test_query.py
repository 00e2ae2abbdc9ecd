"""Queries: the phrases that a person types, and their matches in a text."""

import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from shared.search.folding import index_text, nfc
from shared.search.query import MAX_PHRASES, Query, find_matches, parse_query
from tests import speech
from tests.shared.search.test_folding import TEXTS

SEARCH_CASES: list[dict[str, Any]] = json.loads(Path(speech.DATA, "search.json").read_text("utf-8"))

WORDS = st.lists(st.sampled_from(["to", "be", "or", "not", "Bé", "東京", "東", "toad", "3"]), max_size=12).map(" ".join)


def index_matches(text: str, query: Query) -> bool:
    """Whether a database would find the text: its index holds every phrase."""
    return bool(query) and all(any(needle in index_text(text) for needle in phrase.needles) for phrase in query.phrases)


def matched_texts(text: str, typed: str) -> list[str]:
    text = nfc(text)
    return [text[match.start : match.end] for match in find_matches(text, parse_query(typed))]


# -- queries -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "needles"),
    [
        ("Budget", [" budget"]),
        ("the Budget pl", [" the ", " budget ", " pl"]),
        ("budget.", [" budget "]),
        ("100%", [" 100 "]),
        ('"to be" or', [" to be ", " or"]),
        ("“To be” «or not»", [" to be ", " or not "]),
        ('"not clos', [" not clos"]),
        ('say"hello"', [" say ", " hello "]),
        ("don't", [" don t | dont"]),
        ("e‑mail.", [" e mail  | email "]),
        ('"the e-mail"', [" the e mail "]),
        ("'tis -1 a--b", [" tis ", " 1 ", " a b"]),
        ("東京", [" 東京 "]),
        ("東", [" 東"]),
        ("東 京都", [" 東", " 京都 "]),
        ("第3回", [" 第 3 回"]),
        ("iPhoneは", [" iphone は"]),
        ('"東京 大阪"', [" 東京 京 大阪 "]),
        ("x" * 100, [f" {'x' * 64}"]),
        ("", []),
        (' "" " ', []),
        ("*", []),
        ("^ & | ! : ( ) \\ ' %", []),
        ("NEAR(a b) OR NOT c*", [" near a ", " b ", " or ", " not ", " c "]),
    ],
)
def test_a_query_becomes_the_needles_that_the_index_holds(typed: str, needles: list[str]) -> None:
    assert [" |".join(phrase.needles) for phrase in parse_query(typed).phrases] == needles
    assert bool(parse_query(typed)) == bool(needles)


def test_the_phrases_of_a_query_are_limited() -> None:
    assert len(parse_query("a " * 5_000).phrases) == MAX_PHRASES


@given(TEXTS)
@example('"')
@example("\ud800")
def test_any_input_makes_a_valid_query(typed: str) -> None:
    query = parse_query(typed)
    for phrase in query.phrases:
        re.compile(phrase.pattern)
        assert phrase.words
    assert list(find_matches("", query)) == []


# -- matches -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "typed", "marked"),
    [
        ("Die Größe des Herzens", "grosse", ["Größe"]),
        ("e\u0301te\u0301 été", "ete", ["été", "été"]),
        ("to be, or not TO  BE", '"to be"', ["to be", "TO  BE"]),
        ("article art start", "art", ["article", "art"]),
        ("article art start", "art.", ["art"]),
        ("snake_case", "case", ["case"]),
        ("東京都と東京", "東京", ["東京", "東京"]),
        ("京と東", "東", ["東"]),
        ("新しいiPhoneは", "iphone", ["iPhone"]),
        ("กินข้าว", "กิน", ["กิน"]),
        ("กิ", "ก", ["กิ"]),
        ("ﬁne ½ kg", "fine 1", ["ﬁne", "½"]),
        ("a 🎸 b", "🎸", ["🎸"]),
        ("one two", "two one", ["one", "two"]),
        ("x" * 80, "x" * 70, ["x" * 80]),
        ("to be", '"to bee"', []),
    ],
)
def test_matches_have_the_positions_of_the_text(text: str, typed: str, marked: list[str]) -> None:
    assert matched_texts(text, typed) == marked


@pytest.mark.parametrize("case", SEARCH_CASES, ids=lambda case: f"{case['typed']} in {case['text']}")
def test_matches_are_those_of_the_table_that_the_page_reads_too(case: dict[str, Any]) -> None:
    assert matched_texts(case["text"], case["typed"]) == case["marked"]
    assert index_matches(case["text"], parse_query(case["typed"])) == bool(case["marked"])


@settings(max_examples=300)
@given(TEXTS | WORDS, st.data())
def test_a_part_of_a_text_is_matched_by_the_index_and_marked_in_the_text(text: str, data: st.DataObject) -> None:
    """The index and the matches agree: a text that the index finds has matches, and no other text has."""
    text = nfc(text)
    typed = data.draw(WORDS | TEXTS | st.just(text[data.draw(st.integers(0, len(text))) :][:20]))
    query = parse_query(typed)
    marked = list(find_matches(text, query))
    seen = {match.phrase_index for match in marked}
    for number, phrase in enumerate(query.phrases):
        alone = Query((phrase,))
        assert bool(list(find_matches(text, alone))) == index_matches(text, alone), (phrase, index_text(text))
        if number in seen:
            assert index_matches(text, alone)
    for match in marked:
        assert 0 <= match.start < match.end <= len(text)
        shown = index_text(text[match.start : match.end])
        assert any(needle.rstrip(" ") in shown for needle in query.phrases[match.phrase_index].needles), (shown, query)
    assert all(before.end <= after.start for before, after in pairwise(marked))


@given(TEXTS, TEXTS, TEXTS)
def test_a_quoted_text_is_found_between_any_others(before: str, typed: str, after: str) -> None:
    inside = re.sub('["“”„«»]', " ", typed)
    query = parse_query(f'"{inside}"')
    assume(query)
    assert index_matches(f"{before} {typed} {after}", query)
