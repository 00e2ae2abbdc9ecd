"""An object store of files below one folder."""

import contextlib
import os
import shutil
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from shared.disk_full import is_disk_full
from shared.storage.store import BLOCK_BYTES, ObjectMissing, StoreError, StoreFull, StoreUnavailable


class FileStore:
    """An object store of files: the key is the path below the folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()

    def put(self, key: str, body: IO[bytes], size: int, content_type: str) -> None:
        target = self._path(key)
        temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
        try:
            self._make_folder(target.parent)
            with temporary.open("wb") as file:
                shutil.copyfileobj(body, file, BLOCK_BYTES)
                if file.tell() != size:
                    raise StoreUnavailable(f"{key}: {file.tell()} of {size} bytes arrived")
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
        try:
            self._path(key).unlink(missing_ok=True)
        except OSError as error:
            raise StoreUnavailable(f"{key} could not be deleted: {error.strerror}") from error

    def list_objects(self) -> Iterator[tuple[str, datetime]]:
        for folder, _, names in os.walk(self._folder):
            for name in names:
                path = Path(folder, name)
                with contextlib.suppress(FileNotFoundError):  # deleted since the listing
                    written_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
                    yield path.relative_to(self._folder).as_posix(), written_at

    def abort_stale_uploads(self, started_before: datetime) -> int:
        return 0

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
