"""The interface of an object store, and its errors. A key is written once; its object never changes."""

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from typing import IO, NamedTuple, Protocol

from shared.disk_full import DiskFull

BLOCK_BYTES = 256 * 1024
"""Bytes of an object in memory at a time: large enough to make system calls cheap, small enough for many readers."""

URL_LIFETIME = timedelta(hours=1)
"""How long a presigned URL is valid: long enough to listen for an hour, and not much longer than the visit."""


class StoreError(Exception):
    """An operation of the store failed."""


class ObjectMissing(StoreError):
    """The store has no object with this key."""


class StoreUnavailable(StoreError):
    """The store did not answer, or refused the operation. A later retry may succeed."""


class StoreFull(StoreUnavailable, DiskFull):
    """The store has no space left."""


class StoredObject(NamedTuple):
    """An object as a listing shows it."""

    key: str
    size: int
    written_at: datetime


class Store(Protocol):
    """An object store. Every method blocks: services with an event loop call them in threads."""

    def put(self, key: str, body: IO[bytes], size: int, content_type: str, sha256: str = "") -> None:
        """Write `size` bytes of `body` to `key`. When this returns, they survive a crash.

        `sha256` is what the bytes should be, in hexadecimal; without it, what `body` has now. Raises
        `StoreUnavailable` if other bytes came out of `body` or into the store.
        """

    def copy(self, key: str, new_key: str, size: int, content_type: str) -> None:
        """Write the bytes of an object of this size to a new key. Raises `ObjectMissing`.

        When this returns, the copy survives a crash, and the deletion of the other.
        """

    def read(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Yield the bytes from `start` up to but not including `end`. Raises `ObjectMissing` before the first block."""

    def size(self, key: str) -> int: ...

    def delete(self, key: str) -> None:
        """Delete the object, if there is one."""

    def delete_all(self, keys: Collection[str]) -> int:
        """Delete the objects, as far as the store lets them go. Return how many are gone."""

    def list_objects(self, folder: str = "") -> Iterator[StoredObject]:
        """Yield the objects below a folder, or all. Those that share a folder come one after another."""

    def remove_unfinished_writes(self, started_before: datetime) -> int:
        """Remove what writes left that never ended, and that no listing shows. Return how much that was."""

    def presigned_url(self, key: str, content_type: str, disposition: str) -> str | None:
        """A URL from which anybody may read the object for `URL_LIFETIME`, or None if the store has no URLs."""

    def presigned_origin(self) -> str | None:
        """Scheme and host of those URLs, for the page's Content-Security-Policy."""

    def check(self) -> None:
        """Raise `StoreUnavailable` unless the store answers and accepts our credentials."""
