"""The clips that hold what somebody looks for, the same ones on both databases, in the order that is wished for."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Select,
    case,
    cast,
    column,
    func,
    literal_column,
    or_,
    select,
    table,
    true,
)
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlmodel import col

from services.api import pages
from services.api.pages import SHOWN, Found, Wish
from services.api.parameters import Place, unknown_cursor
from shared.findable import IN_ONE_MS, Findable, number_at
from shared.models import Clip
from shared.search import Phrase, Query

RANKED = 500
"""The newest matches among which the best come first; the older ones follow, the newest first.

A word that is in every clip is in a hundred thousand of them, and to weigh each takes longer than people wait.
"""

WEIGHED = 10_000
"""Characters of a text in which occurrences are counted: ten minutes of speech."""

IN_NAME, IN_TAGS, MOST_IN_TEXT, WHOLE_WORD = 10, 6, 4, 1
"""What it is worth to be found there; in the text each time counts, up to so many."""

FIRST = -(2**63) + 1
"""Before every number: the older matches are among the best already."""

_NUMBER = col(Findable.number)
_FTS5 = table("found", column("rowid"))


class Index:
    """How a database finds words: what differs between the two is here."""

    def __init__(self, connection: Connection, query: Query) -> None:
        self.is_sqlite = connection.dialect.name == "sqlite"
        self._query = query
        self._in = func.instr if self.is_sqlite else func.strpos
        self._least = func.min if self.is_sqlite else func.least
        self.number: Any = _FTS5.c.rowid if self.is_sqlite else _NUMBER
        begun = func.substr(col(Findable.text), 1, WEIGHED)
        # Postgres fetches a long text anew for each function that looks into it; this is one look for all of them.
        self._looked = None if self.is_sqlite else select(begun.label("begun")).correlate(Findable).offset(0).lateral()
        self._begun: Any = begun if self._looked is None else self._looked.c.begun

    def weighed(self, within: Sequence[ColumnElement[bool]]) -> Select[Any]:
        """The same with how good each match is."""
        found = self.matches(_NUMBER, self.weight(), within=within)
        return found if self._looked is None else found.join(self._looked, true())

    def matches(self, *columns: Any, within: Sequence[ColumnElement[bool]] = (), rising: bool = False) -> Select[Any]:
        """The matching clips with their words, the newest first, read only as far as they are asked for."""
        if self.is_sqlite:
            found = (
                select(*columns)
                .select_from(_FTS5)
                .join(Findable, _FTS5.c.rowid == _NUMBER)
                .where(literal_column("found").op("MATCH")(self._fts5()))
            )
            number: ColumnElement[int] = _FTS5.c.rowid
        else:
            # OFFSET 0 keeps Postgres from looking into any row before the newest are known.
            order = _NUMBER.asc() if rising else _NUMBER.desc()
            words = literal_column("search.words").op("@@")(cast(self._tsquery(), TSQUERY))
            hits = select(_NUMBER).where(words, *within).order_by(order).offset(0).subquery("hits")
            found = select(*columns).select_from(hits).join(Findable, hits.c.number == _NUMBER)
            found = found.where(*(self._holds(phrase) for phrase in self._query.phrases if len(phrase.words) > 1))
            number = hits.c.number
            within = ()
        found = found.join(Clip, col(Clip.id) == col(Findable.clip_id)).where(*within)
        return found.order_by(number.asc() if rising else number.desc())

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
                last = f"'^{word}'" if len(word) <= 2 else f"{last}:*"
            words += [*whole, last]
        return " & ".join(words)

    def _holds(self, phrase: Phrase) -> ColumnElement[bool]:
        """Whether the words of a phrase follow each other in one of the columns."""
        return or_(*(self._is_in(phrase.needle, name) for name in ("name", "tags", "text")))

    def _is_in(self, needle: str, name: str) -> ColumnElement[bool]:
        return self._in(getattr(Findable, name), needle) > 0

    def weight(self) -> ColumnElement[int]:
        """How good a match is: the sum over the phrases."""
        first, *others = map(self._weight, self._query.phrases)
        return sum(others, first).label("weight")

    def _weight(self, phrase: Phrase) -> ColumnElement[int]:
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
    connection: Connection, wish: Wish, query: Query, place: Place | None, limit: int
) -> tuple[Found, Place | None]:
    """One page of what is found, in the order that is wished for, and the place of the next."""
    index = Index(connection, query)
    if wish.sort == "best" and (place is None or len(place.marks) > 1):
        return _ranked(connection, index, wish, place, limit)
    if wish.sort in {"best", "newest", "oldest"}:
        return _by_age(connection, index, wish, place, limit)
    found = wish.narrowed(index.matches(*SHOWN, within=_made(index, wish)).order_by(None))
    return pages.page(connection, wish, place, limit, found)


def _ranked(
    connection: Connection, index: Index, wish: Wish, place: Place | None, limit: int
) -> tuple[Found, Place | None]:
    """The best of the newest matches, which are chosen with the first page: what comes later does not shift them."""
    newest: Any = None
    oldest: Any = None
    if place is not None:
        if not place.is_of(int, int, int, int):
            raise unknown_cursor()
        newest, oldest, *last = place.marks
    within = [newest >= _NUMBER, oldest <= _NUMBER] if place else []
    matches = index.weighed([*within, *_made(index, wish)])
    rows = connection.execute(wish.narrowed(matches).limit(RANKED)).all()
    if place is None and rows:
        newest, oldest = rows[0].number, rows[-1].number if len(rows) == RANKED else FIRST
    best = sorted(((row.weight, row.number) for row in rows), reverse=True)
    if place is not None:
        best = [match for match in best if [*match] < last]
    shown = best[:limit]
    following = None
    if len(best) > limit:
        following = Place((newest, oldest, *shown[-1]))
    elif oldest is not None and oldest != FIRST:
        following = Place((oldest,))
    return _clips(connection, [number for _, number in shown]), following


def _by_age(
    connection: Connection, index: Index, wish: Wish, place: Place | None, limit: int
) -> tuple[Found, Place | None]:
    """The matches behind a place, by when they were made."""
    rising = wish.sort == "oldest"
    within = _made(index, wish)
    if place is not None:
        if not place.is_of(int):
            raise unknown_cursor()
        (last,) = place.marks
        within.append(last < _NUMBER if rising else last > _NUMBER)
    matches = index.matches(_NUMBER, within=within, rising=rising)
    rows = connection.execute(wish.narrowed(matches).limit(limit + 1)).all()
    shown = rows[:limit]
    following = Place((shown[-1].number,)) if len(rows) > limit else None
    return _clips(connection, [row.number for row in shown]), following


def _made(index: Index, wish: Wish) -> list[ColumnElement[bool]]:
    """The time in which clips were made, as their numbers tell it: some of a millisecond more at its end."""
    within: list[ColumnElement[bool]] = []
    if wish.since is not None:
        within.append(number_at(wish.since) <= _NUMBER)
    if wish.until is not None:
        within.append(number_at(wish.until) + IN_ONE_MS > _NUMBER)
    return within


def _clips(connection: Connection, numbers: Sequence[int]) -> Found:
    """The clips of these numbers, in this order."""
    clips = select(*SHOWN, _NUMBER).join(Findable, col(Findable.clip_id) == col(Clip.id)).where(_NUMBER.in_(numbers))
    by_number: dict[int, Any] = {row.number: row for row in connection.execute(clips)}
    return [by_number[number] for number in numbers if number in by_number]
