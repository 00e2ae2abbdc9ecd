"""Folding: the words that the index holds, in any language, and the order of names."""

import re
import time
import unicodedata

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shared.search import folding
from shared.search.folding import (
    MAX_INDEXED_BYTES,
    MAX_WORD_CHARS,
    fold,
    folded_ahead,
    index_text,
    indexed_part,
    nfc,
    sort_key,
    tokenize,
)

LETTERS = st.sampled_from(
    "aAbzÄäéßﬁœŒøŁıİςΣσжЁй한글が東京都話すสวัีกาខ្ញុំကျွ١٢3½²㎏🎙👩‍💻❤"
    "'’-_.,!?\"“«*&|:()^%\\ \t\n\u0301\u00ad\u200d\ufe0f\u3099\U00020000\ud800"
    "ｶﾞﾟカ٣ىـ\u2011·"
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
        ("soft\u00adhyphen می\u200cخواهم", "softhyphen ميخواهم"),
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


@pytest.mark.parametrize(
    "text",
    [
        "\ufdfa" * 1_900_000,
        "\ufdfa " * 950_000,
        "a" + "\u0301\u0327" * 40_000,
        "\u1100\u1161\u11a8" * 600_000,
        "東" * 2_000_000,
    ],
    ids=["eighteen letters each", "words of them", "marks alone", "Hangul in parts", "pairs"],
)
def test_what_folding_costs_is_bounded(text: str) -> None:
    started = time.thread_time()
    assert len(index_text(text).encode()) <= MAX_INDEXED_BYTES
    assert len(nfc(text)) <= len(text)
    assert time.thread_time() - started < 1, "seconds for a text that a person may save"


def test_the_index_covers_the_indexed_part_and_no_more() -> None:
    assert indexed_part("a " * 1_000_000) == "a " * (MAX_INDEXED_BYTES // 2)
    part = indexed_part("\ufdfa" * 1_000_000)
    assert len(part) < 20_000
    assert index_text(part) == index_text("\ufdfa" * 1_000_000)
    assert indexed_part("Größe") == "Größe"


JAMO_AND_MARKS = st.sampled_from("aé東한\u1100\u1161\u11a8가\u09c7\u09be\u0301\u0327\u0f71\u1025\u102e \n")


@given(st.text(JAMO_AND_MARKS, max_size=60))
def test_a_text_that_is_composed_in_parts_is_composed(text: str) -> None:
    assume(not re.search("[\u0301\u0327\u0f71\u09be\u102e\u1161\u11a8]{4}", text))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(folding, "_NFC_SLICE_CHARS", 4)
        assert nfc(text) == unicodedata.normalize("NFC", text)


def test_a_text_that_was_folded_ahead_is_not_folded_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with folded_ahead("Größe"):
        monkeypatch.setattr(folding, "fold", lambda text: f"anew {text}")
        assert index_text("Größe") == " grosse "
        assert index_text("Herz") == " anew Herz "
    assert index_text("Größe") == " anew Größe "


def test_names_are_ordered_as_people_count() -> None:
    names = ["take 10", "Take 2", "Take", "01", "ärger", "Apfel", "", "東京", "take 2b"]
    assert sorted(names, key=sort_key) == ["", "01", "Apfel", "ärger", "Take", "Take 2", "take 2b", "take 10", "東京"]


@given(TEXTS)
def test_a_sort_key_fits_its_column(text: str) -> None:
    assert len(sort_key(text)) <= MAX_WORD_CHARS
