"""Folding: the words that the index holds, in any language, and the order of names."""

import re
import unicodedata

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shared.search.folding import MAX_INDEXED_BYTES, MAX_WORD_CHARS, fold, index_text, nfc, sort_key, tokenize

LETTERS = st.sampled_from(
    "aAbzÄäéßﬁœŒøŁıİςΣσжЁй한글が東京都話すสวัีกาខ្ញុំကျွ١٢3½²㎏🎙👩‍💻❤"
    "'’-_.,!?\"“«*&|:()^%\\ \t\n\u0301\u00ad\u200d\ufe0f\u3099\U00020000\ud800"
)
TEXTS = st.text(LETTERS, max_size=60) | st.text(max_size=60)


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
def test_a_text_becomes_words_without_accents_and_capitals(text: str, words: str) -> None:
    assert " ".join(tokenize(text)) == words
    assert " ".join(tokenize(unicodedata.normalize("NFD", text))) == words


@given(TEXTS)
def test_folding_twice_is_folding_once(text: str) -> None:
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


def test_the_indexed_text_fits_into_a_tsvector() -> None:
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
def test_a_sort_key_fits_its_column(text: str) -> None:
    assert len(sort_key(text)) <= MAX_WORD_CHARS
