"""Pages of the clips that match a search, the same ones on both databases, in the order of the request."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Select, func, literal, select

from services.api.http.cursor import Cursor, invalid_cursor
from services.api.search import pages
from services.api.search.filters import ClipQuery
from services.api.search.fts5_index import Fts5Index
from services.api.search.full_text_index import (
    FEW_CLIPS,
    IS_OF_CLIP,
    NUMBER,
    SMALL_LIBRARY_CLIPS,
    SORTS_BY_AGE,
    FullTextIndex,
    Plan,
)
from services.api.search.gin_index import GinIndex
from services.api.search.pages import LISTED_COLUMNS, ClipRows
from services.api.search.ranking import MAX_RANKED
from shared.clips.models import Clip
from shared.search.index import SearchEntry
from shared.search.query import Query

BELOW_ALL_NUMBERS = -(2**63) + 1
"""In a cursor, the number of the oldest ranked match if all matches are ranked and no older ones follow."""


def fetch_page(
    connection: Connection, clip_query: ClipQuery, query: Query, cursor: Cursor | None, limit: int
) -> tuple[ClipRows, Cursor | None]:
    """Return the page of the matches after the cursor, and the cursor of the next page.

    Raises `Problem` for an invalid cursor.
    """
    index = open_index(connection, query)
    index.plan = _choose_plan(connection, clip_query, index)
    if clip_query.sort == "best" and (cursor is None or len(cursor.keys) > 1):
        return _fetch_ranked_page(connection, index, clip_query, cursor, limit)
    if clip_query.sort in SORTS_BY_AGE:
        return _fetch_page_by_age(connection, index, clip_query, cursor, limit)
    matches = index.matches(clip_query, *LISTED_COLUMNS).order_by(None)
    return pages.fetch_page(connection, clip_query, cursor, limit, matches)


def open_index(connection: Connection, query: Query) -> FullTextIndex:
    return Fts5Index(query) if connection.dialect.name == "sqlite" else GinIndex(query)


def _choose_plan(connection: Connection, clip_query: ClipQuery, index: FullTextIndex) -> Plan:
    """Choose the plan by the number of clips that have the words, and of those that pass the filters.

    The index of words is one for all libraries. A small library does without it: otherwise its searches would take as
    long as its neighbours have clips with the word. docs/adr/0013-search-plans.md holds the measurements.
    """
    clips = _count_library(connection, clip_query)
    if clips <= SMALL_LIBRARY_CLIPS:
        return Plan.CLIPS_ALONE
    # As many clips have the words as this library has none: they are its neighbours'.
    if clips < FEW_CLIPS and _count(connection, select(index.count(FEW_CLIPS))) >= FEW_CLIPS:
        return Plan.CLIPS_ALONE
    is_by_age = clip_query.sort in SORTS_BY_AGE
    if is_by_age and not clip_query.has_filters:
        return Plan.WORDS_FIRST
    if _count(connection, select(index.count(FEW_CLIPS))) < FEW_CLIPS:
        return Plan.WORDS_FIRST
    needs_count = clip_query.has_filters and (is_by_age or not index.filters_by_itself)
    if needs_count and _count_clips(connection, clip_query) < FEW_CLIPS:
        return Plan.FILTERS_FIRST
    return Plan.WORDS_FIRST if is_by_age else Plan.CLIPS_IN_ORDER


def _count_clips(connection: Connection, clip_query: ClipQuery) -> int:
    """Count the clips that pass the filters, up to `FEW_CLIPS`."""
    clips = clip_query.apply_filters(select(literal(1)).select_from(Clip)).limit(FEW_CLIPS).subquery()
    return _count(connection, select(func.count()).select_from(clips))


def _count_library(connection: Connection, clip_query: ClipQuery) -> int:
    """Count the clips of the library, or those in its bin, up to `FEW_CLIPS`."""
    unfiltered: dict[str, Any] = {"since": None, "until": None, "shortest_ms": None, "longest_ms": None}
    unfiltered |= {"statuses": (), "tags": (), "starred": False}
    return _count_clips(connection, dataclasses.replace(clip_query, **unfiltered))


def _count(connection: Connection, statement: Select[Any]) -> int:
    return connection.execute(statement).scalar() or 0


def _fetch_ranked_page(
    connection: Connection, index: FullTextIndex, clip_query: ClipQuery, cursor: Cursor | None, limit: int
) -> tuple[ClipRows, Cursor | None]:
    """The best of the newest matches. The cursor holds the range of their numbers, so that new clips shift nothing."""
    newest: Any = None
    oldest: Any = None
    if cursor is not None:
        if not cursor.has_types(int, int, int, int):
            raise invalid_cursor()
        newest, oldest, *last_match = cursor.keys
    conditions = [newest >= NUMBER, oldest <= NUMBER] if cursor else []
    rows = connection.execute(index.weighed(clip_query, conditions).limit(MAX_RANKED)).all()
    if cursor is None and rows:
        newest, oldest = rows[0].number, rows[-1].number if len(rows) == MAX_RANKED else BELOW_ALL_NUMBERS
    best = sorted(((row.weight, row.number) for row in rows), reverse=True)
    if cursor is not None:
        best = [match for match in best if [*match] < last_match]
    page = best[:limit]
    next_cursor = None
    if len(best) > limit:
        next_cursor = Cursor((newest, oldest, *page[-1]))
    elif oldest is not None and oldest != BELOW_ALL_NUMBERS:
        next_cursor = Cursor((oldest,))
    return _load_clips(connection, [number for _, number in page]), next_cursor


def _fetch_page_by_age(
    connection: Connection, index: FullTextIndex, clip_query: ClipQuery, cursor: Cursor | None, limit: int
) -> tuple[ClipRows, Cursor | None]:
    ascending = clip_query.sort == "oldest"
    conditions = []
    if cursor is not None:
        if not cursor.has_types(int):
            raise invalid_cursor()
        (last,) = cursor.keys
        conditions.append(last < NUMBER if ascending else last > NUMBER)
    matches = index.matches(clip_query, NUMBER, conditions=conditions, ascending=ascending)
    rows = connection.execute(matches.limit(limit + 1)).all()
    page = rows[:limit]
    next_cursor = Cursor((page[-1].number,)) if len(rows) > limit else None
    return _load_clips(connection, [row.number for row in page]), next_cursor


def _load_clips(connection: Connection, numbers: Sequence[int]) -> ClipRows:
    """The clips of these numbers, in this order."""
    clips = select(*LISTED_COLUMNS, NUMBER).join(SearchEntry, IS_OF_CLIP).where(NUMBER.in_(numbers))
    by_number: dict[int, Any] = {row.number: row for row in connection.execute(clips)}
    return [by_number[number] for number in numbers if number in by_number]
