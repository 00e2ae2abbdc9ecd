"""What Alembic runs for every command: one connection, one lock, our tables."""

from alembic import context
from sqlalchemy import Engine, text
from sqlmodel import SQLModel

import shared.outbox
import shared.uploads  # noqa: F401 - these imports fill SQLModel.metadata

engine: Engine = context.config.attributes["engine"]

with engine.execution_options(writes=True).connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=SQLModel.metadata,
        compare_type=True,
        # SQLite cannot alter a column: Alembic copies the table instead.
        render_as_batch=engine.dialect.name == "sqlite",
    )
    with context.begin_transaction():
        if engine.dialect.name == "postgresql":
            # Two releases at once: the second waits, then finds nothing left to do.
            connection.execute(text("SELECT pg_advisory_xact_lock(1145914691)"))
        context.run_migrations()
