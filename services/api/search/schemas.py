"""The JSON of a page of the list. In `/openapi.json` a model is named by its title, so that a class may be renamed."""

import uuid
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict

from shared.clips.schemas import PublicClip, ShortClip


class Realtime(BaseModel):
    """Where a page hears of changes, and from which event on."""

    url: str
    cursor: str | None


class Limits(BaseModel):
    """What this server takes."""

    upload_bytes: int
    bin_days: int
    """Days that a deleted clip stays in the bin."""


Form = Literal["whole", "short"]
"""Whether the clips of a page come with their text, notes and markers."""

FORMS: tuple[str, ...] = get_args(Form)


Sort = Literal["newest", "oldest", "longest", "shortest", "name", "best"]
"""The order of a list."""


Utf16Span = tuple[int, int]
"""Begin and end in UTF-16 code units, as JavaScript's `slice` takes them."""


class Snippet(BaseModel):
    """Words around a match."""

    model_config = ConfigDict(title="Passage")

    text: str
    marks: list[Utf16Span]
    """The matched words in this text."""
    at_ms: int | None
    """When the first of them was said, or where the marker stands; null: nobody knows."""
    source: Literal["words", "marker", "notes"] = "words"
    """Where the text stands: in what was said, or in what somebody noted beside it."""


class SearchHit(BaseModel):
    """Why a clip was found."""

    model_config = ConfigDict(title="Found")

    name: list[Utf16Span]
    """The matched words in its name."""
    passages: list[Snippet]


class ClipPage(BaseModel):
    """One page of the list, and what its reader needs to stay current."""

    clips: list[PublicClip] | list[ShortClip]
    """In the form that was asked for."""
    next: str | None
    """The cursor of the next page; None: this is the last."""
    realtime: Realtime
    limits: Limits


class SearchPage(ClipPage):
    """One page of what was found."""

    model_config = ConfigDict(title="FoundPage")

    found: dict[uuid.UUID, SearchHit]
    """By the clip's id."""
