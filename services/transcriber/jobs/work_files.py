"""Temporary files of jobs, and how they are put into the store."""

import hashlib
import os
import tempfile
from contextlib import ExitStack
from io import FileIO
from pathlib import Path
from typing import IO, cast

from services.transcriber.errors import CancellationCheck
from shared.storage.store import Store


def new_work_file(files: ExitStack, work_dir: Path) -> FileIO:
    """Open a temporary file without a name. The system deletes it even if this process is killed."""
    work_dir.mkdir(parents=True, exist_ok=True)
    return files.enter_context(tempfile.TemporaryFile(dir=work_dir, buffering=0))


def put_file(
    store: Store, key: str, file: FileIO, content_type: str, check_cancelled: CancellationCheck
) -> tuple[int, str]:
    """Put the whole file into the store. Return its size and SHA-256."""
    size = os.fstat(file.fileno()).st_size
    file.seek(0)
    sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    store.put(key, checked_body(file, check_cancelled), size, content_type, sha256)
    return size, sha256


def checked_body(file: IO[bytes], check_cancelled: CancellationCheck) -> IO[bytes]:
    """The whole file, for a store."""
    file.seek(0)
    return cast("IO[bytes]", _CheckedFile(file, check_cancelled))


class _CheckedFile:
    """A file that checks at each read: a slow bucket takes an hour for a large one, and that is progress."""

    def __init__(self, file: IO[bytes], check_cancelled: CancellationCheck) -> None:
        self._file, self._check_cancelled = file, check_cancelled
        self.seek, self.tell = file.seek, file.tell

    def read(self, size: int = -1) -> bytes:
        self._check_cancelled()
        return self._file.read(size)
