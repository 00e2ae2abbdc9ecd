"""Steps of a revision that let everybody else go on working: brief locks, batches, and indexes that stop no writer.

A revision may be killed at any point and is then run again from its beginning: each of its steps first looks whether it
is done. This module has the mechanism alone. What a revision does to rows stands in the revision, for ever as it was.
"""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import psycopg.errors
import sqlalchemy as sa
from alembic import op
from sqlalchemy.exc import OperationalError

LOCK_TIMEOUT_MS = 300
"""How long a statement waits for its lock. Everybody who comes after it waits too: nobody may wait for a second."""

LOCK_RETRY_PAUSE_S = 1.0
"""Between two tries: those who queued behind the first one are served meanwhile."""

MAX_LOCK_TRIES = 600
"""Tries within some ten minutes. A query that holds its lock for longer is one to look at."""


def is_postgres() -> bool:
    return op.get_context().dialect.name == "postgresql"


def commit() -> None:
    """Commit what the revision has done so far, and begin the next transaction."""
    with op.get_context().autocommit_block():
        pass


def briefly(change: Callable[[], None]) -> None:
    """Run statements that need a table for themselves for an instant, in a transaction of their own.

    A statement that waits for such a lock stops everybody who comes after it. So it waits for a moment only, lets the
    others pass, and tries again. Call this at the start of a transaction: what it waits for must not wait for us.
    """
    if not is_postgres():
        change()
        return commit()
    for number in range(1, MAX_LOCK_TRIES + 1):
        try:
            with _savepoint():
                op.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT_MS}ms'")
                change()
            return commit()
        except OperationalError as error:
            if not isinstance(error.orig, psycopg.errors.LockNotAvailable) or number == MAX_LOCK_TRIES:
                raise
            time.sleep(LOCK_RETRY_PAUSE_S)
    return None


def has_table(name: str) -> bool:
    return not _is_offline() and sa.inspect(op.get_bind()).has_table(name)


def add_column(table: str, column: sa.Column[Any]) -> None:
    """Add a column unless it is there. It must be nullable or have a constant default, so that no row is rewritten."""
    if _is_offline() or column.name not in {each["name"] for each in sa.inspect(op.get_bind()).get_columns(table)}:
        op.add_column(table, column)


def create_index(name: str, table: str, columns: list[str], where: str | None = None, **options: Any) -> None:
    """Build an index while others read and write. Commits. An index that an interrupted build left is built anew."""
    if where is not None:
        options |= {"postgresql_where": sa.text(where), "sqlite_where": sa.text(where)}
    if not is_postgres():
        op.create_index(name, table, columns, if_not_exists=True, **options)
        return
    # No lock timeout: such a build waits for old transactions, and nobody waits for it.
    with op.get_context().autocommit_block():
        if _is_invalid(name):
            op.drop_index(name, table, postgresql_concurrently=True)
        op.create_index(name, table, columns, postgresql_concurrently=True, if_not_exists=True, **options)


def drop_index(name: str, table: str) -> None:
    """Drop an index, if it is there, without stopping anybody. Commits."""
    if not is_postgres():
        op.drop_index(name, table, if_exists=True)
        return
    with op.get_context().autocommit_block():
        op.drop_index(name, table, postgresql_concurrently=True, if_exists=True)


def index_has_column(name: str, column: str) -> bool:
    """Whether an index of Postgres is there and has a column."""
    statement = sa.text("SELECT 1 FROM pg_attribute WHERE attrelid = to_regclass(:index) AND attname = :column")
    return op.get_bind().execute(statement, {"index": name, "column": column}).scalar() is not None


def _is_offline() -> bool:
    """Whether statements are only written down, for the lint."""
    return op.get_context().as_sql


def _savepoint() -> AbstractContextManager[Any]:
    return nullcontext() if _is_offline() else op.get_bind().begin_nested()


def _is_invalid(index: str) -> bool:
    statement = sa.text("SELECT 1 FROM pg_index WHERE indexrelid = to_regclass(:index) AND NOT indisvalid")
    return op.get_bind().execute(statement, {"index": index}).scalar() is not None
