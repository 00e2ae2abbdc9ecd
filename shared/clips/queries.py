"""Statements for background tasks: clips without a job, stalled recordings, expired clips, leases."""

import uuid
from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, Update
from sqlmodel import and_, col, func, or_, select, update
from sqlmodel.sql.expression import Select, SelectOfScalar

from shared.clips.models import Clip, Status


def count_unfinished() -> SelectOfScalar[int]:
    """Count the clips that wait for a worker, or have one."""
    is_unfinished = col(Clip.status).in_([Status.PENDING, Status.TRANSCRIBING])
    return select(func.count()).select_from(Clip).where(col(Clip.deleted_at).is_(None), is_unfinished)


def clips_missing_jobs(since: datetime, now: datetime, *, limit: int) -> SelectOfScalar[Clip]:
    """Clips that wait for a worker, and whose job may be lost.

    These are the clips whose last job was sent before `since`, and, once, those whose worker let its lease expire.
    """
    queued_at = col(Clip.queued_at)
    return (
        select(Clip)
        .where(
            col(Clip.deleted_at).is_(None),
            col(Clip.status).in_([Status.PENDING, Status.TRANSCRIBING]),
            or_(
                and_(col(Clip.lease_until).is_(None), queued_at < since),
                and_(col(Clip.lease_until) < now, or_(queued_at < col(Clip.lease_until), queued_at < since)),
            ),
        )
        .order_by(queued_at)
        .limit(limit)
    )


def live_recordings(since: datetime, *, limit: int) -> SelectOfScalar[Clip]:
    """Recordings that have received bytes since then: the newest of each library, then the second of each."""
    is_live = and_(col(Clip.status) == Status.RECORDING, col(Clip.updated_at) >= since, col(Clip.deleted_at).is_(None))
    newest = col(Clip.created_at).desc()
    place = func.row_number().over(partition_by=col(Clip.library_id), order_by=newest)
    return select(Clip).where(is_live).order_by(place, newest).limit(limit)


def without_recognizer(before: datetime, *, limit: int) -> SelectOfScalar[Clip]:
    """Clips that have been without a recognizer since before then, the oldest first."""
    is_off = and_(col(Clip.status) == Status.OFF, col(Clip.updated_at) < before, col(Clip.deleted_at).is_(None))
    return select(Clip).where(is_off).order_by(col(Clip.updated_at)).limit(limit)


def stalled_recordings(since: datetime, *, limit: int) -> SelectOfScalar[Clip]:
    """Recordings that have received nothing since then, the oldest first. Those in the bin stay as they are."""
    is_stalled = and_(
        col(Clip.status) == Status.RECORDING, col(Clip.updated_at) < since, col(Clip.deleted_at).is_(None)
    )
    return select(Clip).where(is_stalled).order_by(col(Clip.updated_at)).limit(limit)


def expired_in_bin(before: datetime, *, limit: int, keep_found_of: Collection[str] = ()) -> SelectOfScalar[Clip]:
    """Clips that went into the bin before then, the oldest first; of some libraries, only those that people deleted."""
    expired = select(Clip).where(col(Clip.deleted_at) < before).order_by(col(Clip.deleted_at)).limit(limit)
    if keep_found_of:
        expired = expired.where(~and_(_is_found_in_bin(), col(Clip.library_id).in_(keep_found_of)))
    return expired


def count_in_bin(library_id: str) -> SelectOfScalar[int]:
    return select(func.count()).where(col(Clip.library_id) == library_id, col(Clip.deleted_at).is_not(None))


def count_found_in_bin() -> Select[str, int, int]:
    """By library that has any: its clips that maintenance found and nobody took out of the bin, and its others."""
    found = func.count().filter(_is_found_in_bin())
    counts = select(col(Clip.library_id), found, func.count() - found)
    return counts.group_by(col(Clip.library_id)).having(found > 0)


def _is_found_in_bin() -> ColumnElement[bool]:
    return and_(
        col(Clip.found_at).is_not(None), col(Clip.deleted_at).is_not(None), col(Clip.found_at) == col(Clip.deleted_at)
    )


def renew_lease(id: uuid.UUID, attempt: int, until: datetime) -> Update:
    """Extend the lease of a claim. Changes no row if the attempt no longer owns the clip."""
    return (
        update(Clip)
        .where(
            col(Clip.id) == id,
            col(Clip.attempt) == attempt,
            col(Clip.lease_until).is_not(None),
            col(Clip.deleted_at).is_(None),
        )
        .values(lease_until=until)
    )
