"""What each route needs, declared where the route table stands."""

import inspect
from collections.abc import Awaitable, Callable, Iterable, Iterator
from functools import wraps
from typing import Any, TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.websockets import WebSocket

from services.api.access.access import admit
from services.api.access.principal import Need
from services.api.http.errors import Problem
from services.api.http.middleware import reject_cross_site, reject_unknown_host
from services.api.state import state_of

Handler = Callable[[Request], Response | Awaitable[Response]]
"""A plain function runs in a thread; a handler that reads a body is a coroutine."""

SocketHandler = Callable[[WebSocket], Awaitable[None]]

Open = TypeVar("Open", bound=Callable[..., Any])

CLOSE_SIGNED_OUT = 4401
"""Close code of a socket whose sender is not known, or not any more. A refused handshake says nothing to a page."""

METHODS = ("get", "head", "options", "post", "put", "patch", "delete")

_NEED = "access_need"


def open_to_all(handler: Open) -> Open:
    """Open to everybody. It shows nothing that people said."""
    setattr(handler, _NEED, Need.OPEN)
    return handler


def knows(handler: Handler) -> Handler:
    """For whoever is known here, whatever libraries they have: it is about themselves."""
    return _guarded(handler, Need.KNOWN)


def reads(handler: Handler) -> Handler:
    return _guarded(handler, Need.READS)


def writes(handler: Handler) -> Handler:
    return _guarded(handler, Need.WRITES)


def writes_recording(handler: Handler) -> Handler:
    """As `writes`, for the person of a recording, signed in or not any more: the handler calls `Access.check_clip`."""
    return _guarded(handler, Need.WRITES, takes_upload_key=True)


def deletes(handler: Handler) -> Handler:
    return _guarded(handler, Need.DELETES)


def owns(handler: Handler) -> Handler:
    return _guarded(handler, Need.OWNS)


def reads_events(handler: SocketHandler) -> SocketHandler:
    """As `reads`, for a WebSocket."""

    @wraps(handler)
    async def guarded(socket: WebSocket) -> None:
        try:
            rules = state_of(socket).settings.site_rules
            reject_unknown_host(socket.headers, rules)
            reject_cross_site(socket.headers, rules)
        except Problem as problem:
            await socket.send_denial_response(problem.response())
            return
        try:
            await admit(socket, Need.READS)
        except Problem as problem:
            await socket.accept()
            await socket.close(CLOSE_SIGNED_OUT, problem.detail)
            return
        await handler(socket)

    setattr(guarded, _NEED, Need.READS)
    return guarded


def _guarded(handler: Handler, need: Need, *, takes_upload_key: bool = False) -> Handler:
    is_coroutine = inspect.iscoroutinefunction(handler)

    @wraps(handler)
    async def guarded(request: Request) -> Response:
        await admit(request, need, takes_upload_key=takes_upload_key)
        answer = handler(request) if is_coroutine else await run_in_threadpool(handler, request)
        return answer if isinstance(answer, Response) else await answer

    setattr(guarded, _NEED, need)
    return guarded


def needs_of(routes: Iterable[BaseRoute]) -> Iterator[tuple[str, str, Any, Need]]:
    """Path, method, handler and need of each. Raises `TypeError` for a handler that declares none."""
    for route in routes:
        path = getattr(route, "path", repr(route))
        for method, handler in _handlers(route):
            need = getattr(handler, _NEED, None)
            if need is None:
                raise TypeError(f"{method} {path} does not say what it needs: see services.api.access.needs")
            yield path, method, handler, need


def _handlers(route: BaseRoute) -> Iterator[tuple[str, Any]]:
    if isinstance(route, Mount):
        yield "GET", route.app
    elif isinstance(route, WebSocketRoute):
        yield "WEBSOCKET", route.endpoint
    elif isinstance(route, Route):
        endpoint = route.endpoint
        if isinstance(endpoint, type) and issubclass(endpoint, HTTPEndpoint):
            yield from ((name.upper(), handler) for name in METHODS if (handler := getattr(endpoint, name, None)))
        else:
            yield from ((method, endpoint) for method in sorted((route.methods or set()) - {"HEAD"}))
    else:
        yield "ANY", route
