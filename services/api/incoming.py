"""A request's body on its way in: counted, hashed, and never whole in memory."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO

from anyio import to_thread
from starlette.requests import Request

from services.api.errors import Problem
from shared.storage import BLOCK_BYTES, StoreFull


@dataclass(frozen=True)
class Incoming:
    """A whole body: `file` stands at its beginning, and is gone when the request is."""

    file: IO[bytes]
    size: int
    sha256: str
    claimed_type: str


@asynccontextmanager
async def incoming(request: Request, most_bytes: int, folder: Path) -> AsyncIterator[Incoming]:
    """Receive the body into memory while it is small, into a nameless file in `folder` when it is not.

    Raises `Problem` when there is more than `most_bytes` (before reading, if the client says so) or nothing at all;
    `ClientDisconnect` when the client goes before the end. A body is therefore kept whole or not at all.
    """
    _refuse_above(most_bytes, int(request.headers.get("content-length") or 0))
    digest = hashlib.sha256()
    size = 0
    with SpooledTemporaryFile(max_size=BLOCK_BYTES, dir=str(folder)) as file:

        def take(block: bytes) -> None:
            try:
                digest.update(block)
                file.write(block)
            except OSError as error:
                raise StoreFull(f"a body could not be received: {error.strerror}") from error

        pending = bytearray()
        async for chunk in request.stream():
            size += len(chunk)
            _refuse_above(most_bytes, size)
            pending += chunk
            if len(pending) >= BLOCK_BYTES:
                await to_thread.run_sync(take, bytes(pending))
                pending.clear()
        take(bytes(pending))
        if not size:
            raise Problem("empty-audio", "The request has no body; send the audio as it is.")
        file.seek(0)
        yield Incoming(file, size, digest.hexdigest(), request.headers.get("content-type", ""))


def _refuse_above(most_bytes: int, size: int) -> None:
    if size > most_bytes:
        raise Problem("too-large", f"Audio can have at most {most_bytes:,} bytes here.")
