"""Every error answer in one table, as problem details (RFC 9457)."""

from collections.abc import Mapping
from http import HTTPStatus

import structlog
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from services.api.http.outages import outages
from shared.disk_full import DISK_FULL, is_disk_full
from shared.storage.store import ObjectMissing, StoreUnavailable

log = structlog.get_logger(__name__)

CHECKSUM_MISMATCH = 460
"""The status code of the tus checksum extension; no RFC defines it."""

PROBLEMS: Mapping[str, tuple[int, str]] = {
    "bad-request": (HTTPStatus.BAD_REQUEST, "The request cannot be understood"),
    "bad-name": (HTTPStatus.BAD_REQUEST, "This name cannot be used"),
    "bad-library": (HTTPStatus.UNPROCESSABLE_ENTITY, "This is no library that can be taken in"),
    "empty-audio": (HTTPStatus.BAD_REQUEST, "There is no audio in the request"),
    "sign-in": (HTTPStatus.UNAUTHORIZED, "Sign in first"),
    "not-allowed": (HTTPStatus.FORBIDDEN, "You may not do that here"),
    "cross-site": (HTTPStatus.FORBIDDEN, "Requests from other sites are refused"),
    "unknown-host": (HTTPStatus.MISDIRECTED_REQUEST, "This server has another name"),
    "not-found": (HTTPStatus.NOT_FOUND, "There is nothing here"),
    "no-transcript": (HTTPStatus.NOT_FOUND, "The clip has no transcript yet"),
    "no-audio": (HTTPStatus.NOT_FOUND, "The clip has no audio yet"),
    "no-rendition": (HTTPStatus.NOT_FOUND, "The clip cannot be had in this form"),
    "audio-missing": (HTTPStatus.NOT_FOUND, "The clip's audio is not in the store"),
    "method-not-allowed": (HTTPStatus.METHOD_NOT_ALLOWED, "This address does not do that"),
    "offset": (HTTPStatus.CONFLICT, "The upload stands elsewhere"),
    "unfinished": (HTTPStatus.CONFLICT, "A part of the recording has not arrived yet"),
    "finished": (HTTPStatus.CONFLICT, "The upload is finished"),
    "not-ready": (HTTPStatus.CONFLICT, "The clip is not ready for that"),
    "recording": (HTTPStatus.CONFLICT, "The clip is being recorded"),
    "id-taken": (HTTPStatus.CONFLICT, "Another clip has this id"),
    "not-in-bin": (HTTPStatus.CONFLICT, "The clip is not in the bin"),
    "in-bin": (HTTPStatus.CONFLICT, "The clip is in the bin"),
    "other-version": (HTTPStatus.CONFLICT, "The page has another version"),
    "stale": (HTTPStatus.PRECONDITION_FAILED, "The clip has changed meanwhile"),
    "tus-version": (HTTPStatus.PRECONDITION_FAILED, "This version of tus is not spoken here"),
    "gone": (HTTPStatus.GONE, "The upload was ended"),
    "too-large": (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The audio is too large"),
    "not-audio": (HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "This is not audio"),
    "bad-type": (HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "The body has another type"),
    "bad-range": (HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, "There are no such bytes"),
    "too-slow": (HTTPStatus.REQUEST_TIMEOUT, "The request took too long to arrive"),
    "wrong-credentials": (HTTPStatus.UNAUTHORIZED, "That does not open this server"),
    "wrong-code": (HTTPStatus.FORBIDDEN, "This link or step does not count any more"),
    "sign-in-again": (HTTPStatus.FORBIDDEN, "Sign in once more for that"),
    "insecure-page": (HTTPStatus.FORBIDDEN, "Nobody signs in over http"),
    "bad-password": (HTTPStatus.UNPROCESSABLE_ENTITY, "This password cannot be used"),
    "name-taken": (HTTPStatus.CONFLICT, "Somebody has this name"),
    "claimed": (HTTPStatus.CONFLICT, "This server has an owner"),
    "no-passkeys": (HTTPStatus.CONFLICT, "There are no passkeys at this address"),
    "too-many-tokens": (HTTPStatus.CONFLICT, "You have enough tokens"),
    "last-way-in": (HTTPStatus.CONFLICT, "Nothing else would let you in"),
    "too-many": (HTTPStatus.TOO_MANY_REQUESTS, "There were too many tries"),
    "large-head": (HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The request has too many headers"),
    "busy": (HTTPStatus.SERVICE_UNAVAILABLE, "The server is busy"),
    "upgrade-required": (HTTPStatus.UPGRADE_REQUIRED, "This address speaks WebSocket only"),
    "checksum": (CHECKSUM_MISMATCH, "The bytes changed on their way"),
    "away": (HTTPStatus.SERVICE_UNAVAILABLE, "A part of the server is away"),
    "full": (HTTPStatus.INSUFFICIENT_STORAGE, "The server has no room left"),
    "internal": (HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong here"),
}
"""Slug → status and title."""

UPLOAD_HEADERS = {"Tus-Resumable": "1.0.0", "Cache-Control": "no-store"}
"""Headers of every answer below `/api/uploads`, errors too (tus 1.0.0)."""

RETRY_AFTER = {"Retry-After": "2"}
"""Seconds: databases and stores restart within a few, and the page retries with a back-off of its own anyway."""


HEADERS: Mapping[str, Mapping[str, str]] = {"sign-in": {"WWW-Authenticate": 'Bearer realm="dictaphone"'}}
"""Headers by slug. A page that has asked for headers alone knows by the realm that nobody is signed in."""


class Problem(Exception):
    """An error answer. `detail` is one sentence that the page may show as it is."""

    def __init__(self, slug: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.slug, self.detail, self.headers = slug, detail, {**HEADERS.get(slug, {}), **(headers or {})}

    def response(self) -> Response:
        status, title = PROBLEMS[self.slug]
        return JSONResponse(
            {
                "type": f"urn:dictaphone:problem:{self.slug}",
                "title": title,
                "status": int(status),
                "detail": self.detail,
            },
            status_code=int(status),
            headers=self.headers,
            media_type="application/problem+json",
        )


def _to_problem(error: Exception) -> Problem:
    """Map an exception of a lower layer to the problem that a client is told."""
    match error:
        case Problem():
            return error
        case _ if is_disk_full(error):
            return Problem("full", f"{DISK_FULL} Keep the recording and try again later.")
        case HTTPException(status_code=405):
            return Problem("method-not-allowed", "This address does not take that method.", error.headers)
        case HTTPException(status_code=404):
            return Problem("not-found", "There is nothing at this address.")
        case HTTPException():
            return Problem("bad-request", f"{error.detail}.", error.headers)
        case ClientDisconnect():
            # Nobody reads this answer; its status counts the request as the client's fault in log and metrics.
            return Problem("bad-request", "The connection was lost before the whole body had arrived.")
        case StoreUnavailable():
            return Problem("away", "The audio store does not answer at the moment. Try again soon.", RETRY_AFTER)
        case ObjectMissing():
            return Problem("audio-missing", "The server knows this clip, but its audio is missing from the store.")
        case PoolTimeoutError() | OperationalError() | InterfaceError():
            return Problem("away", "The database does not answer at the moment. Try again soon.", RETRY_AFTER)
        case _:
            return Problem("internal", "The server failed at this request. Nothing that was saved is lost.")


def _part_away(error: Exception) -> str | None:
    """The part of the server whose outage this is, for one log line; None for any other error."""
    match error:
        case _ if is_disk_full(error):
            return "disk"
        case StoreUnavailable():
            return "store"
        case PoolTimeoutError() | OperationalError() | InterfaceError():
            return "database"
    return None


async def problem_response(request: Request, error: Exception) -> Response:
    """Answer any exception with its problem; log those that are the server's fault."""
    problem = _to_problem(error)
    if part := _part_away(error):
        outages.record_failure(part, error)
    elif PROBLEMS[problem.slug][0] >= 500 or isinstance(error, ObjectMissing):
        log.error("request failed", problem=problem.slug, reason=str(error), exc_info=problem.slug == "internal")
    if request.scope["path"].startswith("/api/uploads"):
        problem.headers |= UPLOAD_HEADERS
    return problem.response()


EXCEPTION_HANDLERS = dict.fromkeys(
    (
        Problem,
        HTTPException,
        ClientDisconnect,
        StoreUnavailable,
        ObjectMissing,
        PoolTimeoutError,
        OperationalError,
        InterfaceError,
    ),
    problem_response,
)
"""Exceptions that Starlette passes to `problem_response`; `RequestMiddleware` answers all others."""


def is_expected(error: Exception) -> bool:
    """Whether the error is one of ours or of a part that is away, and needs no traceback.

    Starlette wraps such an error in another one if it comes after the head of the answer.
    """
    return isinstance(error, tuple(EXCEPTION_HANDLERS)) or isinstance(error.__cause__, tuple(EXCEPTION_HANDLERS))
