"""Which words of a recording that still goes on are counted on."""

from hypothesis import given
from hypothesis import strategies as st

from services.transcriber.captions.agreement import Agreement
from services.transcriber.recognizers.recognizer import Word

WORD_MS = 400


def said(text: str, at_ms: int = 0) -> list[Word]:
    """Words of equal length, one behind the other."""
    return [Word(at_ms + n * WORD_MS, at_ms + (n + 1) * WORD_MS, f" {word}") for n, word in enumerate(text.split())]


def text(words: list[Word]) -> str:
    return "".join(word.text for word in words).strip()


def test_words_are_committed_once_two_passes_agree() -> None:
    agreement = Agreement()
    assert agreement.add_pass(said("It was the beast")) == []
    assert text(agreement.tentative) == "It was the beast"
    assert text(agreement.add_pass(said("It was the best of"))) == "It was the"
    assert text(agreement.tentative) == "best of"
    assert text(agreement.add_pass(said("It was the best of times"))) == "best of"
    assert text(agreement.tentative) == "times"


def test_passes_agree_whatever_the_case_and_the_signs() -> None:
    agreement = Agreement()
    agreement.add_pass(said("it was, the Best"))
    assert text(agreement.add_pass(said("It was the best. Of"))) == "It was the best."


def test_committed_words_are_never_repeated_and_never_taken_back() -> None:
    agreement = Agreement()
    agreement.add_pass(said("It was the"))
    agreement.add_pass(said("It was the"))
    # This pass hears the last word a little later than the one before it did.
    assert agreement.add_pass(said("the best", 3 * WORD_MS - 100)) == []
    assert text(agreement.tentative) == "best"
    assert text(agreement.add_final_pass(said("a beast", 3 * WORD_MS))) == "a beast"


def test_a_speaker_may_repeat_himself() -> None:
    agreement = Agreement()
    agreement.add_final_pass(said("no"))
    assert text(agreement.add_final_pass(said("no", WORD_MS))) == "no"
    assert text(agreement.add_final_pass(said("no no", 4_000))) == "no no"


def test_the_final_pass_commits_all_words() -> None:
    agreement = Agreement()
    agreement.add_pass(said("It was"))
    assert text(agreement.add_final_pass(said("It was the best"))) == "It was the best"
    assert agreement.tentative == []


@given(
    st.lists(st.text("abc", min_size=1, max_size=4), unique=True, min_size=1, max_size=30),
    st.lists(st.integers(1, 4), min_size=1, max_size=30),
)
def test_wrong_words_at_the_end_of_passes_are_never_committed(spoken: list[str], steps: list[int]) -> None:
    agreement = Agreement()
    settled: list[Word] = []
    until = 0
    for number, step in enumerate(steps):
        until = min(len(spoken), until + step)
        # The last word is cut, and heard as something else each time.
        settled += agreement.add_pass(said(" ".join([*spoken[: until - 1], f"cut{number}"])))
        assert [word.text.strip() for word in settled] == spoken[: len(settled)]
    settled += agreement.add_final_pass(said(" ".join(spoken)))
    assert [word.text.strip() for word in settled] == spoken
