"""Periodic maintenance of clips, uploads and the store, in a thread of its own.

Every machine runs this thread. A row in the database for each task decides which machine does the task. Each task may
be stopped at any point and done again.
"""

import contextlib
import itertools
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta

import structlog
from prometheus_client import Counter
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlmodel import Session, col, delete, select, update

from shared.clips import queries
from shared.clips.models import Clip
from shared.db.engine import read_session, transaction
from shared.libraries import HOME
from shared.maintenance_runs import MaintenanceRun
from shared.outbox.writer import save_and_announce
from shared.redis.jobs import PREPARE
from shared.storage.store import Store, StoreError
from shared.transcripts.retention import clips_to_thin, thin_revisions
from shared.uploads.models import Piece, Upload

log = structlog.get_logger(__name__)

ClipObject = tuple[uuid.UUID, str]
"""The id of a clip and the key of one of its objects in the store."""

RECORDINGS_INTERVAL = timedelta(seconds=20)
"""Between two looks for stalled recordings: the query is an index scan of the recordings that run now."""

HOURLY = timedelta(hours=1)
"""Between two looks at the bin and at old uploads."""

DAILY = timedelta(days=1)
"""Between two listings of the store, which cost a request for each thousand objects."""

MIN_ORPHAN_AGE = timedelta(days=1)
"""Younger objects may not be in the database yet, or are still played by a browser that began before a replacement."""

TOMBSTONE_LIFETIME = timedelta(days=30)
"""How long the row of an expired upload stays, so that its client is told that the upload is gone."""

BATCH_SIZE = 200
"""Clips or objects of one transaction."""

MAX_UNKNOWN_CLIP_OBJECTS = 10_000
"""Objects of unknown clips that one day's run deletes: their keys stay in memory until the whole store is counted."""

MAINTENANCE_RESULTS = Counter("dictaphone_swept_total", "Rows and objects that maintenance changed", ["operation"])


class Maintenance:
    """Run each task when it is due and no other machine has taken it."""

    def __init__(
        self,
        engine: Engine,
        store: Store,
        on_commit: Callable[[], None],
        *,
        silence: timedelta,
        bin_keeps: timedelta,
    ) -> None:
        self._engine = engine
        self._store = store
        self._on_commit = on_commit
        self._silence = silence
        self._bin_keeps = bin_keeps
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="maintenance", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        # The names are keys of rows in the database.
        tasks: list[tuple[str, timedelta, Callable[[datetime], int]]] = [
            ("recordings finished", RECORDINGS_INTERVAL, self.finish_stalled_recordings),
            ("clips out of the bin", HOURLY, self.empty_bin),
            ("uploads expired", HOURLY, self.expire_uploads),
            ("revisions thinned", DAILY, self.thin_revisions),
            ("orphans removed", DAILY, self.remove_orphans),
            ("broken puts removed", DAILY, lambda now: self._store.abort_stale_uploads(now - MIN_ORPHAN_AGE)),
        ]
        while not self._stopping.wait(RECORDINGS_INTERVAL.total_seconds() / 2):
            for name, interval, task in tasks:
                try:
                    if self.claim(name, interval, datetime.now(UTC)):
                        count = task(datetime.now(UTC))
                        MAINTENANCE_RESULTS.labels(name).inc(count)
                        if count:
                            log.info("maintenance done", operation=name, count=count)
                except (SQLAlchemyError, StoreError) as error:
                    reason = f"{type(error).__name__}: {error}"
                    log.warning("maintenance failed, retrying later", operation=name, reason=reason)
                except Exception:
                    log.exception("maintenance failed", operation=name)

    def claim(self, name: str, interval: timedelta, now: datetime) -> bool:
        """Take a task that is due. The machine that writes the task's row first has the task."""
        with contextlib.suppress(IntegrityError), transaction(self._engine) as session:
            due = update(MaintenanceRun).where(
                col(MaintenanceRun.name) == name, col(MaintenanceRun.done_at) <= now - interval
            )
            if session.exec(due.values(done_at=now)).rowcount:
                return True
            if session.get(MaintenanceRun, name) is None:
                session.add(MaintenanceRun(name=name, done_at=now))
                session.flush()
                return True
        return False

    # -- tasks: each returns how many rows or objects it changed ------------------------------------------------

    def finish_stalled_recordings(self, now: datetime) -> int:
        """Finish recordings whose recorder did not come back, with the bytes that have arrived."""
        with transaction(self._engine) as session:
            stalled = queries.stalled_recordings(now - self._silence, limit=BATCH_SIZE)
            clips = session.exec(stalled.with_for_update(skip_locked=True)).all()
            for clip in clips:
                clip.finish_stalled_recording(now)
                save_and_announce(session, clip, PREPARE, now=now)
        if clips:
            self._on_commit()
        return len(clips)

    def empty_bin(self, now: datetime) -> int:
        """Delete the clips whose time in the bin is over: the rows first, then the objects.

        A crash between the two leaves orphans, which `remove_orphans` deletes.
        """
        count = 0
        while True:
            with transaction(self._engine) as session:
                expired = queries.expired_in_bin(now - self._bin_keeps, limit=BATCH_SIZE)
                clips = session.exec(expired.with_for_update(skip_locked=True)).all()
                keys = {clip.audio_key for clip in clips if clip.audio_key}
                for clip in clips:
                    keys.update(piece.key for _, piece in session.exec(Piece.of_clip(clip.id)))
                    session.exec(delete(Upload).where(col(Upload.clip_id) == clip.id))
                    session.delete(clip)
            self._delete(keys)
            count += len(clips)
            if len(clips) < BATCH_SIZE or self._stopping.is_set():
                return count

    def expire_uploads(self, now: datetime) -> int:
        """End uploads of files that are not complete in time, and delete their pieces. Recordings never expire."""
        count = 0
        with transaction(self._engine) as session:
            expired = Upload.expired(now, limit=BATCH_SIZE)
            for upload in session.exec(expired.with_for_update(skip_locked=True)):
                # The row is locked, so no request can append now. The last byte may have arrived just before.
                if session.exec(Piece.offset(upload.id)).one() != upload.length:
                    upload.ended_at = now
                    session.exec(Piece.delete_of_upload(upload.id))
                    count += 1
            is_old = col(Upload.ended_at) < now - TOMBSTONE_LIFETIME
            session.exec(delete(Upload).where(is_old, col(Upload.is_recording).is_(False)))
        return count

    def thin_revisions(self, now: datetime) -> int:
        """Thin the revisions of clips that have too many: releases without sittings made one of each save."""
        count = 0
        while True:
            with read_session(self._engine) as session:
                ids = session.exec(clips_to_thin(limit=BATCH_SIZE)).all()
            for id in ids:
                with transaction(self._engine) as session:
                    session.exec(select(Clip.id).where(col(Clip.id) == id).with_for_update()).first()
                    count += thin_revisions(session, id, now)
            if len(ids) < BATCH_SIZE or self._stopping.is_set():
                return count

    def remove_orphans(self, now: datetime) -> int:
        """Delete objects that no row names. Crashes leave such objects, and so does the joining of pieces.

        Objects of clips that the database does not know are deleted only if the rows name most of the store: a wrong
        DATABASE_URL must not cost anybody a recording.
        """
        removed = named_count = unknown_count = 0
        unknown_keys: list[str] = []
        for objects in _batches(self._old_objects(now - MIN_ORPHAN_AGE), BATCH_SIZE):
            with read_session(self._engine) as session:
                named_keys, clip_ids = _named_keys(session, {id for id, _ in objects})
            named_count += sum(key in named_keys for _, key in objects)
            unknown = [key for id, key in objects if id not in clip_ids]
            unknown_count += len(unknown)
            unknown_keys += unknown[: MAX_UNKNOWN_CLIP_OBJECTS - len(unknown_keys)]
            removed += self._delete(key for id, key in objects if id in clip_ids and key not in named_keys)
            if self._stopping.is_set():
                return removed
        if unknown_count > named_count:
            log.warning(
                "most objects in the store are unknown to the database and were not deleted; is DATABASE_URL right?",
                unknown=unknown_count,
                known=named_count,
            )
            return removed
        return removed + self._delete(unknown_keys)

    def _old_objects(self, before: datetime) -> Iterator[ClipObject]:
        """Objects that were written before an instant and belong to a clip; a bucket may hold other people's too."""
        for key, written_at in self._store.list_objects():
            if written_at < before and (id := _clip_id(key)):
                yield id, key

    def _delete(self, keys: Iterable[str]) -> int:
        count = 0
        for key in keys:
            # An object that cannot be deleted must not keep the others for ever.
            with contextlib.suppress(StoreError):
                self._store.delete(key)
                count += 1
        return count


def _clip_id(key: str) -> uuid.UUID | None:
    """The clip that an object belongs to; None if the key is not one of Dictaphone's."""
    library, _, rest = key.partition("/")
    id, _, name = rest.partition("/")
    with contextlib.suppress(ValueError):
        return uuid.UUID(id) if library == HOME and name else None
    return None


def _named_keys(session: Session, ids: set[uuid.UUID]) -> tuple[set[str], set[uuid.UUID]]:
    """The object keys that rows of these clips name, and the ids of those clips that have rows."""
    clips = session.exec(select(Clip.id, Clip.audio_key).where(col(Clip.id).in_(ids))).all()
    upload_clip_ids = session.exec(select(Upload.clip_id).where(col(Upload.clip_id).in_(ids))).all()
    pieces = session.exec(select(Piece.key).join(Upload).where(col(Upload.clip_id).in_(ids)))
    return {*pieces, *(key for _, key in clips)}, {*upload_clip_ids, *(id for id, _ in clips)}


def _batches(objects: Iterator[ClipObject], size: int) -> Iterator[list[ClipObject]]:
    while batch := list(itertools.islice(objects, size)):
        yield batch
