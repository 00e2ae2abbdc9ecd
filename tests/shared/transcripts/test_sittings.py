"""Which saves are one sitting."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.transcripts.models import Source, Transcript
from shared.transcripts.sittings import MAX_PAUSE, MAX_REPLACED_CHARS, continues_sitting, replaced_chars

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
MINE, ANOTHER = uuid.uuid4(), uuid.uuid4()


def revision(**fields: Any) -> Transcript:
    said: dict[str, Any] = {
        "source": Source.PERSON,
        "text": "one two three",
        "created_at": NOW,
        "saved_at": NOW,
        "sitting": MINE,
    }
    return Transcript(clip_id=uuid.uuid4(), **{**said, **fields})


@pytest.mark.parametrize(
    ("newest", "sitting", "after", "is_same"),
    [
        (revision(), MINE, timedelta(seconds=5), True),
        (revision(sitting=None), None, timedelta(seconds=5), True),
        (revision(), MINE, MAX_PAUSE - timedelta(seconds=1), True),
        (revision(), MINE, MAX_PAUSE, False),
        (revision(), ANOTHER, timedelta(seconds=5), False),
        (revision(), None, timedelta(seconds=5), False),
        (revision(sitting=None), MINE, timedelta(seconds=5), False),
        (revision(source=Source.MACHINE), MINE, timedelta(seconds=5), False),
        (revision(saved_at=None), MINE, timedelta(seconds=5), False),
        (revision(saved_at=None, sitting=None), None, timedelta(seconds=5), False),
        (revision(text="a" * MAX_REPLACED_CHARS + "one"), MINE, timedelta(seconds=5), True),
        (revision(text="a" * MAX_REPLACED_CHARS + "a one"), MINE, timedelta(seconds=5), False),
    ],
)
def test_a_sitting_is_one_person_s_saves_without_a_long_pause(
    newest: Transcript, sitting: uuid.UUID | None, after: timedelta, is_same: bool
) -> None:
    assert continues_sitting(newest, "one", sitting, NOW + after) is is_same


@given(st.text("ab", max_size=30), st.text("ab", max_size=30))
def test_what_a_save_replaces_is_all_but_the_common_beginning_and_end(old: str, new: str) -> None:
    gone = replaced_chars(old, new)
    kept = len(old) - gone
    assert any(new.startswith(old[:start]) and new.endswith(old[start + gone :]) for start in range(kept + 1))
    assert kept <= len(new)
    assert (gone == 0) or old != new
    assert replaced_chars(old, old + new) == 0
    assert replaced_chars(old, "") == len(old)
