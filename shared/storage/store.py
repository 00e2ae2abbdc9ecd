"""Where bytes are kept: an S3 bucket, or files. A key is written once and never changed."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import IO, Protocol

BLOCK_BYTES = 256 * 1024
"""How much of an object is in memory at a time: large enough that system calls do not count, small for many at once."""


URL_LIFETIME = timedelta(hours=1)
"""How long a presigned address works: an hour's listening, and no longer than a session that was meant to end."""


class StoreError(Exception):
    """The store could not do what was asked."""


class ObjectMissing(StoreError):
    """There is no object under this key."""


class StoreUnavailable(StoreError):
    """The store did not answer, or refused for a reason that is its own; asking again later may work."""


class StoreFull(StoreUnavailable):
    """There is no room left."""


class Store(Protocol):
    """What both stores do. Every method blocks: services with an event loop call them in threads."""

    def put(self, key: str, body: IO[bytes], size: int, content_type: str) -> None:
        """Keep `size` bytes of `body` under `key`, durably: when this returns, they survive a crash."""

    def read(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Yield bytes `start` up to but not including `end`. Raises `ObjectMissing` before the first block."""

    def size(self, key: str) -> int: ...

    def delete(self, key: str) -> None:
        """Remove the object; nothing happens if there is none."""

    def list_objects(self) -> Iterator[tuple[str, datetime]]:
        """Yield every key and when it was written, in no order; leftovers of broken writes are among them."""

    def abort_stale_uploads(self, begun_before: datetime) -> int:
        """Remove what broken writes left that no listing shows; return how many there were."""

    def url(self, key: str, content_type: str, disposition: str) -> str | None:
        """An address that anybody may read from for `URL_LIFETIME`, or None if the store has none to give."""

    def origin(self) -> str | None:
        """Scheme and host of those addresses, for the page's Content-Security-Policy."""

    def check(self) -> None:
        """Raise `StoreUnavailable` unless the store can be reached with what we were given."""
