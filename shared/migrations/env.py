"""The environment that Alembic runs for every command: one connection, one lock, our tables."""

from alembic import context
from sqlalchemy import Engine, text
from sqlmodel import SQLModel

import shared.clips.waveform
import shared.maintenance_runs
import shared.outbox.models
import shared.uploads.models  # noqa: F401 - these imports fill SQLModel.metadata

engine: Engine = context.config.attributes["engine"]

UNMODELLED = {"words", "search_words"}
"""A column and an index of Postgres that revision 0004 makes by SQL; it does the same with SQLite's `found…` tables."""


def include_object(_object: object, name: str | None, kind: str, reflected: bool, _compared_to: object) -> bool:
    """Whether `alembic check` compares an object of the database with the models."""
    is_unmodelled = name in UNMODELLED or (kind == "table" and str(name).partition("_")[0] == "found")
    return not (reflected and is_unmodelled)


with engine.execution_options(writes=True).connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=SQLModel.metadata,
        compare_type=True,
        include_object=include_object,
        # SQLite cannot alter a column: Alembic copies the table.
        render_as_batch=engine.dialect.name == "sqlite",
    )
    with context.begin_transaction():
        if engine.dialect.name == "postgresql":
            # Two releases may start at once: the second waits, and then has nothing to do. The number is arbitrary.
            connection.execute(text("SELECT pg_advisory_xact_lock(1145914691)"))
        context.run_migrations()
