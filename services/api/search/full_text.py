"""The clips that hold what somebody looks for, the same ones on both databases, in the order that is wished for."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    ScalarSelect,
    Select,
    and_,
    case,
    cast,
    column,
    func,
    literal,
    literal_column,
    or_,
    select,
    table,
    true,
)
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlmodel import col

from services.api.http.cursor import Cursor, invalid_cursor
from services.api.search import filters
from services.api.search.filters import SHOWN, Found, Wish
from shared.clips.models import Clip
from shared.search.index import SearchEntry, first_number_at
from shared.search.query import Phrase, Query

RANKED = 300
"""The newest matches among which the best come first; the older ones follow, the newest first.

A word that is in every clip is in a hundred thousand of them, and to weigh each takes longer than people wait.
"""

WEIGHED = 10_000
"""Characters of a text in which occurrences are counted: ten minutes of speech."""

IN_NAME, IN_TAGS, MOST_IN_TEXT, WHOLE_WORD = 10, 6, 4, 1
"""What it is worth to be found there; in the text each time counts, up to so many."""

BEGINNING = 3
"""Letters of the longest beginnings that the index of Postgres holds, as the migration made it."""

FIRST = -(2**63) + 1
"""Before every number: the older matches are among the best already."""

_NUMBER = col(SearchEntry.number)
_FTS5 = table("found", column("rowid"))
_WORDS: ColumnElement[Any] = literal_column("search.words")
_OF_CLIP = col(SearchEntry.clip_id) == col(Clip.id)

BY_AGE = {"best", "newest", "oldest"}
"""Orders in which matches come from the index."""

FEW = 2_000
"""Clips that can be looked at one by one."""

Conditions = Sequence[ColumnElement[bool]]


class Index:
    """How a database finds words: what differs between the two is here.

    It begins with the words and looks at their clips, the newest first and only as far as they are asked for; or, if
    `from_clips`, it begins with the clips and looks whether they have the words.
    """

    def __init__(self, connection: Connection, query: Query, *, from_clips: bool = False) -> None:
        self.is_sqlite = connection.dialect.name == "sqlite"
        self.from_clips = from_clips
        self._query = query
        self._in = func.instr if self.is_sqlite else func.strpos
        self._least = func.min if self.is_sqlite else func.least
        self.number: Any = _FTS5.c.rowid if self.is_sqlite and not from_clips else _NUMBER
        begun = func.substr(col(SearchEntry.text), 1, WEIGHED)
        # Postgres fetches a long text anew for each function that looks into it; this is one look for all of them.
        self._looked = (
            None if self.is_sqlite else select(begun.label("begun")).correlate(SearchEntry).offset(0).lateral()
        )
        self._begun: Any = begun if self._looked is None else self._looked.c.begun

    def matches(self, wish: Wish, *columns: Any, within: Conditions = (), rising: bool = False) -> Select[Any]:
        """The clips that are wished for and have the words, the newest first."""
        number, by_age = self.number, wish.sort in BY_AGE
        if self.from_clips:
            # Plus nothing, so that no planner reads all clips in this order for the few that are wished for.
            number += 0
            if by_age and not self.is_sqlite:
                found = self._among_few(wish, columns).where(*within)
            else:
                found = wish.narrowed(self._among_clips(columns).where(*within))
        else:
            within = [*within, *self._made(wish)]
            if self.is_sqlite:
                found = self._by_fts5(columns, within, by_age=by_age)
            else:
                found, number = self._by_gin(columns, within, rising=rising)
            found = wish.narrowed(found, by_words=True)
        return found.order_by(number.asc() if rising else number.desc())

    def weighed(self, wish: Wish, within: Conditions) -> Select[Any]:
        """The same with how good each match is."""
        found = self.matches(wish, _NUMBER, self._weight(), within=within)
        return found if self._looked is None else found.join(self._looked, true())

    def count(self, most: int) -> ScalarSelect[int]:
        """How many clips have the words, bins included, counted to so many."""
        one = select(literal(1))
        found = (
            one.select_from(_FTS5).where(self._in_fts5())
            if self.is_sqlite
            else one.select_from(SearchEntry).where(self._in_gin())
        )
        return select(func.count()).select_from(found.limit(most).subquery()).scalar_subquery()

    def _by_fts5(self, columns: Sequence[Any], within: Conditions, *, by_age: bool) -> Select[Any]:
        if by_age:
            found = select(*columns).select_from(_FTS5).join(SearchEntry, _FTS5.c.rowid == _NUMBER)
            return found.join(Clip, _OF_CLIP).where(self._in_fts5(), *within)
        # The limit keeps SQLite from beginning with the clips, to ask of each whether it is a match.
        hits = select(_FTS5.c.rowid).where(self._in_fts5(), *within).limit(FEW).subquery("hits")
        return select(*columns).select_from(hits).join(SearchEntry, hits.c.rowid == _NUMBER).join(Clip, _OF_CLIP)

    def _by_gin(self, columns: Sequence[Any], within: Conditions, *, rising: bool) -> tuple[Select[Any], Any]:
        # OFFSET 0 keeps Postgres from looking into any row before the newest are known.
        order = _NUMBER.asc() if rising else _NUMBER.desc()
        hits = select(_NUMBER).where(self._in_gin(), *within).order_by(order).offset(0).subquery("hits")
        found = select(*columns).select_from(hits).join(SearchEntry, hits.c.number == _NUMBER)
        return found.join(Clip, _OF_CLIP).where(*self._phrases()), hits.c.number

    def _among_clips(self, columns: Sequence[Any]) -> Select[Any]:
        # Both are spelled so that no index serves them, as the planners do not know how many clips have a word.
        has_words: ColumnElement[bool] = (_NUMBER + 0).in_(select(_FTS5.c.rowid).where(self._in_fts5()))
        if not self.is_sqlite:
            has_words = and_(self._in_gin().is_(True), *self._phrases())
        return select(*columns).select_from(Clip).join(SearchEntry, _OF_CLIP).where(has_words)

    def _among_few(self, wish: Wish, columns: Sequence[Any]) -> Select[Any]:
        # OFFSET 0 twice: Postgres takes a look at a tsvector for cheap, and would look at all before it knows the few.
        few = wish.narrowed(select(_NUMBER, _WORDS.label("words")).select_from(Clip).join(SearchEntry, _OF_CLIP))
        wished = few.offset(0).subquery("wished")
        found = select(wished.c.number).where(self._has(wished.c.words)).offset(0).subquery("found")
        return select(*columns).select_from(found).join(SearchEntry, found.c.number == _NUMBER).where(*self._phrases())

    def _made(self, wish: Wish) -> list[ColumnElement[bool]]:
        """The time in which clips were made, as their numbers tell it."""
        within: list[ColumnElement[bool]] = []
        if wish.since is not None:
            within.append(self.number >= first_number_at(wish.since))
        if wish.until is not None:
            within.append(self.number < first_number_at(wish.until))
        return within

    def _in_fts5(self) -> ColumnElement[bool]:
        return literal_column("found").op("MATCH", is_comparison=True)(self._fts5())

    def _in_gin(self) -> ColumnElement[bool]:
        return self._has(_WORDS)

    def _has(self, words: ColumnElement[Any]) -> ColumnElement[bool]:
        return words.op("@@", is_comparison=True)(cast(self._tsquery(), TSQUERY))

    def _phrases(self) -> list[ColumnElement[bool]]:
        """What the index of Postgres cannot tell: that words follow each other in one of the columns."""
        return [
            or_(*(self._is_in(phrase.needle, name) for name in ("name", "tags", "text")))
            for phrase in self._query.phrases
            if len(phrase.words) > 1
        ]

    def _fts5(self) -> str:
        """The query for SQLite: words hold letters and digits only, so nothing in them is taken for its syntax."""
        return " AND ".join(
            f'"{" ".join(phrase.words)}"{" *" if phrase.is_open else ""}' for phrase in self._query.phrases
        )

    def _tsquery(self) -> str:
        """The query for Postgres: each word by itself, since the index holds no places."""
        words = []
        for phrase in self._query.phrases:
            *whole, last = (f"'{word}'" for word in phrase.words)
            if phrase.is_open:
                word = phrase.words[-1]
                last = f"'^{word}'" if len(word) <= BEGINNING else f"{last}:*"
            words += [*whole, last]
        return " & ".join(words)

    def _is_in(self, needle: str, name: str) -> ColumnElement[bool]:
        return self._in(getattr(SearchEntry, name), needle) > 0

    def _weight(self) -> ColumnElement[int]:
        first, *others = map(self._weight_of, self._query.phrases)
        return sum(others, first).label("weight")

    def _weight_of(self, phrase: Phrase) -> ColumnElement[int]:
        needle = phrase.needle
        length = func.length if self.is_sqlite else func.octet_length
        bytes_of = len(needle) if self.is_sqlite else len(needle.encode())
        without = func.replace(self._begun, needle, "")
        times = (length(self._begun, type_=Integer) - length(without, type_=Integer)) // bytes_of
        weight = (
            case((self._is_in(needle, "name"), IN_NAME), else_=0)
            + case((self._is_in(needle, "tags"), IN_TAGS), else_=0)
            + self._least(times, MOST_IN_TEXT, type_=Integer)
        )
        if phrase.is_open:
            whole = or_(self._is_in(f"{needle} ", "name"), self._in(self._begun, f"{needle} ") > 0)
            weight += case((whole, WHOLE_WORD), else_=0)
        return weight


def page(
    connection: Connection, wish: Wish, query: Query, place: Cursor | None, limit: int
) -> tuple[Found, Cursor | None]:
    """One page of what is found, in the order that is wished for, and the place of the next."""
    index = Index(connection, query)
    if _is_rather_looked_for_among_clips(connection, wish, index):
        index = Index(connection, query, from_clips=True)
    if wish.sort == "best" and (place is None or len(place.keys) > 1):
        return _ranked(connection, index, wish, place, limit)
    if wish.sort in BY_AGE:
        return _by_age(connection, index, wish, place, limit)
    return filters.page(connection, wish, place, limit, index.matches(wish, *SHOWN).order_by(None))


def _is_rather_looked_for_among_clips(connection: Connection, wish: Wish, index: Index) -> bool:
    """Whether so many clips have the words that the other wishes leave fewer."""
    is_by_age = wish.sort in BY_AGE
    if is_by_age and not wish.is_narrow:
        return False
    if (connection.execute(select(index.count(FEW))).scalar() or 0) < FEW:
        return False
    wished = wish.narrowed(select(literal(1)).select_from(Clip)).limit(FEW).subquery()
    return not is_by_age or (connection.execute(select(func.count()).select_from(wished)).scalar() or 0) < FEW


def _ranked(
    connection: Connection, index: Index, wish: Wish, place: Cursor | None, limit: int
) -> tuple[Found, Cursor | None]:
    """The best of the newest matches, which are chosen with the first page: what comes later does not shift them."""
    newest: Any = None
    oldest: Any = None
    if place is not None:
        if not place.has_types(int, int, int, int):
            raise invalid_cursor()
        newest, oldest, *last = place.keys
    within = [newest >= _NUMBER, oldest <= _NUMBER] if place else []
    rows = connection.execute(index.weighed(wish, within).limit(RANKED)).all()
    if place is None and rows:
        newest, oldest = rows[0].number, rows[-1].number if len(rows) == RANKED else FIRST
    best = sorted(((row.weight, row.number) for row in rows), reverse=True)
    if place is not None:
        best = [match for match in best if [*match] < last]
    shown = best[:limit]
    following = None
    if len(best) > limit:
        following = Cursor((newest, oldest, *shown[-1]))
    elif oldest is not None and oldest != FIRST:
        following = Cursor((oldest,))
    return _clips(connection, [number for _, number in shown]), following


def _by_age(
    connection: Connection, index: Index, wish: Wish, place: Cursor | None, limit: int
) -> tuple[Found, Cursor | None]:
    """The matches behind a place, by when they were made."""
    rising = wish.sort == "oldest"
    within = []
    if place is not None:
        if not place.has_types(int):
            raise invalid_cursor()
        (last,) = place.keys
        within.append(last < _NUMBER if rising else last > _NUMBER)
    matches = index.matches(wish, _NUMBER, within=within, rising=rising)
    rows = connection.execute(matches.limit(limit + 1)).all()
    shown = rows[:limit]
    following = Cursor((shown[-1].number,)) if len(rows) > limit else None
    return _clips(connection, [row.number for row in shown]), following


def _clips(connection: Connection, numbers: Sequence[int]) -> Found:
    """The clips of these numbers, in this order."""
    clips = select(*SHOWN, _NUMBER).join(SearchEntry, _OF_CLIP).where(_NUMBER.in_(numbers))
    by_number: dict[int, Any] = {row.number: row for row in connection.execute(clips)}
    return [by_number[number] for number in numbers if number in by_number]
