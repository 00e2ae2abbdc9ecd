"""Folding, queries and matches: what is found, in any language, and where it stands."""

import re
import unicodedata
from itertools import pairwise

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from shared.search.folding import MAX_INDEXED_BYTES, MAX_WORD_CHARS, fold, index_text, nfc, sort_key, tokenize
from shared.search.query import MAX_PHRASES, Query, find_matches, parse_query

LETTERS = st.sampled_from(
    "aAbzÄäéßﬁœŒøŁıİςΣσжЁй한글が東京都話すสวัีกาខ្ញុំကျွ١٢3½²㎏🎙👩‍💻❤"
    "'’-_.,!?\"“«*&|:()^%\\ \t\n\u0301\u00ad\u200d\ufe0f\u3099\U00020000\ud800"
)
TEXTS = st.text(LETTERS, max_size=60) | st.text(max_size=60)
WORDS = st.lists(st.sampled_from(["to", "be", "or", "not", "Bé", "東京", "東", "toad", "3"]), max_size=12).map(" ".join)


def holds(text: str, query: Query) -> bool:
    """What a database does with its index: every phrase stands in it."""
    return bool(query) and all(phrase.needle in index_text(text) for phrase in query.phrases)


def found(text: str, typed: str) -> list[str]:
    text = nfc(text)
    return [text[match.start : match.end] for match in find_matches(text, parse_query(typed))]


# -- folding -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("L'Été à Łódź", "l ete a lodz"),
        ("Größe STRASSE Straße", "grosse strasse strasse"),
        ("Cœur, ﬁne; naïve—Ångström", "coeur fine naive angstrom"),
        ("ΟΔΥΣΣΕΎΣ οδυσσεύς", "οδυσσευσ οδυσσευσ"),
        ("ЁЖИК İstanbul ılık", "ежик istanbul ilik"),
        ("كِتَاب أحمد", "كتاب احمد"),
        ("Ｆｕｌｌ　ｗｉｄｔｈ ²½", "full width 21 2"),
        ("don't e-mail snake_case 3.14", "don t e mail snake case 3 14"),
        ("東京都、がぎ iPhoneは", "東京 京都 都 がぎ ぎ iphone は"),
        ("한국어 하다", "한국어 하다"),
        ("ไทย", "ไท ทย ย"),
        ("🎸 practice ❤️", "🎸 practice ❤"),
        ("soft\u00adhyphen می\u200cخواهم", "softhyphen میخواهم"),
        ("!?… — \n", ""),
    ],
)
def test_a_text_becomes_words_that_a_keyboard_can_write(text: str, words: str) -> None:
    assert " ".join(tokenize(text)) == words
    assert " ".join(tokenize(unicodedata.normalize("NFD", text))) == words


@given(TEXTS)
def test_what_is_folded_stays_as_it_is(text: str) -> None:
    once = fold(nfc(text))
    assert fold(nfc(once)) == once


@given(TEXTS)
def test_capitals_make_no_difference(text: str) -> None:
    assume(nfc(text.casefold()) == unicodedata.normalize("NFC", text.casefold()))
    assert set("".join(tokenize(text.upper()))) == set("".join(tokenize(text.upper().lower())))


@given(TEXTS)
def test_words_hold_nothing_that_a_database_takes_for_syntax(text: str) -> None:
    for word in tokenize(text):
        assert word
        assert len(word) <= MAX_WORD_CHARS
        assert not re.search(r"""[\x00-/:-@\[-`{-\x7f\s]""", word)


def test_what_is_indexed_ends_before_a_tsvector_is_full() -> None:
    long = index_text("".join(chr(0x20000 + number % 40_000) for number in range(300_000)))
    assert MAX_INDEXED_BYTES - 20 < len(long.encode()) <= MAX_INDEXED_BYTES
    assert long.startswith(" ")
    assert long.endswith(" ")
    assert len(index_text("a " * 3_000_000).encode()) <= MAX_INDEXED_BYTES
    assert index_text("x" * 5_000) == f" {'x' * MAX_WORD_CHARS} "


def test_names_are_ordered_as_people_count() -> None:
    names = ["take 10", "Take 2", "Take", "01", "ärger", "Apfel", "", "東京", "take 2b"]
    assert sorted(names, key=sort_key) == ["", "01", "Apfel", "ärger", "Take", "Take 2", "take 2b", "take 10", "東京"]


@given(TEXTS)
def test_a_name_s_place_is_short(text: str) -> None:
    assert len(sort_key(text)) <= MAX_WORD_CHARS


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
        ("don't", [" don t"]),
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
def test_a_query_is_read_as_it_is_meant(typed: str, needles: list[str]) -> None:
    assert [phrase.needle for phrase in parse_query(typed).phrases] == needles
    assert bool(parse_query(typed)) == bool(needles)


def test_a_query_without_end_has_one() -> None:
    assert len(parse_query("a " * 5_000).phrases) == MAX_PHRASES


@given(TEXTS)
@example('"')
@example("\ud800")
def test_anything_can_be_typed(typed: str) -> None:
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
def test_matches_are_marked_where_they_stand(text: str, typed: str, marked: list[str]) -> None:
    assert found(text, typed) == marked


@settings(max_examples=300)
@given(TEXTS | WORDS, st.data())
def test_a_part_of_a_text_finds_it_and_every_mark_is_what_was_asked_for(text: str, data: st.DataObject) -> None:
    """The index and the marks agree: what one finds, the other marks, and nothing else."""
    text = nfc(text)
    typed = data.draw(WORDS | TEXTS | st.just(text[data.draw(st.integers(0, len(text))) :][:20]))
    query = parse_query(typed)
    marked = list(find_matches(text, query))
    seen = {match.phrase_index for match in marked}
    for number, phrase in enumerate(query.phrases):
        alone = Query((phrase,))
        assert bool(list(find_matches(text, alone))) == holds(text, alone), (phrase, index_text(text))
        if number in seen:
            assert holds(text, alone)
    for match in marked:
        assert 0 <= match.start < match.end <= len(text)
        shown = index_text(text[match.start : match.end])
        assert shown.startswith(query.phrases[match.phrase_index].needle.rstrip(" ")), (shown, query)
    assert all(before.end <= after.start for before, after in pairwise(marked))


@given(TEXTS, TEXTS, TEXTS)
def test_a_phrase_of_words_is_found_between_any_others(before: str, typed: str, after: str) -> None:
    inside = re.sub('["“”„«»]', " ", typed)
    query = parse_query(f'"{inside}"')
    assume(query)
    assert holds(f"{before} {typed} {after}", query)
