"""Read a zip that a stranger may have made, within limits of memory and disk."""

import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from struct import unpack
from typing import IO

from services.api.archive.manifest import MANIFEST, TEXT_FILES, Manifest
from services.api.http.errors import Problem
from shared.disk_full import is_disk_full
from shared.storage.store import BLOCK_BYTES, StoreError, StoreFull, StoreUnavailable

MAX_DIRECTORY_BYTES = 128 * 1024**2
"""Size of the zip's central directory, which Python reads at once."""

MAX_ENTRIES = 1_000_000
"""Files in a zip, of which Python holds half a kilobyte each: some 200,000 clips."""

MAX_DESCRIPTION_BYTES = 512 * 1024**2
"""Size of one description, which is never held whole: all revisions that a clip keeps, in the longest form of JSON."""

MAX_MANIFEST_BYTES = 64 * 1024
"""Size of the manifest, which is held whole."""

MAX_EXPANSION = 10
"""Times that the sound in a zip may grow when it is unpacked: audio does not shrink."""

MIN_EXPANSION_BYTES = 64 * 1024**2
"""What may be unpacked of any zip."""

DESCRIPTION_BLOCK_BYTES = 16 * 1024
"""Bytes of a description that are parsed at once: some milliseconds without the interpreter's lock for others."""

ZIP64_RECORDS_BYTES = 56 + 20
"""Bytes of the records that may lie between the directory and the last record."""

DAMAGED_ZIP = "This zip is no library of Dictaphone's, or it was cut off: its last entry is missing."


class InvalidClip(Exception):
    """A clip of the zip that cannot be imported. The message is a sentence for people."""


def unpacking_failure(error: OSError) -> StoreError:
    """What an error of the disk means on which a library is unpacked."""
    failure = StoreFull if is_disk_full(error) else StoreUnavailable
    return failure(f"a library could not be unpacked: {error.strerror}")


def open_zip(file: IO[bytes], size: int) -> zipfile.ZipFile:
    """Open a zip and check its manifest. Raises `Problem`."""
    directory_end, directory_bytes = _directory(file, size)
    has_too_many = directory_bytes > MAX_DIRECTORY_BYTES
    if has_too_many or _count_entries(file, directory_end, directory_bytes) > MAX_ENTRIES:
        raise Problem("bad-library", "There are too many files in this zip; bring it in in parts.")
    try:
        archive = zipfile.ZipFile(file)
        manifest = archive.getinfo(MANIFEST)
        sound_bytes = sum(entry.file_size for entry in archive.infolist() if not _is_text(entry))
        if sound_bytes > MAX_EXPANSION * size + MIN_EXPANSION_BYTES:
            raise Problem("bad-library", "This zip unpacks to far more than a library's; it was not made here.")
        if manifest.file_size > MAX_MANIFEST_BYTES:
            raise Problem("bad-library", DAMAGED_ZIP)
        Manifest.model_validate_json(b"".join(read_blocks(archive, manifest)))
    # `zipfile` raises NotImplementedError for what a zip may have and it does not read, such as other compressions.
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError, KeyError, InvalidClip) as error:
        raise Problem("bad-library", DAMAGED_ZIP) from error
    return archive


def _is_text(entry: zipfile.ZipInfo) -> bool:
    """Whether an entry holds words, which are read within bounds of their own, or not at all."""
    return entry.filename.rpartition("/")[2] in TEXT_FILES


def _directory(file: IO[bytes], size: int) -> tuple[int, int]:
    """Where the central directory ends at the latest, and its size as the zip states it (APPNOTE 4.3.14, 4.3.16)."""
    tail_start = max(0, size - 22 - 65_535)
    file.seek(tail_start)
    tail = file.read()
    end_record = tail.rfind(b"PK\x05\x06")
    if end_record < 0 or len(tail) < end_record + 22:
        return 0, 0
    (length,) = unpack("<L", tail[end_record + 12 : end_record + 16])
    end = tail_start + end_record
    # Zip64 states the size in a record of its own. The directory lies before this record, so it cannot be larger.
    return end, end if length == 0xFFFFFFFF else int(length)


def _count_entries(file: IO[bytes], directory_end: int, directory_bytes: int) -> int:
    """Count the entries of the directory by their signatures, without believing the number that the zip states."""
    start = max(0, directory_end - directory_bytes - ZIP64_RECORDS_BYTES)
    file.seek(start)
    count, last = 0, b""
    while start < directory_end and (block := file.read(min(BLOCK_BYTES, directory_end - start))):
        count += (last + block).count(b"PK\x01\x02")
        start, last = start + len(block), block[-3:]
    return count


def read_description_blocks(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    """Yield a description's bytes in small blocks. Raises `InvalidClip`."""
    if entry.file_size > MAX_DESCRIPTION_BYTES:
        raise InvalidClip("Its description is too large.")
    yield from read_blocks(archive, entry, DESCRIPTION_BLOCK_BYTES)


def read_blocks(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, block_bytes: int = BLOCK_BYTES) -> Iterator[bytes]:
    """Yield an entry's bytes, at most as many as the zip states. Raises `InvalidClip`."""
    try:
        with archive.open(entry) as file:
            while block := file.read(block_bytes):
                yield block
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, zlib.error, ValueError) as error:
        name = Path(entry.filename).name
        raise InvalidClip(f"The file {name} is damaged, or packed in a way that is not read.") from error
