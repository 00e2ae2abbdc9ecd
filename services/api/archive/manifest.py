"""The format of the zip: a folder for each clip with its files and a description, and a manifest as the last entry."""

import re
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from services.api.clips.schemas import NewMarker, Storable
from shared.clips.cut_words import readable_spans
from shared.clips.cuts import MAX_CUTS, normalize_cuts
from shared.clips.markers import MAX_MARKERS, MAX_NOTES_CHARS
from shared.clips.models import MAX_NAME_CHARS, NameOrigin, Status
from shared.clips.schemas import Gap, Remark, Stretch
from shared.clips.tags import normalize_tags
from shared.db.columns import MAX_DURATION_MS
from shared.languages import LANGUAGES
from shared.transcripts.models import Source

MANIFEST = "dictaphone.json"
"""The last entry. A zip without it was cut off, or is not a library."""

DESCRIPTION = "clip.json"
"""The file in each clip's folder that describes the clip."""

TRANSCRIPT_FORMATS = ("txt", "srt", "md")
"""Formats in which each transcript lies beside its audio, for people; no import reads them."""

NOTED_FORMAT = "md"
"""The one of them that also shows notes and markers: it is there for a clip without words that has any."""

TEXT_FILES = frozenset({MANIFEST, DESCRIPTION, *(f"transcript.{extension}" for extension in TRANSCRIPT_FORMATS)})
"""Names of files that hold no audio. Words may shrink in a zip to a thousandth, audio does not."""

MAX_TEXT_CHARS = 32 * 1024**2
"""Characters of one text: more than anybody can say into one clip. What a person types is limited far below."""

MAX_SENTENCE_CHARS = 100_000
"""Characters of a clip's error: a sentence, perhaps with what a server said of itself."""

MAX_SPEAKER_CHARS = 255
"""Characters of a speaker's name."""

MAX_ITEMS = 10_000
"""Segments, gaps or peaks of one clip."""


def _plain_file_name(name: str) -> str:
    if PurePosixPath(name).name != name or name in {"", ".", ".."}:
        raise ValueError("a file stands in its clip's own folder")
    if name in TEXT_FILES:
        raise ValueError(f"{name} is no file with sound")
    return name


def _language_code(code: str) -> str:
    if code not in LANGUAGES and not re.fullmatch("[a-z]{2,3}", code):
        raise ValueError(f"{code[:16]!r} is no code of a language")
    return code


def _in_utc(at: datetime) -> datetime:
    try:
        return at.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("no calendar has this day") from error


Milliseconds = Annotated[int, Field(ge=0, le=MAX_DURATION_MS)]
Size = Annotated[int, Field(ge=1, lt=2**63)]
Peak = Annotated[int, Field(ge=0, le=255)]
Attempt = Annotated[int, Field(ge=0, lt=2**31)]
Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
MediaType = Annotated[str, Field(max_length=255, pattern=r"^[ -~]*$")]
"""Printable ASCII: it becomes a header of the audio's answer."""

LanguageName = Annotated[Storable, Field(max_length=16)]
RecognizerName = Annotated[Storable, Field(max_length=255)]
Language = Annotated[str, AfterValidator(_language_code)]


class ArchiveModel(BaseModel):
    model_config = ConfigDict(extra="ignore")  # fields that a later version adds


class Manifest(ArchiveModel):
    """Format and version of the zip, and the number of its clips."""

    format: Literal["dictaphone library"] = "dictaphone library"
    version: Literal[1] = 1
    clips: int
    made_at: AwareDatetime


class AudioFile(ArchiveModel):
    """An audio file in the clip's folder."""

    file: Annotated[str, Field(max_length=255), AfterValidator(_plain_file_name)]
    mime: MediaType
    bytes: Size
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class OriginalFile(AudioFile):
    """The bytes of one segment as they arrived. Of a clip that was never remuxed, this is the played file itself."""

    segment: int = Field(ge=0, le=MAX_ITEMS)
    is_recording: bool
    name: Storable = Field(max_length=MAX_NAME_CHARS)
    recorded_at: Moment


class ArchivedWord(ArchiveModel):
    start_ms: Milliseconds
    end_ms: Milliseconds
    text: Storable


class ArchivedPassage(ArchivedWord):
    """A passage without its words, which are read apart."""

    language: LanguageName | None = None
    speaker: Storable | None = Field(default=None, max_length=MAX_SPEAKER_CHARS)


class ArchivedRevision(ArchiveModel):
    """One transcript of the clip: as a machine heard it, or as a person left it. Its `passages` are read apart."""

    attempt: Attempt | None
    source: Annotated[Source | Annotated[Storable, Field(max_length=16)], Field(union_mode="left_to_right")]
    text: Storable = Field(max_length=MAX_TEXT_CHARS)
    language: LanguageName | None
    recognizer: RecognizerName | None
    created_at: Moment
    saved_at: Moment | None = None
    """Older exports have none."""


class ClipDescription(ArchiveModel):
    """All of a clip but its bytes and its `revisions`, which are read apart: they may be many, and large."""

    id: uuid.UUID
    name: str
    created_at: Moment
    duration_ms: Milliseconds | None
    segments: int = Field(ge=1, le=MAX_ITEMS)
    gaps: Annotated[list[Gap], Field(fail_fast=True, max_length=MAX_ITEMS)]
    remarks: Annotated[list[Remark], Field(fail_fast=True, max_length=MAX_ITEMS)] = []
    """Older exports have none."""
    status: Annotated[Status | Annotated[Storable, Field(max_length=16)], Field(union_mode="left_to_right")]
    """A status, source or language that is not known here is one of a newer release."""
    text: Storable | None = Field(max_length=MAX_TEXT_CHARS)
    edited_at: Moment | None
    language: LanguageName | None
    language_set: Language | None
    recognizer: RecognizerName | None
    error: Storable | None = Field(max_length=MAX_SENTENCE_CHARS)
    tags: Annotated[list[str], AfterValidator(normalize_tags)]
    has_true_clock: bool = True
    track_set: Annotated[int, Field(ge=1, le=MAX_ITEMS)] | None = None
    is_dated: bool = True
    name_origin: Annotated[
        NameOrigin | Annotated[Storable, Field(max_length=16)], Field(union_mode="left_to_right")
    ] = NameOrigin.PERSON
    starred_at: Moment | None = None
    notes: Storable = Field(default="", max_length=MAX_NOTES_CHARS)
    markers: Annotated[list[NewMarker], Field(fail_fast=True, max_length=MAX_MARKERS)] = []
    """Older exports have none of these seven."""
    cuts: Annotated[list[Stretch], Field(fail_fast=True, max_length=MAX_CUTS)] = []
    whole_ms: Milliseconds | None = None
    whole_text: Storable | None = Field(default=None, max_length=MAX_TEXT_CHARS)
    hidden: Annotated[list[tuple[int, int]], Field(fail_fast=True, max_length=MAX_ITEMS)] = []
    """What is cut out of the clip: `Clip` says what each means. The files in the folder are not cut."""
    prepared: bool
    """Whether the audio was measured and made seekable."""
    audio: AudioFile | None
    """The played file; None while the segments are not joined yet."""
    originals: Annotated[list[OriginalFile], Field(fail_fast=True, max_length=MAX_ITEMS)]
    peaks: Annotated[list[Peak], Field(fail_fast=True, max_length=MAX_ITEMS)] | None

    @model_validator(mode="after")
    def _cuts_fit(self) -> Self:
        if self.cuts and normalize_cuts(self.cuts, self.whole_ms or 0) != self.cuts:
            raise ValueError("its cuts are not in order, or not within its sound")
        is_within = not self.hidden or self.hidden[-1][1] <= len(self.whole_text or "")
        if readable_spans(self.hidden) != self.hidden or not is_within:
            raise ValueError("the words that its cuts hide are not in order, or not within its text")
        return self

    @property
    def files(self) -> Iterable[AudioFile]:
        """Each file once. Where the played file is also an original, this is the description of the played one."""
        files = [*([self.audio] if self.audio else []), *self.originals]
        return {each.file: each for each in reversed(files)}.values()
