"""What clips are found by: their folded words and their tags, in tables beside them.

They are written in the transaction that writes the clip, by whoever does that: `shared.clips.models` sees to
it. A clip's own row would not do, as every renewal of its version would write the whole index anew.
"""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Protocol

from sqlalchemy import BigInteger, Column, Connection, Index, Integer, Text, delete, event, insert, inspect, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Field, SQLModel, col

from shared.db.columns import UtcDateTime
from shared.search.folding import index_text, sort_key

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

NUMBERS_PER_MS = 2**15
"""Numbers that clips of one millisecond can have: with that, those of the year 9999 still fit into 64 bits."""


class Indexable(Protocol):
    """What is needed of a clip."""

    id: uuid.UUID
    library_id: str
    name: str
    text: str | None
    tags: list[str]
    created_at: datetime


class SearchEntry(SQLModel, table=True):
    """A clip's words as `shared.search.folding` folds them, each column `" like this "`.

    On Postgres its column `words` is a tsvector of all of them, with the beginnings of words (`^a`, `^ab`, `^abc`):
    these are asked for whenever somebody begins to type. On SQLite triggers keep the FTS5 table `found`. The
    migration makes both by hand.
    """

    __tablename__: ClassVar[str] = "search"
    __table_args__ = (Index("search_clip", "clip_id", unique=True),)

    number: int = Field(
        sa_column=Column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False)
    )
    """In the order in which clips were made: the newest matches are found without a look at the others."""
    clip_id: uuid.UUID = Field(foreign_key="clip.id", ondelete="CASCADE")
    name: str = Field(sa_column=Column(Text, nullable=False))
    tags: str = Field(sa_column=Column(Text, nullable=False))
    text: str = Field(sa_column=Column(Text, nullable=False))


class ClipTag(SQLModel, table=True):
    """A tag of a clip."""

    __tablename__: ClassVar[str] = "tagged"
    __table_args__ = (Index("tagged_recent", "library_id", "key", "created_at", "clip_id"),)

    clip_id: uuid.UUID = Field(foreign_key="clip.id", ondelete="CASCADE", primary_key=True)
    key: str = Field(max_length=255, primary_key=True)
    """The same for all spellings of a tag."""
    library_id: str = Field(max_length=64)
    name: str = Field(max_length=255)
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    """The clip's."""


def register_listeners(clips: type[Any]) -> None:
    """See to it that no clip is changed without what it is found by, whoever changes it in whichever way."""

    @event.listens_for(clips.name, "set")
    def _name(clip: Any, name: str, _before: object, _event: object) -> None:
        clip.sort_name = sort_key(name)

    @event.listens_for(clips, "after_insert")
    def _inserted(_mapper: object, connection: Connection, clip: Indexable) -> None:
        index_clip(connection, clip)

    @event.listens_for(clips, "after_update")
    def _updated(_mapper: object, connection: Connection, clip: Indexable) -> None:
        attributes = inspect(clip).attrs
        if changed := {name for name in ("name", "text", "tags") if attributes[name].history.has_changes()}:
            update_index(connection, clip, changed)


def tag_key(name: str) -> str:
    """What two spellings of one tag have in common."""
    return name.casefold()


def first_number_at(at: datetime) -> int:
    """The first number that a clip made at this millisecond can have."""
    return (at - _EPOCH) // timedelta(milliseconds=1) * NUMBERS_PER_MS


def searchable_fields(clip: Indexable) -> dict[str, str]:
    """All that is to be found of a clip, by column."""
    return {"name": clip.name, "tags": " ".join(clip.tags), "text": clip.text or ""}


def index_clip(connection: Connection, clip: Indexable) -> None:
    """Make a clip findable that is new."""
    into = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(SearchEntry)
    # Clips of one millisecond are told apart by their ids; those whose ids end alike take the next number that is free.
    number = first_number_at(clip.created_at) + clip.id.int % NUMBERS_PER_MS
    words = {column: index_text(text) for column, text in searchable_fields(clip).items()}
    statement = into.on_conflict_do_nothing(index_elements=["number"])
    while not connection.execute(statement, {"number": number, "clip_id": clip.id, **words}).rowcount:
        number += 1
    if clip.tags:
        _tag(connection, clip)


def update_index(connection: Connection, clip: Indexable, changed: set[str]) -> None:
    """Take over what has changed of a clip's name, text or tags."""
    words = {column: index_text(text) for column, text in searchable_fields(clip).items() if column in changed}
    if words:
        connection.execute(update(SearchEntry).where(col(SearchEntry.clip_id) == clip.id).values(**words))
    if "tags" in changed:
        connection.execute(delete(ClipTag).where(col(ClipTag.clip_id) == clip.id))
        _tag(connection, clip)


def _tag(connection: Connection, clip: Indexable) -> None:
    rows = [
        {"clip_id": clip.id, "key": tag_key(name), "library_id": clip.library_id, "name": name}
        | {"created_at": clip.created_at}
        for name in clip.tags
    ]
    if rows:
        connection.execute(insert(ClipTag), rows)
