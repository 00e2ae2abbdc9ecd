"""Revisions: up, down, and equal to the models, on SQLite and on Postgres."""

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import Engine, inspect, text
from sqlmodel import Session, SQLModel, col, select

from services.api.search import full_text
from shared.clips.models import Clip
from shared.migrations.__main__ import alembic_config
from shared.search.query import parse_query
from tests.servers.stack import migrate
from tests.shared.conftest import engine_at
from tests.shared.db.old_rows import insert_clips, old_clip

TABLES = {
    "clip",
    "transcript",
    "outbox",
    "upload",
    "piece",
    "waveform",
    "rendition",
    "erased",
    "chore",
    "search",
    "tagged",
    "turn",
    "person",
    "passkey",
    "sign_in",
    "ceremony",
    "attempt",
    "library",
    "member",
    "invitation",
    "token",
}


@pytest.fixture(params=["sqlite", "postgres"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of a database without tables."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.sqlite3'}"
        return
    server = request.getfixturevalue("postgres")
    name = server.create_database()
    yield server.url(name)
    server.drop_database(name)


@pytest.fixture
def empty(empty_url: str) -> Iterator[Engine]:
    engine = engine_at(empty_url)
    yield engine
    engine.dispose()


def tables(engine: Engine) -> set[str]:
    """All tables except those of SQLite's full-text index."""
    return {name for name in inspect(engine).get_table_names() if name.partition("_")[0] != "found"}


def definitions(engine: Engine) -> set[str]:
    """The SQL of every index, from the database, with columns, order and condition."""
    statement = (
        "SELECT sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        if engine.dialect.name == "sqlite"
        else "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
    )
    with engine.connect() as connection:
        return set(connection.execute(text(statement)).scalars())


def test_revisions_apply_and_revert(empty: Engine) -> None:
    config = alembic_config(empty)
    command.upgrade(config, "head")
    assert tables(empty) == TABLES | {"alembic_version"}
    command.downgrade(config, "base")
    assert tables(empty) == {"alembic_version"}
    command.upgrade(config, "head")
    command.upgrade(config, "head")
    assert tables(empty) == TABLES | {"alembic_version"}


def test_revision_0004_indexes_existing_clips(empty: Engine) -> None:
    config = alembic_config(empty)
    command.upgrade(config, "0003")
    names = {uuid.UUID(int=number << 64): f"Größe {number}" for number in range(1, 1_203)}
    with empty.begin() as connection:
        texts = [None, None, *(f"Über {name}" for name in list(names.values())[2:])]
        insert_clips(connection, (old_clip(*clip, text) for clip, text in zip(names.items(), texts, strict=True)))
    command.upgrade(config, "head")
    with Session(empty) as session:
        clips = session.exec(select(Clip).order_by(col(Clip.sort_name))).all()
        assert [clip.name for clip in clips] == list(names.values())
        assert clips[0].tags == []
        for words, found in (("grosse", 1_202), ("uber", 1_200), ("grosse 77", 1), ("nothing", 0)):
            index = full_text.open_index(session.connection(), parse_query(f"{words}."))
            assert session.connection().execute(select(index.count(2_000))).scalar() == found
    command.downgrade(config, "0003")
    command.upgrade(config, "head")


def test_the_revisions_match_the_models(engine: Engine) -> None:
    """Raises if autogenerate would write anything: `alembic check`."""
    command.check(alembic_config(engine))


def test_the_indexes_match_too_with_columns_and_conditions(empty: Engine) -> None:
    config = alembic_config(empty)
    command.upgrade(config, "head")
    migrated = definitions(empty)
    command.downgrade(config, "base")
    SQLModel.metadata.create_all(empty)
    # Revision 0004 makes the index of words by SQL: no model describes a tsvector.
    assert {index for index in migrated if "(words)" not in index} == definitions(empty)
    assert any("deleted_at IS NULL" in definition for definition in migrated)


def test_the_release_step_succeeds_after_a_rollback(empty_url: str, empty: Engine, tmp_path: Path) -> None:
    """Otherwise neither Fly nor compose would start the release before, which can use the newer schema."""
    environment = {"DATABASE_URL": empty_url, "DATA_DIR": str(tmp_path)}
    migrate(environment)
    with empty.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    migrate(environment)
    with empty.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == "9999"
    assert tables(empty) == TABLES | {"alembic_version"}


def test_two_releases_may_migrate_at_the_same_time(empty_url: str, tmp_path: Path) -> None:
    environment = {"DATABASE_URL": empty_url, "DATA_DIR": str(tmp_path)}
    with ThreadPoolExecutor() as pool:
        for done in [pool.submit(migrate, environment) for _ in range(2)]:
            done.result()
    engine = engine_at(empty_url)
    assert tables(engine) == TABLES | {"alembic_version"}
    engine.dispose()
