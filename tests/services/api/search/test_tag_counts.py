"""How many clips have each tag: counted in the index of the tags, whatever is in the bin."""

from sqlalchemy.dialects import sqlite

from services.api.search.tag_counts import count_tags
from shared.db.engine import read_session, transaction
from shared.libraries import HOME
from tests.services.api.search.test_filters import NOON, made
from tests.shared.conftest import engine_at


def test_clips_of_the_bin_do_not_count_and_the_newest_of_the_others_spells_the_tag(database_url: str) -> None:
    engine = engine_at(database_url)
    clips = [
        made(1, tags=["work", "idea"]),
        made(2, tags=["Work"]),
        made(3, tags=["WORK", "gone"]),
        made(4, tags=["straße"]),
        made(5, tags=["STRASSE"]),
        made(6),
    ]
    clips[2].move_to_bin(NOON)
    with transaction(engine) as session:
        session.add_all(clips)
    with read_session(engine) as session:
        counted = session.connection().execute(count_tags(HOME)).all()
    engine.dispose()
    assert [tuple(row) for row in counted] == [("STRASSE", 2), ("Work", 2), ("idea", 1)]


def test_no_clip_is_read_to_count_those_that_are_not_in_the_bin(sqlite_url: str) -> None:
    """Every open page asks, and a library has 100,000 clips: to read a row for each took 0.16 s."""
    engine = engine_at(sqlite_url)
    statement = count_tags(HOME).compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})
    with read_session(engine) as session:
        steps = [row.detail for row in session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}")]
    engine.dispose()
    assert any("tagged USING COVERING INDEX tagged_recent (library_id=?)" in step for step in steps), steps
    assert any("clip USING COVERING INDEX clip_bin" in step for step in steps), steps
    assert sum("tagged" in step for step in steps) == 3, "the count, the tags of a clip of the bin, the newest of a tag"
