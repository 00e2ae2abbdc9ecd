"""Admission, HTTP answers, slow readers and shutdown."""

import asyncio
import contextlib
import socket
import sys
from collections.abc import Mapping

import psutil
import pytest
from websockets.exceptions import InvalidStatus

from services.realtime.connection import CLOSE_UNEXPECTED_MESSAGE
from services.realtime.presence import presence_key
from services.realtime.replay_buffer import MAX_REPLAY_BYTES
from services.realtime.server import CLOSE_TIMEOUT_S, CLOSE_TOO_SLOW, STALL_TIMEOUT_S, cursor_of
from shared.libraries import HOME
from tests.servers.server import free_port
from tests.servers.stack import PYTHON, ROOT
from tests.servers.valkey import Valkey
from tests.services.realtime.conftest import TIMEOUT_S, Open, Page, Realtime


@pytest.mark.parametrize(
    ("target", "cursor"),
    [
        ("/websocket", None),
        ("/websocket?other=1", None),
        ("/websocket?since=", ""),
        ("/websocket?since=1-0", "1-0"),
        ("/websocket?since=1-0&since=2-0", "2-0"),
    ],
)
def test_the_cursor_in_the_address(target: str, cursor: str | None) -> None:
    assert cursor_of(target) == cursor


async def test_another_sites_page_is_refused(realtime: Realtime, open_page: Open) -> None:
    with pytest.raises(InvalidStatus) as refusal:
        await open_page(realtime, origin="https://evil.example")
    assert refusal.value.response.status_code == 403
    assert refusal.value.response.headers["Content-Type"] == "application/problem+json"
    assert b"ALLOWED_ORIGINS" in refusal.value.response.body
    page = await open_page(realtime, origin=f"http://127.0.0.1:{realtime.port}")
    await page.receives(realtime.publish("now"), "now")


@pytest.mark.parametrize("listens_on", ["127.0.0.1", "0.0.0.0"])
async def test_a_handshake_for_another_name_is_refused(valkey: Valkey, open_page: Open, listens_on: str) -> None:
    """DNS rebinding: the page of another site reaches this server under that site's name, and passes for ours."""
    realtime = Realtime(valkey, HOST=listens_on, PUBLIC_URL="https://dictaphone.example:8443", SIGN_IN="off")
    with contextlib.closing(realtime.start()):
        for host in ("evil.example", f"evil.example:{realtime.port}"):
            with pytest.raises(InvalidStatus) as refusal:
                await open_page(realtime, host="127.0.0.1", port=realtime.port, uri=f"ws://{host}/websocket")
            assert refusal.value.response.status_code == 421
            assert b"ALLOWED_HOSTS" in refusal.value.response.body
        # A proxy that leaves the port out of Host.
        page = await open_page(
            realtime,
            host="127.0.0.1",
            port=realtime.port,
            uri="ws://dictaphone.example/websocket",
            origin="https://dictaphone.example:8443",
        )
        await page.receives(realtime.publish("now"), "now")


def test_plain_requests(realtime: Realtime) -> None:
    assert realtime.get("/healthz").text == "ok"
    assert realtime.get("/readyz").json() == {"redis": "ok"}
    nothing = realtime.get("/anything")
    assert (nothing.status_code, nothing.headers["content-type"]) == (404, "application/problem+json")
    assert nothing.json()["status"] == 404
    assert realtime.get("/websocket").status_code == 426


async def test_metrics_count(realtime: Realtime, open_page: Open) -> None:
    page = await open_page(realtime, since="unknown")
    await page.receives_resync()
    await page.receives(realtime.publish("now"), "now")
    lines = realtime.get("/metrics").text.splitlines()
    for line in ("connections 1.0", "redis_up 1.0", "deliveries_total 1.0", "events_total 1.0", "resyncs_total 1.0"):
        assert f"dictaphone_realtime_{line}" in lines


@pytest.mark.parametrize(
    ("message", "code"), [("hello", CLOSE_UNEXPECTED_MESSAGE), (b"\0", CLOSE_UNEXPECTED_MESSAGE), ("x" * 2000, 1009)]
)
async def test_a_client_that_sends_a_message_is_disconnected(
    realtime: Realtime, open_page: Open, message: str | bytes, code: int
) -> None:
    page, quiet = await open_page(realtime), await open_page(realtime)
    await page.socket.send(message)
    assert await page.close_code() == code
    await quiet.receives(realtime.publish("now"), "now")


async def test_a_slow_reader_delays_nobody_and_catches_up(realtime: Realtime, open_page: Open) -> None:
    page, slow, slower = await open_page(realtime), await open_page(realtime), await open_page(realtime)
    event = "x" * 64 * 1024
    ids: list[str] = []

    async def say() -> None:
        ids.append(realtime.publish(event))
        await page.receives(ids[-1], event)

    # The kernel takes some megabytes for a reader that does not read; then the rest waits in the server.
    while "dictaphone_realtime_behind_total 2.0" not in realtime.get("/metrics").text:
        await say()
        assert len(ids) < 1000
    for _ in range(5):
        await say()
    for id in ids:
        await slow.receives(id, event)
    for _ in range(MAX_REPLAY_BYTES // len(event)):  # more than is kept
        await say()
    heard = 0
    while (frame := await slower.next())["type"] == "clip":
        assert frame["id"] == ids[heard]
        heard += 1
    assert (frame["type"], frame["id"]) == ("resync", ids[-1])
    await say()
    for each in (slow, slower):
        while (await each.next())["id"] != ids[-1]:
            assert each is slow
    assert "dictaphone_realtime_too_slow_total 0.0" in realtime.get("/metrics").text


async def test_a_reader_that_never_reads_again_is_cut_off(realtime: Realtime, open_page: Open) -> None:
    page = await open_page(realtime)
    with _stalled(realtime) as stalled, _stalled(realtime) as lost:
        event = "x" * 64 * 1024
        while "dictaphone_realtime_behind_total 2.0" not in realtime.get("/metrics").text:
            await page.receives(realtime.publish(event), event)
        await _wait_for_metric(realtime, "dictaphone_realtime_too_slow_total 2.0", STALL_TIMEOUT_S + TIMEOUT_S)
        assert "dictaphone_realtime_connections 1.0" in realtime.get("/metrics").text
        # One reads again, and finds why it was left out behind what waited for it.
        read = b""
        while CLOSE_TOO_SLOW.to_bytes(2) not in read:
            chunk = stalled.recv(1 << 20)
            assert chunk, "the connection was cut before the code came"
            read = read[-1:] + chunk
        ours = lost.getsockname()[1]
        async with asyncio.timeout(CLOSE_TIMEOUT_S + TIMEOUT_S):
            while _is_connected(realtime, ours):
                await asyncio.sleep(0.05)
    await page.receives(realtime.publish("now"), "now")


async def test_a_slow_and_steady_reader_stays_connected(realtime: Realtime, open_page: Open) -> None:
    page = await open_page(realtime)
    with _stalled(realtime) as slow:
        event = "x" * 64 * 1024
        while "dictaphone_realtime_behind_total 1.0" not in realtime.get("/metrics").text:
            await page.receives(realtime.publish(event), event)
        # The kernel holds megabytes; the server's buffer moves as soon as these are read, a part in each second.
        slow.setblocking(False)
        until = asyncio.get_running_loop().time() + 1.5 * STALL_TIMEOUT_S
        while asyncio.get_running_loop().time() < until:
            with contextlib.suppress(BlockingIOError):
                slow.recv(256 * 1024)
            await asyncio.sleep(0.5)
        assert "dictaphone_realtime_too_slow_total 0.0" in realtime.get("/metrics").text


def _stalled(realtime: Realtime) -> socket.socket:
    """A page that is connected, and does not read."""
    stalled = socket.create_connection(("127.0.0.1", realtime.port), timeout=TIMEOUT_S)
    stalled.sendall(
        b"GET /websocket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    assert stalled.recv(12) == b"HTTP/1.1 101"
    return stalled


def _is_connected(realtime: Realtime, port: int) -> bool:
    lines = psutil.Process(realtime.pid).net_connections("tcp4")
    return any(line.raddr.port == port for line in lines if line.status != psutil.CONN_LISTEN)


async def _wait_for_metric(realtime: Realtime, line: str, seconds: float = TIMEOUT_S) -> None:
    async with asyncio.timeout(seconds):
        while line not in realtime.get("/metrics").text.splitlines():
            await asyncio.sleep(0.02)


async def test_sigterm_closes_all_connections_over_two_seconds_and_exits_with_0(
    valkey: Valkey, open_page: Open
) -> None:
    realtime = Realtime(valkey)
    process = await _started(realtime.command(), {**realtime.environment()})
    try:
        await realtime.wait_for_answer("/readyz", 200)
        pages = [await open_page(realtime) for _ in range(4)]
        loop = asyncio.get_running_loop()
        began = loop.time()
        process.terminate()

        async def gone(page: Page) -> float:
            assert await page.close_code() == 1012
            return loop.time() - began

        moments = sorted(await asyncio.gather(*map(gone, pages)))
        assert moments[0] < 0.5
        assert 1.0 < moments[-1] < 3.0
        assert await process.wait() == 0
        with pytest.raises(OSError, match="Connect call failed"):
            await open_page(realtime)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
        realtime.close()


async def test_pages_that_leave_during_the_good_bye_keep_nobody_from_it(valkey: Valkey, open_page: Open) -> None:
    realtime = Realtime(valkey)
    process = await _started(realtime.command(), {**realtime.environment()})
    try:
        await realtime.wait_for_answer("/readyz", 200)
        pages = [await open_page(realtime) for _ in range(24)]
        process.terminate()
        await asyncio.wait(
            [asyncio.create_task(page.socket.wait_closed()) for page in pages], return_when=asyncio.FIRST_COMPLETED
        )
        leaving = pages[::3]
        told = [page for page in pages if page not in leaving]
        for page in leaving:
            page.socket.transport.abort()
        assert {await page.close_code() for page in told} == {1012}
        _, said = await process.communicate()
        assert (process.returncode, b"Traceback" in said) == (0, False), said.decode()
        assert realtime.redis.hgetall(presence_key(HOME)) == {}, "the pages are not counted any more"
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
        realtime.close()


async def test_all_faults_of_the_settings_are_named_at_once() -> None:
    faults = {"PORT": "0", "LOG_LEVEL": "loud", "REDIS_URL": "http://:secret@here", "ALLOWED_ORIGINS": "here"}
    process = await _started([sys.executable, "-m", "services.realtime"], {**PYTHON, **faults})
    _, said = await process.communicate()
    assert process.returncode == 2
    assert all(f"{name}: " in said.decode() for name in faults)
    assert b"secret" not in said


async def test_a_taken_port_is_one_sentence(realtime: Realtime) -> None:
    # Redis need not be there for this.
    environment = {**realtime.environment(), "REDIS_URL": f"redis://127.0.0.1:{free_port()}"}
    process = await _started(realtime.command(), environment)
    _, said = await process.communicate()
    assert process.returncode == 1
    assert f"Listening on 127.0.0.1 port {realtime.port} failed" in said.decode()
    assert b"Traceback" not in said


async def _started(command: list[str], environment: Mapping[str, str]) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *command, env=dict(environment), cwd=ROOT, stderr=asyncio.subprocess.PIPE
    )
