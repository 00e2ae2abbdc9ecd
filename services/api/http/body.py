"""A request's body on its way in: counted, hashed, and never whole in memory."""

import hashlib
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO

from anyio import to_thread
from starlette.requests import ClientDisconnect, Request

from services.api.http.errors import Problem
from shared.storage.store import BLOCK_BYTES, StoreFull


@dataclass(frozen=True)
class Incoming:
    """Bytes that have arrived: `file` stands at their beginning, and is gone when the next ones are asked for."""

    file: IO[bytes]
    size: int
    sha256: str
    claimed_type: str
    digest: bytes = b""
    """The same bytes by another algorithm, if one was named."""


@asynccontextmanager
async def incoming(request: Request, most_bytes: int, folder: Path) -> AsyncIterator[Incoming]:
    """Receive the body whole or not at all.

    Raises `Problem` when there is more than `most_bytes` (before reading, if the client says so) or nothing at all;
    `ClientDisconnect` when the client goes before the end.
    """
    async with aclosing(blocks(request, folder, most_bytes=most_bytes)) as received:
        async for body in received:
            if not body.size:
                raise Problem("empty-audio", "The request has no body; send the audio as it is.")
            yield body


async def blocks(
    request: Request,
    folder: Path,
    *,
    most_bytes: int,
    before: int = 0,
    block_bytes: int = sys.maxsize,
    keep_rest: bool = False,
    also: str | None = None,
) -> AsyncGenerator[Incoming, None]:
    """Yield the body in blocks of about `block_bytes`, at least one; in memory while small, else in a nameless file.

    When the client goes before the end, what it had sent of a block is still yielded if `keep_rest`, and then
    `ClientDisconnect` is raised. `also` names a second hash. Raises `Problem` when this, with what arrived `before`,
    is above `most_bytes`.
    """
    refuse_above(most_bytes, before + int(request.headers.get("content-length") or 0))
    claimed = request.headers.get("content-type", "")
    total, stream, ended = 0, request.stream(), False
    while not ended:
        with SpooledTemporaryFile(max_size=BLOCK_BYTES, dir=str(folder)) as file:
            spool = _Spool(file, also)
            gone: ClientDisconnect | None = None
            try:
                while spool.size < block_bytes and not ended:
                    chunk = await anext(stream, None)
                    ended = chunk is None
                    total += len(chunk or b"")
                    refuse_above(most_bytes, before + total)
                    await spool.take(chunk or b"")
            except ClientDisconnect as error:
                gone = error
                if not (keep_rest and spool.size):
                    raise
            await spool.flush()
            # A body that ends where a block does has no empty block behind it.
            if spool.size or spool.size == total:
                yield Incoming(file, spool.size, spool.sha256.hexdigest(), claimed, spool.digest())
            if gone:
                raise gone


class _Spool:
    """One block: gathered, then hashed and written in a thread, in steps that are worth the way there."""

    def __init__(self, file: IO[bytes], also: str | None) -> None:
        self._file = file
        self._pending = bytearray()
        self.size = 0
        self.sha256 = hashlib.sha256()
        self._also = hashlib.new(also, usedforsecurity=False) if also and also != "sha256" else None

    async def take(self, chunk: bytes) -> None:
        self.size += len(chunk)
        self._pending += chunk
        if len(self._pending) >= BLOCK_BYTES:
            await to_thread.run_sync(self._write)

    async def flush(self) -> None:
        """Write what is left; little of it costs less here than a thread would."""
        self._write()
        self._file.seek(0)

    def digest(self) -> bytes:
        return (self._also or self.sha256).digest()

    def _write(self) -> None:
        try:
            self.sha256.update(self._pending)
            if self._also:
                self._also.update(self._pending)
            self._file.write(self._pending)
        except OSError as error:
            raise StoreFull(f"a body could not be received: {error.strerror}") from error
        self._pending = bytearray()


def refuse_above(most_bytes: int, size: int) -> None:
    """Raise `Problem` for more bytes than this server takes."""
    if size > most_bytes:
        raise Problem("too-large", f"Audio can have at most {most_bytes:,} bytes here.")
