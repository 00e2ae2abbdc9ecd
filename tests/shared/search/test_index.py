"""The search index is written with the clip, whoever wrote the clip before."""

import uuid

from sqlalchemy import Engine, func, select, text
from sqlmodel import Session, col

from services.api.search import full_text
from shared.clips.models import Clip
from shared.db.engine import transaction
from shared.libraries import HOME
from shared.search.index import ClipTag, SearchEntry
from shared.search.query import parse_query
from tests.shared.clips.test_models import NOW, new_clip


def found(engine: Engine, typed: str) -> int | None:
    with Session(engine) as session:
        index = full_text.open_index(session.connection(), parse_query(f"{typed}."))
        return session.connection().execute(select(index.count(99))).scalar()


def test_clips_of_one_millisecond_have_an_entry_each(engine: Engine) -> None:
    """Also if their ids end alike, as the numbers of their entries do."""
    for number in range(1, 4):
        clip = new_clip()
        clip.id = uuid.UUID(int=number << 64)
        with transaction(engine) as session:
            session.add(clip)
    with Session(engine) as session:
        assert session.scalar(select(func.count()).select_from(SearchEntry)) == 3
    assert found(engine, "minutes") == 3


def test_a_clip_without_an_entry_gets_one_with_its_next_change(engine: Engine) -> None:
    """The release before knew no index, and went on writing clips during the roll-out."""
    clip = new_clip("Minutes of Friday")
    clip.text = "We agreed."
    clip.tags = ["work"]
    with transaction(engine) as session:
        session.add(clip)
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM search"))
    assert found(engine, "friday") == 0
    with transaction(engine) as session:
        session.exec(Clip.by_id(HOME, clip.id)).one().edit("We disagreed.", NOW)
    assert [found(engine, word) for word in ("friday", "disagreed", "agreed", "work")] == [1, 1, 0, 1]
    with Session(engine) as session:
        assert session.scalars(select(col(ClipTag.name)).where(col(ClipTag.clip_id) == clip.id)).all() == ["work"]
