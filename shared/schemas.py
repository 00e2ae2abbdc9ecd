"""What the browser sees of a clip."""

import uuid
from datetime import UTC, datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, PlainSerializer

from shared.models import Status

Instant = Annotated[
    datetime,
    PlainSerializer(
        lambda at: at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"), return_type=str
    ),
]
"""An instant as JavaScript writes it: UTC, milliseconds, `Z`."""


class PublicClip(BaseModel):
    """A clip as the list, every answer and every event show it."""

    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    name: str
    mime: str
    bytes: int
    duration_ms: int | None
    status: Status
    text: str | None
    language: str | None
    recognizer: str | None
    error: str | None
    version: int
    created_at: Instant
    updated_at: Instant
    deleted_at: Instant | None
