"""`/websocket` on the page's own origin: Fly's proxy replays it at the realtime app, or this module proxies it."""

import asyncio
import contextlib

from starlette.requests import Request
from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.protocol import State

from services.api.access.tickets import ticket_of
from services.api.http.errors import RETRY_AFTER, Problem
from services.api.http.middleware import reject_cross_site, reject_unknown_host
from services.api.http.operations import Operation, query_param
from services.api.http.outages import outages
from services.api.state import state_of
from shared.people.tickets import TICKET_HEADER

HANDSHAKE_TIMEOUT_S = 5
"""Seconds that the realtime server has to answer a handshake; the page reconnects by itself."""

REPLAY_HEADER = "fly-replay"


@Operation(
    "Events: a WebSocket that sends a frame on each change",
    {101: "Connected.", 307: "For Fly's proxy."},
    problems=["cross-site", "upgrade-required", "away"],
    parameters=[query_param("since", {"type": "string", "description": "Id of the last frame seen."})],
)
async def reject_http(request: Request) -> Response:
    """GET /websocket without a WebSocket handshake: 426, or 307 for Fly's proxy."""
    if app := state_of(request).settings.realtime_app:
        return _replay_response(app, ticket_of(request))
    raise Problem("upgrade-required", "Connect here with a WebSocket.", {"Upgrade": "websocket"})


async def proxy(socket: WebSocket) -> None:
    """GET /websocket with a WebSocket handshake: connect to the realtime server, and forward frames both ways."""
    settings = state_of(socket).settings
    try:
        reject_unknown_host(socket.headers, settings.site_rules)
        reject_cross_site(socket.headers, settings.site_rules)
        ticket = ticket_of(socket)
        if settings.realtime_app:
            await socket.send_denial_response(_replay_response(settings.realtime_app, ticket))
            return
        query = f"?{socket.url.query}" if socket.url.query else ""
        headers = {TICKET_HEADER: ticket} | ({"X-Forwarded-For": socket.client.host} if socket.client else {})
        upstream = connect(
            settings.realtime_upstream + query,
            compression=None,
            additional_headers=headers,
            max_size=None,  # our own server's frames: one with a day's transcript is larger than the usual 1 MiB
            open_timeout=HANDSHAKE_TIMEOUT_S,
            proxy=None,
        )
        try:
            server = await upstream
        except (OSError, TimeoutError, WebSocketException) as error:
            outages.record_failure("realtime", error)
            raise Problem("away", "The realtime server does not answer at the moment.", RETRY_AFTER) from error
        outages.record_success("realtime")
    except Problem as problem:
        await socket.send_denial_response(problem.response())
        return
    async with server:
        await socket.accept()
        await _pipe(socket, server)


async def _pipe(browser: WebSocket, server: ClientConnection) -> None:
    """Forward frames both ways until one side closes, then close the other side with the same code."""

    async def forward_to_server() -> None:
        while (message := await browser.receive())["type"] == "websocket.receive":
            await server.send(message.get("text") or message.get("bytes") or "")

    upstream = asyncio.create_task(forward_to_server())
    # Without this, a browser that disconnects would leave the loop below waiting for the server's next frame.
    upstream.add_done_callback(lambda _: server.transport.abort() if server.state is State.OPEN else None)
    try:
        async for frame in server:
            await browser.send_text(frame if isinstance(frame, str) else frame.decode())
    except (ConnectionClosed, WebSocketDisconnect):
        pass
    finally:
        upstream.cancel()
        await asyncio.gather(upstream, return_exceptions=True)
    if browser.application_state is WebSocketState.CONNECTED is browser.client_state:
        # 1005 and 1006 say that no close frame came, and must not be sent (RFC 6455, section 7.4.1).
        code = server.close_code if server.close_code not in {None, 1005, 1006} else 1012
        with contextlib.suppress(WebSocketDisconnect):
            await browser.close(code or 1012, server.close_reason or "")


def _replay_response(app: str, ticket: str) -> Response:
    # Fly's proxy reads this header on the answer to a handshake, too, and replays the request at that app.
    return Response(status_code=307, headers={REPLAY_HEADER: f"app={app};state={ticket}"})
