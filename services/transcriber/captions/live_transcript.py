"""The words of a live recording: committed ones, and tentative ones that may still change."""

from collections.abc import Sequence

import numpy as np

from services.transcriber.audio.decode import SAMPLE_RATE, Samples
from services.transcriber.captions.agreement import Agreement
from services.transcriber.recognizers.recognizer import Word
from services.transcriber.recognizers.spoken_language import MAX_SPEECH_S
from services.transcriber.recognizers.streaming import StreamingRecognizer

PAUSE_S = 0.5
"""Silence that ends a sentence."""

MARGIN_S = 0.3
"""Added on either side of speech: the detector is late for soft beginnings."""

MAX_PASS_S = 12.0
"""A pass over more audio costs more than it helps: committed audio is dropped from it."""

CONTEXT_S = 2.0
"""Committed audio that is kept before the words that follow, which are recognized better with it."""

MIN_NEW_AUDIO_S = 0.5
"""Less is not worth a pass, and two passes over the same audio agree on anything."""

MAX_BACKLOG_S = 60.0
"""Audio that may wait. Of more, all but the newest part is dropped: captions are of what is said now."""

MAX_COMMITTED_CHARS = 600
"""Committed characters in each caption. A page that opens later gets the words of the last half minute."""


class LiveTranscript:
    """Takes audio as it arrives. Each `update` makes one pass over the audio that is not committed."""

    def __init__(self, recognizer: StreamingRecognizer) -> None:
        self.recognizer = recognizer
        """It may be replaced on the way."""
        self._samples = np.empty(0, np.float32)
        """The audio that is not committed."""
        self._first_sample = 0
        """Its position in the recording."""
        self._new_samples = 0
        """Samples since the last pass."""
        self._agreement = Agreement()
        self._committed = ""
        """The end of the committed text."""
        self._committed_length = 0
        """Characters of the whole committed text."""

    @property
    def uncommitted_s(self) -> float:
        return len(self._samples) / SAMPLE_RATE

    def add(self, samples: Samples) -> None:
        self._samples = np.concatenate([self._samples, samples])
        self._new_samples += len(samples)
        if len(self._samples) > MAX_BACKLOG_S * SAMPLE_RATE:
            self._drop(len(self._samples) - int(MAX_SPEECH_S * SAMPLE_RATE))

    def update(self, *, is_over: bool = False) -> bool:
        """Recognize the new audio. Return whether the words have changed. `is_over`: no more audio will come."""
        if self._new_samples < MIN_NEW_AUDIO_S * SAMPLE_RATE and not is_over:
            return False
        self._new_samples = 0
        before = self._committed_length, self._agreement.tentative
        while self._recognize_next(is_over=is_over):
            pass
        return before != (self._committed_length, self._agreement.tentative)

    def caption(self) -> dict[str, object]:
        """The end of the committed text, the number of characters before it, and the tentative text."""
        return {
            "from": self._committed_length - len(self._committed),
            "committed": self._committed,
            "tentative": "".join(word.text for word in self._agreement.tentative),
        }

    def _recognize_next(self, *, is_over: bool) -> bool:
        """Recognize the first stretch of speech. Return whether it is committed and others may follow."""
        spans = self.recognizer.detect_speech(self._samples)
        if not spans:
            self._agreement.tentative = []
            self._drop(len(self._samples) - int(MARGIN_S * SAMPLE_RATE))
            return False
        start, end = spans[0]
        has_ended = is_over or len(spans) > 1 or len(self._samples) / SAMPLE_RATE - end >= PAUSE_S
        first = max(0, int((start - MARGIN_S) * SAMPLE_RATE))
        last = min(len(self._samples), int((end + MARGIN_S) * SAMPLE_RATE))
        is_too_long = last - first > MAX_SPEECH_S * SAMPLE_RATE
        last = min(last, first + int(MAX_SPEECH_S * SAMPLE_RATE))
        words = self._recognize_words(first, last)
        if has_ended and not is_too_long:
            self._commit(self._agreement.add_final_pass(self._agreement.tentative if words is None else words))
            self._drop(last)
            return True
        if words is not None:
            self._commit(self._agreement.add_pass(words))
        if is_too_long:
            # The speaker does not pause, and the captions are late: words before the cut are committed at once.
            cut = last - int(CONTEXT_S * SAMPLE_RATE)
            cut_ms = (self._first_sample + cut) * 1000 // SAMPLE_RATE
            self._commit(self._agreement.add_final_pass([word for word in words or () if word.end_ms <= cut_ms]))
            self._drop(cut)
        elif last - first > MAX_PASS_S * SAMPLE_RATE:
            kept_from_s = self._agreement.committed_until_ms / 1000 - CONTEXT_S
            self._drop(int(kept_from_s * SAMPLE_RATE) - self._first_sample)
        return is_too_long

    def _recognize_words(self, first: int, last: int) -> list[Word] | None:
        words = self.recognizer.recognize_words(self._samples[first:last])
        start_ms = (self._first_sample + first) * 1000 // SAMPLE_RATE
        return words and [Word(start_ms + word.start_ms, start_ms + word.end_ms, word.text) for word in words]

    def _commit(self, words: Sequence[Word]) -> None:
        text = "".join(word.text for word in words)
        if not self._committed_length:
            text = text.lstrip()
        self._committed_length += len(text)
        self._committed = (self._committed + text)[-MAX_COMMITTED_CHARS:]

    def _drop(self, samples: int) -> None:
        if samples > 0:
            self._samples = self._samples[samples:]
            self._first_sample += samples
