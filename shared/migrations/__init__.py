"""Alembic's revisions, and `python -m shared.migrations`, which brings a database to the newest."""
