"""Titles of the first words, in several scripts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.clips.names import clean_name
from shared.clips.titles import MAX_TITLE_CHARS, suggest_title


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("We meet on Friday at nine. Bring the plans.", "We meet on Friday at nine"),
        ("Hello everybody. Okay. The budget for next year is done.", "The budget for next year is done"),
        ("Um, okay so today we talk about the budget.", "Today we talk about the budget"),
        ("So far we are fine with it.", "So far we are fine with it"),
        ("So, who will call the landlord?", "Who will call the landlord?"),
        ("Dr. Smith called me about the results.", "Dr. Smith called me about the results"),
        ("Wir brauchen z.B. morgen drei Zelte. Danke.", "Wir brauchen z.B. morgen drei Zelte"),
        ("It costs 3.50 in every shop. Yes.", "It costs 3.50 in every shop"),
        ("no capitals and no full stops at all", "No capitals and no full stops at all"),
        ("Äh, also die Brücke wird im Mai gesperrt.", "Die Brücke wird im Mai gesperrt"),
        ("你好。今天我们讨论明年的预算。", "今天我们讨论明年的预算"),
        ("えっと、今日は来年の予算について話します。", "今日は来年の予算について話します"),
        ("วันนี้เราจะคุยเรื่องงบประมาณ", "วันนี้เราจะคุยเรื่องงบประมาณ"),
        ("مرحبا. اليوم نتحدث عن ميزانية العام القادم.", "اليوم نتحدث عن ميزانية العام القادم"),
        ("האם ניפגש מחר בבוקר במשרד? כן.", "האם ניפגש מחר בבוקר במשרד?"),
        ("ßtraße wird heute nicht gesperrt", "ßtraße wird heute nicht gesperrt"),
    ],
)
def test_the_first_sentence_that_says_something_is_the_title(text: str, title: str) -> None:
    assert suggest_title(text) == title


@pytest.mark.parametrize(
    "text", ["", "Okay.", "Um. Uh. Yeah, okay.", "Hello, hi, hey, hello. Okay okay okay okay.", "…", "你好"]
)
def test_words_that_say_nothing_are_no_title(text: str) -> None:
    assert suggest_title(text) is None


def test_a_long_sentence_is_cut_at_a_word() -> None:
    title = suggest_title("The committee decided after a very long discussion that nothing needs to be decided today.")
    assert title == "The committee decided after a very long discussion that…"


def test_a_long_sentence_without_spaces_is_cut_between_letters() -> None:
    title = suggest_title("กำ" * 200)
    assert title is not None
    assert len(title) <= MAX_TITLE_CHARS
    assert title.endswith("…")


@given(st.text() | st.text(alphabet="ab .!?,\n\u0301\u0e33\u3042\u200f\u202e\0", max_size=300))
def test_every_title_is_a_name(text: str) -> None:
    title = suggest_title(text)
    if title is not None:
        assert clean_name(title) == title
        assert 0 < len(title) <= MAX_TITLE_CHARS
        assert "\n" not in title
