"""The bound on a clip's revisions: which are deleted when there are too many, so that the others stay useful."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

import sqlalchemy as sa
from sqlmodel import Session, col, delete, func, select
from sqlmodel.sql.expression import SelectOfScalar

from shared.transcripts.models import Source, Transcript

MAX_REVISIONS = 100
"""Revisions of one clip: more than anybody reads through."""

MAX_REVISION_CHARS = 64 * 1024**2
"""Characters of a clip's revisions, words and their times together: a day of speech, with its times, twice over."""

_YOUNGEST = timedelta(minutes=1)
"""The least age that counts, so that no age is zero."""


@dataclass(frozen=True)
class RevisionSize:
    """What the choice needs to know of a revision."""

    id: int
    source: Source | str
    saved_at: datetime
    chars: int


def surplus_revisions(revisions: Sequence[RevisionSize], now: datetime) -> set[int]:
    """Return the ids of the revisions to delete, so that the rest are within the bounds. `revisions`: oldest first.

    The newest revision and the machine's newest, which has the times of the words, always stay. The first one and those
    of a machine that a person went on from are deleted after all others. Of the others, those go first that are close
    to their neighbours for their age: the older, the sparser.
    """
    kept = list(revisions)
    for keeps_bases in (True, False):
        while _is_surplus(kept):
            remaining = _without_densest(kept, now, keeps_bases=keeps_bases)
            if len(remaining) == len(kept):
                break
            kept = remaining
    return {each.id for each in revisions} - {each.id for each in kept}


def _is_surplus(revisions: Sequence[RevisionSize]) -> bool:
    return len(revisions) > MAX_REVISIONS or sum(each.chars for each in revisions) > MAX_REVISION_CHARS


def _without_densest(revisions: Sequence[RevisionSize], now: datetime, *, keeps_bases: bool) -> list[RevisionSize]:
    """Leave out some of the densest revisions, no two neighbours at once; none if all must stay."""
    protected = {len(revisions) - 1}
    protected.update([index for index, each in enumerate(revisions) if each.source is Source.MACHINE][-1:])
    if keeps_bases:
        protected.add(0)
        protected.update(index for index, pair in enumerate(pairwise(revisions)) if _is_base(*pair))
    candidates = sorted(
        (index for index in range(len(revisions)) if index not in protected),
        key=lambda index: _spacing(revisions, index, now),
    )
    count, chars = len(revisions), sum(each.chars for each in revisions)
    removed: set[int] = set()
    # A quarter at a time: what is dense changes as others go.
    for index in candidates[: len(candidates) // 4 + 1]:
        if count <= MAX_REVISIONS and chars <= MAX_REVISION_CHARS:
            break
        if not {index - 1, index + 1} & removed:
            removed.add(index)
            count, chars = count - 1, chars - revisions[index].chars
    return [each for index, each in enumerate(revisions) if index not in removed]


def _is_base(revision: RevisionSize, following: RevisionSize) -> bool:
    """Whether a person's revision stands on this one of a machine."""
    return revision.source is Source.MACHINE and following.source is Source.PERSON


def _spacing(revisions: Sequence[RevisionSize], index: int, now: datetime) -> float:
    """The time between a revision's neighbours, in relation to its age."""
    before, after = revisions[max(index - 1, 0)], revisions[min(index + 1, len(revisions) - 1)]
    return (after.saved_at - before.saved_at) / max(now - revisions[index].saved_at, _YOUNGEST)


def thin_revisions(session: Session, clip_id: uuid.UUID, now: datetime) -> int:
    """Delete the surplus revisions of a clip, whose row the session has locked. Return their number."""
    chars = func.length(col(Transcript.text)) + func.coalesce(
        func.length(sa.cast(col(Transcript.passages), sa.Text)), 0
    )
    saved_at = func.coalesce(col(Transcript.saved_at), col(Transcript.created_at))
    columns = (col(Transcript.id), col(Transcript.source), saved_at, chars)
    rows = sa.select(*columns).where(col(Transcript.clip_id) == clip_id).order_by(col(Transcript.id))
    surplus = surplus_revisions([RevisionSize(*row) for row in session.connection().execute(rows)], now)
    if surplus:
        session.exec(delete(Transcript).where(col(Transcript.id).in_(surplus)))
    return len(surplus)


def clips_to_thin(*, limit: int) -> SelectOfScalar[uuid.UUID]:
    """Ids of clips with too many revisions, as older releases left them."""
    count = func.count(col(Transcript.id))
    return select(Transcript.clip_id).group_by(col(Transcript.clip_id)).having(count > MAX_REVISIONS).limit(limit)
