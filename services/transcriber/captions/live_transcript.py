"""The words of one recording while it goes on: what is settled, and what may still change."""

from collections.abc import Sequence

import numpy as np

from services.transcriber.audio.decode import RATE, Samples
from services.transcriber.captions.agreement import Agreement
from services.transcriber.recognizers.recognizer import Word
from services.transcriber.recognizers.streaming import MOST_S, Ear

PAUSE_S = 0.5
"""Silence after which nobody waits for the rest of a sentence."""

MARGIN_S = 0.3
"""Heard on either side of speech: the detector is late for soft beginnings."""

LONG_S = 12.0
"""A pass over more costs more than it helps: what is committed of it is let go."""

KEPT_S = 2.0
"""Of that, heard on with what follows, so that the next words do not come from nowhere."""

NEWS_S = 0.5
"""Less is not worth a pass, and two passes over the same sound agree on anything."""

BEHIND_S = 60.0
"""Sound that may wait. More is given up, but for the newest part: captions are of what is said now."""

TOLD = 600
"""Characters of the settled words that each page is told anew: who comes later has the last half minute."""


class Captions:
    """Takes sound as it comes. Costs one pass over what is not settled yet, each time that it is asked to hear."""

    def __init__(self, ear: Ear) -> None:
        self.ear = ear
        """Who listens; another one may take over."""
        self._held = np.empty(0, np.float32)
        """What is not settled, and is heard again."""
        self._begins = 0
        """The sample of the recording with which it begins."""
        self._unheard = 0
        self._agreement = Agreement()
        self._settled = ""
        self._length = 0

    @property
    def held_s(self) -> float:
        """Seconds of sound that are not settled."""
        return len(self._held) / RATE

    def add(self, samples: Samples) -> None:
        self._held = np.concatenate([self._held, samples])
        self._unheard += len(samples)
        if len(self._held) > BEHIND_S * RATE:
            self._drop(len(self._held) - int(MOST_S * RATE))

    def hear(self, *, is_over: bool = False) -> bool:
        """Hear what is there, to its end if there will be no more; return whether other words are to be shown."""
        if self._unheard < NEWS_S * RATE and not is_over:
            return False
        self._unheard = 0
        before = self._length, self._agreement.tentative
        while self._hear_next(is_over=is_over):
            pass
        return before != (self._length, self._agreement.tentative)

    def told(self) -> dict[str, object]:
        """What pages are told: the end of the settled words, how many characters come before it, and the others."""
        return {
            "from": self._length - len(self._settled),
            "committed": self._settled,
            "tentative": "".join(word.text for word in self._agreement.tentative),
        }

    def _hear_next(self, *, is_over: bool) -> bool:
        """Hear the first stretch of speech; True if it is settled and others follow."""
        spans = self.ear.speech(self._held)
        if not spans:
            self._agreement.tentative = []
            self._drop(len(self._held) - int(MARGIN_S * RATE))
            return False
        start, end = spans[0]
        is_closed = is_over or len(spans) > 1 or len(self._held) / RATE - end >= PAUSE_S
        begin = max(0, int((start - MARGIN_S) * RATE))
        stop = min(len(self._held), int((end + MARGIN_S) * RATE))
        is_long = stop - begin > MOST_S * RATE
        stop = min(stop, begin + int(MOST_S * RATE))
        words = self._words(begin, stop)
        if is_closed and not is_long:
            self._settle(self._agreement.settle(self._agreement.tentative if words is None else words))
            self._drop(stop)
            return True
        if words is not None:
            self._settle(self._agreement.take(words))
        if is_long:
            # Nobody pauses, and we are behind: what does not touch the cut is settled without a second opinion.
            cut = stop - int(KEPT_S * RATE)
            until_ms = (self._begins + cut) * 1000 // RATE
            self._settle(self._agreement.settle([word for word in words or () if word.end_ms <= until_ms]))
            self._drop(cut)
        elif stop - begin > LONG_S * RATE:
            self._drop(int((self._agreement.until_ms / 1000 - KEPT_S) * RATE) - self._begins)
        return is_long

    def _words(self, begin: int, stop: int) -> list[Word] | None:
        words = self.ear.words(self._held[begin:stop])
        at_ms = (self._begins + begin) * 1000 // RATE
        return words and [Word(at_ms + word.start_ms, at_ms + word.end_ms, word.text) for word in words]

    def _settle(self, words: Sequence[Word]) -> None:
        text = "".join(word.text for word in words)
        if not self._length:
            text = text.lstrip()
        self._length += len(text)
        self._settled = (self._settled + text)[-TOLD:]

    def _drop(self, samples: int) -> None:
        if samples > 0:
            self._held = self._held[samples:]
            self._begins += samples
