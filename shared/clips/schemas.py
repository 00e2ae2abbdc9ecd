"""What the browser sees of a clip."""

import uuid
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from shared.clips.models import Status
from shared.db.columns import MAX_DURATION_MS

Instant = Annotated[
    datetime,
    PlainSerializer(
        lambda at: at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"), return_type=str
    ),
]
"""An instant as JavaScript writes it: UTC, milliseconds, `Z`."""

MAX_EVENT_TEXT_CHARS = 20_000
"""Characters of a clip's text that an event carries, some 25 minutes of speech: fifty such still make a replay."""

Milliseconds = Annotated[int, Field(ge=0, le=MAX_DURATION_MS)]


class Gap(BaseModel):
    """Something that was not heard.

    muted: the system silenced the microphone; frozen: the browser gave no sound for long; interrupted: the microphone
    went away and came back; closed: the tab was gone until somebody went on; lost: the recorder fell silent before it
    was done; unheard: a part is kept in which nothing is heard; missing: the audio is shorter than what was recorded.
    """

    model_config = ConfigDict(extra="forbid")

    at_ms: Milliseconds
    """Where in the audio."""
    length_ms: Milliseconds
    """Time that passed unheard; 0: nobody knows."""
    cause: Literal["muted", "frozen", "interrupted", "closed", "lost", "unheard", "missing"]


class PublicClip(BaseModel):
    """A clip as the list, every answer and every event show it."""

    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    name: str
    mime: str
    bytes: int
    duration_ms: int | None
    segments: int
    gaps: list[Gap]
    status: Status
    text: str | None
    edited: bool
    """Whether a person has written the words."""
    tags: list[str]
    language: str | None
    """Of the words, as it was found."""
    language_set: str | None
    """What a person says is spoken; null: it is found out."""
    recognizer: str | None
    error: str | None
    version: int
    created_at: Instant
    updated_at: Instant
    deleted_at: Instant | None

    def event(self) -> dict[str, Any]:
        """What an event says of it. One without `text` has a long one, which is to be fetched with its clip."""
        left_out = {"text"} if len(self.text or "") > MAX_EVENT_TEXT_CHARS else None
        return {"type": "clip", "clip": self.model_dump(mode="json", exclude=left_out)}
