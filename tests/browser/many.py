"""A library of thousands of clips, put straight into the database."""

import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import create_engine
from sqlmodel import Session

from shared.clips.models import Clip, Status
from shared.libraries import HOME
from tests.conftest import Parts

NEWEST = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1)

APART = timedelta(minutes=7)
"""Between two clips: two hundred of them make a day."""

SOME = "It was a bright cold day in April and the clocks were striking thirteen. "


def id_of(number: int) -> str:
    return str(uuid.UUID(int=2**80 + number))


def put(parts: Parts, count: int, odd: dict[int, dict[str, Any]] | None = None) -> None:
    """Put so many clips in, named `Clip 1` (the oldest) and on, of all lengths; `odd` ones differ."""
    engine = create_engine(parts["DATABASE_URL"])
    with Session(engine) as session:
        session.add_all(_clips(count, odd or {}))
        session.commit()
    engine.dispose()


def _clips(count: int, odd: dict[int, dict[str, Any]]) -> Iterable[Clip]:
    for number in range(1, count + 1):
        at = NEWEST - APART * (count - number)
        clip = Clip.new_upload(
            uuid.UUID(id_of(number)), name=f"Clip {number}", mime="audio/webm", bytes=1, sha256="", audio_key="none",
            now=at, duration_ms=1_000 * number,
            library_id=HOME,
        )  # fmt: skip
        clip.status, clip.text, clip.prepared_at = Status.DONE, SOME * (number % 9), at
        for name, value in odd.get(number, {}).items():
            setattr(clip, name, value)
        yield clip
