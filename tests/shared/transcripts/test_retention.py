"""Which revisions go when a clip has too many, and which stay."""

import random
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from shared.clips.models import Clip
from shared.db.engine import transaction
from shared.outbox.writer import save_and_announce
from shared.transcripts import retention
from shared.transcripts.models import Source, Transcript
from shared.transcripts.retention import RevisionSize, clips_to_thin, surplus_revisions, thin_revisions
from tests.services.api.search.test_filters import made

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
MACHINE, PERSON = Source.MACHINE, Source.PERSON


def history(*sources: Source, every: timedelta = timedelta(hours=1), chars: int = 10) -> list[RevisionSize]:
    """Revisions at equal times, the newest now."""
    ages = reversed(range(len(sources)))
    return [
        RevisionSize(number, source, NOW - age * every, chars)
        for number, (source, age) in enumerate(zip(sources, ages, strict=True))
    ]


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "MAX_REVISIONS", 5)


def kept(revisions: list[RevisionSize]) -> list[int]:
    surplus = surplus_revisions(revisions, NOW)
    return [each.id for each in revisions if each.id not in surplus]


def test_a_history_within_the_bounds_stays(few: None) -> None:
    assert kept(history(MACHINE, PERSON, PERSON)) == [0, 1, 2]
    assert kept([]) == []


def test_the_older_the_sparser(few: None) -> None:
    left = kept(history(MACHINE, *[PERSON] * 32))
    gaps = [after - before for before, after in pairwise(left)]
    assert gaps == sorted(gaps, reverse=True), left


def test_what_a_person_went_on_from_stays_with_what_they_wrote(few: None) -> None:
    revisions = history(MACHINE, PERSON, MACHINE, PERSON, MACHINE, MACHINE, MACHINE, PERSON, PERSON)
    left = kept(revisions)
    assert {0, 6, 8} <= set(left)
    bases = {id - 1 for id in left if revisions[id].source is PERSON and revisions[id - 1].source is MACHINE}
    assert bases <= set(left)


def test_bases_go_when_nothing_else_is_left(few: None) -> None:
    left = kept(history(*[MACHINE, PERSON] * 20))
    assert len(left) == 5
    assert {38, 39} <= set(left)


def test_many_chars_are_thinned_like_many_revisions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "MAX_REVISION_CHARS", 100)
    assert len(kept(history(MACHINE, *[PERSON] * 9, chars=25))) == 4
    assert kept(history(MACHINE, MACHINE, PERSON, PERSON, chars=200)) == [1, 3], "what always stays may be larger"


@given(st.lists(st.tuples(st.sampled_from(Source), st.integers(0, 10_000), st.integers(0, 50)), max_size=60))
def test_the_bounds_hold_for_every_history(entries: list[tuple[Source, int, int]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(retention, "MAX_REVISIONS", 6)
        patch.setattr(retention, "MAX_REVISION_CHARS", 120)
        revisions = [
            RevisionSize(number, source, NOW - timedelta(minutes=minutes), chars)
            for number, (source, minutes, chars) in enumerate(entries)
        ]
        left = kept(revisions)
        assert len(left) <= 6
        assert sum(revisions[id].chars for id in left) <= 120 or len(left) <= 2
        if entries:
            assert left[-1] == len(entries) - 1
        machines = [each.id for each in revisions if each.source is MACHINE]
        assert machines[-1:] == [id for id in left if id in machines][-1:]


def test_fifty_thousand_autosaves_are_thinned_in_a_moment() -> None:
    revisions = history(MACHINE, *[PERSON] * 50_000, every=timedelta(seconds=5), chars=100)
    assert len(kept(revisions)) == retention.MAX_REVISIONS


def test_revisions_are_thinned_in_the_database(engine: Engine, few: None) -> None:
    clip, other = made(1), made(2)
    with transaction(engine) as session:
        for each in (clip, other):
            save_and_announce(session, each, now=NOW)
            for number in range(12 if each is clip else 3):
                at = NOW - timedelta(hours=12 - number)
                passages = [{"start_ms": 0, "end_ms": 1, "text": "a", "words": []}] if number == 0 else None
                source = PERSON if number else MACHINE
                session.add(
                    Transcript(clip_id=each.id, source=source, text=f"{number}", passages=passages, created_at=at)
                )
    with transaction(engine) as session:
        assert session.exec(clips_to_thin(limit=10)).all() == [clip.id]
        assert thin_revisions(session, clip.id, NOW) == 7
        assert thin_revisions(session, other.id, NOW) == 0
    with Session(engine) as session:
        texts = session.exec(
            select(Transcript.text).where(col(Transcript.clip_id) == clip.id).order_by(col(Transcript.id))
        ).all()
        assert (texts[0], texts[-1], len(texts)) == ("0", "11", 5)
        assert session.exec(clips_to_thin(limit=10)).all() == []
        assert session.get_one(Clip, other.id).name == other.name


def test_a_year_of_work_keeps_its_beginning_and_its_last_days() -> None:
    times = sorted(random.Random(7).sample(range(365 * 24), 2_000))
    revisions = [
        RevisionSize(number, PERSON, NOW - timedelta(hours=365 * 24 - hours), 10) for number, hours in enumerate(times)
    ]
    left = [revisions[id] for id in kept(revisions)]
    assert left[0] == revisions[0]
    ages = [(NOW - each.saved_at).days for each in left]
    assert sum(age < 2 for age in ages) >= 5
    assert sum(age > 180 for age in ages) >= 5
