"""Clips that another release has written are found again, without anybody touching them."""

import threading
import uuid
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import Engine, text
from sqlmodel import Session, select

from services.api.background import index_repair
from services.api.background.index_repair import BATCH_CLIPS, CHECKED_UNTIL, OVERLAP, repair_index
from services.api.search import full_text
from shared.clips.models import Clip
from shared.db.engine import transaction
from shared.maintenance_runs import MaintenanceRun
from shared.search import index
from shared.search.query import parse_query
from tests.shared.clips.test_models import new_clip
from tests.shared.conftest import engine_at
from tests.shared.db.old_rows import AT, insert_clips, old_clip

STOPPED = threading.Event()
STOPPED.set()


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = engine_at(database_url)
    yield engine
    engine.dispose()


def found(engine: Engine, typed: str) -> int | None:
    with Session(engine) as session:
        entries = full_text.open_index(session.connection(), parse_query(f"{typed}."))
        return session.connection().execute(select(entries.count(999))).scalar()


def repair(engine: Engine, now: timedelta = timedelta()) -> int:
    return repair_index(engine, AT + now, threading.Event())


def test_clips_of_the_release_before_are_found(engine: Engine) -> None:
    count = BATCH_CLIPS + 1
    with engine.begin() as connection:
        insert_clips(connection, (old_clip(uuid.uuid4(), f"Größe {n}", "Über uns") for n in range(count)))
    assert found(engine, "grosse") == 0
    assert repair(engine) == count
    assert found(engine, "grosse") == found(engine, "uber") == count
    with Session(engine) as session:
        clips = session.scalars(select(Clip)).all()
        assert {clip.sort_name for clip in clips} == {f"grosse {n:09}" for n in range(count)}
        assert {clip.version for clip in clips} == {1}, "a page has nothing to fetch"
    assert repair(engine) == 0


def test_changes_of_the_release_before_are_found(engine: Engine) -> None:
    clip = new_clip("Monday", now=AT)
    with transaction(engine) as session:
        session.add(clip)
    assert repair(engine) == 0
    later = AT + timedelta(hours=1)
    with engine.begin() as connection:
        changed = text("UPDATE clip SET name = 'Friday', updated_at = :at, version = version + 1")
        connection.execute(changed, {"at": later.replace(tzinfo=None) if engine.dialect.name == "sqlite" else later})
    assert (found(engine, "monday"), found(engine, "friday")) == (1, 0)
    assert repair(engine, timedelta(hours=2)) == 1
    assert (found(engine, "monday"), found(engine, "friday")) == (0, 1)


def test_another_folding_is_noticed(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A release with another folding compares the whole library once, whatever the release before has compared."""
    with monkeypatch.context() as patched:
        for name in ("index_text", "index_texts"):
            patched.setattr(index, name, lambda *texts: f" {texts[-1]} ")
        patched.setattr(index_repair, "CHECKED_UNTIL", "index checked until")
        with transaction(engine) as session:
            session.add(new_clip("Größe don't", now=AT))
        assert repair(engine, timedelta(days=2)) == 0, "the release before has nothing to do"
    assert repair(engine, timedelta(days=3)) == 1
    assert found(engine, "grosse") == found(engine, "dont") == 1


def test_what_was_compared_is_not_compared_again(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    with transaction(engine) as session:
        session.add(new_clip("Monday", now=AT))
    repair(engine, 2 * OVERLAP)
    with engine.begin() as connection:
        connection.execute(text("UPDATE search SET name = ' tampered '"))
    assert repair(engine, 3 * OVERLAP) == 0, "it was not changed since"


def test_a_run_that_is_stopped_begins_again(engine: Engine) -> None:
    with engine.begin() as connection:
        insert_clips(connection, (old_clip(uuid.uuid4(), "Größe", None) for _ in range(2 * BATCH_CLIPS)))
    assert repair_index(engine, AT, STOPPED) == BATCH_CLIPS
    with Session(engine) as session:
        assert session.get(MaintenanceRun, CHECKED_UNTIL) is None
    assert repair(engine) == BATCH_CLIPS


def test_texts_of_the_release_before_are_counted(engine: Engine) -> None:
    ids = [uuid.uuid4() for _ in range(2)]
    with engine.begin() as connection:
        insert_clips(connection, (old_clip(id, "Clip", "Über uns") for id in ids))
    repair(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE clip SET text_length = NULL"))
    assert repair(engine) == 0, "their words are indexed"
    with Session(engine) as session:
        assert [clip.text_length for clip in session.scalars(select(Clip))] == [8, 8]
