"""Progress of a transcription, as pages show it."""

import time

from services.transcriber.outbox_sender import Hint
from shared.clips.models import Clip

TOLD_S = 1.0
"""Pages are told so often how far a transcription is."""


TAIL = 300
"""Characters of the newest words that they are told: some three lines."""


class Progress:
    """Tells the pages how far a transcription is, and its newest words."""

    def __init__(self, clip: Clip, duration_ms: int, hint: Hint) -> None:
        self._clip, self._duration_ms, self._hint = clip, duration_ms, hint
        self._words = ""
        self._told_at = time.monotonic()

    def tell(self, heard_ms: int, words: str) -> None:
        self._words = newest(f"{self._words} {words}".strip())
        if time.monotonic() - self._told_at >= TOLD_S:
            self._told_at = time.monotonic()
            self.hint(min(99, heard_ms * 100 // max(self._duration_ms, 1)))

    def hint(self, percent: int) -> None:
        """Tell of what the clip says that is being done with it."""
        payload = {"type": "progress", "clip": {"id": str(self._clip.id)}, "percent": percent, "text": self._words}
        self._hint(self._clip.library_id, payload)


def newest(words: str) -> str:
    """The end of a text, from a whole word on."""
    return words if len(words) <= TAIL else f"… {words[-TAIL:].partition(' ')[2]}"
