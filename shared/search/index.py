"""The search index: tables with the folded words of the clips, and with their tags.

Listeners on `Clip` write them in the transaction that writes the clip, whoever writes it. The words are not columns of
the clip, because each update of its row would then write the whole index entry again.
"""

import uuid
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Protocol

from sqlalchemy import BigInteger, Column, Connection, Index, Integer, Text, delete, event, insert, inspect, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Field, SQLModel, col

from shared.db.columns import UtcDateTime
from shared.search.folding import index_text, index_texts, sort_key

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

NUMBERS_PER_MS = 2**15
"""Numbers for the clips of one millisecond: the numbers of the year 9999 still fit into 64 bits."""


class Indexable(Protocol):
    """The columns of a clip that the index needs."""

    id: uuid.UUID
    library_id: str
    name: str
    text: str | None
    notes: str
    markers: list[dict[str, Any]]
    cuts: list[tuple[int, int]]
    tags: list[str]
    created_at: datetime


COLUMN_OF_FIELD = {"name": "name", "tags": "tags", "text": "text", "notes": "text", "markers": "text", "cuts": "text"}
"""Field of the clip → column of the index that holds its words."""


class SearchEntry(SQLModel, table=True):
    """A clip's words as `shared.search.folding` folds them, each column `" like this "`.

    On Postgres, its column `words` is a tsvector of all words and of their prefixes (`^a`, `^ab`, `^abc`), for queries
    that a person is still typing. On SQLite, triggers maintain the FTS5 table `found`. No model describes either:
    revision 0004 makes both.
    """

    __tablename__: ClassVar[str] = "search"
    __table_args__ = (Index("search_clip", "clip_id", unique=True),)

    number: int = Field(
        sa_column=Column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False)
    )
    """Increases with the time of the clip, so that the newest matches are found without reading the others."""
    clip_id: uuid.UUID = Field(foreign_key="clip.id", ondelete="CASCADE")
    name: str = Field(sa_column=Column(Text, nullable=False))
    tags: str = Field(sa_column=Column(Text, nullable=False))
    text: str = Field(sa_column=Column(Text, nullable=False))
    """Also what was noted beside the words. It comes first, so that it weighs in a long clip too. It has no column of
    its own, because an older release beside this one could not write that column."""


class ClipTag(SQLModel, table=True):
    """A tag of a clip."""

    __tablename__: ClassVar[str] = "tagged"
    __table_args__ = (Index("tagged_recent", "library_id", "key", "created_at", "clip_id"),)

    clip_id: uuid.UUID = Field(foreign_key="clip.id", ondelete="CASCADE", primary_key=True)
    key: str = Field(max_length=255, primary_key=True)
    """`tag_key` of the name: the same for all its spellings."""
    library_id: str = Field(max_length=64)
    name: str = Field(max_length=255)
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    """Copied from the clip, for the order of lists."""


def register_listeners(clip_model: type[Any]) -> None:
    """Update the sort key and the index with every change of a clip by the ORM."""

    @event.listens_for(clip_model.name, "set")
    def _set_sort_key(clip: Any, name: str, _old_name: object, _event: object) -> None:
        clip.sort_name = sort_key(name)

    @event.listens_for(clip_model, "after_insert")
    def _insert_entry(_mapper: object, connection: Connection, clip: Indexable) -> None:
        index_clip(connection, clip)

    @event.listens_for(clip_model, "after_update")
    def _update_entry(_mapper: object, connection: Connection, clip: Indexable) -> None:
        attributes = inspect(clip).attrs
        if changed := {name for name in COLUMN_OF_FIELD if attributes[name].history.has_changes()}:
            update_index(connection, clip, changed)


def tag_key(name: str) -> str:
    """The key that all spellings of a tag share."""
    return name.casefold()


def first_number_at(instant: datetime) -> int:
    """The first number for the clips of this millisecond."""
    return (instant - _EPOCH) // timedelta(milliseconds=1) * NUMBERS_PER_MS


def indexed_columns(clip: Indexable, columns: Collection[str] = ("name", "tags", "text")) -> dict[str, str]:
    """Column of the index → the words of the clip that it holds."""
    indexed = {}
    if "name" in columns:
        indexed["name"] = index_text(clip.name)
    if "tags" in columns:
        indexed["tags"] = index_text(" ".join(clip.tags))
    if "text" in columns:
        indexed["text"] = index_texts([clip.notes, *_shown_markers(clip)], clip.text or "")
    return indexed


def _shown_markers(clip: Indexable) -> list[str]:
    """The texts of the markers that are not cut out."""
    return [
        marker["text"]
        for marker in clip.markers
        if not any(start_ms <= marker["at_ms"] < end_ms for start_ms, end_ms in clip.cuts)
    ]


def index_clip(connection: Connection, clip: Indexable) -> None:
    """Insert the index entry and the tags of a new clip."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    # Clips of one millisecond differ by the end of their ids. If that is equal too, the next free number is taken.
    number = first_number_at(clip.created_at) + clip.id.int % NUMBERS_PER_MS
    words = indexed_columns(clip)
    statement = dialect.insert(SearchEntry).on_conflict_do_nothing(index_elements=["number"])
    # RETURNING, because the count of rows that an INSERT wrote is not known on Postgres.
    inserted = statement.returning(col(SearchEntry.number))
    while not connection.execute(inserted, {"number": number, "clip_id": clip.id, **words}).first():
        number += 1
    if clip.tags:
        _insert_tags(connection, clip)


def update_index(connection: Connection, clip: Indexable, changed: set[str]) -> None:
    """Update the index after a change of these fields of the clip, which are keys of `COLUMN_OF_FIELD`.

    A clip that was written by a release without this index has no entry yet, and gets one of all its columns.
    """
    words = indexed_columns(clip, {COLUMN_OF_FIELD[name] for name in changed})
    if not words:
        return
    entry = update(SearchEntry).where(col(SearchEntry.clip_id) == clip.id).values(**words)
    is_new = not connection.execute(entry).rowcount
    if is_new or "tags" in changed:
        connection.execute(delete(ClipTag).where(col(ClipTag.clip_id) == clip.id))
    if is_new:
        index_clip(connection, clip)
    elif "tags" in changed:
        _insert_tags(connection, clip)


def _insert_tags(connection: Connection, clip: Indexable) -> None:
    rows = [
        {"clip_id": clip.id, "key": tag_key(name), "library_id": clip.library_id, "name": name}
        | {"created_at": clip.created_at}
        for name in clip.tags
    ]
    if rows:
        connection.execute(insert(ClipTag), rows)
