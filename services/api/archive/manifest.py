"""A library as a zip: what stands where in it, and the description from which the same clip is made again."""

import re
import uuid
from collections.abc import Iterable
from datetime import datetime
from itertools import count
from pathlib import PurePosixPath
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from services.api.clips.media_types import file_extension
from shared.clips.models import MAX_NAME_CHARS
from shared.clips.schemas import Gap
from shared.clips.tags import normalize_tags
from shared.db.columns import MAX_DURATION_MS, Source, Status
from shared.languages import LANGUAGES

MANIFEST = "dictaphone.json"
"""The last entry: a zip without it was cut off, or is no library."""

ABOUT = "clip.json"
"""The description in each clip's folder."""

LONGEST_STEM = 80
"""Characters of a folder's name: some unpack programs stop at paths of 260, and at 255 bytes of a name."""

_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)
_REFUSED = re.compile(r'[\x00-\x1f\x7f\\/:*?"<>|\ud800-\udfff]+')

Milliseconds = Annotated[int, Field(ge=0, le=MAX_DURATION_MS)]
Size = Annotated[int, Field(ge=1, lt=2**63)]


def _plain(name: str) -> str:
    if PurePosixPath(name).name != name or name in {"", ".", ".."}:
        raise ValueError("a file stands in its clip's own folder")
    return name


def _language(code: str) -> str:
    if code not in LANGUAGES:
        raise ValueError(f"{code[:16]!r} is no language that we know")
    return code


Language = Annotated[str, AfterValidator(_language)]


class Model(BaseModel):
    model_config = ConfigDict(extra="ignore")  # what a later version adds


class Manifest(Model):
    """What the zip is, and how many clips are in it."""

    format: Literal["dictaphone library"] = "dictaphone library"
    version: Literal[1] = 1
    clips: int
    made_at: AwareDatetime


class Sound(Model):
    """An audio file in the clip's folder."""

    file: Annotated[str, AfterValidator(_plain)]
    mime: str = Field(max_length=255)
    bytes: Size
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


class Original(Sound):
    """What came of one segment, byte for byte; of a clip that was never remade it is the audio itself."""

    segment: int = Field(ge=0, le=10_000)
    is_recording: bool
    name: str = Field(max_length=MAX_NAME_CHARS)
    recorded_at: AwareDatetime


class Word(Model):
    start_ms: Milliseconds
    end_ms: Milliseconds
    text: str


class Passage(Word):
    words: list[Word]


class Revision(Model):
    """Words as a machine heard them, or as a person put them right."""

    attempt: int | None
    source: Source
    text: str
    language: str | None = Field(max_length=16)
    recognizer: str | None = Field(max_length=255)
    passages: list[Passage] | None
    created_at: AwareDatetime


class Described(Model):
    """All of a clip but its bytes."""

    id: uuid.UUID
    name: str
    created_at: AwareDatetime
    duration_ms: Milliseconds | None
    segments: int = Field(ge=1, le=10_000)
    gaps: list[Gap]
    status: Status
    text: str | None
    edited_at: AwareDatetime | None
    language: str | None = Field(max_length=16)
    language_set: Language | None
    recognizer: str | None = Field(max_length=255)
    error: str | None
    tags: Annotated[list[str], AfterValidator(normalize_tags)]
    prepared: bool
    """Whether its sound was measured and made seekable."""
    audio: Sound | None
    """None: its segments are not joined yet."""
    originals: list[Original] = Field(max_length=10_000)
    peaks: list[Annotated[int, Field(ge=0, le=255)]] | None = Field(max_length=10_000)
    revisions: list[Revision]


class Folders:
    """Names for the clips' folders: each once, and good on every system."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._next: dict[str, int] = {}
        """Which number a name has next: thousands of clips may have one name."""

    def name(self, clip_name: str, at: datetime) -> str:
        stem = f"{at:%Y-%m-%d} {safe(clip_name)}"
        for number in count(self._next.get(stem.casefold(), 1)):
            name = stem if number == 1 else f"{stem} ({number})"
            if name.casefold() not in self._taken:
                break
        self._next[stem.casefold()] = number + 1
        self._taken.add(name.casefold())
        return name


def safe(name: str) -> str:
    """What is left of a clip's name where Windows, macOS and Linux are to take it as a file's."""
    stem = _REFUSED.sub("-", name)[:LONGEST_STEM].strip(". ") or "clip"
    return f"-{stem}" if _RESERVED.match(stem) else stem


def file_name(stem: str, mime: str) -> str:
    return f"{stem}.{file_extension(mime)}"


def known_files(described: Described) -> Iterable[Sound]:
    """Each file once, the played one first."""
    sounds = [*([described.audio] if described.audio else []), *described.originals]
    return {sound.file: sound for sound in reversed(sounds)}.values()
