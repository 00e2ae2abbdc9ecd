"""What Alembic runs for every command: one connection, one lock, our tables."""

from alembic import context
from sqlalchemy import Engine, text
from sqlmodel import SQLModel

import shared.clips.waveform
import shared.maintenance
import shared.outbox.models
import shared.uploads.models  # noqa: F401 - these imports fill SQLModel.metadata

engine: Engine = context.config.attributes["engine"]

BY_HAND = {"words", "search_words"}
"""Made by revision 0004 in Postgres' own words; so are SQLite's tables whose names begin with `found`."""


def is_compared(_thing: object, name: str | None, kind: str, reflected: bool, _other: object) -> bool:
    """Whether `alembic check` expects the models to know it."""
    by_hand = name in BY_HAND or (kind == "table" and str(name).partition("_")[0] == "found")
    return not (reflected and by_hand)


with engine.execution_options(writes=True).connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=SQLModel.metadata,
        compare_type=True,
        include_object=is_compared,
        # SQLite cannot alter a column: Alembic copies the table instead.
        render_as_batch=engine.dialect.name == "sqlite",
    )
    with context.begin_transaction():
        if engine.dialect.name == "postgresql":
            # Two releases at once: the second waits, then finds nothing left to do.
            connection.execute(text("SELECT pg_advisory_xact_lock(1145914691)"))
        context.run_migrations()
