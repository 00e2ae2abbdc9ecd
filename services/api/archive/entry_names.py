"""Names of folders and files in the zip, valid on Windows, macOS and Linux."""

import re
from datetime import datetime
from itertools import count

from services.api.clips.media_types import file_extension
from services.api.clips.names import without_directions

MAX_STEM_CHARS = 80
"""Characters of a folder's name: some unpack programs stop at paths of 260, and at 255 bytes of a name."""

_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f\\/:*?"<>|\ud800-\udfff]+')


class FolderNames:
    """Give each clip's folder a name of its own. Names that differ only in case count as the same."""

    def __init__(self) -> None:
        self._used: set[str] = set()
        self._next_number: dict[str, int] = {}
        """The next free number of each name: thousands of clips may have the same name."""

    def assign(self, clip_name: str, created_at: datetime) -> str:
        stem = f"{created_at:%Y-%m-%d} {safe_stem(clip_name)}"
        for number in count(self._next_number.get(stem.casefold(), 1)):
            name = stem if number == 1 else f"{stem} ({number})"
            if name.casefold() not in self._used:
                break
        self._next_number[stem.casefold()] = number + 1
        self._used.add(name.casefold())
        return name


def safe_stem(clip_name: str) -> str:
    """Return the clip's name without the characters and the endings that a file's name cannot have."""
    stem = _FORBIDDEN.sub("-", without_directions(clip_name))[:MAX_STEM_CHARS].strip(". ") or "clip"
    return f"-{stem}" if _RESERVED.match(stem) else stem


def file_name(stem: str, mime: str) -> str:
    return f"{stem}.{file_extension(mime)}"
