"""`/websocket` on the page's own origin: handed to the realtime app by Fly's proxy, or piped to it from here."""

import asyncio

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from services.api.errors import RETRY_AFTER, Problem
from services.api.guard import refuse_other_sites
from services.api.state import state_of

log = structlog.get_logger(__name__)

HANDSHAKE_S = 5
"""Seconds that the realtime server has to answer; the page comes back by itself."""

REPLAY = "fly-replay"


async def plain(request: Request) -> Response:
    """GET /websocket without a handshake."""
    if app := state_of(request).settings.realtime_app:
        return _replayed(app)
    raise Problem("upgrade-required", "Connect here with a WebSocket.", {"Upgrade": "websocket"})


async def handshake(socket: WebSocket) -> None:
    """GET /websocket with one."""
    settings = state_of(socket).settings
    try:
        refuse_other_sites(socket.headers, settings.allowed_origins)
        if settings.realtime_app:
            await socket.send_denial_response(_replayed(settings.realtime_app))
            return
        query = f"?{socket.url.query}" if socket.url.query else ""
        upstream = connect(
            settings.realtime_upstream + query,
            compression=None,
            max_size=None,  # our own server's frames: one with a day's transcript is larger than the usual 1 MiB
            open_timeout=HANDSHAKE_S,
            proxy=None,
        )
        try:
            server = await upstream
        except (OSError, TimeoutError, InvalidHandshake) as error:
            log.warning("the realtime server does not answer", upstream=settings.realtime_upstream, reason=str(error))
            raise Problem("away", "The realtime server does not answer at the moment.", RETRY_AFTER) from error
    except Problem as problem:
        await socket.send_denial_response(problem.response())
        return
    async with server:
        await socket.accept()
        await _pipe(socket, server)


async def _pipe(browser: WebSocket, server: ClientConnection) -> None:
    """Carry frames both ways until one side closes; the other is closed alike."""

    async def downwards() -> None:
        try:
            while True:
                await browser.send_text(await server.recv(decode=True))
        except ConnectionClosed:
            # 1006 means "went without a word" and cannot be sent (RFC 6455, section 7.4.1).
            code = server.close_code if server.close_code not in {None, 1005, 1006} else 1012
            await browser.close(code or 1012, server.close_reason or "")

    async def upwards() -> None:
        while True:
            await server.send(await browser.receive_text())

    tasks = {asyncio.create_task(downwards()), asyncio.create_task(upwards())}
    done, rest = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in rest:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    for task, result in zip(tasks, results, strict=True):
        expected = (WebSocketDisconnect, ConnectionClosed, asyncio.CancelledError, RuntimeError, KeyError)
        if task in done and isinstance(result, Exception) and not isinstance(result, expected):
            log.error("a WebSocket pipe broke", reason=repr(result))


def _replayed(app: str) -> Response:
    # Fly's proxy reads this header also on the answer to a handshake, and gives the request to that app.
    return Response(status_code=307, headers={REPLAY: f"app={app}"})
