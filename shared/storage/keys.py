"""Keys of objects. A key says which bytes of which clip its object holds, so that a lost row can be made again."""

import enum
import re
import uuid
from dataclasses import dataclass
from typing import Self


class Kind(enum.StrEnum):
    """What an object holds of its clip."""

    RECORDING = "recording"
    """Bytes of a segment, as a recorder sent them."""
    FILE = "file"
    """Bytes of a file, as they were uploaded."""
    PLAYED = "played"
    """What players get where the originals do not seek: it is made of them, and can be made again."""
    RENDITION = "rendition"
    """The sound in another form: it is made of what is played, and can be made again."""
    UNNAMED = "unnamed"
    """Anything of the first three: keys of earlier releases tell the clip alone."""


_RANDOM = "[0-9a-f]{32}"
_KEY = re.compile(
    r"(?P<library>[^/]+)/(?P<clip>[0-9a-f-]{36})/"
    rf"(?:(?P<kind>recording|file)-(?P<number>\d+)-(?P<start>\d+)-(?P<end>\d+)-{_RANDOM}"
    rf"|(?P<made>played|rendition-[a-z0-9]+)-{_RANDOM}|{_RANDOM})"
)


@dataclass(frozen=True)
class AudioKey:
    """What a key says of its object."""

    library_id: str
    clip_id: uuid.UUID
    kind: Kind
    segment: int = 0
    length: int | None = None
    """Bytes of the whole file, if that was known; of a recording never."""
    start: int = 0
    end: int = 0

    @classmethod
    def parse(cls, key: str) -> Self | None:
        """Read a key; None if it is none of ours."""
        match = _KEY.fullmatch(key)
        if match is None:
            return None
        try:
            clip_id = uuid.UUID(match["clip"])
        except ValueError:
            return None
        if match["kind"] is None:
            made = match["made"] or Kind.UNNAMED
            return cls(match["library"], clip_id, Kind(made.partition("-")[0]))
        kind, number = Kind(match["kind"]), int(match["number"])
        return cls(
            match["library"],
            clip_id,
            kind,
            segment=number if kind is Kind.RECORDING else 0,
            length=number or None if kind is Kind.FILE else None,
            start=int(match["start"]),
            end=int(match["end"]),
        )


def recording_key(library_id: str, clip_id: uuid.UUID, segment: int, start: int, end: int) -> str:
    """A new key for a range of a segment's bytes."""
    return f"{library_id}/{clip_id}/{Kind.RECORDING}-{segment}-{start}-{end}-{uuid.uuid4().hex}"


def file_key(library_id: str, clip_id: uuid.UUID, start: int, end: int, length: int | None) -> str:
    """A new key for a range of a file's bytes. `length` is that of the whole file, if it is known."""
    return f"{library_id}/{clip_id}/{Kind.FILE}-{length or 0}-{start}-{end}-{uuid.uuid4().hex}"


def played_key(library_id: str, clip_id: uuid.UUID) -> str:
    """A new key for what is played instead of the originals."""
    return f"{library_id}/{clip_id}/{Kind.PLAYED}-{uuid.uuid4().hex}"


def rendition_key(library_id: str, clip_id: uuid.UUID, form: str) -> str:
    """A new key for a form of the clip's sound."""
    return f"{library_id}/{clip_id}/{Kind.RENDITION}-{form.replace('-', '')}-{uuid.uuid4().hex}"


def clip_folder(library_id: str, clip_id: uuid.UUID) -> str:
    """The folder of all objects of a clip."""
    return f"{library_id}/{clip_id}"
