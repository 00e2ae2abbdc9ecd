"""The revisions of the database, for Alembic, and `python -m shared.migrations`, which applies them."""
