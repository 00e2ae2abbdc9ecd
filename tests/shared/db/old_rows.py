"""Rows as the releases before wrote them, in plain SQL: models know the newest schema only."""

import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Uuid, bindparam, text

from shared.db.columns import UtcDateTime

AT = datetime(2026, 11, 23, tzinfo=UTC)

COLUMNS = (
    "id, library_id, name, mime, bytes, sha256, audio_key, status, text, attempt, tries, queued_at, version, "
    "created_at, updated_at"
)
VALUES = ":id, 'home', :name, 'audio/webm', 1, '', '', 'done', :text, 0, 0, :at, 1, :created_at, :at"


def old_clip(id: uuid.UUID, name: str, text: str | None, created_at: datetime = AT) -> dict[str, Any]:
    return {"id": id, "name": name, "text": text, "at": AT, "created_at": created_at}


def insert_clips(connection: Connection, clips: Iterable[Mapping[str, Any]]) -> None:
    """Insert clips with the columns of revision 0001: every release since has been able to."""
    statement = text(f"INSERT INTO clip ({COLUMNS}) VALUES ({VALUES})")
    typed = statement.bindparams(
        bindparam("id", type_=Uuid()),
        bindparam("at", type_=UtcDateTime()),
        bindparam("created_at", type_=UtcDateTime()),
    )
    connection.execute(typed, [dict(clip) for clip in clips])


def insert_event(connection: Connection, clip_id: uuid.UUID) -> None:
    """Insert an event of a clip into the outbox, as revision 0001 knows it."""
    statement = text("INSERT INTO outbox (topic, clip_id, created_at) VALUES ('event', :id, :at)")
    typed = statement.bindparams(bindparam("id", type_=Uuid()), bindparam("at", type_=UtcDateTime()))
    connection.execute(typed, {"id": clip_id, "at": AT})
