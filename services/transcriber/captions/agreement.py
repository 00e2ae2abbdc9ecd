"""Which words of a live recording are final: those that two passes in a row agree on.

LocalAgreement-2 (Liu et al., Interspeech 2020; Macháček et al., 2023): each pass covers all audio that is not committed
yet, a little more of it each time. The words on which it agrees with the pass before, up to the first difference, are
committed. The rest is tentative. The last word of a pass is often cut off, and so is never committed at once.
"""

from collections.abc import Sequence
from itertools import takewhile

from services.transcriber.recognizers.recognizer import Word

MAX_REPEATED_WORDS = 5
"""Committed words that a pass may repeat: it begins in the middle of a sentence."""

MAX_REPEAT_DELAY_MS = 500
"""Later, the speaker repeats himself. A single word must overlap the committed one to be a repetition of the pass."""


class Agreement:
    """Takes pass after pass. Times are those of the recording."""

    def __init__(self) -> None:
        self.tentative: list[Word] = []
        self.committed_until_ms = 0
        self._last_committed: list[str] = []

    def add_pass(self, words: Sequence[Word]) -> list[Word]:
        """Compare a pass with the pass before. Return the words that are committed by it."""
        uncommitted = self._uncommitted(words)
        agreed = sum(1 for _ in takewhile(_is_same_word, zip(uncommitted, self.tentative, strict=False)))
        self.tentative = uncommitted[agreed:]
        return self._commit(uncommitted[:agreed])

    def add_final_pass(self, words: Sequence[Word]) -> list[Word]:
        """Commit and return all words of a pass, since the speaker has paused."""
        self.tentative = []
        return self._commit(self._uncommitted(words))

    def _commit(self, words: list[Word]) -> list[Word]:
        if words:
            self.committed_until_ms = max(self.committed_until_ms, words[-1].end_ms)
            self._last_committed = [*self._last_committed, *map(_normalize, words)][-MAX_REPEATED_WORDS:]
        return words

    def _uncommitted(self, words: Sequence[Word]) -> list[Word]:
        """The words behind the committed ones, without repetitions of committed words."""
        later = [word for word in words if (word.start_ms + word.end_ms) / 2 > self.committed_until_ms]
        if not later or later[0].start_ms > self.committed_until_ms + MAX_REPEAT_DELAY_MS:
            return later
        beginning = [_normalize(word) for word in later[:MAX_REPEATED_WORDS]]
        min_repeated = 1 if later[0].start_ms < self.committed_until_ms else 2
        max_repeated = min(len(beginning), len(self._last_committed))
        lengths = range(max_repeated, min_repeated - 1, -1)
        repeated = next((n for n in lengths if beginning[:n] == self._last_committed[-n:]), 0)
        return later[repeated:]


def _is_same_word(pair: tuple[Word, Word]) -> bool:
    return _normalize(pair[0]) == _normalize(pair[1])


def _normalize(word: Word) -> str:
    """The word without its case and the signs around it, which may differ between two passes."""
    return "".join(filter(str.isalnum, word.text.casefold())) or word.text.strip()
