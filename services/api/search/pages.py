"""Pages of a list in an order without ties: pages stay right while clips are added and deleted."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, func, inspect, select, tuple_
from sqlmodel import col

from services.api.http.cursor import Cursor, Key, invalid_cursor
from services.api.search.filters import ClipQuery
from shared.clips.excerpt import READ_EXCERPT_CHARS
from shared.clips.models import Clip
from shared.clips.schemas import LONG_FIELDS, PublicClip
from shared.db.columns import MAX_DURATION_MS
from shared.search.index import ClipTag

PAGE_SIZE = 50
"""Clips of one page: more than a screen shows, and a few milliseconds of work."""

SEARCH_PAGE_SIZE = 20
"""Clips of one page of a search, where each clip comes with snippets."""

MAX_PAGE_SIZE = 200
"""Clips that a client may ask for at once."""

ClipRows = Sequence[Row[Any]]

_COMPUTED_COLUMNS = {
    "edited": col(Clip.edited_at).is_not(None).label("edited"),
    "starred": col(Clip.starred_at).is_not(None).label("starred"),
    "excerpt": func.substr(col(Clip.text), 1, READ_EXCERPT_CHARS).label("excerpt"),
    # Short-circuited: no text is read whose length is known.
    "text_chars": func.coalesce(col(Clip.text_length), func.length(col(Clip.text))).label("text_chars"),
}

LISTED_COLUMNS = [
    _COMPUTED_COLUMNS[name] if name in _COMPUTED_COLUMNS else inspect(Clip).columns[name]
    for name in (*PublicClip.model_fields, "sort_name")
]
"""The columns that a page shows or is ordered by. Rows instead of `Clip` objects: 50 objects cost thrice 50 rows."""

SHORT_COLUMNS = [column for column in LISTED_COLUMNS if column.key not in LONG_FIELDS]
"""The same for clips in the short form: no transcript leaves the database."""


@dataclass(frozen=True)
class Order:
    """A sort key and an id that makes each position unique."""

    key: Any
    descending: bool
    id: Any

    @property
    def has_nulls(self) -> bool:
        """Whether the key of some clips is unknown."""
        return bool(self.key.key == "duration_ms")

    def has_key(self, key: Key) -> bool:
        """Whether a cursor of this order can hold this key."""
        if self.has_nulls:
            return key is None or (isinstance(key, int) and 0 <= key <= MAX_DURATION_MS)
        return isinstance(key, str if self.key.key == "sort_name" else datetime)

    def page(self, statement: Select[Any], after: tuple[Any, Any] | None, limit: int) -> Select[Any]:
        """The first rows, or those after a key and an id."""
        if after is not None:
            # One comparison of two values: both databases seek to this position and read nothing before it.
            position = tuple_(self.key, self.id)
            statement = statement.where(position < after if self.descending else position > after)
        return statement.order_by(self._directed(self.key), self._directed(self.id)).limit(limit)

    def page_of_nulls(self, statement: Select[Any], after_id: Any, limit: int) -> Select[Any]:
        """The same for the clips whose key is null, ordered by the id."""
        statement = statement.where(self.key.is_(None))
        if after_id is not None:
            statement = statement.where(self.id < after_id if self.descending else self.id > after_id)
        return statement.order_by(self._directed(self.id)).limit(limit)

    def _directed(self, column: Any) -> Any:
        return column.desc() if self.descending else column.asc()


def order_of(clip_query: ClipQuery) -> Order:
    if clip_query.sort in {"longest", "shortest"}:
        return Order(col(Clip.duration_ms), clip_query.sort == "longest", col(Clip.id))
    if clip_query.sort == "name":
        return Order(col(Clip.sort_name), False, col(Clip.id))
    descending = clip_query.sort != "oldest"
    if clip_query.deleted and descending:
        return Order(col(Clip.deleted_at), descending, col(Clip.id))
    if clip_query.tags:
        # The same instants, in the index of the tag.
        return Order(col(ClipTag.created_at), descending, col(ClipTag.clip_id))
    return Order(col(Clip.created_at), descending, col(Clip.id))


def fetch_page(
    connection: Connection,
    clip_query: ClipQuery,
    cursor: Cursor | None,
    limit: int,
    statement: Select[Any] | None = None,
    *,
    columns: Sequence[Any] = LISTED_COLUMNS,
) -> tuple[ClipRows, Cursor | None]:
    """Return the page after the cursor, and the cursor of the next page. Raises `Problem` for an invalid cursor.

    The page is of all clips of the query, with these columns, or of the clips of `statement`. Clips of unknown length
    come last in both directions of an order by length.
    """
    order = order_of(clip_query)
    clips = clip_query.apply_filters(select(*columns)) if statement is None else statement
    after: Any = None
    if cursor is not None:
        if not (cursor.has_types(Key, uuid.UUID) and order.has_key(cursor.keys[0])):
            raise invalid_cursor()
        after = cursor.keys
    rows: list[Row[Any]] = []
    if after is None or after[0] is not None:
        with_key = clips.where(order.key.is_not(None)) if order.has_nulls else clips
        rows += connection.execute(order.page(with_key, after, limit + 1))
        after = None
    if order.has_nulls and len(rows) <= limit:
        after_id = after and after[1]
        rows += connection.execute(order.page_of_nulls(clips, after_id, limit + 1 - len(rows)))
    if len(rows) <= limit:
        return rows, None
    last = rows[limit - 1]
    return rows[:limit], Cursor((getattr(last, order.key.key), last.id))
