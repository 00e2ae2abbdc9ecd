"""An object store of files below one folder."""

import contextlib
import hashlib
import os
import uuid
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from shared.disk_full import is_disk_full
from shared.storage.store import (
    BLOCK_BYTES,
    ObjectMissing,
    StoredObject,
    StoreError,
    StoreFull,
    StoreUnavailable,
)

TEMPORARY_PREFIX = "."
"""How the name of a file begins that is being written; no key's last part begins so."""

FOLDER_TRIES = 3
"""Tries to make a folder and a file in it: another process may remove the folder in between, because it is empty."""


class FileStore:
    """An object store of files: the key is the path below the folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()

    def put(self, key: str, body: IO[bytes], size: int, content_type: str, sha256: str = "") -> None:
        target = self._path(key)
        temporary = target.with_name(f"{TEMPORARY_PREFIX}{target.name}.{uuid.uuid4().hex}")
        try:
            with self._open_new(temporary) as file:
                digest = hashlib.sha256()
                while block := body.read(BLOCK_BYTES):
                    digest.update(block)
                    file.write(block)
                if file.tell() != size:
                    raise StoreUnavailable(f"{key}: {file.tell()} of {size} bytes arrived")
                if sha256 and digest.hexdigest() != sha256:
                    raise StoreUnavailable(f"{key}: other bytes arrived than were announced")
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
            self._sync_folder(target.parent)
        except OSError as error:
            failure = StoreFull if is_disk_full(error) else StoreUnavailable
            raise failure(f"{key} could not be written: {error.strerror}") from error
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)

    def copy(self, key: str, new_key: str, size: int, content_type: str) -> None:
        # No hard link: it would have the age of the other, and maintenance judges a file without a row by its age.
        with self._open(key) as file:
            self.put(new_key, file, size, content_type)

    def read(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        with self._open(key) as file:
            file.seek(start)
            remaining = (end if end is not None else os.fstat(file.fileno()).st_size) - start
            while remaining > 0 and (block := file.read(min(BLOCK_BYTES, remaining))):
                remaining -= len(block)
                yield block

    def size(self, key: str) -> int:
        with self._open(key) as file:
            return os.fstat(file.fileno()).st_size

    def delete(self, key: str) -> None:
        path = self._path(key)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise StoreUnavailable(f"{key} could not be deleted: {error.strerror}") from error
        if path.parent != self._folder:
            _remove_if_empty(path.parent)

    def delete_all(self, keys: Collection[str]) -> int:
        deleted = 0
        for key in keys:
            with contextlib.suppress(StoreError):
                self.delete(key)
                deleted += 1
        return deleted

    def list_objects(self, folder: str = "") -> Iterator[StoredObject]:
        for parent, _, names in os.walk(self._path(folder) if folder else self._folder):
            for name in names:
                path = Path(parent, name)
                if not name.startswith(TEMPORARY_PREFIX):
                    with contextlib.suppress(FileNotFoundError):  # deleted since the listing
                        stat = path.stat()
                        key = path.relative_to(self._folder).as_posix()
                        yield StoredObject(key, stat.st_size, datetime.fromtimestamp(stat.st_mtime, UTC))

    def remove_unfinished_writes(self, started_before: datetime) -> int:
        """Remove files that were not written to their end, and folders without files."""
        removed = 0
        for parent, _, names in os.walk(self._folder, topdown=False):
            for path in (Path(parent, name) for name in names if name.startswith(TEMPORARY_PREFIX)):
                with contextlib.suppress(OSError):
                    if path.stat().st_mtime < started_before.timestamp():
                        path.unlink()
                        removed += 1
            if Path(parent) != self._folder:
                removed += _remove_if_empty(Path(parent))
        return removed

    def presigned_url(self, key: str, content_type: str, disposition: str) -> str | None:
        return None

    def presigned_origin(self) -> str | None:
        return None

    def check(self) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreUnavailable(f"{self._folder} cannot be made: {error.strerror}") from error
        if not os.access(self._folder, os.W_OK):
            raise StoreUnavailable(f"{self._folder} is not writable")

    def _path(self, key: str) -> Path:
        path = (self._folder / key).resolve()
        if not path.is_relative_to(self._folder) or path == self._folder:
            raise StoreError(f"{key!r} is not a key")
        return path

    @contextlib.contextmanager
    def _open(self, key: str) -> Iterator[IO[bytes]]:
        try:
            file = self._path(key).open("rb")
        except FileNotFoundError:
            raise ObjectMissing(key) from None
        except OSError as error:
            raise StoreUnavailable(f"{key} could not be read: {error.strerror}") from error
        with file:
            yield file

    def _open_new(self, path: Path) -> IO[bytes]:
        for _ in range(FOLDER_TRIES - 1):
            with contextlib.suppress(FileNotFoundError):
                self._make_folder(path.parent)
                return path.open("wb")
        self._make_folder(path.parent)
        return path.open("wb")

    def _make_folder(self, folder: Path) -> None:
        if folder.is_dir():
            return
        if folder != self._folder:
            self._make_folder(folder.parent)
        folder.mkdir(parents=True, exist_ok=True)
        self._sync_folder(folder.parent)

    @staticmethod
    def _sync_folder(folder: Path) -> None:
        # A new name survives a crash only after an fsync of its folder (rename(2), fsync(2)).
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _remove_if_empty(folder: Path) -> bool:
    """Remove a folder without files; True if it is gone. The system refuses to remove any other."""
    with contextlib.suppress(OSError):
        folder.rmdir()
        return True
    return False
