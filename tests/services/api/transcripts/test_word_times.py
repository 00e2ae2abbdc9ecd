"""Look-ups of word times, and the cache of them."""

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from services.api.transcripts import word_times
from services.api.transcripts.word_times import WordTimingCache, WordTimings
from shared.db.engine import read_session
from tests.services.api.search.test_filters import engine, made
from tests.services.api.search.test_full_text import heard, keep_all, transcribed

__all__ = ["engine"]  # a fixture


@given(st.lists(st.text("abé東 🎙", min_size=1, max_size=5).filter(str.strip), min_size=1, max_size=30), st.booleans())
def test_each_word_is_said_when_the_machine_heard_it(said: list[str], is_spaced: bool) -> None:
    text = (" " if is_spaced else "").join(said)
    words = [
        {"start_ms": 1000 * place, "end_ms": 1000 * place + 900, "text": f" {word}"} for place, word in enumerate(said)
    ]
    passages = [{"start_ms": 0, "end_ms": 1000 * len(said), "text": text, "words": words}]
    timings = WordTimings.of(text, passages, None, is_edited=False)
    place = 0
    for number, word in enumerate(said):
        place = text.index(word, place)
        shown = place + len(word) - len(word.lstrip())
        assert timings.start_ms(text, shown) == 1000 * number
        place += len(word)


def test_a_passage_without_words_counts_as_one_word(monkeypatch: pytest.MonkeyPatch) -> None:
    passages: list[dict[str, Any]] = [
        {"start_ms": 0, "end_ms": 2000, "text": "one two", "words": []},
        {"start_ms": 5000, "end_ms": 6000, "text": "three"},
    ]
    timings = WordTimings.of("one two three", passages, None, is_edited=False)
    assert [timings.start_ms("one two three", place) for place in (0, 4, 8)] == [0, 0, 5000]


def test_the_cache_evicts_the_oldest_timings(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(word_times, "MAX_CACHED_WORDS", 5)
    clips = [made(number) for number in range(3)]
    for clip in clips:
        keep_all(engine, *transcribed(clip, "one two"))
    rows: Any = [
        SimpleNamespace(id=clip.id, text="one two", version=1, edited=False, duration_ms=2000, cuts=[])
        for clip in clips
    ]
    cache = WordTimingCache()
    with read_session(engine) as session:
        connection = session.connection()
        assert len(cache.load(connection, rows)) == 3
        assert len(cache._entries) == 2
        known = cache.load(connection, rows[1:])
        assert cache.load(connection, rows[1:]) == known
        assert all(cache.load(connection, rows[1:])[id] is clock for id, clock in known.items())
        assert cache.load(connection, []) == {}
        rows[2].edited, rows[2].text, rows[2].version = True, "well one two", 2
        assert cache.load(connection, rows)[rows[2].id].start_ms("well one two", 9) == 1000
    assert heard("one two")[0]["words"][1]["start_ms"] == 1000
