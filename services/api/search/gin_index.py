"""The full-text index of Postgres: a tsvector with a GIN index."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, cast, func, literal, literal_column, select, true
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlmodel import col

from services.api.search.filters import ClipQuery
from services.api.search.full_text_index import IS_OF_CLIP, NUMBER, SORTS_BY_AGE, Conditions, FullTextIndex
from services.api.search.ranking import MAX_WEIGHED_CHARS
from shared.clips.models import Clip
from shared.search.index import SearchEntry
from shared.search.query import Phrase

MAX_INDEXED_PREFIX_CHARS = 3
"""Letters of the longest word beginnings in the index, as the migration made it."""

_WORDS: ColumnElement[Any] = literal_column("search.words")


class GinIndex(FullTextIndex):
    filters_by_itself = False

    def _words_first(
        self, clip_query: ClipQuery, columns: Sequence[Any], conditions: Conditions, *, ascending: bool
    ) -> Select[Any]:
        conditions = [self._has_words(_WORDS), *conditions, *self._age_conditions(clip_query, NUMBER)]
        # OFFSET 0 keeps Postgres from looking into any row before all matches are sorted.
        in_order = NUMBER.asc() if ascending else NUMBER.desc()
        hits = select(NUMBER).where(*conditions).order_by(in_order).offset(0).subquery("hits")
        entries = select(*columns).select_from(hits).join(SearchEntry, hits.c.number == NUMBER)
        clips = entries.join(Clip, IS_OF_CLIP).where(*self._phrase_conditions())
        statement = clip_query.apply_filters(clips, words_first=True)
        return statement.order_by(hits.c.number.asc() if ascending else hits.c.number.desc())

    def _filters_first(
        self, clip_query: ClipQuery, columns: Sequence[Any], conditions: Conditions, *, ascending: bool
    ) -> Select[Any]:
        # OFFSET 0 twice: Postgres takes the comparison of a tsvector for cheap, and would compare all rows before it
        # filters the clips.
        entries = select(NUMBER, _WORDS.label("words")).select_from(Clip).join(SearchEntry, IS_OF_CLIP)
        filtered = clip_query.apply_filters(entries).offset(0).subquery("filtered")
        hits = select(filtered.c.number).where(self._has_words(filtered.c.words)).offset(0).subquery("hits")
        statement = select(*columns).select_from(hits).join(SearchEntry, hits.c.number == NUMBER)
        if clip_query.sort not in SORTS_BY_AGE:
            statement = statement.join(Clip, IS_OF_CLIP)
        number = NUMBER + 0  # as in the other plan, Postgres must not read all entries in this order
        statement = statement.where(*self._phrase_conditions(), *conditions)
        return statement.order_by(number.asc() if ascending else number.desc())

    def _clips_alone(
        self, clip_query: ClipQuery, columns: Sequence[Any], conditions: Conditions, *, ascending: bool
    ) -> Select[Any]:
        return self._filters_first(clip_query, columns, conditions, ascending=ascending)

    def _checks(self) -> Conditions:
        return [self._has_words(_WORDS).is_(True), *self._phrase_conditions()]

    def _entries(self) -> Select[Any]:
        return select(literal(1)).select_from(SearchEntry).where(self._has_words(_WORDS))

    def _has_words(self, words: ColumnElement[Any]) -> ColumnElement[bool]:
        return words.op("@@", is_comparison=True)(cast(self._tsquery(), TSQUERY))

    def _tsquery(self) -> str:
        """The query as a tsquery: each word by itself, since the index holds no positions."""
        return " & ".join(f"({' | '.join(_all_words(phrase))})" for phrase in self._query.phrases)

    def _phrase_conditions(self) -> list[ColumnElement[bool]]:
        """What the index cannot tell: that the words of a phrase follow each other in one of the columns."""
        return self._contains_phrases(min_words=2)

    def weighed(self, clip_query: ClipQuery, conditions: Conditions) -> Select[Any]:
        # Postgres fetches a long text anew for each function that reads it. The lateral join reads it once.
        text_start = func.substr(col(SearchEntry.text), 1, MAX_WEIGHED_CHARS).label("start")
        text = select(text_start).correlate(SearchEntry).offset(0).lateral()
        matches = self.matches(clip_query, NUMBER, self._weight(text.c.start), conditions=conditions)
        return matches.join(text, true())

    def _contains(self, text: Any, needle: str) -> ColumnElement[bool]:
        return func.strpos(text, needle) > 0

    def _occurrences(self, text: Any, needle: str) -> ColumnElement[int]:
        # Bytes, since counting the characters of UTF-8 takes longer.
        without = func.replace(text, needle, "")
        removed = func.octet_length(text, type_=Integer) - func.octet_length(without, type_=Integer)
        return removed // len(needle.encode())

    def _smaller(self, number: ColumnElement[int], limit: int) -> ColumnElement[int]:
        return func.least(number, limit, type_=Integer)


def _all_words(phrase: Phrase) -> Iterator[str]:
    for words in phrase.spellings:
        *whole, last = (f"'{word}'" for word in words)
        if phrase.is_prefix:
            prefix = words[-1]
            last = f"'^{prefix}'" if len(prefix) <= MAX_INDEXED_PREFIX_CHARS else f"{last}:*"
        yield " & ".join([*whole, last])
