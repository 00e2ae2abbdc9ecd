"""The route table: what this service answers, on one screen."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route, WebSocketRoute

from services.api import (
    clips,
    health,
    listing,
    openapi,
    page,
    recordings,
    seed,
    shell,
    takein,
    takeout,
    uploads,
    websocket,
)
from services.api.errors import HANDLERS
from services.api.guard import Guard
from services.api.settings import ApiSettings
from services.api.state import opened

Handler = Callable[[Request], Response | Awaitable[Response]]
"""A plain function runs in a thread; one that waits for a body is a coroutine."""


def by_method(**handlers: Handler) -> type[HTTPEndpoint]:
    """One address, a function for each method; any other method is answered with 405 and the list of these."""
    return type("ByMethod", (HTTPEndpoint,), {method.lower(): staticmethod(does) for method, does in handlers.items()})


ROUTES = [
    Route("/", page.index),
    Route("/service-worker.js", page.service_worker),
    Mount("/static", page.Files(directory=shell.STATIC)),
    Route("/openapi.json", openapi.document),
    Route("/healthz", health.alive),
    Route("/readyz", health.ready),
    Route("/metrics", health.metrics),
    # By id: our own page.
    Route("/api/clips", listing.listing),
    Route("/api/tags", listing.tags),
    Route("/api/clips/{id}", by_method(GET=clips.read, PUT=clips.put, PATCH=clips.patch, DELETE=clips.delete)),
    Route("/api/clips/{id}/restore", clips.restore, methods=["POST"]),
    Route("/api/clips/{id}/transcription", clips.transcribe_again, methods=["POST"]),
    Route("/api/clips/{id}/audio", clips.audio),
    Route("/api/clips/{id}/transcript.{form}", clips.transcript),
    Route("/api/clips/{id}/finish", recordings.finish, methods=["POST"]),
    Route("/api/clips/{id}/waveform", clips.waveform),
    # All of it, as a zip.
    Route("/api/library.zip", takeout.library),
    Route("/api/library", takein.library, methods=["POST"]),
    # By tus: recordings while they are made, and files.
    Route("/api/uploads", by_method(OPTIONS=uploads.options, POST=uploads.create)),
    Route(
        "/api/uploads/{id}",
        by_method(HEAD=uploads.head, PATCH=uploads.patch, DELETE=uploads.delete, POST=uploads.override),
    ),
    # By name: clients of the seed.
    Route("/clips/{name:path}", by_method(GET=seed.get, PUT=seed.put, DELETE=seed.delete)),
    Route("/audio/{name:path}", by_method(GET=seed.get, PUT=seed.put, DELETE=seed.delete)),
    Route("/websocket", websocket.plain),
    WebSocketRoute("/websocket", websocket.handshake),
]


def create_app(settings: ApiSettings) -> Starlette:
    """Build the application; its parts are opened when the server starts and closed when it stops."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        with opened(settings) as state:
            app.state.dictaphone = state
            yield

    middleware = [Middleware(Guard, settings=settings)]
    if settings.allowed_origins:
        middleware.append(
            Middleware(
                CORSMiddleware,
                allow_origins=sorted(settings.allowed_origins),
                allow_methods=["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE"],
                allow_headers=["Content-Type", "If-Match", "If-None-Match", "Range", *uploads.ASKED_HEADERS],
                expose_headers=["ETag", "Content-Range", *uploads.TOLD_HEADERS],
            )
        )
    app = Starlette(routes=ROUTES, middleware=middleware, exception_handlers=HANDLERS, lifespan=lifespan)
    # "/clips/a/" is a clip's name, not a slip of the pen.
    app.router.redirect_slashes = False
    return app
