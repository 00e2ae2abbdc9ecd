"""A library is upgraded while the release before reads it, writes to it and deletes from it."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import Engine, Uuid, bindparam, func, select, text
from sqlmodel import Session, col

from shared.clips.models import Clip
from shared.migrations.__main__ import alembic_config
from shared.search.index import SearchEntry
from tests.servers.postgres import Postgres
from tests.servers.stack import migrate
from tests.shared.conftest import engine_at
from tests.shared.db.old_rows import AT, insert_clips, old_clip

MAX_WAIT_S = 3.0
"""Longest time that anybody may wait for the migration. A busy machine takes a second over anything."""

LONG_READ_S = 5.0
"""A query, much longer than that, which holds its lock on the table meanwhile, such as a backup: whoever waits for it
must stop nobody else."""

LIST = text("SELECT id, name FROM clip WHERE deleted_at IS NULL ORDER BY created_at DESC, id DESC LIMIT 50")
RENAME = text("UPDATE clip SET name = name, version = version + 1 WHERE id = :id")
DELETE = text("DELETE FROM clip WHERE id = :id")

WORDS = "Sehr geehrte Damen und Herren, hiermit möchte ich Ihnen mitteilen, dass wir am Freitag fertig werden. " * 10


class Beside:
    """What a release does in a thread, and how long it waited for each answer at most."""

    def __init__(self, work: Callable[[], None]) -> None:
        self.max_wait_s = 0.0
        self.count = 0
        self.error: Exception | None = None
        self._work = work
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Beside":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(0.01):
            began = time.monotonic()
            try:
                self._work()
            except Exception as error:
                self.error = error
                return
            self.max_wait_s = max(self.max_wait_s, time.monotonic() - began)
            self.count += 1


@pytest.fixture
def library(postgres: Postgres) -> Iterator[Engine]:
    """An empty library at revision 0003."""
    name = postgres.create_database()
    engine = engine_at(postgres.url(name))
    command.upgrade(alembic_config(engine), "0003")
    yield engine
    engine.dispose()
    postgres.drop_database(name)


@contextmanager
def long_read(engine: Engine, table: str = "clip") -> Iterator[None]:
    def read() -> None:
        with engine.connect() as connection:
            connection.execute(text(f"SELECT pg_sleep({LONG_READ_S}), (SELECT count(*) FROM {table})"))

    thread = threading.Thread(target=read)
    thread.start()
    time.sleep(0.2)
    yield
    thread.join()


@pytest.mark.parametrize("clips", [2_000, pytest.param(50_000, marks=pytest.mark.slow)])
def test_nobody_waits_for_a_migration(library: Engine, clips: int, tmp_path: Path) -> None:
    ids = [uuid.uuid4() for _ in range(clips)]
    with library.begin() as connection:
        rows = (old_clip(id, f"Clip {n}", WORDS, AT - timedelta(seconds=n)) for n, id in enumerate(ids))
        insert_clips(connection, rows)
    doomed = ids[:50]
    deleted = iter(doomed)

    def execute(statement: str, id: uuid.UUID | None = None) -> None:
        with library.begin() as connection:
            typed = text(statement)
            if id is None:
                connection.execute(typed)
            else:
                connection.execute(typed.bindparams(bindparam("id", type_=Uuid())), {"id": id})

    def delete() -> None:
        if id := next(deleted, None):
            execute(DELETE.text, id)
        time.sleep(0.1)

    url = library.url.render_as_string(hide_password=False).replace("postgresql+psycopg", "postgres")
    with (
        Beside(lambda: execute(LIST.text)) as reader,
        Beside(lambda: execute(RENAME.text, ids[-1])) as writer,
        Beside(delete) as deleter,
        long_read(library),
    ):
        migrate({"DATABASE_URL": url, "DATA_DIR": str(tmp_path)})
    for name, beside in {"reader": reader, "writer": writer, "deleter": deleter}.items():
        assert beside.error is None, name
        assert beside.count > 10, name
        assert beside.max_wait_s < MAX_WAIT_S, f"the {name} waited for {beside.max_wait_s:.1f} s"
    left = clips - len(doomed) + len([*deleted])
    with Session(library) as session:
        assert session.scalar(select(func.count()).select_from(Clip)) == left
        entries = select(func.count()).select_from(SearchEntry).join(Clip, col(Clip.id) == col(SearchEntry.clip_id))
        assert session.scalar(entries) == left


@pytest.mark.parametrize("table", ["transcript", "clip"])
def test_nobody_waits_for_a_new_column(library: Engine, table: str) -> None:
    command.upgrade(alembic_config(library), "0005")
    count = text(f"SELECT count(*) FROM {table}")

    def read() -> None:
        with library.connect() as connection:
            connection.execute(count)

    with long_read(library, table), Beside(read) as reader:
        command.upgrade(alembic_config(library), "head")
    assert reader.error is None
    assert reader.max_wait_s < MAX_WAIT_S, f"a reader of {table} waited for {reader.max_wait_s:.1f} s"


def test_a_migration_that_was_killed_is_carried_on(library: Engine, tmp_path: Path) -> None:
    """All the more if it was killed in the middle of an index, which Postgres then keeps as an invalid one."""
    with library.begin() as connection:
        insert_clips(connection, (old_clip(uuid.uuid4(), f"Clip {n}", WORDS) for n in range(250)))
    command.upgrade(alembic_config(library), "head")
    with library.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0003'"))
        connection.execute(text("DELETE FROM search WHERE number % 2 = 0"))
        connection.execute(text("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'search_words'::regclass"))
        connection.execute(text("ALTER INDEX clip_recent RENAME TO clip_recent_new"))
        connection.execute(text("CREATE INDEX clip_recent ON clip (library_id, created_at, id)"))
    command.upgrade(alembic_config(library), "head")
    command.check(alembic_config(library))
    with library.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM search")).scalar() == 250
        assert connection.execute(text("SELECT count(*) FROM pg_index WHERE NOT indisvalid")).scalar() == 0
        indexes = connection.execute(text("SELECT indexname FROM pg_indexes WHERE tablename = 'clip'")).scalars().all()
        assert "clip_recent" in indexes
        assert not {"clip_recent_new", "clip_recent_old"} & set(indexes)
