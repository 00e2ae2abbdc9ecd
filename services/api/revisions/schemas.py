"""The JSON of a clip's revisions. In `/openapi.json` each model has its own name."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from shared.clips.schemas import Instant
from shared.transcripts.models import Source


class Revision(BaseModel):
    """One version of a clip's words, without the words."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    source: Annotated[Source | str, Field(union_mode="left_to_right")]
    """Who wrote it: a machine or a person. Any other is one of a newer release."""
    created_at: Instant
    saved_at: Instant
    """When its sitting ended, or its last save so far."""
    language: str | None
    recognizer: str | None
    chars: int
    """Length of its text."""
    current: bool
    """Whether the clip shows these words."""


class Revisions(BaseModel):
    """All revisions of a clip, newest first."""

    revisions: list[Revision]


class RevisionText(Revision):
    """One version of a clip's words."""

    text: str
