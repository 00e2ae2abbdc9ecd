"""The full-text index of SQLite: FTS5."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, column, func, literal, literal_column, select, table
from sqlmodel import col

from services.api.search.filters import ClipQuery
from services.api.search.full_text_index import FEW_CLIPS, IS_OF_CLIP, NUMBER, SORTS_BY_AGE, Conditions, FullTextIndex
from services.api.search.ranking import MAX_WEIGHED_CHARS
from shared.clips.models import Clip
from shared.search.index import SearchEntry
from shared.search.query import Phrase

_FTS5 = table("found", column("rowid"))


class Fts5Index(FullTextIndex):
    filters_by_itself = True

    def _words_first(
        self, clip_query: ClipQuery, columns: Sequence[Any], conditions: Conditions, *, ascending: bool
    ) -> Select[Any]:
        rowid = _FTS5.c.rowid
        conditions = [self._matches_query(), *conditions, *self._age_conditions(clip_query, rowid)]
        if clip_query.sort in SORTS_BY_AGE:
            matches = select(*columns).select_from(_FTS5).join(SearchEntry, rowid == NUMBER).where(*conditions)
        else:
            # The limit keeps SQLite from beginning with the clips, to ask of each whether it matches.
            hits = select(rowid).where(*conditions).limit(FEW_CLIPS).subquery("hits")
            matches = select(*columns).select_from(hits).join(SearchEntry, hits.c.rowid == NUMBER)
        statement = clip_query.apply_filters(matches.join(Clip, IS_OF_CLIP), words_first=True)
        return statement.order_by(rowid.asc() if ascending else rowid.desc())

    def _filters_first(
        self, clip_query: ClipQuery, columns: Sequence[Any], conditions: Conditions, *, ascending: bool
    ) -> Select[Any]:
        return self._clips_in_order(clip_query, columns, conditions, ascending=ascending)

    def _clips_alone(
        self, clip_query: ClipQuery, columns: Sequence[Any], conditions: Conditions, *, ascending: bool
    ) -> Select[Any]:
        number = NUMBER + 0  # as in the other plans: SQLite must not read all entries in this order
        clips = select(*columns).select_from(Clip).join(SearchEntry, IS_OF_CLIP)
        clips = clips.where(*self._contains_phrases(min_words=1), *conditions)
        return clip_query.apply_filters(clips).order_by(number.asc() if ascending else number.desc())

    def _checks(self) -> Conditions:
        return [(NUMBER + 0).in_(select(_FTS5.c.rowid).where(self._matches_query()))]

    def _entries(self) -> Select[Any]:
        return select(literal(1)).select_from(_FTS5).where(self._matches_query())

    def _matches_query(self) -> ColumnElement[bool]:
        return literal_column("found").op("MATCH", is_comparison=True)(self._fts5_query())

    def _fts5_query(self) -> str:
        """The query in the syntax of FTS5. Words hold letters and digits only, so none is taken for an operator."""
        return " AND ".join(f"({' OR '.join(_fts5_phrases(phrase))})" for phrase in self._query.phrases)

    def weighed(self, clip_query: ClipQuery, conditions: Conditions) -> Select[Any]:
        text_start = func.substr(col(SearchEntry.text), 1, MAX_WEIGHED_CHARS)
        return self.matches(clip_query, NUMBER, self._weight(text_start), conditions=conditions)

    def _contains(self, text: Any, needle: str) -> ColumnElement[bool]:
        return func.instr(text, needle) > 0

    def _occurrences(self, text: Any, needle: str) -> ColumnElement[int]:
        removed = func.length(text, type_=Integer) - func.length(func.replace(text, needle, ""), type_=Integer)
        return removed // len(needle)

    def _smaller(self, number: ColumnElement[int], limit: int) -> ColumnElement[int]:
        return func.min(number, limit, type_=Integer)


def _fts5_phrases(phrase: Phrase) -> Iterator[str]:
    for words in phrase.spellings:
        yield f'"{" ".join(words)}"{" *" if phrase.is_prefix else ""}'
