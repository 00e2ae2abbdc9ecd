"""What a page of the list is in JSON."""

import uuid
from typing import Literal

from pydantic import BaseModel

from shared.clips.schemas import PublicClip


class Realtime(BaseModel):
    """Where a page hears of changes, and from which event on."""

    url: str
    cursor: str | None


class Limits(BaseModel):
    """What this server takes."""

    upload_bytes: int


Sort = Literal["newest", "oldest", "longest", "shortest", "name", "best"]
"""What a list is ordered by."""


Span = tuple[int, int]
"""Where something begins and ends: UTF-16 code units, which JavaScript's `slice` takes."""


class Passage(BaseModel):
    """Words around a match."""

    text: str
    marks: list[Span]
    """The matched words in this text."""
    at_ms: int | None
    """When the first of them was said; null: nobody knows."""


class Found(BaseModel):
    """Why a clip was found."""

    name: list[Span]
    """The matched words in its name."""
    passages: list[Passage]


class ClipPage(BaseModel):
    """One page of the list, and what its reader needs to stay current."""

    clips: list[PublicClip]
    next: str | None
    """The cursor of the next page; None: this is the last."""
    realtime: Realtime
    limits: Limits


class SearchPage(ClipPage):
    """One page of what was found."""

    found: dict[uuid.UUID, Found]
    """By the clip's id."""
