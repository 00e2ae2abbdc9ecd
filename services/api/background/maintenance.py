"""What time does to clips, in a thread of its own: silent recordings end, the bin empties, leftovers go.

Each machine tries, one does it: who wins the row of a chore. All of it may be stopped anywhere and done again.
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
from shared.maintenance import MaintenanceRun
from shared.outbox.writer import save_and_announce
from shared.redis.jobs import PREPARE
from shared.storage.store import Store, StoreError
from shared.uploads.models import Piece, Upload

log = structlog.get_logger(__name__)

Found = tuple[uuid.UUID, str]
"""A clip's id and the key of an object of its."""

LOOK = timedelta(seconds=20)
"""How often a recording that fell silent is looked for: an index scan of those that run now."""

HOURLY = timedelta(hours=1)
"""How often the bin and old uploads are looked through."""

DAILY = timedelta(days=1)
"""How often the store is listed: a request for each thousand objects."""

ORPHAN_AGE = timedelta(days=1)
"""What is younger may be on its way into the database, or still be played by whoever began before it was replaced."""

TOMBSTONE = timedelta(days=30)
"""How long a given-up upload is still known as gone."""

BATCH = 200
"""Clips, or objects, looked at in one transaction."""

MOST_STRANGERS = 10_000
"""Objects of unknown clips that are deleted in one day, since their names are held until all were counted."""

SWEPT = Counter("dictaphone_swept_total", "What the sweeps did", ["what"])


class Sweep:
    """Runs the chores whenever they are due on no other machine."""

    def __init__(
        self,
        engine: Engine,
        store: Store,
        committed: Callable[[], None],
        *,
        silence: timedelta,
        bin_keeps: timedelta,
    ) -> None:
        self._engine = engine
        self._store = store
        self._committed = committed
        self._silence = silence
        self._bin_keeps = bin_keeps
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sweep", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        chores: list[tuple[str, timedelta, Callable[[datetime], int]]] = [
            ("recordings finished", LOOK, self.end_silent_recordings),
            ("clips out of the bin", HOURLY, self.empty_bin),
            ("uploads expired", HOURLY, self.expire_uploads),
            ("orphans removed", DAILY, self.remove_orphans),
            ("broken puts removed", DAILY, lambda now: self._store.abort_stale_uploads(now - ORPHAN_AGE)),
        ]
        while not self._stopping.wait(LOOK.total_seconds() / 2):
            for name, every, chore in chores:
                try:
                    if self.is_ours(name, every, datetime.now(UTC)):
                        done = chore(datetime.now(UTC))
                        SWEPT.labels(name).inc(done)
                        if done:
                            log.info("swept", what=name, number=done)
                except (SQLAlchemyError, StoreError) as error:
                    log.warning("a sweep has to wait", what=name, reason=f"{type(error).__name__}: {error}")
                except Exception:
                    log.exception("a sweep stumbled", what=name)

    def is_ours(self, name: str, every: timedelta, now: datetime) -> bool:
        """Take a chore that is due: whoever writes its row first has it."""
        with contextlib.suppress(IntegrityError), transaction(self._engine) as session:
            due = update(MaintenanceRun).where(
                col(MaintenanceRun.name) == name, col(MaintenanceRun.done_at) <= now - every
            )
            if session.exec(due.values(done_at=now)).rowcount:
                return True
            if session.get(MaintenanceRun, name) is None:
                session.add(MaintenanceRun(name=name, done_at=now))
                session.flush()
                return True
        return False

    # -- chores ------------------------------------------------------------------------------------------------

    def end_silent_recordings(self, now: datetime) -> int:
        """Finish recordings whose recorder did not come back, with what has arrived."""
        with transaction(self._engine) as session:
            silent = session.exec(
                queries.stalled_recordings(now - self._silence, limit=BATCH).with_for_update(skip_locked=True)
            ).all()
            for clip in silent:
                clip.finish_stalled_recording(now)
                save_and_announce(session, clip, PREPARE, now=now)
        if silent:
            self._committed()
        return len(silent)

    def empty_bin(self, now: datetime) -> int:
        """Destroy what lay in the bin for long: the rows first, then their objects; a crash between leaves orphans."""
        emptied = 0
        while True:
            with transaction(self._engine) as session:
                expired = queries.expired_in_bin(now - self._bin_keeps, limit=BATCH)
                clips = session.exec(expired.with_for_update(skip_locked=True)).all()
                keys = {clip.audio_key for clip in clips if clip.audio_key}
                for clip in clips:
                    keys.update(piece.key for _, piece in session.exec(Piece.of_clip(clip.id)))
                    session.exec(delete(Upload).where(col(Upload.clip_id) == clip.id))
                    session.delete(clip)
            for key in keys:
                with contextlib.suppress(StoreError):
                    self._store.delete(key)
            emptied += len(clips)
            if len(clips) < BATCH or self._stopping.is_set():
                return emptied

    def expire_uploads(self, now: datetime) -> int:
        """End files that did not arrive whole in time, and forget what had arrived. Recordings never expire."""
        expired = 0
        with transaction(self._engine) as session:
            for upload in session.exec(Upload.expired(now, limit=BATCH).with_for_update(skip_locked=True)):
                # Nobody can add to it now; its last byte may have come just before.
                if session.exec(Piece.offset(upload.id)).one() != upload.length:
                    upload.ended_at = now
                    session.exec(Piece.delete_of_upload(upload.id))
                    expired += 1
            known = delete(Upload).where(col(Upload.ended_at) < now - TOMBSTONE, col(Upload.is_recording).is_(False))
            session.exec(known)
        return expired

    def remove_orphans(self, now: datetime) -> int:
        """Delete objects that no row names: crashes leave them, and so do pieces that were joined.

        Objects of clips that the database has never heard of go only where it knows most of the others: a wrong
        DATABASE_URL must not cost anybody a recording.
        """
        removed, known, strange = 0, 0, 0
        strangers: list[str] = []
        old = (key for key, written_at in self._store.list_objects() if written_at < now - ORPHAN_AGE)
        for keys in _batches(((id, key) for key in old if (id := _clip_id(key))), BATCH):
            with read_session(self._engine) as session:
                named, clips = _named(session, {id for id, _ in keys})
            known += sum(key in named for _, key in keys)
            unknown = [key for id, key in keys if id not in clips]
            strange += len(unknown)
            strangers += unknown[: MOST_STRANGERS - len(strangers)]
            removed += self._delete(key for id, key in keys if id in clips and key not in named)
            if self._stopping.is_set():
                return removed
        if strange > known:
            log.warning(
                "most of the store is unknown to the database, so nothing of that was deleted; is DATABASE_URL right?",
                unknown=strange,
                known=known,
            )
            return removed
        return removed + self._delete(strangers)

    def _delete(self, keys: Iterable[str]) -> int:
        number = 0
        for key in keys:
            # One that cannot be deleted must not keep the others for ever.
            with contextlib.suppress(StoreError):
                self._store.delete(key)
                number += 1
        return number


def _clip_id(key: str) -> uuid.UUID | None:
    """The clip that an object of ours belongs to; a bucket may hold other people's objects."""
    library, _, rest = key.partition("/")
    id, _, name = rest.partition("/")
    with contextlib.suppress(ValueError):
        return uuid.UUID(id) if library == HOME and name else None
    return None


def _named(session: Session, ids: set[uuid.UUID]) -> tuple[set[str], set[uuid.UUID]]:
    """The keys that rows of these clips name, and the clips that there are."""
    clips = session.exec(select(Clip.id, Clip.audio_key).where(col(Clip.id).in_(ids))).all()
    uploads = session.exec(select(Upload.clip_id).where(col(Upload.clip_id).in_(ids))).all()
    pieces = session.exec(select(Piece.key).join(Upload).where(col(Upload.clip_id).in_(ids)))
    return {*pieces, *(key for _, key in clips)}, {*uploads, *(id for id, _ in clips)}


def _batches(found: Iterator[Found], size: int) -> Iterator[list[Found]]:
    while batch := list(itertools.islice(found, size)):
        yield batch
