"""Progress of a transcription, as pages show it."""

import time

from services.transcriber.outbox_sender import SendHint
from shared.clips.models import Clip

PROGRESS_INTERVAL_S = 1.0
"""Shortest time between two messages about one clip."""

MAX_EXCERPT_CHARS = 300
"""Characters of the newest words in a message: about three lines."""


class Progress:
    """Sends pages the percentage of a transcription and its newest words."""

    def __init__(self, clip: Clip, duration_ms: int, send_hint: SendHint) -> None:
        self._clip, self._duration_ms, self._send_hint = clip, duration_ms, send_hint
        self._words = ""
        self._sent_at = time.monotonic()

    def update(self, position_ms: int, words: str) -> None:
        """Note the newest words, and send them unless others were sent less than a second ago."""
        self._words = last_words(f"{self._words} {words}".strip())
        if time.monotonic() - self._sent_at >= PROGRESS_INTERVAL_S:
            self._sent_at = time.monotonic()
            self.send(min(99, position_ms * 100 // max(self._duration_ms, 1)))

    def send(self, percent: int) -> None:
        """Send a percentage of the work that the clip's state names."""
        payload = {"type": "progress", "clip": {"id": str(self._clip.id)}, "percent": percent, "text": self._words}
        self._send_hint(self._clip.library_id, payload)


def last_words(text: str) -> str:
    """The end of a text, beginning with a whole word."""
    return text if len(text) <= MAX_EXCERPT_CHARS else f"… {text[-MAX_EXCERPT_CHARS:].partition(' ')[2]}"
