"""Engines on the databases of a test."""

from collections.abc import Iterator

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine

from shared.db.engine import open_engine
from shared.settings import DatabaseSettings


def engine_at(url: str) -> Engine:
    return open_engine(DatabaseSettings(database_url=SecretStr(url)))


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """Our engine, on SQLite and on Postgres."""
    engine = engine_at(database_url)
    yield engine
    engine.dispose()
