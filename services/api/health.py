"""Health of this process: liveness, readiness and metrics."""

import asyncio
from collections.abc import Awaitable

from anyio import to_thread
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from services.api.http.errors import RETRY_AFTER
from services.api.http.operations import Answer, Operation, json_answer
from services.api.http.outages import outages
from services.api.state import State, state_of
from shared.db.engine import ping
from shared.threads import dead_threads

CHECK_TIMEOUT_S = 4
"""Seconds that the database and the store have to answer: below the five that the checks of platforms wait."""


TEXT = Answer("Text.", {"text/plain": ()})
PARTS = json_answer("How each part is.", {"type": "object"})


@Operation("Is this process alive?", {200: TEXT})
async def alive(_request: Request) -> Response:
    """GET /healthz: 200 while this process answers."""
    return PlainTextResponse("ok")


@Operation("Can it do its work?", {200: PARTS, 503: PARTS})
async def ready(request: Request) -> Response:
    """GET /readyz: 200 while clips can be stored and read, 503 otherwise.

    Redis and the outbox are only reported: no request waits for them.
    """
    state = state_of(request)
    database, store = await asyncio.gather(
        _failure("database", to_thread.run_sync(_ping_database, state, abandon_on_cancel=True)),
        _failure("store", to_thread.run_sync(state.store.check, abandon_on_cancel=True)),
    )
    threads = "died: " + ", ".join(dead) if (dead := dead_threads()) else None
    is_ready = database is None and store is None and not threads
    return JSONResponse(
        {
            "database": database or "ok",
            "store": store or "ok",
            "redis": state.relay.redis_failure or "ok",
            "outbox": state.relay.failure or _dead_letters(state.relay.dead_letters),
            "threads": threads or "ok",
        },
        status_code=200 if is_ready else 503,
        headers={} if is_ready else RETRY_AFTER,
    )


@Operation("Figures for Prometheus", {200: TEXT})
async def metrics(_request: Request) -> Response:
    """GET /metrics, for Prometheus."""
    return Response(generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _dead_letters(count: int) -> str:
    return f"{count} rows set apart" if count else "ok"


def _ping_database(state: State) -> None:
    with state.engine.connect() as connection:
        ping(connection)


async def _failure(part: str, check: Awaitable[None]) -> str | None:
    """Run a check: None if it passes in time, otherwise the failure.

    Anybody may read the answer, so it has only the type of an error: its text may hold secrets.
    """
    try:
        await asyncio.wait_for(_await(check), CHECK_TIMEOUT_S)
    except Exception as error:
        outages.record_failure(part, error)
        return f"does not answer ({type(error).__name__})"
    outages.record_success(part)
    return None


async def _await(check: Awaitable[None]) -> None:
    await check
