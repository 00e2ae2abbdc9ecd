"""Which words of a recording that still goes on may be counted on: those that two passes in a row agree on.

LocalAgreement-2 (Liu et al., Interspeech 2020; Macháček et al., 2023): each pass hears what is not settled yet from its
beginning, a little more of it each time. Where it says what the pass before it said, up to the first difference, the
words are committed; the rest is tentative. A word at the very end is often cut, and so is never committed at once.
"""

from collections.abc import Sequence
from itertools import takewhile

from services.transcriber.recognizers.recognizer import Word

MOST_REPEATED = 5
"""Words at the end of what is committed that a pass may say again: it begins in the middle of a sentence."""

REPEATED_MS = 500
"""How soon after them it says them; later, somebody repeats himself. A single word must lie over the one before."""


class Agreement:
    """Takes pass after pass; times are those of the recording."""

    def __init__(self) -> None:
        self.tentative: list[Word] = []
        self.until_ms = 0
        """Where the last committed word ends."""
        self._newest: list[str] = []

    def take(self, words: Sequence[Word]) -> list[Word]:
        """Hear of another pass; return the words that are committed by it."""
        fresh = self._fresh(words)
        agreed = sum(1 for _ in takewhile(_same, zip(fresh, self.tentative, strict=False)))
        self.tentative = fresh[agreed:]
        return self._commit(fresh[:agreed])

    def settle(self, words: Sequence[Word]) -> list[Word]:
        """Hear of the last pass over what was said: whoever spoke has paused. All of it is committed."""
        self.tentative = []
        return self._commit(self._fresh(words))

    def _commit(self, words: list[Word]) -> list[Word]:
        if words:
            self.until_ms = max(self.until_ms, words[-1].end_ms)
            self._newest = [*self._newest, *map(_plain, words)][-MOST_REPEATED:]
        return words

    def _fresh(self, words: Sequence[Word]) -> list[Word]:
        """Those that are not committed yet: later ones, and of them not what was just said."""
        later = [word for word in words if (word.start_ms + word.end_ms) / 2 > self.until_ms]
        if not later or later[0].start_ms > self.until_ms + REPEATED_MS:
            return later
        said = [_plain(word) for word in later[:MOST_REPEATED]]
        least = 1 if later[0].start_ms < self.until_ms else 2
        again = next(
            (n for n in range(min(len(said), len(self._newest)), least - 1, -1) if said[:n] == self._newest[-n:]), 0
        )
        return later[again:]


def _same(pair: tuple[Word, Word]) -> bool:
    return _plain(pair[0]) == _plain(pair[1])


def _plain(word: Word) -> str:
    """The word without what a pass may change its mind about: its case, and the signs around it."""
    return "".join(filter(str.isalnum, word.text.casefold())) or word.text.strip()
