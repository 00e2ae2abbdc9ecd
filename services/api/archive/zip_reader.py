"""Read a zip that a stranger may have made, within limits of memory and disk."""

import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from struct import unpack
from typing import IO

from services.api.archive.manifest import MANIFEST, Manifest
from services.api.http.errors import Problem
from shared.storage.store import BLOCK_BYTES

MAX_DIRECTORY_BYTES = 128 * 1024**2
"""Size of the zip's central directory, which Python holds in memory: some 200,000 clips."""

MAX_DESCRIPTION_BYTES = 64 * 1024**2
"""Size of one description: the words of a day with the time of each are 30 MB."""

MAX_EXPANSION = 10
"""Times that a zip may grow when it is unpacked: audio does not shrink, and words are the smaller part."""

DAMAGED_ZIP = "This zip is no library of Dictaphone's, or it was cut off: its last entry is missing."


class InvalidClip(Exception):
    """A clip of the zip that cannot be imported. The message is a sentence for people."""


def open_zip(file: IO[bytes], size: int) -> zipfile.ZipFile:
    """Open a zip and check its manifest. Raises `Problem`."""
    if _directory_bytes(file, size) > MAX_DIRECTORY_BYTES:
        raise Problem("bad-library", "There are too many files in this zip; bring it in in parts.")
    try:
        archive = zipfile.ZipFile(file)
        manifest = archive.getinfo(MANIFEST)
        if sum(entry.file_size for entry in archive.infolist()) > MAX_EXPANSION * size + MAX_DESCRIPTION_BYTES:
            raise Problem("bad-library", "This zip unpacks to far more than a library's; it was not made here.")
        Manifest.model_validate_json(read_description(archive, manifest))
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError, KeyError, InvalidClip) as error:
        raise Problem("bad-library", DAMAGED_ZIP) from error
    return archive


def _directory_bytes(file: IO[bytes], size: int) -> int:
    """The size of the central directory that the zip states (APPNOTE 4.3.14 and 4.3.16); 0 if none is stated."""
    tail_start = max(0, size - 22 - 65_535)
    file.seek(tail_start)
    tail = file.read()
    end_record = tail.rfind(b"PK\x05\x06")
    if end_record < 0 or len(tail) < end_record + 22:
        return 0
    (length,) = unpack("<L", tail[end_record + 12 : end_record + 16])
    # Zip64 states the size in a record of its own. The directory lies before this record, so it cannot be larger.
    return tail_start + end_record if length == 0xFFFFFFFF else int(length)


def read_description(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """Read the whole of a small entry. Raises `InvalidClip`."""
    if entry.file_size > MAX_DESCRIPTION_BYTES:
        raise InvalidClip("Its description is too large.")
    return b"".join(read_blocks(archive, entry))


def read_blocks(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    """Yield an entry's bytes, at most as many as the zip states. Raises `InvalidClip`."""
    try:
        with archive.open(entry) as file:
            while block := file.read(BLOCK_BYTES):
                yield block
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, zlib.error, ValueError) as error:
        name = Path(entry.filename).name
        raise InvalidClip(f"The file {name} is damaged, or packed in a way that is not read.") from error
