"""Upgrades of a library from the schema of every release to the newest, on every database that is supported."""

import contextlib
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import Engine, select
from sqlmodel import Session, col

from services.api.search import full_text
from shared.clips.models import Clip
from shared.db.engine import transaction
from shared.libraries import HOME
from shared.migrations.__main__ import alembic_config
from shared.outbox.models import OutboxRow
from shared.outbox.writer import save_and_announce
from shared.people.libraries import Library
from shared.people.models import Person
from shared.search.query import parse_query
from tests.servers.postgres import Postgres
from tests.servers.postgres_releases import Unavailable, installation
from tests.shared.conftest import engine_at
from tests.shared.db.old_rows import AT, insert_clips, insert_event, old_clip

RELEASED = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009")
"""Every schema that somebody may have."""

CLIPS = 250
"""More than two batches of a fill."""


@pytest.fixture(
    params=["sqlite", 18, *(pytest.param(major, marks=pytest.mark.slow) for major in (17, 16))], ids=str, scope="module"
)
def database(request: pytest.FixtureRequest) -> Iterator[Postgres | None]:
    """A running Postgres of a release; None: SQLite."""
    if request.param == "sqlite":
        yield None
    elif request.param == 18:
        yield request.getfixturevalue("postgres")
    else:
        try:
            folder = installation(request.param)
        except Unavailable as error:
            pytest.skip(str(error))
        with Postgres(installation=folder) as server:
            yield server


@pytest.fixture
def old(database: Postgres | None, tmp_path: Path) -> Iterator[Engine]:
    with contextlib.ExitStack() as held:
        if database is None:
            url = f"sqlite:///{tmp_path / 'old.sqlite3'}"
        else:
            name = database.create_database()
            held.callback(database.drop_database, name)
            url = database.url(name)
        engine = engine_at(url)
        held.callback(engine.dispose)
        yield engine


@pytest.mark.parametrize("revision", RELEASED)
def test_a_library_of_every_release_is_upgraded(old: Engine, revision: str) -> None:
    config = alembic_config(old)
    command.upgrade(config, revision)
    ids = [uuid.uuid4() for _ in range(CLIPS)]
    with old.begin() as connection:
        insert_clips(connection, (old_clip(id, f"Größe {n}", f"Über {n}") for n, id in enumerate(ids)))
        insert_event(connection, ids[0])
    command.upgrade(config, "head")
    command.check(config)
    with Session(old) as session:
        assert {clip.id for clip in session.scalars(select(Clip))} == set(ids)
        assert session.scalars(select(OutboxRow)).one().clip_id == ids[0]
        assert session.scalars(select(Library)).one().id == HOME
        assert session.scalars(select(Person)).all() == []
        if revision < "0004":  # later, the release that wrote a clip has indexed it
            assert found(session, "grosse") == found(session, "uber") == CLIPS
            in_order = session.scalars(select(Clip).order_by(col(Clip.sort_name)))
            assert [clip.id for clip in in_order] == ids, "numbers are ordered by value"
    with transaction(old) as session:
        clip = session.scalars(select(Clip).where(col(Clip.id) == ids[1])).one()
        clip.rename("Kürbis", AT)
        save_and_announce(session, clip, now=AT)
    with Session(old) as session:
        assert found(session, "kurbis") == 1


def found(session: Session, word: str) -> int | None:
    index = full_text.open_index(session.connection(), parse_query(f"{word}."))
    return session.connection().execute(select(index.count(CLIPS + 1))).scalar()
