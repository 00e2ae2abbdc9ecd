"""Whether this process is alive, and whether it can do its work."""

import asyncio
from collections.abc import Awaitable

import structlog
from anyio import to_thread
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from services.api.http.errors import RETRY_AFTER
from services.api.state import State, state_of
from shared.db.engine import ping

log = structlog.get_logger(__name__)

PATIENCE_S = 4
"""Seconds that a part has to answer: below the five that platforms' checks wait."""


async def alive(_request: Request) -> Response:
    """GET /healthz: this process answers."""
    return PlainTextResponse("ok")


async def ready(request: Request) -> Response:
    """GET /readyz: 200 while clips can be stored and read. Redis may be away: nothing here waits for it."""
    state = state_of(request)
    database, store = await asyncio.gather(
        _said(to_thread.run_sync(_database, state, abandon_on_cancel=True)),
        _said(to_thread.run_sync(state.store.check, abandon_on_cancel=True)),
    )
    fine = database is None and store is None
    return JSONResponse(
        {"database": database or "ok", "store": store or "ok", "redis": state.relay.failure or "ok"},
        status_code=200 if fine else 503,
        headers={} if fine else RETRY_AFTER,
    )


async def metrics(_request: Request) -> Response:
    """GET /metrics, for Prometheus."""
    return Response(generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _database(state: State) -> None:
    with state.engine.connect() as connection:
        ping(connection)


async def _said(check: Awaitable[None]) -> str | None:
    """None if the check passes in time; otherwise why not. What is said here may hold no secret: type, not text."""
    try:
        await asyncio.wait_for(_awaited(check), PATIENCE_S)
    except Exception as error:
        log.warning("not ready", reason=str(error))
        return f"does not answer ({type(error).__name__})"
    return None


async def _awaited(check: Awaitable[None]) -> None:
    await check
