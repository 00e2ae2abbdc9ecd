"""The environment that Alembic runs for every command: one migration at a time, a transaction for each revision."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import context
from sqlalchemy import Engine, text
from sqlmodel import SQLModel

import shared.clips.erased
import shared.clips.renditions
import shared.clips.turns
import shared.clips.waveform
import shared.maintenance_runs
import shared.outbox.models
import shared.people.invitations
import shared.people.libraries
import shared.people.models
import shared.people.sign_ins
import shared.people.tokens
import shared.uploads.models  # noqa: F401 - these imports fill SQLModel.metadata

engine: Engine = context.config.attributes["engine"]

UNMODELLED = {"words", "search_words"}
"""A column and an index of Postgres that revision 0004 makes by SQL; it does the same with SQLite's `found…` tables."""

LOCK_ID = 1145914691
"""Of the advisory lock: any number, the same in every release."""

LOCK_PAUSE_S = 0.2
"""Between two looks whether another migration has ended."""


def include_object(_object: object, name: str | None, kind: str, reflected: bool, _compared_to: object) -> bool:
    """Whether `alembic check` compares an object of the database with the models."""
    is_unmodelled = name in UNMODELLED or (kind == "table" and str(name).partition("_")[0] == "found")
    return not (reflected and is_unmodelled)


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Two releases may start at once: the second waits, and then has nothing to do."""
    with _locked_file() if engine.dialect.name == "sqlite" else _advisory_lock():
        yield


@contextmanager
def _advisory_lock() -> Iterator[None]:
    """Hold a lock of a transaction, which a pooler between us and Postgres keeps as it is; one of a session it may not.

    Whoever waits asks again and again. Waiting inside a statement would be an old transaction, for which the other
    one's `CREATE INDEX CONCURRENTLY` waits in turn.
    """
    with engine.connect() as connection:
        while True:
            connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
            if connection.execute(text(f"SELECT pg_try_advisory_xact_lock({LOCK_ID})")).scalar():
                break
            connection.rollback()
            time.sleep(LOCK_PAUSE_S)
        yield
        connection.rollback()


@contextmanager
def _locked_file() -> Iterator[None]:
    """Lock a file beside SQLite's database: SQLite's own lock ends with each transaction."""
    database = Path(engine.url.database or "")
    with database.with_name(f"{database.name}-migration").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


with one_at_a_time(), engine.execution_options(writes=True).connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=SQLModel.metadata,
        compare_type=True,
        include_object=include_object,
        # A revision that was committed stays, whatever becomes of the next one.
        transaction_per_migration=True,
        # SQLite cannot alter a column: Alembic copies the table.
        render_as_batch=engine.dialect.name == "sqlite",
    )
    with context.begin_transaction():
        context.run_migrations()
