"""Which errors mean that a disk has no room left, whoever raises them."""

import contextlib
import errno
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, OperationalError

from shared import disk_full
from shared.disk_full import is_disk_full
from shared.storage.store import StoreFull, StoreUnavailable
from tests.shared.conftest import engine_at


@contextlib.contextmanager
def connected(url: str) -> Iterator[Connection]:
    engine = engine_at(url)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_the_system_says_so(number: int) -> None:
    assert is_disk_full(OSError(number, os.strerror(number)))


@pytest.mark.parametrize(
    "error",
    [
        None,
        OSError(errno.EIO, "Input/output error"),
        OSError("no number"),
        StoreUnavailable("the bucket did not answer"),
        sqlite3.OperationalError("database is locked"),
        psycopg.OperationalError("the connection is closed"),
        ValueError("disk is full"),
    ],
    ids=repr,
)
def test_other_errors_do_not_say_so(error: BaseException | None) -> None:
    assert not is_disk_full(error)


def test_an_error_says_what_its_cause_says() -> None:
    assert is_disk_full(StoreFull("the bucket is full"))
    error = StoreUnavailable("could not be written")
    error.__cause__ = OSError(errno.EDQUOT, "quota")
    assert is_disk_full(error)


def test_an_error_that_is_its_own_cause_says_nothing() -> None:
    error = OSError(errno.EIO, "Input/output error")
    error.__cause__ = error
    assert not is_disk_full(error)


def test_postgres_says_so(postgres_url: str) -> None:
    with pytest.raises(OperationalError) as caught, connected(postgres_url) as connection:
        connection.execute(text("DO $$ BEGIN RAISE 'could not extend file' USING ERRCODE = 'disk_full'; END $$"))
    assert is_disk_full(caught.value)


def test_sqlite_says_so(sqlite_url: str) -> None:
    with connected(sqlite_url) as connection:
        connection.execute(text("PRAGMA max_page_count = 1"))  # SQLite takes the present size instead
        with pytest.raises(OperationalError, match="database or disk is full") as caught:
            connection.execute(text("CREATE TABLE large AS SELECT randomblob(1000000)"))
    assert is_disk_full(caught.value)


ROOT = Path(__file__).parents[2]

WRITE_BEYOND_A_LIMIT = """
import resource, sys
from sqlalchemy import text
from shared.disk_full import is_disk_full
from tests.shared.conftest import engine_at
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
with engine_at(sys.argv[1]).connect() as connection:
    try:
        connection.execute(text("CREATE TABLE large AS SELECT randomblob(2000000)"))
        connection.commit()
    except Exception as error:
        print(error.orig, is_disk_full(error))
"""


def test_an_io_error_of_sqlite_is_a_full_disk_only_if_there_is_no_room(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A quota is an I/O error to SQLite, and so is a file that may not grow beside a disk that has room."""
    child = subprocess.run(
        [sys.executable, "-c", WRITE_BEYOND_A_LIMIT, sqlite_url], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert child.stdout.strip() == "disk I/O error False", child.stderr

    def no_room(_folder: Path) -> OSError:
        return OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    monkeypatch.setattr(disk_full, "probe", no_room)
    with pytest.raises(DBAPIError) as caught, connected("sqlite:////proc/none/a.sqlite3"):
        pass
    assert is_disk_full(caught.value)


def test_a_probe_tells_a_disk_without_room_from_one_that_is_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert disk_full.probe(tmp_path) is None
    for number, is_full in ((errno.ENOSPC, True), (errno.EDQUOT, True), (errno.EIO, False)):
        error = OSError(number, os.strerror(number))

        def fail(_handle: int, error: OSError = error) -> None:
            raise error

        monkeypatch.setattr(os, "fsync", fail)
        assert disk_full.probe(tmp_path) is (error if is_full else None)
