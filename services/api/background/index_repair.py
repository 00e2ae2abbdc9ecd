"""Repair of the search index: clips that a release without this index, or with another folding, has written.

During a roll-out such a release runs beside this one, and after a rollback alone. It writes no entry for a new clip,
and leaves the entry of a changed one as it was. So what was changed since the last run is compared with its entry.
"""

import threading
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy
from sqlalchemy import Engine, Row, or_
from sqlmodel import col, select, update

from shared.clips.models import Clip
from shared.db.engine import read_session, transaction
from shared.maintenance_runs import MaintenanceRun
from shared.search.folding import FOLDING, sort_key
from shared.search.index import COLUMN_OF_FIELD, SearchEntry, indexed_columns, update_index

CHECKED_UNTIL = f"index, notes checked, folding {FOLDING}"
"""Name of the row that says how far clips are known to be indexed. A release with another folding, or one that knows no
notes, finds no row of its name, so it compares all clips once. An older release beside it has a row of its own."""

OVERLAP = timedelta(hours=1)
"""Changes this old are compared once more: clocks of machines differ, and a commit comes after its `updated_at`. During
a roll-out, a release with another folding indexes the changes of the last half an hour in its own way."""

BATCH_CLIPS = 20
"""Clips in memory at once: a text may have megabytes."""

BATCH_PAUSE_S = 0.05
"""Pause after a batch: a whole library is compared at half the speed, and requests do not feel it."""


def repair_index(engine: Engine, now: datetime, stopping: threading.Event) -> int:
    """Index the clips whose entry is missing or is not that of their words. Return their number.

    May be stopped at any point: the next run compares the same clips again.
    """
    count = 0
    changed = _changed_clips(engine)
    for start in range(0, len(changed), BATCH_CLIPS):
        ids = changed[start : start + BATCH_CLIPS]
        count += sum(_repair(engine, row) for row in _load(engine, ids))
        if stopping.wait(BATCH_PAUSE_S):
            return count
    with transaction(engine) as session:
        session.merge(MaintenanceRun(name=CHECKED_UNTIL, done_at=now - OVERLAP))
    return count


def _changed_clips(engine: Engine) -> Sequence[uuid.UUID]:
    """The clips without an entry, and those that were changed since the last run."""
    with read_session(engine) as session:
        last_run = session.get(MaintenanceRun, CHECKED_UNTIL)
        since = last_run.done_at if last_run else datetime.min.replace(tzinfo=UTC)
        is_changed = or_(col(SearchEntry.clip_id).is_(None), col(Clip.updated_at) >= since)
        entries = select(Clip.id).outerjoin(SearchEntry, col(SearchEntry.clip_id) == col(Clip.id))
        return session.exec(entries.where(is_changed)).all()


def _load(engine: Engine, ids: Sequence[uuid.UUID]) -> Sequence[Row[Any]]:
    clip = (
        col(Clip.id),
        col(Clip.version),
        col(Clip.sort_name),
        col(Clip.text_length),
        *(getattr(Clip, name) for name in COLUMN_OF_FIELD),
    )
    entry = [getattr(SearchEntry, column).label(f"indexed_{column}") for column in ("name", "tags", "text")]
    with read_session(engine) as session:
        rows = sqlalchemy.select(*clip, *entry).outerjoin(SearchEntry, col(SearchEntry.clip_id) == col(Clip.id))
        return session.connection().execute(rows.where(col(Clip.id).in_(ids))).all()


def _repair(engine: Engine, row: Row[Any]) -> bool:
    if not _is_indexed(row):
        return _index_again(engine, row.id)
    if row.text is not None and row.text_length != len(row.text):
        with transaction(engine) as session:
            is_row = (col(Clip.id) == row.id, col(Clip.version) == row.version)
            session.exec(update(Clip).where(*is_row).values(text_length=len(row.text)))
    return False


def _is_indexed(row: Row[Any]) -> bool:
    words = indexed_columns(row)  # a row has the fields that the index needs
    is_found = all(indexed == getattr(row, f"indexed_{column}") for column, indexed in words.items())
    return is_found and row.sort_name == sort_key(row.name)


def _index_again(engine: Engine, id: uuid.UUID) -> bool:
    """Index a clip, in a transaction of its own. Browsers see no change, so the version stays."""
    with transaction(engine) as session:
        clip = session.exec(select(Clip).where(col(Clip.id) == id).with_for_update()).one_or_none()
        if clip is not None:
            clip.sort_name = sort_key(clip.name)
            clip.text_length = clip.text_chars
            update_index(session.connection(), clip, {*COLUMN_OF_FIELD})
    return clip is not None
