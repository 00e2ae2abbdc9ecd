"""The JSON that a client sends to change a clip."""

from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema, model_validator

from services.api.http.params import storable_text
from shared.clips.markers import MAX_MARKER_CHARS, MAX_MARKER_ID_CHARS, MAX_MARKERS, MAX_NOTES_CHARS
from shared.clips.models import NameOrigin
from shared.clips.schemas import Marker
from shared.clips.tags import normalize_tags
from shared.languages import LANGUAGES

MAX_TEXT_CHARS = 2_000_000
"""Characters of an edited transcript: a day of speech is about a million."""


def _supported_language(code: str | None) -> str | None:
    if code is not None and code not in LANGUAGES:
        raise ValueError(
            f"{code[:40]!r} is no language that can be transcribed; "
            f"say null to have it found out, or one of {', '.join(sorted(LANGUAGES))}"
        )
    return code


def _normalized_tags(names: list[str] | None) -> list[str] | None:
    return None if names is None else normalize_tags(names)


MarkerId = Annotated[str, Field(min_length=1, max_length=MAX_MARKER_ID_CHARS, pattern="^[A-Za-z0-9_-]+$")]
"""Made by the client that sets a marker: the same id again is the same marker."""

Storable = Annotated[str, AfterValidator(storable_text)]
"""Text without what a database may refuse."""


class NewMarker(Marker):
    """A marker that a client sets."""

    id: MarkerId
    text: Annotated[Storable, Field(max_length=MAX_MARKER_CHARS)]


class MarkerChanges(BaseModel):
    """Changes of some markers; all others stay. The order of two changes of different markers does not matter."""

    model_config = ConfigDict(extra="forbid", strict=True)

    set: list[NewMarker] = Field(default=[], max_length=MAX_MARKERS)
    """New markers, and known ones with another time or text."""
    remove: list[MarkerId] = Field(default=[], max_length=MAX_MARKERS)
    """Ids; one that is not there is no fault."""


class ClipPatch(BaseModel):
    """What PATCH may change."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str | None = None
    name_origin: NameOrigin | None = None
    """Who gave the name, if no person did. Such a name replaces none that a person, or a better machine, gave."""
    starred: bool | None = None
    notes: Storable | None = Field(default=None, max_length=MAX_NOTES_CHARS)
    markers: MarkerChanges | None = None
    text: str | None = Field(default=None, max_length=MAX_TEXT_CHARS)
    language: Annotated[
        str | None, AfterValidator(_supported_language), WithJsonSchema({"enum": [*sorted(LANGUAGES), None]})
    ] = None
    """The language that is spoken; the clip is transcribed again in it. null: a recognizer is to detect it."""
    tags: Annotated[list[str] | None, AfterValidator(_normalized_tags)] = None
    """All tags of the clip: the ones it had and that are not listed are removed."""

    @model_validator(mode="after")
    def _origin_has_a_name(self) -> Self:
        if self.name_origin is not None and self.name is None:
            raise ValueError("name_origin says who gave the name, and there is no name")
        return self
