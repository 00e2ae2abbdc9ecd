"""Which clips a list shows, and in which order: the parameters of the request, and the SQL conditions for them."""

import hashlib
from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Any, get_args

from sqlalchemy import ColumnElement, Select, and_, select
from sqlalchemy.orm import aliased
from sqlmodel import col
from starlette.requests import Request

from services.api.access.access import access_of
from services.api.http.errors import Problem
from services.api.http.params import choice_param, choices_param, instant_param, int_param, storable_text
from services.api.search.schemas import Sort
from shared.clips.models import Clip, Status
from shared.clips.tags import MAX_TAGS, normalize_tag
from shared.db.columns import MAX_DURATION_MS
from shared.libraries import HOME
from shared.search.index import ClipTag, tag_key

MAX_QUERY_CHARS = 1000
"""Characters of a search: longer than any sentence."""

SORTS: tuple[str, ...] = get_args(Sort)


@dataclass(frozen=True)
class ClipQuery:
    """Which clips, and in which order."""

    typed: str = ""
    since: datetime | None = None
    until: datetime | None = None
    shortest_ms: int | None = None
    longest_ms: int | None = None
    statuses: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    """Keys of tags; a clip must have all of them."""
    sort: str = "newest"
    deleted: bool = False
    starred: bool = False
    library_id: str = HOME

    @classmethod
    def of(cls, request: Request) -> "ClipQuery":
        """Read the parameters of a request. Raises `Problem` that names the first invalid one."""
        typed = storable_text(request.query_params.get("q", "").strip())
        if len(typed) > MAX_QUERY_CHARS:
            raise Problem("bad-request", f"q can have at most {MAX_QUERY_CHARS:,} characters.")
        sort = choice_param(request, "sort", SORTS) or ("best" if typed else "newest")
        return cls(
            typed=typed,
            since=instant_param(request, "from"),
            until=instant_param(request, "to"),
            shortest_ms=int_param(request, "shortest_ms", minimum=0, maximum=MAX_DURATION_MS, default=None),
            longest_ms=int_param(request, "longest_ms", minimum=0, maximum=MAX_DURATION_MS, default=None),
            statuses=choices_param(request, "status", [*Status]),
            tags=_tag_keys(request),
            # Without words no clip is a better match than another.
            sort=sort if typed or sort != "best" else "newest",
            deleted=request.query_params.get("deleted") in {"true", "1"},
            starred=request.query_params.get("starred") in {"true", "1"},
            library_id=access_of(request).library,
        )

    @property
    def fingerprint(self) -> str:
        """The same for the same parameters: a cursor of one list is not valid in another.

        A parameter that is not used does not count, so that cursors of a release that does not know it stay valid.
        """
        *values, starred, library_id = astuple(self)
        values += [starred] if starred else []
        values += [library_id] if library_id != HOME else []
        return hashlib.blake2s(repr(tuple(values)).encode(), digest_size=6).hexdigest()

    @property
    def has_filters(self) -> bool:
        """Whether the query restricts more than the words and the time."""
        has_duration = self.shortest_ms is not None or self.longest_ms is not None
        return bool(self.statuses or self.tags or self.deleted or self.starred or has_duration)

    def apply_filters(self, statement: Select[Any], *, words_first: bool = False) -> Select[Any]:
        """Restrict a statement on clips to those of this query, apart from the words.

        If the words lead to the clips, the statement restricts their age itself, and tags are no joins: a planner that
        cannot join a tag does not begin with the tag, and so keeps the order in which the words lead to the clips.
        """
        statement = statement.where(*self._conditions(words_first=words_first))
        if self.tags and not words_first:
            has_tag = and_(col(ClipTag.clip_id) == col(Clip.id), col(ClipTag.key) == self.tags[0])
            statement = statement.join(ClipTag, has_tag).where(col(ClipTag.library_id) == self.library_id)
        return statement

    def _conditions(self, *, words_first: bool) -> list[ColumnElement[bool]]:
        conditions = [
            col(Clip.library_id) == self.library_id,
            col(Clip.deleted_at).is_not(None) if self.deleted else col(Clip.deleted_at).is_(None),
        ]
        if self.since is not None and not words_first:
            conditions.append(col(Clip.created_at) >= self.since)
        if self.until is not None and not words_first:
            conditions.append(col(Clip.created_at) < self.until)
        if self.shortest_ms is not None:
            conditions.append(col(Clip.duration_ms) >= self.shortest_ms)
        if self.longest_ms is not None:
            conditions.append(col(Clip.duration_ms) <= self.longest_ms)
        if self.statuses:
            conditions.append(col(Clip.status).in_(self.statuses))
        if self.starred:
            conditions.append(col(Clip.starred_at).is_not(None))
        tag = aliased(ClipTag)
        tags = self.tags if words_first else self.tags[1:]
        conditions += [select(1).where(col(tag.clip_id) == col(Clip.id), col(tag.key) == key).exists() for key in tags]
        return conditions


def _tag_keys(request: Request) -> tuple[str, ...]:
    names = request.query_params.getlist("tag")
    if len(names) > MAX_TAGS:  # no clip has more
        raise Problem("bad-request", f"At most {MAX_TAGS} tags can be asked for at once.")
    try:
        return tuple(sorted({tag_key(normalize_tag(name)) for name in names}))
    except ValueError as error:
        raise Problem("bad-request", f"tag: {error}.") from None
