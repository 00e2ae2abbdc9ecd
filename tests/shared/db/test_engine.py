"""Sessions and statements, on SQLite and on Postgres."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, SQLAlchemyError
from sqlmodel import col, select

from services.api.clips.legacy_routes import clips_named
from shared.clips import queries
from shared.clips.models import Clip, Status
from shared.db.engine import open_engine, ping, read_session, sqlalchemy_url, transaction
from shared.libraries import HOME
from shared.outbox.models import OutboxRow
from shared.outbox.writer import save_and_announce
from shared.redis.jobs import TRANSCRIBE
from shared.settings import DatabaseSettings
from shared.transcripts.models import Transcript
from tests.shared.clips.test_models import LEASE, NOW, finish, new_clip
from tests.shared.conftest import engine_at


def save(engine: Engine, *clips: Clip) -> None:
    with transaction(engine) as session:
        session.add_all(clips)


def names(engine: Engine) -> list[str]:
    with read_session(engine) as session:
        return list(session.exec(select(Clip.name)))


@pytest.mark.parametrize(
    ("given", "driver", "database"),
    [
        ("postgres://u:p@db.internal:5433/dictaphone?sslmode=disable", "postgresql+psycopg", "dictaphone"),
        ("postgresql://u:p@db.internal/dictaphone", "postgresql+psycopg", "dictaphone"),
        ("sqlite:////data/clips.sqlite3", "sqlite+pysqlite", "/data/clips.sqlite3"),
        ("", "sqlite+pysqlite", "elsewhere/dictaphone.sqlite3"),
    ],
)
def test_the_url_names_the_driver(given: str, driver: str, database: str) -> None:
    url = sqlalchemy_url(DatabaseSettings(database_url=SecretStr(given), data_dir=Path("elsewhere")))
    assert (url.drivername, url.database) == (driver, database)
    if "sslmode" in given:
        assert (url.host, url.port, url.password, url.query["sslmode"]) == ("db.internal", 5433, "p", "disable")


def test_a_clip_is_read_as_it_was_written(engine: Engine) -> None:
    clip = new_clip("Ünï/cödé 🎙 'quoted' \\ %_")
    clip.created_at = datetime(2026, 7, 1, 12, 0, 0, 123456, tzinfo=timezone(timedelta(hours=5)))
    clip.bytes = 5 * 1024**3
    clip.claim(TRANSCRIBE, NOW, LEASE)
    revision = finish(clip)
    revision.passages = [{"start_ms": 0, "end_ms": 500, "text": "häard", "words": []}]
    kept = clip.model_dump()
    with transaction(engine) as session:
        session.add(clip)
        session.flush()
        session.add(revision)
    with read_session(engine) as session:
        found = session.exec(Clip.by_id(HOME, kept["id"])).one()
        assert found.model_dump() == kept
        assert found.created_at.tzinfo is UTC
        assert found.status is Status.DONE
        timed = session.exec(Transcript.newest_with_times(found.id)).one()
        assert timed.passages == [{"start_ms": 0, "end_ms": 500, "text": "häard", "words": []}]
        assert session.connection().execute(text("SELECT status FROM clip")).scalar_one() == "done"


def test_an_exception_rolls_the_transaction_back(engine: Engine) -> None:
    def half() -> None:
        with transaction(engine) as session:
            session.add(new_clip())
            session.flush()
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        half()
    assert names(engine) == []


def test_concurrent_read_modify_writes_wait_for_each_other(engine: Engine) -> None:
    clip = new_clip()
    save(engine, clip)

    def rename(name: str) -> None:
        with transaction(engine) as session:
            found = session.exec(Clip.by_id(HOME, clip.id).with_for_update()).one()
            time.sleep(0.005)  # so that all of them would have read the same version
            found.rename(name, NOW)

    with ThreadPoolExecutor(max_workers=16) as pool:
        list(pool.map(rename, map(str, range(30))))
    with read_session(engine) as session:
        assert session.exec(Clip.by_id(HOME, clip.id)).one().version == 31


def test_an_id_is_unique(engine: Engine) -> None:
    clip = new_clip()
    again = new_clip()
    again.id = clip.id
    save(engine, clip)
    with pytest.raises(IntegrityError):
        save(engine, again)


def test_deleting_a_clip_deletes_its_revisions_and_outbox_rows(engine: Engine) -> None:
    clip = new_clip()
    save(engine, clip)
    with transaction(engine) as session:
        session.add(clip)
        session.add(clip.edit("said", NOW))
        save_and_announce(session, clip, "transcribe", now=NOW)
    with transaction(engine) as session:
        session.delete(session.exec(Clip.by_id(HOME, clip.id)).one())
    with read_session(engine) as session:
        assert session.exec(select(Transcript)).all() == []
        assert session.exec(select(OutboxRow)).all() == []


# -- statements ----------------------------------------------------------------------------------------------------


def test_names_are_compared_exactly(engine: Engine) -> None:
    variants = ["a b", "a  b", "a b ", "A b", "a-b", "a.b", "a b!"]
    save(engine, *(new_clip(name) for name in variants))
    with read_session(engine) as session:
        for name in variants:
            assert [clip.name for clip in session.exec(clips_named(HOME, name))] == [name]


def test_clips_missing_jobs_waited_too_long_or_lost_their_worker(engine: Engine) -> None:
    def new(name: str, *, queued: timedelta, lease: timedelta | None = None, deleted: bool = False) -> Clip:
        clip = new_clip(name, now=NOW - queued)
        if lease is not None:
            clip.claim(TRANSCRIBE, NOW - queued, lease)
        if deleted:
            clip.move_to_bin(NOW)
        return clip

    long, short = timedelta(minutes=2), timedelta(seconds=5)
    finished = new("finished", queued=long, lease=LEASE)
    finish(finished)
    swept = new("lease is over, and a job was sent since", queued=long, lease=LEASE)
    swept.requeue(NOW - short)
    save(
        engine,
        finished,
        new("waits long", queued=long),
        new("waits a little", queued=short),
        new("in the bin", queued=long, deleted=True),
        new("lease is over", queued=long, lease=LEASE),
        new("lease holds", queued=long, lease=long * 2),
        swept,
    )
    since = NOW - timedelta(seconds=10)
    with read_session(engine) as session:
        statement = queries.clips_missing_jobs(since, NOW, limit=9)
        assert {clip.name for clip in session.exec(statement)} == {"waits long", "lease is over"}


def test_a_lease_is_renewed_for_its_owner_alone(engine: Engine) -> None:
    clip = new_clip()
    clip.claim(TRANSCRIBE, NOW, LEASE)
    clip.claim(TRANSCRIBE, NOW + LEASE, LEASE)
    save(engine, clip)
    with transaction(engine) as session:
        assert session.exec(queries.renew_lease(clip.id, 1, NOW + 9 * LEASE)).rowcount == 0
        assert session.exec(queries.renew_lease(clip.id, 2, NOW + 9 * LEASE)).rowcount == 1
    with read_session(engine) as session:
        assert session.exec(select(Clip.lease_until).where(col(Clip.id) == clip.id)).one() == NOW + 9 * LEASE


# -- the connections themselves ---------------------------------------------------------------------------------------


def test_ping_needs_the_tables(engine: Engine) -> None:
    with engine.connect() as connection:
        ping(connection)
    bare = create_engine("sqlite://")
    with pytest.raises(DBAPIError), bare.connect() as connection:
        ping(connection)
    bare.dispose()


def test_sqlite_syncs_each_commit_to_disk(sqlite_url: str) -> None:
    engine = engine_at(sqlite_url)
    with engine.connect() as connection:
        found = [
            connection.execute(text(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    engine.dispose()
    assert found == ["wal", 2, 1]  # 2 is FULL: each commit is on the disk before it is answered


def test_an_error_does_not_tell_what_was_written(engine: Engine) -> None:
    with pytest.raises(SQLAlchemyError) as refused, transaction(engine) as session:
        session.connection().execute(text("INSERT INTO nowhere VALUES (:words)"), {"words": "what a person said"})
    assert "what a person said" not in str(refused.value)


def test_an_old_connection_is_replaced(postgres_url: str) -> None:
    settings = DatabaseSettings(database_url=SecretStr(postgres_url), database_pool_recycle_seconds=1)
    engine = open_engine(settings, pool_size=1)
    pids = []
    for pause_s in (0, 1.1):
        time.sleep(pause_s)
        with engine.connect() as connection:
            pids.append(connection.execute(text("SELECT pg_backend_pid()")).scalar())
    engine.dispose()
    assert pids[0] != pids[1]


def test_a_transaction_that_slept_with_its_process_finds_the_database_away(postgres_url: str) -> None:
    """A laptop was closed, or a container paused: a request is answered with 503, and a result is written again."""
    settings = DatabaseSettings(database_url=SecretStr(postgres_url), database_idle_transaction_timeout_seconds=1)
    engine = open_engine(settings, pool_size=1)

    def sleep() -> None:
        with transaction(engine) as session:
            session.connection().execute(text("SELECT 1"))
            time.sleep(1.5)
            session.connection().execute(text("SELECT 1"))

    with pytest.raises(OperationalError):
        sleep()
    with read_session(engine) as session:
        assert session.connection().execute(text("SELECT 1")).scalar() == 1
    engine.dispose()
