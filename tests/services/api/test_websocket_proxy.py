"""`/websocket` on the page's origin: proxied to the realtime server, or replayed by Fly's proxy."""

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.utils import accept_key

from shared.clips.schemas import LONG_FIELDS, MAX_EVENT_TEXT_CHARS
from shared.libraries import HOME
from shared.people.tickets import library_named
from tests.conftest import Parts, StartStack
from tests.servers.server import free_port
from tests.servers.stack import Stack
from tests.services.api.clips.test_routes import assert_problem, put_clip
from tests.services.realtime.test_hostile import HANDSHAKE
from tests.wire import Wire

local_only = pytest.mark.parametrize("module_parts", ["local"], indirect=True, scope="module")


def address(api: Stack, query: str = "") -> str:
    return f"{api.api_url.replace('http', 'ws', 1)}/websocket{query}"


# -- through to the real one ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def api(module_parts: Parts) -> Iterator[Stack]:
    with Stack(module_parts, ["api", "realtime"], migrate=False) as stack:
        yield stack


@local_only
async def test_each_put_sends_a_frame_to_every_websocket(api: Stack, client: httpx.AsyncClient) -> None:
    async with connect(address(api)) as one, connect(address(api)) as other:
        clip = await put_clip(client, "heard by both")
        for socket in (one, other):
            frame = json.loads(await asyncio.wait_for(socket.recv(), 10))
            assert (frame["type"], frame["clip"]) == ("clip", clip)
        cursor = frame["id"]
        await client.patch(f"/api/clips/{clip['id']}", json={"name": "later"})
        assert json.loads(await asyncio.wait_for(one.recv(), 10))["clip"]["name"] == "later"
    async with connect(address(api, f"?since={cursor}")) as back:
        assert json.loads(await asyncio.wait_for(back.recv(), 10))["clip"]["name"] == "later"


@local_only
async def test_the_text_of_an_hour_is_left_out_and_can_be_fetched(api: Stack, client: httpx.AsyncClient) -> None:
    clip = await put_clip(client, "long")
    async with connect(address(api)) as socket:
        for text in ("z" * MAX_EVENT_TEXT_CHARS, "z" * (MAX_EVENT_TEXT_CHARS + 1), "short again"):
            changed = (await client.patch(f"/api/clips/{clip['id']}", json={"text": text})).json()
            assert changed["text"] == text
            frame = {"clip": {"version": 0}}
            while frame["clip"]["version"] < changed["version"]:
                frame = json.loads(await asyncio.wait_for(socket.recv(), 10))
            is_long = len(text) > MAX_EVENT_TEXT_CHARS
            told = {name: value for name, value in changed.items() if not (is_long and name in LONG_FIELDS)}
            assert frame["clip"] == told


@local_only
@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1"])
async def test_a_page_of_another_site_is_refused(api: Stack, origin: str) -> None:
    with pytest.raises(InvalidStatus) as denied:
        await connect(address(api), additional_headers={"Origin": origin}, proxy=None)
    assert denied.value.response.status_code == 403
    assert b"another site" in (denied.value.response.body or b"")


@local_only
async def test_a_handshake_for_another_name_is_refused(api: Stack) -> None:
    port = api["api"].port
    with pytest.raises(InvalidStatus) as denied:
        await connect(f"ws://evil.example:{port}/websocket", host="127.0.0.1", port=port, proxy=None)
    assert denied.value.response.status_code == 421
    assert b"ALLOWED_HOSTS" in (denied.value.response.body or b"")


@local_only
async def test_a_page_of_this_origin_is_accepted(api: Stack) -> None:
    async with connect(address(api), additional_headers={"Origin": api.api_url}):
        pass


@local_only
async def test_a_plain_request_is_426(client: httpx.AsyncClient) -> None:
    response = await client.get("/websocket")
    assert_problem(response, 426, "upgrade-required")
    assert response.headers["Upgrade"] == "websocket"


# -- the pipe itself, before an upstream that does as it is told -----------------------------------------------------


class Upstream:
    """A realtime server whose connections the test controls."""

    def __init__(self, server: Server, sockets: "asyncio.Queue[ServerConnection]") -> None:
        self.server, self.sockets = server, sockets

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{next(iter(self.server.sockets)).getsockname()[1]}/websocket"


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    sockets: asyncio.Queue[ServerConnection] = asyncio.Queue()

    async def hold(socket: ServerConnection) -> None:
        await sockets.put(socket)
        await socket.wait_closed()

    async with serve(hold, "127.0.0.1", 0) as server:
        yield Upstream(server, sockets)


@pytest.fixture
def piped(start_stack: StartStack, local_parts: Parts, upstream: Upstream) -> Stack:
    return start_stack(local_parts, "api", REALTIME_UPSTREAM=upstream.url)


async def test_both_sides_close_with_the_same_code(piped: Stack, upstream: Upstream) -> None:
    async def pair(query: str = "") -> tuple[ClientConnection, ServerConnection]:
        browser = await connect(address(piped, query))
        return browser, await asyncio.wait_for(upstream.sockets.get(), 5)

    browser, server = await pair("?since=17-0&x=%20%C3%BC")
    assert server.request is not None
    assert server.request.path == "/websocket?since=17-0&x=%20%C3%BC"
    await server.send("frame 🎙")
    assert await browser.recv() == "frame 🎙"
    await browser.send("hello")
    assert await server.recv() == "hello"

    await server.close(4001, "too slow")
    with pytest.raises(ConnectionClosed):
        await browser.recv()
    assert (browser.close_code, browser.close_reason) == (4001, "too slow")

    browser, server = await pair()
    server.transport.abort()
    with pytest.raises(ConnectionClosed):
        await asyncio.wait_for(browser.recv(), 5)
    assert browser.close_code == 1012, "a server that went away is worth coming back to"

    browser, server = await pair()
    await browser.close()
    await asyncio.wait_for(server.wait_closed(), 5)

    browser, server = await pair()
    browser.transport.abort()
    await asyncio.wait_for(server.wait_closed(), 5)
    assert "Traceback" not in piped.log("api")


async def test_an_unavailable_upstream_is_a_problem(start_stack: StartStack, local_parts: Parts) -> None:
    api = start_stack(local_parts, "api", REALTIME_UPSTREAM=f"ws://127.0.0.1:{free_port()}/websocket")
    with pytest.raises(InvalidStatus) as denied:
        await connect(address(api), proxy=None)
    assert denied.value.response.status_code == 503
    assert denied.value.response.headers["Retry-After"]
    assert b"does not answer" in (denied.value.response.body or b"")


HALF_ANSWERS = {
    "none": b"",
    "half a line": b"HTTP/1.1 101 Swi",
    "half a head": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n",
    "no HTTP": b"\0\0\0\0",
}


@pytest.mark.parametrize("half", HALF_ANSWERS.values(), ids=HALF_ANSWERS)
@pytest.mark.parametrize("resets", [False, True])
async def test_an_upstream_that_dies_during_the_handshake_is_a_problem(
    start_stack: StartStack, local_parts: Parts, half: bytes, *, resets: bool
) -> None:
    async def die(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(half)
        await writer.drain()
        if resets:
            writer.transport.abort()
        writer.close()

    async with await asyncio.start_server(die, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        api = start_stack(local_parts, "api", REALTIME_UPSTREAM=f"ws://127.0.0.1:{port}/websocket")
        with pytest.raises(InvalidStatus) as denied:
            await connect(address(api), proxy=None)
    assert denied.value.response.status_code == 503
    assert "Traceback" not in api.log("api")
    assert '"error"' not in api.log("api")


async def test_an_upstream_that_dies_right_after_the_handshake_is_worth_coming_back_to(
    start_stack: StartStack, local_parts: Parts
) -> None:
    async def die(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(switched(await reader.readuntil(b"\r\n\r\n")))
        await writer.drain()
        writer.transport.abort()

    async with await asyncio.start_server(die, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        api = start_stack(local_parts, "api", REALTIME_UPSTREAM=f"ws://127.0.0.1:{port}/websocket")
        for _ in range(20):
            with contextlib.suppress(InvalidStatus):
                async with connect(address(api), proxy=None) as browser:
                    await asyncio.wait_for(browser.wait_closed(), 5)
                    assert browser.close_code == 1012
    assert "Traceback" not in api.log("api")
    assert '"error"' not in api.log("api")


def switched(request: bytes) -> bytes:
    """The answer that opens the WebSocket of a handshake."""
    key = re.search(rb"Sec-WebSocket-Key: (\S+)", request, re.IGNORECASE)
    assert key
    head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    return f"{head}Sec-WebSocket-Accept: {accept_key(key[1].decode())}\r\n\r\n".encode()


async def test_a_realtime_server_that_is_killed_amid_handshakes_is_a_problem(
    start_stack: StartStack, local_parts: Parts
) -> None:
    stack = start_stack(local_parts, "api", "realtime")

    async def visit() -> int:
        try:
            async with connect(address(stack), proxy=None, open_timeout=20) as browser:
                await asyncio.wait_for(browser.wait_closed(), 20)
                return browser.close_code or 0
        except InvalidStatus as denied:
            return denied.response.status_code

    for pause_s in (0.0, 0.005, 0.02, 0.05):
        visitors = [asyncio.create_task(visit()) for _ in range(40)]
        await asyncio.sleep(pause_s)
        await asyncio.to_thread(stack.kill, "realtime")
        assert set(await asyncio.gather(*visitors)) <= {503, 1012}
        await asyncio.to_thread(stack.start, "realtime")
    assert "Traceback" not in stack.log("api")
    assert '"error"' not in stack.log("api")
    assert "exception" not in stack.log("api")


async def test_a_browser_that_leaves_during_the_handshake_leaves_no_trace(
    start_stack: StartStack, local_parts: Parts
) -> None:
    asked, left = asyncio.Event(), asyncio.Event()

    async def hesitate(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        asked.set()
        await left.wait()
        writer.write(switched(request) + b"\x81\x02{}")
        with contextlib.suppress(ConnectionError):
            await asyncio.wait_for(reader.read(), 5)
        writer.close()

    async with await asyncio.start_server(hesitate, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        api = start_stack(local_parts, "api", REALTIME_UPSTREAM=f"ws://127.0.0.1:{port}/websocket")
        wire = await Wire.open(api.api_url)
        await wire.send(HANDSHAKE)
        await asyncio.wait_for(asked.wait(), 5)
        wire.vanish()
        await asyncio.sleep(0.2)
        left.set()
        await asyncio.sleep(0.5)
    assert "Traceback" not in api.log("api")
    assert '"error"' not in api.log("api")


async def test_a_realtime_server_that_is_away_is_one_line_and_counted(
    start_stack: StartStack, local_parts: Parts
) -> None:
    port = free_port()
    api = start_stack(local_parts, "api", REALTIME_UPSTREAM=f"ws://127.0.0.1:{port}/websocket")
    for _ in range(5):
        with pytest.raises(InvalidStatus):
            await connect(address(api), proxy=None)
    lines = [json.loads(line) for line in api.log("api").splitlines() if "unavailable" in line]
    assert [(line["level"], line["part"]) for line in lines] == [("warning", "realtime")]
    async with httpx.AsyncClient(base_url=api.api_url) as client:
        assert 'dictaphone_failures_total{part="realtime"} 5.0' in (await client.get("/metrics")).text

    async def accept(socket: ServerConnection) -> None:
        await socket.wait_closed()

    async with serve(accept, "127.0.0.1", port), connect(address(api)):
        pass
    with pytest.raises(InvalidStatus):
        await connect(address(api), proxy=None)
    lines = [json.loads(line) for line in api.log("api").splitlines() if '"part"' in line]
    assert [line["event"] for line in lines] == ["unavailable", "available again", "unavailable"]
    assert (lines[1]["part"], lines[1]["failures"]) == ("realtime", 5)


async def test_on_fly_the_handshake_is_given_to_the_other_app(start_stack: StartStack, local_parts: Parts) -> None:
    api = start_stack(local_parts, "api", REALTIME_APP="dictaphone-realtime")
    with pytest.raises(InvalidStatus) as replayed:
        await connect(address(api, "?since=1-0"), proxy=None)
    assert replayed.value.response.status_code == 307
    assert _library_of_replay(replayed.value.response.headers["fly-replay"]) == HOME
    async with httpx.AsyncClient(verify=False) as client:
        response = await client.get(f"{api.api_url}/websocket")
    assert response.status_code == 307
    assert _library_of_replay(response.headers["fly-replay"]) == HOME
    with pytest.raises(InvalidStatus) as denied:
        await connect(address(api), additional_headers={"Origin": "https://evil.example"}, proxy=None)
    assert denied.value.response.status_code == 403


def _library_of_replay(header: str) -> str | None:
    app, _, state = header.partition(";state=")
    assert app == "app=dictaphone-realtime"
    return library_named(state)


async def test_a_realtime_server_of_its_own_address_gets_its_ticket_with_every_list(
    start_stack: StartStack, local_parts: Parts
) -> None:
    api = start_stack(local_parts, "api", REALTIME_URL="wss://rt.example/websocket?k=1")
    async with httpx.AsyncClient() as client:
        url = (await client.get(f"{api.api_url}/api/clips")).json()["realtime"]["url"]
        assert url.startswith("wss://rt.example/websocket?k=1&ticket=")
        assert library_named(url.partition("ticket=")[2]) == HOME
        assert (await client.get(f"{api.api_url}/api/clips?library=other")).status_code == 404
        page = await client.get(api.api_url, headers={"Accept": "text/html"})
        assert "private, no-store" in page.headers["cache-control"], "nobody keeps a ticket"
        [ticket] = re.findall(r"wss://rt\.example/websocket\?k=1(?:&|\\u0026)ticket=([\w-]+)", page.text)
        assert library_named(ticket) == HOME
