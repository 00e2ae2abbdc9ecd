"""Deletion of clips for good: rows first, then objects, and whatever breaks in between is finished later.

One transaction deletes a clip's rows and writes its `Erased`, which names its objects and stands for its event.
"""

import uuid
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

import structlog
from sqlalchemy import Engine
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from services.api.background.clip_rows import Place, load_rows
from shared.clips.erased import Erased
from shared.clips.models import Clip
from shared.clips.renditions import Rendition
from shared.db.engine import read_session, transaction
from shared.storage.store import Store, StoreError
from shared.uploads.models import Piece, Upload

log = structlog.get_logger(__name__)

BATCH_ERASED = 200
"""Rows that are finished at once."""


def erase(engine: Engine, store: Store, chosen: SelectOfScalar[Clip], now: datetime) -> int:
    """Delete the clips of this statement, which names clips of the bin alone. Return how many there were.

    Raises `StoreError`, before anything is deleted, if the store is away. A clip that somebody restores at this moment
    stays: the statement is asked again under its lock.
    """
    store.check()
    with read_session(engine) as session:
        places = [Place(clip.library_id, clip.id) for clip in session.exec(chosen)]
    copies = _copies(engine, store, places)
    with transaction(engine) as session:
        is_chosen = col(Clip.id).in_([place.clip_id for place in places])
        clips = session.exec(chosen.where(is_chosen).with_for_update(skip_locked=True)).all()
        erased = [clip.id for clip in clips]
        for clip in clips:
            # A clip that moved to another library meanwhile has no copies there.
            _erase_rows(session, clip, copies.get(Place(clip.library_id, clip.id), ()), now)
    try:
        _delete_objects(engine, store, erased)
    except StoreError as error:
        log.warning("objects of erased clips are deleted later", clips=len(erased), reason=str(error))
    return len(erased)


def finish_erasures(engine: Engine, store: Store) -> int:
    """Delete the objects that are left of erased clips, and forget the clips about which nothing is to be done."""
    with read_session(engine) as session:
        ids = session.exec(select(Erased.clip_id).order_by(col(Erased.erased_at))).all()
    return sum(_finish(engine, store, ids[start : start + BATCH_ERASED]) for start in range(0, len(ids), BATCH_ERASED))


def _finish(engine: Engine, store: Store, clip_ids: Sequence[uuid.UUID]) -> int:
    _delete_objects(engine, store, clip_ids)
    count = 0
    with transaction(engine) as session:
        for row in session.exec(select(Erased).where(col(Erased.clip_id).in_(clip_ids))):
            if not row.keys and row.announced_at is not None:
                session.delete(row)
                count += 1
    return count


def _copies(engine: Engine, store: Store, places: Iterable[Place]) -> dict[Place, set[str]]:
    """The keys of the copies of each clip's audio. They go with the clip: alone, they would be found again."""
    objects = {place: list(store.list_objects(place.folder)) for place in places}
    with read_session(engine) as session:
        all_rows = load_rows(session, objects)
    copies: dict[Place, set[str]] = {}
    for place, rows in all_rows.items():
        present = {each.key for each in objects[place]}
        unnamed = [each for each in objects[place] if each.key not in rows.keys]
        copies[place] = {each.key for each in unnamed if rows.is_copy(each, present)}
    return copies


def _erase_rows(session: Session, clip: Clip, copies: Collection[str], now: datetime) -> None:
    """Delete a clip with all its rows; words, index, jobs and events go with it by their foreign keys."""
    keys = {*copies, *([clip.audio_key] if clip.audio_key else [])}
    keys.update(each.key for each in session.exec(Rendition.of_clip(clip.id)) if each.key)
    keys.update(piece.key for _, piece in session.exec(Piece.of_clip(clip.library_id, clip.id)))
    earlier = session.get(Erased, clip.id)  # a clip of the same id, which a client sent again
    if earlier is not None:
        keys.update(earlier.keys)
        session.delete(earlier)
        session.flush()
    session.add(Erased(clip_id=clip.id, library_id=clip.library_id, keys=sorted(keys), erased_at=now))
    session.exec(Upload.delete_of_clip(clip.library_id, clip.id))
    session.delete(clip)


def _delete_objects(engine: Engine, store: Store, clip_ids: Sequence[uuid.UUID]) -> None:
    """Delete the objects of erased clips, and note it. A clip that has come back under its id has objects of its own.

    Raises `StoreError`.
    """
    with read_session(engine) as session:
        rows = session.exec(select(Erased).where(col(Erased.clip_id).in_(clip_ids))).all()
    keys = {key for row in rows for key in row.keys}
    if not keys:
        return
    if store.delete_all(keys) < len(keys):
        # Some stay, and nobody knows which. The others must not wait for them; the next run tries again.
        keys = {key for row in rows if store.delete_all(row.keys) == len(row.keys) for key in row.keys}
    with transaction(engine) as session:
        for row in session.exec(select(Erased).where(col(Erased.clip_id).in_(clip_ids)).with_for_update()):
            row.keys = [key for key in row.keys if key not in keys]
