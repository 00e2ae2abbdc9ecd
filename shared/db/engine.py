"""An engine for Postgres and one for SQLite, made so that both keep what they have confirmed.

There is no asynchronous one: the same transaction costs 1.8 times the CPU there (measured with psycopg 3.3), and a
thread's hop costs next to nothing. Services with an event loop call these functions in threads.
"""

import select
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import URL, Connection, Engine, Executable, Row, create_engine, event, make_url, text
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection
from sqlmodel import Session

from shared.settings import DatabaseSettings

SQLITE_BUSY_S = 15
"""Seconds a writer waits for SQLite's one write lock; longer than any transaction, shorter than a person's patience."""

TCP_KEEPALIVE = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 20_000}
"""A server whose machine is gone closes nothing: the kernel finds that out within 25 seconds, not within two hours."""

IDLE_S = 0.5
"""Seconds after which a connection is asked whether it still lives: one whose server vanished looks like any other."""

POOL_SIZE = 8
"""Connections of one process: more than 2 cores can use, few enough for a small Postgres and several machines."""


def sqlalchemy_url(settings: DatabaseSettings) -> URL:
    """`DATABASE_URL` as SQLAlchemy wants it: Fly and Heroku say `postgres://`, SQLAlchemy needs the driver's name."""
    given = settings.database_url.get_secret_value()
    url = make_url(given) if given else URL.create("sqlite", database=str(settings.data_dir / "dictaphone.sqlite3"))
    if url.get_backend_name() == "sqlite":
        return url.set(drivername="sqlite+pysqlite")
    return url.set(drivername="postgresql+psycopg")


def open_engine(settings: DatabaseSettings, pool_size: int = POOL_SIZE) -> Engine:
    url = sqlalchemy_url(settings)
    engine = create_engine(url, **_options(url, pool_size))
    _prepare(engine)
    return engine


def _options(url: URL, pool_size: int) -> dict[str, Any]:
    if url.get_backend_name() == "sqlite":
        return {"connect_args": {"timeout": SQLITE_BUSY_S}, "pool_size": pool_size, "max_overflow": 0}
    return {
        "pool_size": pool_size,
        "max_overflow": 0,
        "pool_timeout": 10,
        "connect_args": {"connect_timeout": 5, "application_name": "dictaphone", **TCP_KEEPALIVE},
    }


def _prepare(engine: Engine) -> None:
    if engine.dialect.name != "sqlite":
        _validate_on_checkout(engine)
        return

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # The driver begins nothing by itself: we say BEGIN, below.
        cursor = connection.cursor()
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A transaction that reads first and writes later fails at once when another wrote in between, whatever the
        # busy timeout: one that will write takes the lock at its start.
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _validate_on_checkout(engine: Engine) -> None:
    """Look at a connection before it is used: a restarted Postgres leaves dead ones in the pool.

    SQLAlchemy's own `pool_pre_ping` asks each time, which is one round trip in eight of ours. A server that closes a
    connection says so, and that lies there to be read: looking costs a microsecond. One that vanished says nothing:
    what was idle for a while is asked.
    """

    @event.listens_for(engine, "checkin")
    def _checkin(_connection: Any, record: ConnectionPoolEntry) -> None:
        record.info["used"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _checkout(connection: Any, record: ConnectionPoolEntry, _proxy: PoolProxiedConnection) -> None:
        try:
            said = select.poll()
            said.register(connection.fileno(), select.POLLIN)
            if said.poll(0):
                raise InvalidatePoolError
            if time.monotonic() - record.info.get("used", 0) > IDLE_S:
                engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError from error


@contextmanager
def read_session(engine: Engine) -> Iterator[Session]:
    """A session for looking only. On Postgres each statement stands alone, which saves two round trips."""
    bind = engine if engine.dialect.name == "sqlite" else engine.execution_options(isolation_level="AUTOCOMMIT")
    with Session(bind, expire_on_commit=False) as session:
        yield session


@contextmanager
def transaction(engine: Engine) -> Iterator[Session]:
    """A session whose transaction is committed at the end of the block, or rolled back if the block raises."""
    with Session(engine.execution_options(writes=True), expire_on_commit=False) as session, session.begin():
        yield session


def execute_write(engine: Engine, statement: Executable, values: Mapping[str, Any] | None = None) -> Sequence[Row[Any]]:
    """Run one statement that writes, in a transaction of its own; return what it returns (`RETURNING`)."""
    # On Postgres the statement is the transaction, which saves two round trips.
    alone: dict[str, Any] = {"writes": True} if engine.dialect.name == "sqlite" else {"isolation_level": "AUTOCOMMIT"}
    with engine.execution_options(**alone).begin() as connection:
        return connection.execute(statement, values).all()


def ping(connection: Connection) -> None:
    """Raise unless the database answers and has our tables."""
    connection.execute(text("SELECT 1 FROM clip LIMIT 1"))
