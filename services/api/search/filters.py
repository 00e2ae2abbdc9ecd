"""Which clips a list shows and in which order, and pages of it that stay right while clips come and go."""

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Any, get_args

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, inspect, select, tuple_
from sqlalchemy.orm import aliased
from sqlmodel import col
from starlette.requests import Request

from services.api.http.cursor import Cursor, invalid_cursor
from services.api.http.errors import Problem
from services.api.http.params import choice_param, choices_param, instant_param, int_param, storable_text
from services.api.search.schemas import Sort
from shared.clips.models import HOME, Clip
from shared.clips.schemas import PublicClip
from shared.clips.tags import normalize_tag
from shared.db.columns import MAX_DURATION_MS, Status
from shared.search.index import ClipTag, tag_key

MOST_QUERY = 1000
"""Characters of a search: longer than any sentence."""

MOST_FILTERS = 20
"""Tags that may be asked for at once: as many as a clip can have."""

SORTS: tuple[str, ...] = get_args(Sort)

Found = Sequence[Row[Any]]

SHOWN = [
    col(Clip.edited_at).is_not(None).label("edited") if name == "edited" else inspect(Clip).columns[name]
    for name in (*PublicClip.model_fields, "sort_name")
]
"""What a page shows and is ordered by: not whole clips, as nothing changes them and 50 objects cost thrice 50 rows."""


@dataclass(frozen=True)
class Wish:
    """Which clips, and in which order."""

    typed: str
    since: datetime | None
    until: datetime | None
    shortest_ms: int | None
    longest_ms: int | None
    statuses: tuple[str, ...]
    tags: tuple[str, ...]
    sort: str
    deleted: bool

    @classmethod
    def of(cls, request: Request) -> "Wish":
        typed = storable_text(request.query_params.get("q", "").strip())
        if len(typed) > MOST_QUERY:
            raise Problem("bad-request", f"q can have at most {MOST_QUERY:,} characters.")
        sort = choice_param(request, "sort", SORTS) or ("best" if typed else "newest")
        return cls(
            typed=typed,
            since=instant_param(request, "from"),
            until=instant_param(request, "to"),
            shortest_ms=int_param(request, "shortest_ms", minimum=0, maximum=MAX_DURATION_MS, default=None),
            longest_ms=int_param(request, "longest_ms", minimum=0, maximum=MAX_DURATION_MS, default=None),
            statuses=choices_param(request, "status", [*Status]),
            tags=_tag_keys(request),
            # Without words nothing is better than anything else.
            sort=sort if typed or sort != "best" else "newest",
            deleted=request.query_params.get("deleted") in {"true", "1"},
        )

    @property
    def stamp(self) -> str:
        """Tells the cursors of one list from those of another."""
        return hashlib.blake2s(repr(astuple(self)).encode(), digest_size=6).hexdigest()

    @property
    def is_narrow(self) -> bool:
        """Whether it asks for more than words and a time."""
        asked = (self.statuses, self.tags, self.deleted, self.shortest_ms is not None, self.longest_ms is not None)
        return any(asked)

    def conditions(self, *, by_words: bool) -> list[ColumnElement[bool]]:
        """What a clip must be, apart from its words; and from its age, if words lead to it, or else from its first tag.

        A planner that cannot join a tag does not begin with it, and so keeps the order in which words lead to clips.
        """
        aged, tags = not by_words, self.tags if by_words else self.tags[1:]
        too = aliased(ClipTag)
        tagged = (select(1).where(col(too.clip_id) == col(Clip.id), col(too.key) == key).exists() for key in tags)
        asked = [
            aged and self.since is not None and col(Clip.created_at) >= self.since,
            aged and self.until is not None and col(Clip.created_at) < self.until,
            self.shortest_ms is not None and col(Clip.duration_ms) >= self.shortest_ms,
            self.longest_ms is not None and col(Clip.duration_ms) <= self.longest_ms,
            bool(self.statuses) and col(Clip.status).in_(self.statuses),
            *tagged,
        ]
        return [
            col(Clip.library_id) == HOME,
            col(Clip.deleted_at).is_not(None) if self.deleted else col(Clip.deleted_at).is_(None),
            *(condition for condition in asked if condition is not False),
        ]

    def narrowed(self, statement: Select[Any], *, by_words: bool = False) -> Select[Any]:
        """The statement for these clips alone."""
        statement = statement.where(*self.conditions(by_words=by_words))
        if self.tags and not by_words:
            tagged = and_(col(ClipTag.clip_id) == col(Clip.id), col(ClipTag.key) == self.tags[0])
            statement = statement.join(ClipTag, tagged).where(col(ClipTag.library_id) == HOME)
        return statement


def _tag_keys(request: Request) -> tuple[str, ...]:
    names = request.query_params.getlist("tag")
    if len(names) > MOST_FILTERS:
        raise Problem("bad-request", f"At most {MOST_FILTERS} tags can be asked for at once.")
    try:
        return tuple(sorted({tag_key(normalize_tag(name)) for name in names}))
    except ValueError as error:
        raise Problem("bad-request", f"tag: {error}.") from None


@dataclass(frozen=True)
class Order:
    """What a list is ordered by: two clips never have the same place."""

    key: Any
    is_falling: bool
    id: Any

    @property
    def has_unknown(self) -> bool:
        """Whether clips may lack the key."""
        return bool(self.key.key == "duration_ms")

    def way(self, column: Any) -> Any:
        return column.desc() if self.is_falling else column.asc()

    def page(self, statement: Select[Any], after: tuple[Any, Any] | None, limit: int) -> Select[Any]:
        if after is not None:
            # As one comparison of two values: both databases then begin there, and do not read what is before it.
            here = tuple_(self.key, self.id)
            statement = statement.where(here < after if self.is_falling else here > after)
        return statement.order_by(self.way(self.key), self.way(self.id)).limit(limit)

    def page_of_unknown(self, statement: Select[Any], after: Any, limit: int) -> Select[Any]:
        """The same of the clips that lack the key, in an order of their own."""
        statement = statement.where(self.key.is_(None))
        if after is not None:
            statement = statement.where(self.id < after if self.is_falling else self.id > after)
        return statement.order_by(self.way(self.id)).limit(limit)


def order_of(wish: Wish) -> Order:
    if wish.sort in {"longest", "shortest"}:
        return Order(col(Clip.duration_ms), wish.sort == "longest", col(Clip.id))
    if wish.sort == "name":
        return Order(col(Clip.sort_name), False, col(Clip.id))
    is_falling = wish.sort != "oldest"
    if wish.deleted and is_falling:
        return Order(col(Clip.deleted_at), is_falling, col(Clip.id))
    if wish.tags:
        # The same instants, in the index of the tag.
        return Order(col(ClipTag.created_at), is_falling, col(ClipTag.clip_id))
    return Order(col(Clip.created_at), is_falling, col(Clip.id))


def page(
    connection: Connection, wish: Wish, place: Cursor | None, limit: int, statement: Select[Any] | None = None
) -> tuple[Found, Cursor | None]:
    """The page of the clips, or of a statement's clips, behind a place; and the place of the next.

    Clips whose length nobody knows come last, whichever way a list is ordered by it.
    """
    order = order_of(wish)
    clips = wish.narrowed(select(*SHOWN)) if statement is None else statement
    after: Any = None
    if place is not None:
        if not place.has_types(datetime | str | int | None, uuid.UUID):
            raise invalid_cursor()
        after = place.keys
    found: list[Row[Any]] = []
    if after is None or after[0] is not None:
        known = clips.where(order.key.is_not(None)) if order.has_unknown else clips
        found += connection.execute(order.page(known, after, limit + 1))
        after = None
    if order.has_unknown and len(found) <= limit:
        found += connection.execute(order.page_of_unknown(clips, after and after[1], limit + 1 - len(found)))
    if len(found) <= limit:
        return found, None
    last = found[limit - 1]
    return found[:limit], Cursor((getattr(last, order.key.key), last.id))
