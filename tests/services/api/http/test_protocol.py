"""Bounds of a connection: requests that do not go on, heads that are too large, more clients than files."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import psutil
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from services.api.http.protocol import HEAD_TIMEOUT_S, LOOK_INTERVAL_S, MAX_HEAD_BYTES, BoundedProtocol
from tests.conftest import Parts
from tests.servers.server import Server
from tests.servers.stack import Service
from tests.wire import Wire

TIMEOUT_S = 0.3
"""Of the servers here; the deadlines themselves are tested slowly below."""


class Hasty(BoundedProtocol):
    head_timeout_s = TIMEOUT_S
    body_timeout_s = TIMEOUT_S
    look_interval_s = 0.05


class Patient(Hasty):
    """For tests of something else than time: a busy machine takes longer over them than `Hasty` waits."""

    head_timeout_s = body_timeout_s = 60


async def _size(request: Request) -> Response:
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        await asyncio.sleep(float(request.query_params.get("read_pause", 0)))
    return PlainTextResponse(str(size))


async def _slow(_request: Request) -> Response:
    await asyncio.sleep(3 * TIMEOUT_S)
    return PlainTextResponse("at last")


Serve = Callable[..., Awaitable[str]]
Dial = Callable[[str], Awaitable[Wire]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Start uvicorn with the protocol in this process; return its address."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(**options: Any) -> str:
            app = Starlette(routes=[Route("/size", _size, methods=["POST"]), Route("/slow", _slow)])
            listening = socket.create_server(("127.0.0.1", 0))
            config = uvicorn.Config(app, **{"http": Hasty, "log_config": None, "lifespan": "off"} | options)
            server = uvicorn.Server(config)
            serving = asyncio.create_task(server.serve([listening]))

            async def stop() -> None:
                server.should_exit = True
                await asyncio.wait_for(serving, 5)

            stack.push_async_callback(stop)
            while not server.started:
                await asyncio.sleep(0.01)
            return f"http://127.0.0.1:{listening.getsockname()[1]}"

        yield start


@pytest.fixture
async def dial() -> AsyncIterator[Dial]:
    """Connect to an address; connections end with the test."""
    async with contextlib.AsyncExitStack() as stack:

        async def connected(url: str) -> Wire:
            wire = await Wire.open(url)
            stack.callback(wire.vanish)
            return wire

        yield connected


async def _until_cut(wire: Wire) -> bytes:
    async with asyncio.timeout(5):
        return await wire.rest()


HALF_HEADS = {
    "ends of lines": (b"\r\n", b"\r\n"),
    "half a line": (b"GET /si", b"z"),
    "half a header": (b"GET /size HTTP/1.1\r\nHost: x\r\nX-A: ", b"z"),
}
"""A beginning, and what comes in a trickle behind it."""


@pytest.mark.parametrize(("half", "more"), HALF_HEADS.values(), ids=HALF_HEADS)
@pytest.mark.parametrize("trickles", [False, True])
async def test_half_a_head_is_given_up(serve: Serve, dial: Dial, half: bytes, more: bytes, *, trickles: bool) -> None:
    wire = await dial(await serve())
    await wire.send(half)

    async def trickle() -> None:
        while trickles:
            await asyncio.sleep(TIMEOUT_S / 6)
            with contextlib.suppress(ConnectionError):
                await wire.send(more)

    trickling = asyncio.create_task(trickle())
    assert b" 408 " in await _until_cut(wire)
    trickling.cancel()


async def test_a_connection_that_nobody_uses_ends_without_an_answer(serve: Serve, dial: Dial) -> None:
    """Browsers and proxies open connections ahead, and would take an answer for that of their first request."""
    wire = await dial(await serve())
    assert await _until_cut(wire) == b""


async def test_half_a_head_behind_a_whole_request_is_given_up(serve: Serve, dial: Dial) -> None:
    wire = await dial(await serve())
    await wire.send(b"POST /size HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nabGET /size HT")
    answer = await _until_cut(wire)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b" 408 " in answer


@pytest.mark.parametrize(
    "before",
    [
        b"POST /size HTTP/1.1\r\nHost: x\r\nContent-Length: 40000\r\n\r\n" + b"a" * 40_000,
        b"POST /size HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n" * 1000,
    ],
    ids=["a body", "requests"],
)
async def test_half_a_head_behind_much_is_no_large_head(serve: Serve, dial: Dial, before: bytes) -> None:
    assert len(before) > MAX_HEAD_BYTES
    wire = await dial(await serve(http=Patient))
    await wire.send(before + b"GET /slow HTTP/1.1\r\nHo")
    for _ in range(before.count(b"POST")):
        assert (await wire.answer()).status == 200
    await wire.send(b"st: x\r\n\r\n")
    assert (await wire.answer()).body == b"at last"


async def test_nonsense_behind_a_request_is_refused_after_its_answer(serve: Serve, dial: Dial) -> None:
    wire = await dial(await serve())
    await wire.send(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\nno request\r\n\r\n")
    answer = await _until_cut(wire)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"at lastHTTP/1.1 400 " in answer


@pytest.mark.parametrize("trickle_s", [None, TIMEOUT_S / 3])
async def test_a_body_is_given_up_when_it_stands_still(serve: Serve, dial: Dial, trickle_s: float | None) -> None:
    wire = await dial(await serve())
    await wire.begin("POST", b"/size", 20)
    for _ in range(9):
        if trickle_s:
            await asyncio.sleep(trickle_s)
            await wire.send(b"a")
    if trickle_s:
        await wire.send(b"a" * 11)
        assert (await wire.answer()).body == b"20"
    else:
        assert b" 408 " in await _until_cut(wire)


async def test_a_body_that_the_server_does_not_read_is_waited_for(serve: Serve, dial: Dial) -> None:
    """The client would send, and the server's buffers are full: that is not the client's fault."""
    wire = await dial(await serve())
    await wire.begin("POST", f"/size?read_pause={2 * TIMEOUT_S}".encode(), 1_000_000)
    await wire.send(b"a" * 1_000_000)
    assert (await wire.answer()).body == b"1000000"


async def test_an_answer_may_take_its_time(serve: Serve) -> None:
    async with httpx.AsyncClient(base_url=await serve()) as client:
        for _ in range(2):  # on one connection
            assert (await client.get("/slow")).text == "at last"


@pytest.mark.parametrize("at_once", [True, False])
async def test_a_large_head_is_refused(serve: Serve, dial: Dial, *, at_once: bool) -> None:
    url = await serve()
    async with httpx.AsyncClient(base_url=url) as client:
        fits = await client.post("/size", headers={"X-Long": "a" * (MAX_HEAD_BYTES - 500)}, content=b"abc" * 100_000)
        assert fits.text == "300000"
    wire = await dial(url)
    head = b"POST /size HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nX-Long: "
    if at_once:
        await wire.send(head + b"a" * MAX_HEAD_BYTES + b"\r\n\r\n")
    else:
        await wire.send(head)
        for _ in range(20):
            await wire.send(b"a" * 1000)
            await asyncio.sleep(0.001)
    answer = await _until_cut(wire)
    assert answer.startswith(b"HTTP/1.1 431 ")
    assert b"application/problem+json" in answer


async def test_many_small_headers_are_a_large_head_too(serve: Serve, dial: Dial) -> None:
    wire = await dial(await serve())
    await wire.send(b"POST /size HTTP/1.1\r\n" + b"A: b\r\n" * MAX_HEAD_BYTES)
    assert (await _until_cut(wire)).startswith(b"HTTP/1.1 431 ")


async def test_what_is_no_request_is_a_problem(serve: Serve, dial: Dial) -> None:
    wire = await dial(await serve())
    await wire.send(b"\x16\x03\x01 this is TLS\r\n\r\n")
    answer = await _until_cut(wire)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"urn:dictaphone:problem:bad-request" in answer


async def test_half_heads_make_room_for_whole_requests(serve: Serve) -> None:
    url = await serve(limit_concurrency=20)
    idle = [await Wire.open(url) for _ in range(60)]
    async with httpx.AsyncClient(base_url=url) as client:
        assert (await client.post("/size", content=b"abc")).text == "3"
    for wire in idle:
        wire.vanish()


async def test_more_whole_requests_than_can_be_served_are_refused(serve: Serve) -> None:
    url = await serve(limit_concurrency=5)
    async with httpx.AsyncClient(base_url=url) as client:
        answers = await asyncio.gather(*(client.get("/slow") for _ in range(5)), return_exceptions=True)
        assert all(isinstance(answer, httpx.Response) for answer in answers), answers
    async with httpx.AsyncClient(base_url=url, limits=httpx.Limits(max_connections=None)) as client:
        running = [asyncio.create_task(client.get("/slow")) for _ in range(5)]
        await asyncio.sleep(TIMEOUT_S)
        refused = await client.get("/slow")
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "2")
        assert refused.json()["type"] == "urn:dictaphone:problem:busy"
        assert [(await answer).status_code for answer in running] == [200] * 5


# -- the service itself --------------------------------------------------------------------------------------------


class FewFiles(Service):
    """The API, with few open files allowed."""

    def command(self) -> list[str]:
        return ["sh", "-c", 'ulimit -S -n 64; ulimit -H -n 256; exec "$@"', "sh", *super().command()]

    def spawn(self) -> Any:
        return Server.spawn(self)


async def test_a_flood_of_half_requests_keeps_nobody_out(local_parts: Parts) -> None:
    api = FewFiles("api", local_parts)
    with contextlib.closing(api.start()):
        assert psutil.Process(api.pid).rlimit(psutil.RLIMIT_NOFILE) == (256, 256), "the soft limit is raised"
        url = f"http://127.0.0.1:{api.port}"
        flood = await asyncio.gather(*(Wire.open(url) for _ in range(300)))
        for wire in flood:
            with contextlib.suppress(ConnectionError):
                await wire.send(b"GET / HTTP/1.1\r\nHost: loc")
        async with httpx.AsyncClient(base_url=url, timeout=5) as client:
            for _ in range(5):
                assert (await client.get("/api/clips")).status_code == 200
            assert 'dictaphone_connections_cut_total{cause="busy"}' in (await client.get("/metrics")).text
        for wire in flood:
            wire.vanish()


@pytest.mark.slow
async def test_the_service_gives_up_half_a_head(local_parts: Parts, dial: Dial) -> None:
    api = Service("api", local_parts)
    with contextlib.closing(api.start()):
        wire = await dial(f"http://127.0.0.1:{api.port}")
        await wire.send(b"GET / HTTP/1.1\r\n")
        async with asyncio.timeout(HEAD_TIMEOUT_S + 3 * LOOK_INTERVAL_S + 5):
            assert b" 408 " in await wire.rest()
