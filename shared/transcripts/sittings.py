"""Sittings: the saves of one person who edits a text are one revision. Pure functions."""

import uuid
from datetime import datetime, timedelta

from shared.transcripts.models import Source, Transcript

MAX_PAUSE = timedelta(minutes=10)
"""Between two saves of one sitting. The page saves every few seconds while somebody types."""

MAX_REPLACED_CHARS = 1_000
"""Characters that one save of a sitting may take away: a minute of speech. Whoever clears a text by mistake, or
overwrites what another person wrote with a client that names no sitting, finds the text before in a revision."""


def continues_sitting(newest: Transcript, text: str, sitting: uuid.UUID | None, now: datetime) -> bool:
    """Whether a save of this text belongs to the sitting of the clip's newest revision, and changes this revision.

    A machine's revision, a restored one and one that another sitting saved are never changed.
    """
    return (
        newest.source is Source.PERSON
        and newest.saved_at is not None
        and newest.sitting == sitting
        and now - newest.saved_at < MAX_PAUSE
        and replaced_chars(newest.text, text) <= MAX_REPLACED_CHARS
    )


def replaced_chars(old: str, new: str) -> int:
    """The length of the part of a text that a save replaces: all but what both begin and end with."""
    start = common_prefix_length(old, new)
    limit = min(len(old), len(new)) - start
    end = common_prefix_length(old[len(old) - limit :][::-1], new[len(new) - limit :][::-1])
    return len(old) - start - end


def common_prefix_length(left: str, right: str) -> int:
    """The number of characters that two texts begin with alike.

    Search by halves: comparing slices takes a hundredth of the time of comparing characters in a loop.
    """
    low, high = 0, min(len(left), len(right))
    while low < high:
        middle = (low + high + 1) // 2
        if left[low:middle] == right[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
