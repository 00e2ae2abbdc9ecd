"""A request's body in blocks, without a server: no byte is lost, no block is empty, a disconnect is raised."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message

from services.api.http.body import receive_blocks
from services.api.http.errors import Problem

CHUNK = 1_000
SOUND = bytes(range(256)) * 40


def request(body: bytes, *, breaks: bool = False, announced: int | None = None) -> Request:
    """A request whose body comes in chunks; `breaks`: the client disconnects before the end."""
    messages: list[Message] = [
        {"type": "http.request", "body": body[at : at + CHUNK], "more_body": breaks or at + CHUNK < len(body)}
        for at in range(0, max(len(body), 1), CHUNK)
    ]
    left = iter([*messages, {"type": "http.disconnect"}])

    async def receive() -> Message:
        return next(left)

    headers = [] if announced is None else [(b"content-length", str(announced).encode())]
    return Request({"type": "http", "method": "PATCH", "headers": headers}, receive)


async def received(sent: Request, folder: Path, into: list[bytes], **wish: object) -> Iterable[str]:
    """Collect the blocks up to the end or to an exception; return their extra digests."""
    digests = []
    async for block in receive_blocks(sent, folder, **{"max_bytes": 10**9, **wish}):  # type: ignore[arg-type]
        data = block.file.read()
        assert (block.size, block.sha256) == (len(data), hashlib.sha256(data).hexdigest())
        into.append(data)
        digests.append(block.digest.hex())
    return digests


@pytest.mark.parametrize("size", [1, CHUNK, 3 * CHUNK - 1, 3 * CHUNK, 3 * CHUNK + 1, 9 * CHUNK])
async def test_blocks_are_the_body_and_none_is_empty(size: int, tmp_path: Path) -> None:
    came: list[bytes] = []
    await received(request(SOUND[:size]), tmp_path, came, block_bytes=3 * CHUNK)
    assert b"".join(came) == SOUND[:size]
    assert [len(block) for block in came[:-1]] == [3 * CHUNK] * (len(came) - 1)
    assert came[-1]


async def test_an_empty_body_is_one_empty_block(tmp_path: Path) -> None:
    came: list[bytes] = []
    await received(request(b""), tmp_path, came)
    assert came == [b""]


@pytest.mark.parametrize(("keep_partial", "kept"), [(True, 5 * CHUNK), (False, 3 * CHUNK)])
async def test_bytes_before_a_disconnect_are_kept_with_keep_partial(
    tmp_path: Path, *, keep_partial: bool, kept: int
) -> None:
    came: list[bytes] = []
    with pytest.raises(ClientDisconnect):
        await received(
            request(SOUND[: 5 * CHUNK], breaks=True), tmp_path, came, block_bytes=3 * CHUNK, keep_partial=keep_partial
        )
    assert b"".join(came) == SOUND[:kept]


@pytest.mark.parametrize("announced", [None, 2 * CHUNK], ids=["not announced", "announced"])
async def test_a_body_is_rejected_at_the_first_byte_above_the_limit(tmp_path: Path, announced: int | None) -> None:
    came: list[bytes] = []
    with pytest.raises(Problem) as refused:
        await received(
            request(SOUND[: 2 * CHUNK], announced=announced), tmp_path, came, block_bytes=CHUNK, max_bytes=CHUNK
        )
    assert refused.value.slug == "too-large"
    assert b"".join(came) == (b"" if announced else SOUND[:CHUNK])


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
async def test_a_second_digest_is_of_the_same_bytes(tmp_path: Path, algorithm: str) -> None:
    digests = await received(request(SOUND), tmp_path, [], extra_hash=algorithm)
    assert list(digests) == [hashlib.new(algorithm, SOUND).hexdigest()]
