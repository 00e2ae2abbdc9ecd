"""What the full-text indexes of both databases have in common: the interface, and how good a match is."""

import functools
import operator
from abc import ABC, abstractmethod
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, Select, case, func, literal, or_, select
from sqlmodel import col

from services.api.search.filters import ClipQuery
from services.api.search.ranking import MAX_TEXT_WEIGHT, NAME_WEIGHT, TAGS_WEIGHT, WHOLE_WORD_WEIGHT
from shared.clips.models import Clip
from shared.search.index import SearchEntry, first_number_at
from shared.search.query import Phrase, Query

SORTS_BY_AGE = {"best", "newest", "oldest"}
"""Orders in which the index yields its matches."""

FEW_CLIPS = 2_000
"""Clips that can be compared with the query one by one."""

SMALL_LIBRARY_CLIPS = 500
"""Clips of a library that are always compared one by one: it takes some milliseconds, whatever others have."""

NUMBER = col(SearchEntry.number)
IS_OF_CLIP = col(SearchEntry.clip_id) == col(Clip.id)

Conditions = Sequence[ColumnElement[bool]]


class Plan(StrEnum):
    """How a database finds the clips that match the query and pass the filters."""

    WORDS_FIRST = "words first"
    """Read the matches from the index, the newest first, and look at their clips only as far as the page needs them."""
    FILTERS_FIRST = "filters first"
    """Read the clips that pass the filters, and check whether they match: the best if these clips are few."""
    CLIPS_IN_ORDER = "clips in order"
    """Read clips in the order of the list, and check whether they match: the best if most do, and soon fill a page."""
    CLIPS_ALONE = "clips alone"
    """Read the clips that pass the filters, and look into their words: no index is read that other libraries fill."""


class FullTextIndex(ABC):
    """The full-text index of one database, for one query.

    The plan is chosen by counts, because a planner does not know how many clips have a word.
    """

    filters_by_itself: bool
    """Whether the planner begins with the filters where that is faster, so that `CLIPS_IN_ORDER` serves both cases."""

    def __init__(self, query: Query) -> None:
        self._query = query
        self.plan = Plan.WORDS_FIRST

    def matches(
        self, clip_query: ClipQuery, *columns: Any, conditions: Conditions = (), ascending: bool = False
    ) -> Select[Any]:
        """Select columns of the clips that match, ordered by `SearchEntry.number`, which is their age."""
        match self.plan:
            case Plan.WORDS_FIRST:
                return self._words_first(clip_query, columns, conditions, ascending=ascending)
            case Plan.FILTERS_FIRST:
                return self._filters_first(clip_query, columns, conditions, ascending=ascending)
            case Plan.CLIPS_IN_ORDER:
                return self._clips_in_order(clip_query, columns, conditions, ascending=ascending)
            case Plan.CLIPS_ALONE:
                return self._clips_alone(clip_query, columns, conditions, ascending=ascending)

    @abstractmethod
    def _clips_alone(
        self, clip_query: ClipQuery, columns: Sequence[Any], conditions: Conditions, *, ascending: bool
    ) -> Select[Any]: ...

    @abstractmethod
    def _words_first(
        self, clip_query: ClipQuery, columns: Sequence[Any], conditions: Conditions, *, ascending: bool
    ) -> Select[Any]: ...

    @abstractmethod
    def _filters_first(
        self, clip_query: ClipQuery, columns: Sequence[Any], conditions: Conditions, *, ascending: bool
    ) -> Select[Any]: ...

    def _clips_in_order(
        self, clip_query: ClipQuery, columns: Sequence[Any], conditions: Conditions, *, ascending: bool
    ) -> Select[Any]:
        # "+ 0" hides the index on the column: otherwise a planner would read all entries in the order of that index.
        number = NUMBER + 0
        clips = select(*columns).select_from(Clip).join(SearchEntry, IS_OF_CLIP).where(*self._checks(), *conditions)
        return clip_query.apply_filters(clips).order_by(number.asc() if ascending else number.desc())

    @abstractmethod
    def _checks(self) -> Conditions:
        """Conditions on an entry that has the words, written so that no index serves them."""

    def count(self, limit: int) -> ScalarSelect[int]:
        """Count the clips with the words, deleted ones included, up to a limit."""
        return select(func.count()).select_from(self._entries().limit(limit).subquery()).scalar_subquery()

    @abstractmethod
    def _entries(self) -> Select[Any]:
        """Select a row for each entry of the index that has the words."""

    @staticmethod
    def _age_conditions(clip_query: ClipQuery, number: Any) -> list[ColumnElement[bool]]:
        """The time range of the query, as a range of numbers in the index."""
        conditions: list[ColumnElement[bool]] = []
        if clip_query.since is not None:
            conditions.append(number >= first_number_at(clip_query.since))
        if clip_query.until is not None:
            conditions.append(number < first_number_at(clip_query.until))
        return conditions

    def _contains_phrases(self, min_words: int) -> list[ColumnElement[bool]]:
        """That one of the columns has each phrase of so many words or more, one word behind the other."""
        texts = (col(SearchEntry.name), col(SearchEntry.tags), col(SearchEntry.text))
        return [
            or_(*(self._contains_any(text, phrase.needles) for text in texts))
            for phrase in self._query.phrases
            if len(phrase.words) >= min_words
        ]

    # -- weights ---------------------------------------------------------------------------------------------------

    @abstractmethod
    def weighed(self, clip_query: ClipQuery, conditions: Conditions) -> Select[Any]:
        """Select `number` and `weight`, which says how good each match is, the newest first."""

    def _weight(self, text_start: ColumnElement[Any]) -> ColumnElement[int]:
        """The weight of an entry, of whose text only the beginning counts."""
        weight: ColumnElement[int] = literal(0)
        for phrase in self._query.phrases:
            weight += self._phrase_weight(phrase, text_start)
        return weight.label("weight")

    def _phrase_weight(self, phrase: Phrase, text_start: ColumnElement[Any]) -> ColumnElement[int]:
        needles = phrase.needles
        in_name, in_tags = (
            self._contains_any(col(SearchEntry.name), needles),
            self._contains_any(col(SearchEntry.tags), needles),
        )
        occurrences = functools.reduce(operator.add, (self._occurrences(text_start, needle) for needle in needles))
        weight = (
            case((in_name, NAME_WEIGHT), else_=0)
            + case((in_tags, TAGS_WEIGHT), else_=0)
            + self._smaller(occurrences, MAX_TEXT_WEIGHT)
        )
        if phrase.is_prefix:
            whole_words = [f"{needle} " for needle in needles]
            has_whole_word = or_(
                self._contains_any(col(SearchEntry.name), whole_words), self._contains_any(text_start, whole_words)
            )
            weight += case((has_whole_word, WHOLE_WORD_WEIGHT), else_=0)
        return weight

    def _contains_any(self, text: Any, needles: Sequence[str]) -> ColumnElement[bool]:
        return or_(*(self._contains(text, needle) for needle in needles))

    @abstractmethod
    def _contains(self, text: Any, needle: str) -> ColumnElement[bool]: ...

    @abstractmethod
    def _occurrences(self, text: Any, needle: str) -> ColumnElement[int]: ...

    @abstractmethod
    def _smaller(self, number: ColumnElement[int], limit: int) -> ColumnElement[int]: ...
