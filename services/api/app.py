"""The route table of this service, on one screen."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route, WebSocketRoute

from services.api import about, health, websocket_proxy
from services.api.archive import routes as archive
from services.api.clips import bin_routes, cut_routes, join, legacy_routes, split
from services.api.clips import routes as clips
from services.api.frontend import routes as frontend
from services.api.frontend.version import STATIC, PageFiles
from services.api.http.compression import CompressionMiddleware
from services.api.http.errors import EXCEPTION_HANDLERS
from services.api.http.middleware import RequestMiddleware
from services.api.openapi import document
from services.api.revisions import routes as revisions
from services.api.search import routes as search
from services.api.settings import ApiSettings
from services.api.state import open_state
from services.api.uploads import finish
from services.api.uploads import routes as uploads

Handler = Callable[[Request], Response | Awaitable[Response]]
"""A plain function runs in a thread; a handler that reads a body is a coroutine."""


def by_method(**handlers: Handler) -> type[HTTPEndpoint]:
    """An endpoint with a handler for each method; Starlette answers other methods with 405 and Allow."""
    methods = {method.lower(): staticmethod(handler) for method, handler in handlers.items()}
    return type("ByMethod", (HTTPEndpoint,), methods)


ROUTES = [
    Route("/", frontend.index),
    Route("/service-worker.js", frontend.service_worker),
    Mount("/static", frontend.StaticFiles(directory=STATIC)),
    Route("/openapi.json", document.document),
    Route("/healthz", health.alive),
    Route("/readyz", health.ready),
    Route("/metrics", health.metrics),
    # Clips by id: the page's API.
    Route("/api/clips", search.list_clips),
    Route("/api/tags", search.list_tags),
    Route("/api/bin", bin_routes.empty, methods=["DELETE"]),
    Route("/api/about", about.about),
    Route("/api/storage", about.storage),
    Route("/api/media-type", clips.media_type, methods=["POST"]),
    Route("/api/clips/join", by_method(POST=join.join)),
    Route("/api/clips/{id}", by_method(GET=clips.read, PUT=clips.put, PATCH=clips.patch, DELETE=clips.delete)),
    Route("/api/clips/{id}/restore", clips.restore, methods=["POST"]),
    Route("/api/clips/{id}/transcription", clips.transcribe_again, methods=["POST"]),
    Route("/api/clips/{id}/audio", clips.audio),
    Route("/api/clips/{id}/transcript.{form}", clips.transcript),
    Route("/api/clips/{id}/revisions", revisions.list_revisions),
    Route("/api/clips/{id}/revisions/{revision}", revisions.read_revision),
    Route("/api/clips/{id}/revisions/{revision}/restore", revisions.restore_revision, methods=["POST"]),
    Route("/api/clips/{id}/finish", finish.finish, methods=["POST"]),
    Route("/api/clips/{id}/waveform", clips.waveform),
    Route("/api/clips/{id}/cuts", by_method(PUT=cut_routes.put)),
    Route("/api/clips/{id}/split", split.split, methods=["POST"]),
    # The whole library, as a zip.
    Route("/api/library.zip", archive.export_library),
    Route("/api/library", archive.import_library, methods=["POST"]),
    # Resumable uploads (tus): recordings while they are made, and files.
    Route("/api/uploads", by_method(OPTIONS=uploads.options, POST=uploads.create)),
    Route(
        "/api/uploads/{id}",
        by_method(HEAD=uploads.head, PATCH=uploads.patch, DELETE=uploads.delete, POST=uploads.override),
    ),
    # Clips by name: clients of the seed.
    Route("/clips/{name:path}", by_method(GET=legacy_routes.get, PUT=legacy_routes.put, DELETE=legacy_routes.delete)),
    Route("/audio/{name:path}", by_method(GET=legacy_routes.get, PUT=legacy_routes.put, DELETE=legacy_routes.delete)),
    Route("/websocket", websocket_proxy.reject_http),
    WebSocketRoute("/websocket", websocket_proxy.proxy),
]


def create_app(settings: ApiSettings) -> Starlette:
    """Build the application. The server's start opens its state, and its shutdown closes it."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        with open_state(settings) as state:
            app.state.dictaphone = state
            yield

    middleware = [Middleware(RequestMiddleware, settings=settings)]
    if settings.allowed_origins:
        middleware.append(
            Middleware(
                CORSMiddleware,
                allow_origins=sorted(settings.allowed_origins),
                allow_methods=["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE"],
                allow_headers=[
                    "Content-Type",
                    "If-Match",
                    "If-None-Match",
                    "Last-Modified",
                    "Range",
                    "Sitting",
                    *uploads.REQUEST_HEADERS,
                ],
                expose_headers=["ETag", "Content-Range", *uploads.RESPONSE_HEADERS],
            )
        )
    middleware.append(Middleware(CompressionMiddleware))
    app = Starlette(routes=ROUTES, middleware=middleware, exception_handlers=EXCEPTION_HANDLERS, lifespan=lifespan)
    app.state.page_files = PageFiles(reload=settings.reload_page)
    # "/clips/a/" names the clip "a/": a redirect to "/clips/a" would be another clip.
    app.router.redirect_slashes = False
    return app
