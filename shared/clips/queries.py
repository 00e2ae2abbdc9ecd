"""Statements that find the clips which somebody has to look after: workers, and what time does."""

import uuid
from datetime import datetime

from sqlalchemy import Update
from sqlmodel import and_, col, func, or_, select, update
from sqlmodel.sql.expression import SelectOfScalar

from shared.clips.models import Clip, Status


def count_unfinished() -> SelectOfScalar[int]:
    """How many clips wait for a worker, or have one."""
    waits = col(Clip.status).in_([Status.PENDING, Status.TRANSCRIBING])
    return select(func.count()).select_from(Clip).where(col(Clip.deleted_at).is_(None), waits)


def clips_missing_jobs(since: datetime, now: datetime, *, limit: int) -> SelectOfScalar[Clip]:
    """Clips that wait for a worker and that nobody works on.

    Those that got their last job before `since`; and those whose worker let its lease run out, once.
    """
    queued = col(Clip.queued_at)
    return (
        select(Clip)
        .where(
            col(Clip.deleted_at).is_(None),
            col(Clip.status).in_([Status.PENDING, Status.TRANSCRIBING]),
            or_(
                and_(col(Clip.lease_until).is_(None), queued < since),
                and_(col(Clip.lease_until) < now, or_(queued < col(Clip.lease_until), queued < since)),
            ),
        )
        .order_by(queued)
        .limit(limit)
    )


def live_recordings(since: datetime, *, limit: int) -> SelectOfScalar[Clip]:
    """Recordings of which something was heard since, those that began last first."""
    heard = and_(col(Clip.status) == Status.RECORDING, col(Clip.updated_at) >= since, col(Clip.deleted_at).is_(None))
    return select(Clip).where(heard).order_by(col(Clip.created_at).desc()).limit(limit)


def without_recognizer(before: datetime, *, limit: int) -> SelectOfScalar[Clip]:
    """Clips that nobody transcribed because nobody could, since before."""
    off = and_(col(Clip.status) == Status.OFF, col(Clip.updated_at) < before, col(Clip.deleted_at).is_(None))
    return select(Clip).where(off).order_by(col(Clip.updated_at)).limit(limit)


def stalled_recordings(since: datetime, *, limit: int) -> SelectOfScalar[Clip]:
    """Recordings of which nothing was heard since; what is in the bin may stay as it is."""
    quiet = and_(col(Clip.status) == Status.RECORDING, col(Clip.updated_at) < since, col(Clip.deleted_at).is_(None))
    return select(Clip).where(quiet).order_by(col(Clip.updated_at)).limit(limit)


def expired_in_bin(since: datetime, *, limit: int) -> SelectOfScalar[Clip]:
    """Clips that have been in the bin since before."""
    return select(Clip).where(col(Clip.deleted_at) < since).order_by(col(Clip.deleted_at)).limit(limit)


def renew_lease(id: uuid.UUID, attempt: int, until: datetime) -> Update:
    """Hold the claim for longer; touches no row if the attempt does not own the clip any more."""
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
