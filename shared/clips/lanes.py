"""The lanes in which clips wait for a worker: one for each queue of clips, as conditions on the clip's row.

A condition is also that of an index. Whoever changes a bound in `shared.redis.jobs` needs a revision with new indexes.
"""

from shared.redis.jobs import (
    LONG_CLIP_MS,
    LONG_PREPARATION,
    LONG_TRANSCRIPTION,
    MAX_SHORT_PREPARATION_BYTES,
    MAX_SHORT_PREPARATION_MS,
    PREPARATION,
    TRANSCRIPTION,
)

_SOUND_MS = "coalesce(whole_ms, duration_ms, 0)"
_IS_LONG = f"{_SOUND_MS} > {LONG_CLIP_MS}"
_IS_SHORT = f"{_SOUND_MS} <= {LONG_CLIP_MS}"
_WAITS = "status = 'pending' AND deleted_at IS NULL"

# Written out in each query: a database uses an index of some rows only where the same words stand in the query.
WAITING: dict[str, str] = {
    PREPARATION: f"{_WAITS} AND prepared_at IS NULL AND {_SOUND_MS} <= {MAX_SHORT_PREPARATION_MS} "
    f"AND bytes <= {MAX_SHORT_PREPARATION_BYTES}",
    LONG_PREPARATION: f"{_WAITS} AND prepared_at IS NULL AND ({_SOUND_MS} > {MAX_SHORT_PREPARATION_MS} "
    f"OR bytes > {MAX_SHORT_PREPARATION_BYTES})",
    TRANSCRIPTION: f"{_WAITS} AND prepared_at IS NOT NULL AND {_IS_SHORT}",
    LONG_TRANSCRIPTION: f"{_WAITS} AND prepared_at IS NOT NULL AND {_IS_LONG}",
}
"""Queue → the clips that wait for its job, or that a worker prepares now."""

IN_WORK: dict[str, str] = {
    TRANSCRIPTION: f"status = 'transcribing' AND {_IS_SHORT}",
    LONG_TRANSCRIPTION: f"status = 'transcribing' AND {_IS_LONG}",
}
"""Queue → the clips that a worker transcribes now, or did when it was killed."""

INDEXES: dict[str, str] = {
    PREPARATION: "clip_to_prepare",
    LONG_PREPARATION: "clip_to_prepare_long",
    TRANSCRIPTION: "clip_to_transcribe",
    LONG_TRANSCRIPTION: "clip_to_transcribe_long",
}
"""Queue → the index of its lane: by library, and within it in the order of the lane."""
