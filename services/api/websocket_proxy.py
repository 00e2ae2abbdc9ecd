"""`/websocket` on the page's own origin: handed to the realtime app by Fly's proxy, or piped to it from here."""

import asyncio
import contextlib

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.protocol import State

from services.api.http.errors import RETRY_AFTER, Problem
from services.api.http.middleware import refuse_other_sites, refuse_unknown_hosts
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
        refuse_unknown_hosts(socket.headers, settings)
        refuse_other_sites(socket.headers, settings.allowed_origins)
        if settings.realtime_app:
            await socket.send_denial_response(_replayed(settings.realtime_app))
            return
        query = f"?{socket.url.query}" if socket.url.query else ""
        upstream = connect(
            settings.realtime_upstream + query,
            compression=None,
            additional_headers={"X-Forwarded-For": socket.client.host} if socket.client else None,
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
    """Carry frames down until one side closes; the other is closed alike. What a browser says goes up as it is."""

    async def upwards() -> None:
        while (message := await browser.receive())["type"] == "websocket.receive":
            await server.send(message.get("text") or message.get("bytes") or "")

    rising = asyncio.create_task(upwards())
    # The server's frames end with the connection; a browser that leaves ends it.
    rising.add_done_callback(lambda _: server.transport.abort() if server.state is State.OPEN else None)
    try:
        async for frame in server:
            await browser.send_text(frame if isinstance(frame, str) else frame.decode())
    except (ConnectionClosed, WebSocketDisconnect):
        pass
    finally:
        rising.cancel()
        await asyncio.gather(rising, return_exceptions=True)
    if browser.application_state is WebSocketState.CONNECTED is browser.client_state:
        # 1006 means "went without a word" and cannot be sent (RFC 6455, section 7.4.1).
        code = server.close_code if server.close_code not in {None, 1005, 1006} else 1012
        with contextlib.suppress(WebSocketDisconnect):
            await browser.close(code or 1012, server.close_reason or "")


def _replayed(app: str) -> Response:
    # Fly's proxy reads this header also on the answer to a handshake, and gives the request to that app.
    return Response(status_code=307, headers={REPLAY: f"app={app}"})
