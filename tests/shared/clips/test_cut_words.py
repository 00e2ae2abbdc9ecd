"""Words that a cut hides, and what becomes of them while the others are edited."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared.clips.cut_words import cut_passages, hidden_spans, shown_text, splice, timed_units


def passages(text: str, word_ms: int = 100) -> list[dict[str, Any]]:
    """One passage for each sentence; each word takes the same time."""
    at, result = 0, []
    for sentence in text.split("."):
        words = [
            {"text": word, "start_ms": at + index * word_ms, "end_ms": at + (index + 1) * word_ms}
            for index, word in enumerate(f"{sentence.strip()}.".split())
        ]
        if sentence.strip():
            result.append(
                {"start_ms": at, "end_ms": at + len(words) * word_ms, "text": f"{sentence.strip()}.", "words": words}
            )
            at += len(words) * word_ms
    return result


TEXT = "One two three four. Five six seven. Eight nine ten."


def cut(text: str, *cuts: tuple[int, int]) -> str:
    return shown_text(text, hidden_spans(text, timed_units(passages(text)), list(cuts)))


def test_words_in_the_middle_the_beginning_and_the_end_are_hidden_with_one_space() -> None:
    assert cut(TEXT, (100, 300)) == "One four. Five six seven. Eight nine ten."
    assert cut(TEXT, (0, 200)) == "three four. Five six seven. Eight nine ten."
    assert cut(TEXT, (700, 1_000)) == "One two three four. Five six seven."
    assert cut(TEXT, (0, 100), (300, 500), (900, 1_000)) == "two three six seven. Eight nine"
    assert cut(TEXT, (0, 1_000)) == ""


def test_a_word_is_cut_where_most_of_it_is() -> None:
    assert cut(TEXT, (149, 200)) == "One three four. Five six seven. Eight nine ten."
    assert cut(TEXT, (151, 200)) == TEXT


def test_a_script_without_spaces_is_cut_between_its_words() -> None:
    words = [
        {"text": text, "start_ms": at * 100, "end_ms": at * 100 + 100}
        for at, text in enumerate(["今日", "は", "雨", "です。"])
    ]
    whole = [{"start_ms": 0, "end_ms": 400, "text": "今日は雨です。", "words": words}]
    assert (
        shown_text("今日は雨です。", hidden_spans("今日は雨です。", timed_units(whole), [(200, 300)])) == "今日はです。"
    )
    assert cut_passages(whole, [(200, 300)])[0]["text"] == "今日はです。"


def test_passages_stand_on_the_cut_clock_without_the_words_that_are_cut() -> None:
    assert cut_passages(passages(TEXT), [(100, 300), (400, 700)]) == [
        {
            "start_ms": 0,
            "end_ms": 200,
            "text": "One four.",
            "words": [
                {"text": "One", "start_ms": 0, "end_ms": 100},
                {"text": "four.", "start_ms": 100, "end_ms": 200},
            ],
        },
        {
            "start_ms": 200,
            "end_ms": 500,
            "text": "Eight nine ten.",
            "words": [
                {"text": word, "start_ms": 200 + at * 100, "end_ms": 300 + at * 100}
                for at, word in enumerate(["Eight", "nine", "ten."])
            ],
        },
    ]


def test_a_passage_without_words_is_cut_by_the_length_of_its_words() -> None:
    whole = [{"start_ms": 0, "end_ms": 600, "text": "ab cd ef", "words": []}]
    assert cut_passages(whole, [(0, 200)]) == [{"start_ms": 0, "end_ms": 400, "text": "cd ef", "words": []}]


def test_an_edit_leaves_the_hidden_words_between_their_neighbours() -> None:
    hidden = hidden_spans(TEXT, timed_units(passages(TEXT)), [(100, 300), (700, 800)])
    assert shown_text(TEXT, hidden) == "One four. Five six seven. nine ten."
    edited = "ONE four! Five, six, and seven. Nine ten, eleven."
    whole, spans = splice(edited, TEXT, hidden)
    assert whole == "ONE two three four! Five, six, and seven. Eight Nine ten, eleven."
    assert shown_text(whole, spans) == edited


def test_an_edit_that_empties_the_text_keeps_the_hidden_words() -> None:
    hidden = hidden_spans(TEXT, timed_units(passages(TEXT)), [(100, 300)])
    whole, spans = splice("", TEXT, hidden)
    assert whole.split() == ["two", "three"]
    assert shown_text(whole, spans) == ""
    again, spans = splice("new words", whole, spans)
    assert sorted(again.split()) == ["new", "three", "two", "words"]
    assert shown_text(again, spans) == "new words"


WORDS = st.lists(st.sampled_from(["a", "b", "ab", "\n\n", "c.", "d"]), max_size=15).map(" ".join)


@given(WORDS, st.lists(st.tuples(st.integers(0, 15), st.integers(1, 4)), max_size=4), WORDS, WORDS)
def test_no_edit_loses_a_hidden_word_or_changes_what_was_typed(
    text: str, ranges: list[tuple[int, int]], first: str, second: str
) -> None:
    cuts = sorted((start * 100, (start + length) * 100) for start, length in ranges)
    hidden = hidden_spans(text, timed_units(passages(text)), _apart(cuts))
    words = sorted(word for start, end in hidden for word in text[start:end].split())
    whole, spans = text, hidden
    for typed in (first, second, shown_text(text, hidden)):
        whole, spans = splice(typed, whole, spans)
        assert shown_text(whole, spans) == typed
        assert sorted(word for start, end in spans for word in whole[start:end].split()) == words


@given(WORDS, st.lists(st.tuples(st.integers(0, 15), st.integers(1, 4)), max_size=4))
def test_typing_what_stands_there_changes_nothing(text: str, ranges: list[tuple[int, int]]) -> None:
    cuts = sorted((start * 100, (start + length) * 100) for start, length in ranges)
    hidden = hidden_spans(text, timed_units(passages(text)), _apart(cuts))
    assert splice(shown_text(text, hidden), text, hidden) == (text, hidden)


def _apart(cuts: list[tuple[int, int]]) -> list[tuple[int, int]]:
    from shared.clips.cuts import normalize_cuts

    return normalize_cuts(cuts, 100_000)
