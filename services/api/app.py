"""The route table of this service, on one screen."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Mount, Route, WebSocketRoute

from services.api import about, health, websocket_proxy
from services.api.access.needs import (
    Handler,
    deletes,
    knows,
    needs_of,
    open_to_all,
    owns,
    reads,
    reads_events,
    writes,
    writes_recording,
)
from services.api.accounts import account_routes as account
from services.api.accounts import sign_in_routes as sign_in
from services.api.accounts import token_routes as tokens
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


def by_method(**handlers: Handler) -> type[HTTPEndpoint]:
    """An endpoint with a handler for each method; Starlette answers other methods with 405 and Allow."""
    methods = {method.lower(): staticmethod(handler) for method, handler in handlers.items()}
    return type("ByMethod", (HTTPEndpoint,), methods)


ROUTES = [
    # The page: each of its places is an address of its own, and so is each clip (`/clips/{name}` below).
    *(Route(place, open_to_all(frontend.index)) for place in ("/", "/recording", "/settings", "/bin")),
    *(Route(place, open_to_all(frontend.sign_in)) for place in ("/sign-in", "/claim")),
    Route("/service-worker.js", open_to_all(frontend.service_worker)),
    Mount("/static", open_to_all(frontend.StaticFiles(directory=STATIC))),
    Route("/openapi.json", open_to_all(document.document)),
    Route("/healthz", open_to_all(health.alive)),
    Route("/readyz", open_to_all(health.ready)),
    Route("/metrics", open_to_all(health.metrics)),
    # Clips by id: the page's API.
    Route("/api/clips", reads(search.list_clips)),
    Route("/api/tags", reads(search.list_tags)),
    Route("/api/bin", owns(bin_routes.empty), methods=["DELETE"]),
    Route("/api/about", open_to_all(about.about)),
    Route("/api/storage", reads(about.storage)),
    Route("/api/media-type", writes(clips.media_type), methods=["POST"]),
    Route("/api/clips/join", by_method(POST=writes(join.join))),
    Route(
        "/api/clips/{id}",
        by_method(
            GET=reads(clips.read), PUT=writes(clips.put), PATCH=writes(clips.patch), DELETE=deletes(clips.delete)
        ),
    ),
    Route("/api/clips/{id}/restore", writes(clips.restore), methods=["POST"]),
    Route("/api/clips/{id}/transcription", writes(clips.transcribe_again), methods=["POST"]),
    Route("/api/clips/{id}/audio", reads(clips.audio)),
    Route("/api/clips/{id}/transcript.{form}", reads(clips.transcript)),
    Route("/api/clips/{id}/revisions", reads(revisions.list_revisions)),
    Route("/api/clips/{id}/revisions/{revision}", reads(revisions.read_revision)),
    Route("/api/clips/{id}/revisions/{revision}/restore", writes(revisions.restore_revision), methods=["POST"]),
    Route("/api/clips/{id}/finish", writes_recording(finish.finish), methods=["POST"]),
    Route("/api/clips/{id}/waveform", reads(clips.waveform)),
    Route("/api/clips/{id}/cuts", by_method(PUT=writes(cut_routes.put))),
    Route("/api/clips/{id}/split", writes(split.split), methods=["POST"]),
    # The whole library, as a zip.
    Route("/api/library.zip", reads(archive.export_library)),
    Route("/api/library", writes(archive.import_library), methods=["POST"]),
    # Resumable uploads (tus): recordings while they are made, and files.
    Route("/api/uploads", by_method(OPTIONS=open_to_all(uploads.options), POST=writes_recording(uploads.create))),
    Route(
        "/api/uploads/{id}",
        by_method(
            HEAD=writes_recording(uploads.head),
            PATCH=writes_recording(uploads.patch),
            DELETE=writes(uploads.delete),
            POST=writes(uploads.override),
        ),
    ),
    # Ways in, and what a person does about their own account.
    Route("/api/sign-in", open_to_all(sign_in.ways_in)),
    Route("/api/sign-in/password", open_to_all(sign_in.by_password), methods=["POST"]),
    Route("/api/sign-in/passkey/begin", open_to_all(sign_in.begin_passkey), methods=["POST"]),
    Route("/api/sign-in/passkey/finish", open_to_all(sign_in.finish_passkey), methods=["POST"]),
    Route("/api/sign-in/device", open_to_all(sign_in.by_device_link), methods=["POST"]),
    Route("/api/claim", open_to_all(sign_in.use_claim), methods=["POST"]),
    Route("/api/claim/look", open_to_all(sign_in.look_at_claim), methods=["POST"]),
    Route("/api/claim/passkey/begin", open_to_all(sign_in.begin_claim), methods=["POST"]),
    Route("/api/session", by_method(GET=knows(account.who), DELETE=knows(account.sign_out))),
    Route("/api/sessions", by_method(GET=knows(account.list_devices), DELETE=knows(account.end_other_devices))),
    Route("/api/sessions/{id}", knows(account.end_device), methods=["DELETE"]),
    Route("/api/device-link", knows(account.make_device_link), methods=["POST"]),
    Route("/api/passkeys", by_method(GET=knows(account.list_passkeys), POST=knows(account.add_passkey))),
    Route("/api/passkeys/begin", knows(account.begin_new_passkey), methods=["POST"]),
    Route("/api/passkeys/{id}", knows(account.remove_passkey), methods=["DELETE"]),
    Route("/api/password", knows(account.set_password), methods=["PUT"]),
    Route("/api/person", knows(account.rename), methods=["PATCH"]),
    Route("/api/tokens", by_method(GET=knows(tokens.list_tokens), POST=knows(tokens.make_token))),
    Route("/api/tokens/{id}", knows(tokens.revoke_token), methods=["DELETE"]),
    # Clips by name: clients of the seed. The page's clips have the same addresses, and ids for names.
    Route(
        "/clips/{name:path}",
        by_method(
            GET=open_to_all(frontend.clip),  # the page; the audio of a name is read behind a check of its own
            PUT=writes(legacy_routes.put),
            DELETE=deletes(legacy_routes.delete),
        ),
    ),
    Route(
        "/audio/{name:path}",
        by_method(GET=reads(legacy_routes.get), PUT=writes(legacy_routes.put), DELETE=deletes(legacy_routes.delete)),
    ),
    Route("/websocket", reads(websocket_proxy.reject_http)),
    WebSocketRoute("/websocket", reads_events(websocket_proxy.proxy)),
]
"""Each handler says what it needs; `create_app` refuses one that does not."""


def create_app(settings: ApiSettings) -> Starlette:
    """Build the application. The server's start opens its state, and its shutdown closes it.

    Raises `TypeError` for a route that does not say what it needs.
    """
    list(needs_of(ROUTES))

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
                    "Authorization",
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
    app.state.page_files = PageFiles(bundle=settings.bundle_folder, reload=settings.reload_page)
    # "/clips/a/" names the clip "a/": a redirect to "/clips/a" would be another clip.
    app.router.redirect_slashes = False
    return app
