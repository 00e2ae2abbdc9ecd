"""Engines and sessions for Postgres and SQLite, configured so that a committed transaction survives a crash.

There is no asynchronous engine: the same transaction costs 1.8 times the CPU (measured with psycopg 3.3), and a change
of thread costs next to nothing. Services with an event loop call these functions in threads.
"""

import select
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg.errors
import structlog
from sqlalchemy import URL, Connection, Engine, ExceptionContext, Executable, Row, create_engine, event, make_url, text
from sqlalchemy.exc import InvalidatePoolError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection
from sqlmodel import Session

from shared import disk_full
from shared.settings import DatabaseSettings

log = structlog.get_logger(__name__)

SQLITE_LOCK_TIMEOUT_S = 15
"""Seconds that a writer waits for SQLite's one write lock: longer than any transaction, and still an answer."""

TCP_KEEPALIVE = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 20_000}
"""A server whose machine is gone closes no connection. The kernel notices within 25 seconds, instead of two hours."""

SQLITE_PRIMARY_CODE = 0xFF
"""The bits of an extended error code that are the code itself (sqlite.org/rescode.html)."""

SQLITE_DISK_ERRORS = frozenset({sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN})
"""Errors of SQLite that a disk without room may have caused."""

PING_AFTER_IDLE_S = 0.5
"""Seconds without use after which a connection is pinged: if its server vanished, it looks like any other."""

POOL_SIZE = 8
"""Connections of one process: more than 2 cores can use, few enough for a small Postgres and several machines."""

POOL_TIMEOUT_S = 10
"""Seconds that a thread waits for a free connection: long enough for a burst, short enough to fail a stuck process."""

PREPARE_THRESHOLD = 5
"""Uses after which a statement is prepared, which saves its planning: the default of psycopg."""

LOST_STATEMENTS = (psycopg.errors.InvalidSqlStatementName, psycopg.errors.DuplicatePreparedStatement)
"""What Postgres answers when a pooler gives a prepared statement to another session."""

CONNECT_TIMEOUT_S = 5
"""Seconds that Postgres has to accept a connection: if its machine is gone, a request fails and does not hang."""


def sqlalchemy_url(settings: DatabaseSettings) -> URL:
    """`DATABASE_URL` with the driver that SQLAlchemy needs: Fly and Heroku say `postgres://`. Empty: a SQLite file."""
    database_url = settings.database_url.get_secret_value()
    url = (
        make_url(database_url)
        if database_url
        else URL.create("sqlite", database=str(settings.data_dir / "dictaphone.sqlite3"))
    )
    if url.get_backend_name() == "sqlite":
        return url.set(drivername="sqlite+pysqlite")
    return url.set(drivername="postgresql+psycopg")


def open_engine(settings: DatabaseSettings, pool_size: int = POOL_SIZE) -> Engine:
    url = sqlalchemy_url(settings)
    # An error's text goes into the log, and the parameters of a statement are what people said.
    engine = create_engine(url, hide_parameters=True, **_engine_options(url, pool_size, settings))
    if engine.dialect.name == "sqlite":
        _register_sqlite_listeners(engine)
    else:
        _validate_on_checkout(engine)
        _limit_time(engine, settings)
        _translate_idle_timeout(engine)
        _explain_lost_statements(engine)
    return engine


def _engine_options(url: URL, pool_size: int, settings: DatabaseSettings) -> dict[str, Any]:
    if url.get_backend_name() == "sqlite":
        return {"connect_args": {"timeout": SQLITE_LOCK_TIMEOUT_S}, "pool_size": pool_size, "max_overflow": 0}
    return {
        "pool_size": pool_size,
        "max_overflow": 0,
        "pool_timeout": POOL_TIMEOUT_S,
        "pool_recycle": settings.database_pool_recycle_seconds,
        "connect_args": {
            "connect_timeout": CONNECT_TIMEOUT_S,
            "application_name": "dictaphone",
            # The next transaction may have another server's connection, which knows no statement of this one.
            "prepare_threshold": None if settings.database_pooler == "transaction" else PREPARE_THRESHOLD,
            **TCP_KEEPALIVE,
        },
    }


def _register_sqlite_listeners(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # The driver must begin no transaction by itself: `_begin` does.
        cursor = connection.cursor()
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A transaction that reads first and writes later fails at once when another one wrote in between, whatever the
        # timeout. A transaction that will write therefore takes the lock at its start.
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    @event.listens_for(engine, "handle_error")
    def _find_full_disk(context: ExceptionContext) -> None:
        # SQLite calls only ENOSPC at a write a full disk. A quota that is used up (EDQUOT), and shared memory that
        # cannot grow, are I/O errors to it, like those of a broken disk.
        error, path = context.original_exception, engine.url.database
        if path and getattr(error, "sqlite_errorcode", 0) & SQLITE_PRIMARY_CODE in SQLITE_DISK_ERRORS:
            error.__cause__ = disk_full.probe(Path(path).parent)


def _limit_time(engine: Engine, settings: DatabaseSettings) -> None:
    """Have Postgres end what takes too long: statements that run astray, and transactions of a process that hangs.

    They are set once for each connection. Not in its startup packet, where PgBouncer refuses them. A pooler in
    transaction mode gives each transaction another session, so there they are set in each transaction. A statement
    that is its own transaction has no limit there but that of its role, or the pooler's `query_timeout`.
    """
    limits_ms = {
        "statement_timeout": settings.database_statement_timeout_seconds * 1000,
        "idle_in_transaction_session_timeout": settings.database_idle_transaction_timeout_seconds * 1000,
    }
    if settings.database_pooler == "none":

        @event.listens_for(engine, "connect")
        def _connect(connection: Any, _record: Any) -> None:
            connection.autocommit = True
            connection.execute("; ".join(f"SET {name} = {limit}" for name, limit in limits_ms.items()))
            connection.autocommit = False

        return

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
            connection.exec_driver_sql("; ".join(f"SET LOCAL {name} = {limit}" for name, limit in limits_ms.items()))


def _translate_idle_timeout(engine: Engine) -> None:
    """Have the end of an idle transaction be an outage of the database: to psycopg it is a fault of the program.

    A process that was suspended in a transaction finds it ended. It tries again, or says that the database is away.
    """

    @event.listens_for(engine, "handle_error")
    def _translate(context: ExceptionContext) -> None:
        error = context.original_exception
        if isinstance(error, psycopg.errors.IdleInTransactionSessionTimeout):
            raise OperationalError(context.statement, None, error, hide_parameters=True, connection_invalidated=True)


def _explain_lost_statements(engine: Engine) -> None:
    """Say in the log, once, what to set if prepared statements get lost between us and Postgres."""
    is_told = False

    @event.listens_for(engine, "handle_error")
    def _explain(context: ExceptionContext) -> None:
        nonlocal is_told
        if isinstance(context.original_exception, LOST_STATEMENTS) and not is_told:
            is_told = True
            log.error("prepared statements get lost: DATABASE_URL leads to a pooler; set DATABASE_POOLER=transaction")


def _validate_on_checkout(engine: Engine) -> None:
    """Check each connection before use: a restarted Postgres leaves dead connections in the pool.

    SQLAlchemy's own `pool_pre_ping` pings every time, which is one round trip in eight of ours. A server that closes a
    connection sends bytes, and nothing else sends any while no query runs: to poll for them costs a microsecond. A
    server that vanished sends nothing: a connection that was idle for a while is pinged.
    """

    @event.listens_for(engine, "checkin")
    def _checkin(_connection: Any, record: ConnectionPoolEntry) -> None:
        record.info["returned_at"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _checkout(connection: Any, record: ConnectionPoolEntry, _proxy: PoolProxiedConnection) -> None:
        try:
            poll = select.poll()
            poll.register(connection.fileno(), select.POLLIN)
            if poll.poll(0):
                raise InvalidatePoolError
            if time.monotonic() - record.info.get("returned_at", 0) > PING_AFTER_IDLE_S:
                engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError from error


@contextmanager
def read_session(engine: Engine) -> Iterator[Session]:
    """A session that only reads. On Postgres each statement is its own transaction, which saves two round trips."""
    bind = engine if engine.dialect.name == "sqlite" else engine.execution_options(isolation_level="AUTOCOMMIT")
    with Session(bind, expire_on_commit=False) as session:
        yield session


@contextmanager
def transaction(engine: Engine) -> Iterator[Session]:
    """A session whose transaction is committed at the end of the block, or rolled back if the block raises."""
    with Session(engine.execution_options(writes=True), expire_on_commit=False) as session, session.begin():
        yield session


def execute_write(
    engine: Engine, statement: Executable, parameters: Mapping[str, Any] | None = None
) -> Sequence[Row[Any]]:
    """Execute one statement that writes, in a transaction of its own. Return the rows of its `RETURNING`."""
    # On Postgres the statement is the transaction, which saves two round trips.
    options: dict[str, Any] = {"writes": True} if engine.dialect.name == "sqlite" else {"isolation_level": "AUTOCOMMIT"}
    with engine.execution_options(**options).begin() as connection:
        return connection.execute(statement, parameters).all()


def ping(connection: Connection) -> None:
    """Raise unless the database answers and has our tables."""
    connection.execute(text("SELECT 1 FROM clip LIMIT 1"))
