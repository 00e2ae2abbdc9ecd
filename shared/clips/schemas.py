"""The public form of a clip, in answers and events."""

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    PlainSerializer,
    model_validator,
)

from shared.clips.cuts import cut_gaps, cut_markers, cut_remarks
from shared.clips.excerpt import excerpt_of
from shared.clips.models import NameOrigin, Status
from shared.db.columns import MAX_DURATION_MS

Instant = Annotated[
    datetime,
    PlainSerializer(
        lambda at: at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"), return_type=str
    ),
]
"""An instant as JavaScript writes it: UTC, milliseconds, `Z`."""

MAX_EVENT_TEXT_CHARS = 20_000
"""Characters of text, notes and markers in an event: some 25 minutes of speech. Fifty such events still fit into one
replay."""

KnownCause = Literal["muted", "frozen", "interrupted", "closed", "lost", "unheard", "missing"]
Cause = Annotated[KnownCause | Annotated[str, Field(pattern="^[a-z-]{1,32}$")], Field(union_mode="left_to_right")]
"""Why sound is missing. A recorder or a row of a newer release may name a cause that is not known here."""

Milliseconds = Annotated[int, Field(ge=0, le=MAX_DURATION_MS)]


Stretch = tuple[Milliseconds, Milliseconds]
"""From and to."""


class Gap(BaseModel):
    """A part of a recording that is not in its audio.

    muted: the system silenced the microphone; frozen: the browser gave no sound for long; interrupted: the microphone
    went away and came back; closed: the tab was closed, and the recording went on later; lost: the recorder fell silent
    before it ended; unheard: bytes are kept that cannot be decoded; missing: the audio is shorter than the recording.
    Any other cause is one of a newer release.
    """

    model_config = ConfigDict(extra="ignore")  # fields that a newer release adds

    at_ms: Milliseconds
    """Position in the audio."""
    length_ms: Milliseconds
    """Time that is missing; 0: unknown."""
    cause: Cause


class Remark(BaseModel):
    """What a person should know about a clip's sound although its words are there.

    quiet: it is very quiet, and was amplified; tracks: of several tracks, those in `heard` were heard, those in
    `silent` have no sound, and those in `left_out` were not asked for when a person chose one; opposite-phase: the
    channels cancel each other out, and the louder one was heard; not-understood: somebody speaks from `at_ms` on for
    `length_ms`, and no words were found there. Any other kind is one of a newer release.
    """

    model_config = ConfigDict(extra="ignore")  # fields that a newer release adds

    kind: Annotated[str, Field(pattern="^[a-z-]{1,32}$")]
    at_ms: Milliseconds | None = None
    length_ms: Milliseconds | None = None
    heard: list[int] | None = None
    """Numbers of tracks, from 1."""
    silent: list[int] | None = None
    left_out: list[int] | None = None


class Marker(BaseModel):
    """A moment of a clip that somebody noted."""

    model_config = ConfigDict(extra="ignore")  # fields that a newer release adds

    id: str
    at_ms: Milliseconds
    """Position in the audio."""
    text: str


class ShortClip(BaseModel):
    """A clip without what may be long: its text, notes and markers."""

    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    name: str
    name_origin: Annotated[NameOrigin | str, Field(union_mode="left_to_right")]
    """Who gave the name: `default` is the page's, `words` is made of the first words, `person` is typed."""
    starred: bool
    mime: str
    bytes: int
    duration_ms: int | None
    segments: int
    gaps: list[Gap]
    has_true_clock: bool
    """Whether a player of the audio keeps the transcript's clock; if not, the rendition `m4a` does."""
    remarks: list[Remark]
    track_set: int | None
    """Number of the track that a person wants heard, from 1; null: all that have sound."""
    cuts: list[Stretch]
    """What is cut out, as from and to in the clock of the sound as it was recorded. Everything else about the clip is
    in the clock of what remains."""
    status: Annotated[Status | str, Field(union_mode="left_to_right")]
    """What happens to the clip; after a rollback perhaps a status of the newer release."""
    excerpt: Annotated[str | None, AfterValidator(excerpt_of)]
    """The first words of the text."""
    text_chars: int | None
    """Characters (code points) of the text."""
    edited: bool
    """Whether a person has written the text."""
    tags: list[str]
    language: str | None
    """Language of the text, as the recognizer detected it."""
    language_set: str | None
    """Language that a person set; null: the recognizer detects it."""
    recognizer: str | None
    error: str | None
    version: int
    created_at: Instant
    updated_at: Instant
    deleted_at: Instant | None
    found_at: Instant | None
    """When it was made of audio in the store that the database did not know; null: it was recorded or uploaded."""

    @model_validator(mode="wrap")
    @classmethod
    def _without_cuts(cls, row: Any, validate: ModelWrapValidatorHandler[Self]) -> Self:
        """Show a row on the clock of what remains. A player of its audio does not keep this clock: a rendition does."""
        clip = validate(row)
        # A row alone is on the clock of all sound; JSON and what is made of it are not.
        if clip.cuts and not isinstance(row, Mapping | cls):
            clip.has_true_clock = False
            clip.gaps = [Gap.model_validate(each) for each in cut_gaps(row.gaps, clip.cuts)]
            clip.remarks = [Remark.model_validate(each) for each in cut_remarks(row.remarks, clip.cuts)]
            if isinstance(clip, PublicClip):
                clip.markers = [Marker.model_validate(each) for each in cut_markers(row.markers, clip.cuts)]
        return clip


class PublicClip(ShortClip):
    """A clip as every answer about one clip shows it, and every event that is not too long for it."""

    text: str | None
    notes: str
    """What somebody typed beside the clip."""
    markers: list[Marker]
    """In the order of time."""

    def event(self) -> dict[str, Any]:
        """The event about this clip, in the short form if it is long: browsers fetch the clip instead.

        A page of an older release reads from the absence of `text` that it has to.
        """
        chars = len(self.text or "") + len(self.notes) + sum(len(each.text) for each in self.markers)
        excluded = LONG_FIELDS if chars > MAX_EVENT_TEXT_CHARS else None
        return {"type": "clip", "clip": self.model_dump(mode="json", exclude=excluded)}


LONG_FIELDS = PublicClip.model_fields.keys() - ShortClip.model_fields.keys()
"""What the short form leaves out."""
