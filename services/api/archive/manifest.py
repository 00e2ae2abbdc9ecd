"""The format of the zip: a folder for each clip with its files and a description, and a manifest as the last entry."""

import re
import uuid
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from shared.clips.models import MAX_NAME_CHARS, Status
from shared.clips.schemas import Gap
from shared.clips.tags import normalize_tags
from shared.db.columns import MAX_DURATION_MS
from shared.languages import LANGUAGES
from shared.transcripts.models import Source

MANIFEST = "dictaphone.json"
"""The last entry. A zip without it was cut off, or is not a library."""

DESCRIPTION = "clip.json"
"""The file in each clip's folder that describes the clip."""

Milliseconds = Annotated[int, Field(ge=0, le=MAX_DURATION_MS)]
Size = Annotated[int, Field(ge=1, lt=2**63)]


def _plain_file_name(name: str) -> str:
    if PurePosixPath(name).name != name or name in {"", ".", ".."}:
        raise ValueError("a file stands in its clip's own folder")
    return name


def _language_code(code: str) -> str:
    if code not in LANGUAGES and not re.fullmatch("[a-z]{2,3}", code):
        raise ValueError(f"{code[:16]!r} is no code of a language")
    return code


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

    file: Annotated[str, AfterValidator(_plain_file_name)]
    mime: str = Field(max_length=255)
    bytes: Size
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


class OriginalFile(AudioFile):
    """The bytes of one segment as they arrived. Of a clip that was never remuxed, this is the played file itself."""

    segment: int = Field(ge=0, le=10_000)
    is_recording: bool
    name: str = Field(max_length=MAX_NAME_CHARS)
    recorded_at: AwareDatetime


class ArchivedWord(ArchiveModel):
    start_ms: Milliseconds
    end_ms: Milliseconds
    text: str


class ArchivedPassage(ArchivedWord):
    words: list[ArchivedWord]


class ArchivedRevision(ArchiveModel):
    """One transcript of the clip: as a machine heard it, or as a person corrected it."""

    attempt: int | None
    source: Annotated[Source | Annotated[str, Field(max_length=16)], Field(union_mode="left_to_right")]
    text: str
    language: str | None = Field(max_length=16)
    recognizer: str | None = Field(max_length=255)
    passages: list[ArchivedPassage] | None
    created_at: AwareDatetime


class ClipDescription(ArchiveModel):
    """All of a clip but its bytes."""

    id: uuid.UUID
    name: str
    created_at: AwareDatetime
    duration_ms: Milliseconds | None
    segments: int = Field(ge=1, le=10_000)
    gaps: list[Gap]
    status: Annotated[Status | Annotated[str, Field(max_length=16)], Field(union_mode="left_to_right")]
    """A status, source or language that is not known here is one of a newer release."""
    text: str | None
    edited_at: AwareDatetime | None
    language: str | None = Field(max_length=16)
    language_set: Language | None
    recognizer: str | None = Field(max_length=255)
    error: str | None
    tags: Annotated[list[str], AfterValidator(normalize_tags)]
    prepared: bool
    """Whether the audio was measured and made seekable."""
    audio: AudioFile | None
    """The played file; None while the segments are not joined yet."""
    originals: list[OriginalFile] = Field(max_length=10_000)
    peaks: list[Annotated[int, Field(ge=0, le=255)]] | None = Field(max_length=10_000)
    revisions: list[ArchivedRevision]

    @property
    def files(self) -> Iterable[AudioFile]:
        """Each file once. Where the played file is also an original, this is the description of the played one."""
        files = [*([self.audio] if self.audio else []), *self.originals]
        return {each.file: each for each in reversed(files)}.values()
