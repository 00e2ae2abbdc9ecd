"""What people write on a clip: its name, star, notes, markers and tags."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from shared.clips.cuts import cut_markers
from shared.clips.markers import change_markers
from shared.clips.row import ClipRow, NameOrigin
from shared.clips.tags import normalize_tags


def _rank(origin: str) -> int:
    """How much an origin counts. One of a newer release yields to a person alone."""
    ranks = [NameOrigin.DEFAULT, NameOrigin.WORDS, NameOrigin.SUMMARY, NameOrigin.PERSON]
    return ranks.index(NameOrigin(origin)) if isinstance(origin, NameOrigin) else ranks.index(NameOrigin.SUMMARY)


class ClipLabels(ClipRow):
    """The verbs of a clip's labels."""

    def rename(self, name: str, now: datetime, origin: NameOrigin = NameOrigin.PERSON) -> None:
        """Set the name, unless a better origin gave the present one: a machine's name never replaces a person's."""
        if _rank(origin) < _rank(self.name_origin) or (name, origin) == (self.name, self.name_origin):
            return
        self.name, self.name_origin = name, origin
        self._touch(now)

    @property
    def starred(self) -> bool:
        return self.starred_at is not None

    def set_starred(self, is_starred: bool, now: datetime) -> None:
        self.starred_at = now if is_starred else None
        self._touch(now)

    def set_notes(self, notes: str, now: datetime) -> None:
        """Replace the notes."""
        self.notes = notes
        self._touch(now)

    def change_markers(self, new: Sequence[dict[str, Any]], removed: Collection[str], now: datetime) -> None:
        """Set some markers by their id, and remove others; the rest stays. Raises `ValueError` if they are too many."""
        markers = change_markers(self.markers, new, removed)
        if markers != self.markers:
            self.markers = markers
            self._touch(now)

    @property
    def shown_markers(self) -> list[dict[str, Any]]:
        """The markers on the clock of what remains, without those that are cut out."""
        return cut_markers(self.markers, self.cuts) if self.cuts else self.markers

    def set_tags(self, names: list[str], now: datetime) -> None:
        """Replace the tags."""
        self.tags = normalize_tags(names)
        self._touch(now)
