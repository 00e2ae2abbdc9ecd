"""Receiving a request's body: counted and hashed, never whole in memory."""

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
from shared.storage.store import BLOCK_BYTES


@dataclass(frozen=True)
class ReceivedBody:
    """A body, or one block of it. `file` stands at its beginning, and is closed when the next block is asked for."""

    file: IO[bytes]
    size: int
    sha256: str
    content_type: str
    digest: bytes = b""
    """The digest by the extra hash algorithm, or by SHA-256 without one."""


@asynccontextmanager
async def receive_body(request: Request, max_bytes: int, folder: Path) -> AsyncIterator[ReceivedBody]:
    """Receive the body whole or not at all.

    Raises `Problem` for an empty body and for one above `max_bytes` (before reading, if Content-Length says so), and
    `ClientDisconnect` when the client disconnects before the end.
    """
    async with aclosing(receive_blocks(request, folder, max_bytes=max_bytes)) as blocks:
        async for body in blocks:
            if not body.size:
                raise Problem("empty-audio", "The request has no body; send the audio as it is.")
            yield body


async def receive_blocks(
    request: Request,
    folder: Path,
    *,
    max_bytes: int,
    offset: int = 0,
    block_bytes: int = sys.maxsize,
    keep_partial: bool = False,
    extra_hash: str | None = None,
) -> AsyncGenerator[ReceivedBody, None]:
    """Yield the body in blocks of about `block_bytes`, at least one; small blocks in memory, others in nameless files.

    When the client disconnects before the end, `ClientDisconnect` is raised; with `keep_partial`, the bytes that had
    arrived of the last block are yielded before. Raises `Problem` when `offset` and the body together exceed
    `max_bytes`.
    """
    reject_too_large(max_bytes, offset + int(request.headers.get("content-length") or 0))
    content_type = request.headers.get("content-type", "")
    total, stream, at_end = 0, request.stream(), False
    while not at_end:
        with SpooledTemporaryFile(max_size=BLOCK_BYTES, dir=str(folder)) as file:
            block = _Block(file, extra_hash)
            disconnect: ClientDisconnect | None = None
            try:
                while block.size < block_bytes and not at_end:
                    chunk = await anext(stream, None)
                    at_end = chunk is None
                    total += len(chunk or b"")
                    reject_too_large(max_bytes, offset + total)
                    await block.append(chunk or b"")
            except ClientDisconnect as error:
                disconnect = error
                if not (keep_partial and block.size):
                    raise
            await block.finish()
            # A body that ends where a block does has no empty block behind it.
            if block.size or block.size == total:
                yield ReceivedBody(file, block.size, block.sha256.hexdigest(), content_type, block.digest())
            if disconnect:
                raise disconnect


class _Block:
    """A block that is being received. Chunks are gathered until hashing and writing them is worth a thread."""

    def __init__(self, file: IO[bytes], extra_hash: str | None) -> None:
        self._file = file
        self._buffer = bytearray()
        self.size = 0
        self.sha256 = hashlib.sha256()
        self._extra_hash = None
        if extra_hash and extra_hash != "sha256":
            self._extra_hash = hashlib.new(extra_hash, usedforsecurity=False)

    async def append(self, chunk: bytes) -> None:
        self.size += len(chunk)
        self._buffer += chunk
        if len(self._buffer) >= BLOCK_BYTES:
            await to_thread.run_sync(self._write)

    async def finish(self) -> None:
        """Write the rest and rewind; a few bytes cost less on the event loop than in a thread."""
        self._write()
        self._file.seek(0)

    def digest(self) -> bytes:
        return (self._extra_hash or self.sha256).digest()

    def _write(self) -> None:
        self.sha256.update(self._buffer)
        if self._extra_hash:
            self._extra_hash.update(self._buffer)
        self._file.write(self._buffer)
        self._buffer = bytearray()


def reject_too_large(max_bytes: int, size: int) -> None:
    """Raise `Problem` for more bytes than this server accepts."""
    if size > max_bytes:
        raise Problem("too-large", f"Audio can have at most {max_bytes:,} bytes here.")
