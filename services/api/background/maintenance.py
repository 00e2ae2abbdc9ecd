"""Periodic maintenance of clips, uploads and the store, in a thread of its own.

Every machine runs this thread. A row in the database for each task decides which machine does the task. Each task may
be stopped at any point and done again.
"""

import contextlib
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog
from prometheus_client import Counter
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlmodel import col, delete, select, update

from services.api.background.erasure import erase, finish_erasures
from services.api.background.index_repair import repair_index
from services.api.background.store_inventory import StoreInventory
from services.api.people import ceremonies, sign_ins
from shared.clips import queries
from shared.clips.models import Clip
from shared.db.engine import read_session, transaction
from shared.maintenance_runs import MaintenanceRun
from shared.outbox.writer import save_and_announce
from shared.redis.jobs import PREPARE
from shared.storage.store import Store, StoreError
from shared.threads import LifelineThread
from shared.transcripts.retention import clips_to_thin, thin_revisions
from shared.uploads.models import Piece, Upload

log = structlog.get_logger(__name__)

RECORDINGS_INTERVAL = timedelta(seconds=20)
"""Between two looks for stalled recordings: the query is an index scan of the recordings that run now."""

INDEX_INTERVAL = timedelta(minutes=10)
"""Between two looks for clips that another release has written: one scan of the clips, without their texts."""

HOURLY = timedelta(hours=1)
"""Between two looks at the bin and at old uploads."""

DAILY = timedelta(days=1)
"""Between two listings of the store, which cost a request for each thousand objects."""

MAX_WRITE_TIME = timedelta(days=1)
"""A write to the store that began before was killed."""

PAUSE_BEFORE_COMPARISON = timedelta(hours=1)
"""A database that was silent for longer may be a restored backup: the store is compared with it at once."""

TOMBSTONE_LIFETIME = timedelta(days=30)
"""How long the row of an expired upload outlives its pieces: its client is told that the upload is gone."""

BATCH_SIZE = 200
"""Clips or objects of one transaction."""

COMPARISON = "orphans removed"
"""Name of the comparison of the store with the database, in metrics and in its row."""

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
        self._inventory = StoreInventory(engine, store, on_commit, self._stopping.is_set, bin_keeps=bin_keeps)
        self._thread = LifelineThread(self._run, "maintenance")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        # The names are keys of rows in the database.
        tasks: list[tuple[str, timedelta, Callable[[datetime], int]]] = [
            # First: a recording that a restored database knows in part gets its end before it is finished.
            (COMPARISON, DAILY, self.compare_store),
            ("recordings finished", RECORDINGS_INTERVAL, self.finish_stalled_recordings),
            ("clips out of the bin", HOURLY, self.empty_bin),
            ("erasures finished", INDEX_INTERVAL, self.finish_erasures),
            ("uploads expired", HOURLY, self.expire_uploads),
            ("clips indexed again", INDEX_INTERVAL, lambda now: repair_index(self._engine, now, self._stopping)),
            ("sign-ins removed", HOURLY, self.remove_sign_ins),
            ("revisions thinned", DAILY, self.thin_revisions),
            ("broken puts removed", DAILY, lambda now: self._store.remove_unfinished_writes(now - MAX_WRITE_TIME)),
        ]
        self.look_for_restore(datetime.now(UTC))
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

    def look_for_restore(self, now: datetime) -> None:
        """Make the comparison with the store due if the database was silent for long: it may be a restored backup."""
        try:
            newest_row_at = self._inventory.note_newest_row(now)
            if newest_row_at is None or newest_row_at < now - PAUSE_BEFORE_COMPARISON:
                due = update(MaintenanceRun).where(col(MaintenanceRun.name) == COMPARISON)
                with transaction(self._engine) as session:
                    session.exec(due.values(done_at=now - DAILY))
        except SQLAlchemyError as error:
            log.warning("the age of the database could not be read", reason=f"{type(error).__name__}: {error}")

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
        """Delete the clips whose time in the bin is over.

        Clips that were found in the store are kept while they are more than the others of their library: a wrong
        DATABASE_URL must not cost anybody a recording.
        """
        with read_session(self._engine) as session:
            counts = session.exec(queries.count_found_in_bin()).all()
        keep_found_of = [library_id for library_id, found, others in counts if found > others]
        if keep_found_of:
            found = sum(found for library_id, found, _ in counts if library_id in keep_found_of)
            log.warning(
                "most clips were found in the store and stay in the bin", found=found, libraries=len(keep_found_of)
            )
        count = 0
        while True:
            expired = queries.expired_in_bin(now - self._bin_keeps, limit=BATCH_SIZE, keep_found_of=keep_found_of)
            erased = erase(self._engine, self._store, expired, now)
            if erased:
                self._on_commit()
            count += erased
            if erased < BATCH_SIZE or self._stopping.is_set():
                return count

    def finish_erasures(self, _now: datetime) -> int:
        """Delete the objects that a killed process or an outage left of clips that are gone."""
        return finish_erasures(self._engine, self._store)

    def expire_uploads(self, now: datetime) -> int:
        """End uploads of files that are not complete in time, and forget their pieces. Recordings never expire."""
        count = 0
        with transaction(self._engine) as session:
            expired = Upload.expired(now, limit=BATCH_SIZE)
            for upload in session.exec(expired.with_for_update(skip_locked=True)):
                # The row is locked, so no request can append now. The last byte may have arrived just before.
                if session.exec(Piece.offset(upload.id)).one() != upload.length:
                    upload.ended_at = now
                    session.exec(Piece.delete_of_upload(upload.id))
                    count += 1
            is_old = col(Upload.ended_at) < now - self._bin_keeps - TOMBSTONE_LIFETIME
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

    def remove_sign_ins(self, now: datetime) -> int:
        """Delete sessions, ceremonies and counts of tries that mean nothing any more."""
        return sign_ins.remove_old(self._engine, now) + ceremonies.remove_old(self._engine, now)

    def compare_store(self, now: datetime) -> int:
        """Compare the store with the database: find audio again that no row names, and delete old copies."""
        return self._inventory.compare(now)
