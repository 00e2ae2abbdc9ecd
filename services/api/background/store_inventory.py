"""The comparison of the store with the database: audio that no row names is found again, and copies are deleted.

A crash leaves objects without a row, and so does the joining of pieces. So does a restored backup, and then they may be
the only copy of a recording. Therefore an object is deleted only if it is a copy of what other objects hold, which rows
name, and only after the time for which the bin keeps clips: a dump that is younger than that finds all its objects.
"""

from collections import Counter as Tally
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby

import structlog
from prometheus_client import Counter, Gauge
from sqlalchemy import Engine
from sqlmodel import Session, col, func, select

from services.api.background.clip_rows import ClipRows, Place, id_beside_another, load_rows
from services.api.background.found_audio import FoundAudio
from shared.clips.models import Clip
from shared.db.engine import read_session
from shared.maintenance_runs import MaintenanceRun
from shared.people.libraries import Library
from shared.storage.store import Store, StoredObject

log = structlog.get_logger(__name__)

SETTLING_TIME = timedelta(hours=1)
"""An object is written before its row. One that is younger, or whose clip changed since, may get its row yet."""

RESTORE_MARGIN = timedelta(minutes=5)
"""Objects that are so much newer than the newest row were written beside a database that is gone."""

BATCH_CLIPS = 200
"""Clips whose rows are read at once."""

MAX_NAMED_LIBRARIES = 10
"""Unknown libraries that the log names: a bucket of other people's may look as if it had many."""

NAMED, LEFTOVER, FOUND, SET_APART = "named", "leftover", "found", "set apart"
"""States of an object: a row names it; it is a copy, or too young to judge; it got rows now; nobody understands it."""

STORE_OBJECTS = Gauge("dictaphone_store_objects", "Objects at the last comparison with the database", ["state"])
RESTORES_NOTICED = Counter("dictaphone_restores_noticed_total", "Times that the store was newer than its database")


class StoreInventory:
    """Compares the store with the database, clip by clip. Each clip may be compared at any moment, and twice."""

    def __init__(
        self,
        engine: Engine,
        store: Store,
        on_commit: Callable[[], None],
        is_stopping: Callable[[], bool],
        *,
        bin_keeps: timedelta,
    ) -> None:
        self._engine = engine
        self._store = store
        self._is_stopping = is_stopping
        self._bin_keeps = bin_keeps
        self._found_audio = FoundAudio(engine, store, on_commit)
        self._noted_at = datetime.now(UTC)
        self._newest_row_at: datetime | None = None
        self._is_restore_noticed = False
        self._newest_found_at: datetime | None = None
        self._tally: Tally[str] = Tally()
        self._strangers: Tally[str] = Tally()
        """Objects by the library of their folder, which the database does not know."""

    def note_newest_row(self, now: datetime) -> datetime | None:
        """Note when the database lived last, before this process changes it. None: it never did."""
        with read_session(self._engine) as session:
            instants: list[datetime | None] = [
                session.exec(select(func.max(column))).one()
                for column in (col(MaintenanceRun.done_at), col(Clip.updated_at))
            ]
            self._newest_row_at = max((each for each in instants if each is not None), default=None)
        self._noted_at = now
        return self._newest_row_at

    def compare(self, now: datetime) -> int:
        """Compare all clips, and return the number of copies that were deleted."""
        self._tally, self._strangers, self._newest_found_at = Tally(), Tally(), None
        deleted = 0
        for batch in self._batches():
            with read_session(self._engine) as session:
                rows = load_rows(session, batch)
                libraries = known_libraries(session, {place.library_id for place in batch})
            for place, objects in batch.items():
                if self._is_stopping():
                    return deleted
                if place.library_id not in libraries:
                    self._strangers[place.library_id] += len(objects)
                elif self._needs_action(rows[place], objects, now):
                    deleted += self._act(place, now)
                else:
                    named = sum(each.key in rows[place].keys for each in objects)
                    self._tally += Tally({NAMED: named, LEFTOVER: len(objects) - named})
        self._report()
        return deleted

    def _batches(self) -> Iterator[dict[Place, list[StoredObject]]]:
        """The objects of some clips at a time. A bucket may hold other people's, too; they are passed over."""
        batch: dict[Place, list[StoredObject]] = {}
        for place, objects in groupby(self._store.list_objects(), lambda each: Place.of_key(each.key)):
            if place is not None:
                batch.setdefault(place, []).extend(objects)
            if len(batch) >= BATCH_CLIPS:
                yield batch
                batch = {}
        yield batch

    def _needs_action(self, rows: ClipRows, objects: Sequence[StoredObject], now: datetime) -> bool:
        """Whether anything is to be found or deleted. Nothing is while the clip, or what no row names, is young.

        A clip that moved to another library took its words along: what it left here is kept, and found by nobody.
        """
        if rows.has_moved:
            return False
        unnamed = [each for each in objects if each.key not in rows.keys]
        since = now - SETTLING_TIME
        if any(each.written_at >= since for each in unnamed) or (rows.is_known and rows.changed_at >= since):
            return False
        present = {each.key for each in objects}
        is_missing = not rows.own_keys <= present
        return is_missing or any(
            not rows.is_copy(each, present) or self._is_expired(each, rows, now) for each in unnamed
        )

    def _is_expired(self, copy: StoredObject, rows: ClipRows, now: datetime) -> bool:
        return max(copy.written_at, rows.changed_at) < now - self._bin_keeps

    def _act(self, place: Place, now: datetime) -> int:
        """Find a clip's audio again, and delete its old copies. Return how many were deleted.

        Objects are listed before rows are read, and both anew: another machine may have emptied the bin meanwhile.
        """
        objects = list(self._store.list_objects(place.folder))
        with read_session(self._engine) as session:
            rows = load_rows(session, {place: objects})[place]
        if not self._needs_action(rows, objects, now):
            return 0
        present = {each.key for each in objects}
        unnamed = [each for each in objects if each.key not in rows.keys]
        copies: list[StoredObject] = []
        if rows.is_known:
            found = self._found_audio.complete_uploads(place, rows, objects, now)
        else:
            id = id_beside_another(place) if rows.is_id_taken else place.clip_id
            found = self._found_audio.adopt(Place(place.library_id, id), unnamed, now)
        if not found:
            copies = [each for each in unnamed if rows.is_copy(each, present)]
        if not found and rows.is_known:
            others = [each for each in unnamed if each not in copies]
            found = self._found_audio.adopt_nameless(place.library_id, None, others, now)
        if found:
            newest_at = max(each.written_at for each in found)
            self._newest_found_at = max(newest_at, self._newest_found_at or newest_at)
        expired = [each.key for each in copies if self._is_expired(each, rows, now)]
        # Beside what was found, the next comparison judges what is left over.
        leftovers = len(unnamed) - len(found) if found else len(copies) - len(expired)
        states = {NAMED: len(objects) - len(unnamed), FOUND: len(found), LEFTOVER: leftovers}
        self._tally += Tally(states | {SET_APART: 0 if found else len(unnamed) - len(copies)})
        return self._store.delete_all(expired)

    def _report(self) -> None:
        """Set the metrics, and say what was found, and whether it looks as if a backup had been restored."""
        not_understood, strange = self._tally[SET_APART], self._strangers.total()
        for state in (NAMED, LEFTOVER, FOUND):
            STORE_OBJECTS.labels(state).set(self._tally[state])
        STORE_OBJECTS.labels(SET_APART).set(not_understood + strange)
        if not_understood:
            log.warning("objects in the store are not understood, and are kept", count=not_understood)
        if strange:
            names, of = sorted(self._strangers)[:MAX_NAMED_LIBRARIES], len(self._strangers)
            log.warning("objects of unknown libraries are kept in the store", count=strange, libraries=of, first=names)
        if self._newest_found_at is None:
            return
        log.warning("audio that no row named was found again", objects=self._tally[FOUND])
        newest_row_at = self._newest_row_at
        is_newer = newest_row_at is None or newest_row_at + RESTORE_MARGIN < self._newest_found_at
        if is_newer and self._newest_found_at < self._noted_at and not self._is_restore_noticed:
            self._is_restore_noticed = True
            RESTORES_NOTICED.inc()
            log.warning(
                "the store is newer than the database: was a backup restored, or is DATABASE_URL wrong?",
                newest_row_at=str(newest_row_at),
                newest_object_at=str(self._newest_found_at),
            )


def known_libraries(session: Session, ids: Collection[str]) -> set[str]:
    """Those of these libraries that the database knows."""
    return {*session.exec(select(Library.id).where(col(Library.id).in_(ids)))}
