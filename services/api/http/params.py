"""Parameters of a request: ids, numbers, choices, instants and small JSON bodies, each checked once."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from services.api.http.errors import Problem

MAX_JSON_BYTES = 16 * 1024**2
"""Largest JSON body: the longest transcript that may be edited, in a script of four bytes a letter, twice over."""

BodyModel = TypeVar("BodyModel", bound=BaseModel)


def clip_id(request: Request) -> uuid.UUID:
    return _uuid(request, "A clip's id")


def upload_id(request: Request) -> uuid.UUID:
    return _uuid(request, "An upload's id")


def _uuid(request: Request, subject: str) -> uuid.UUID:
    """The UUID in the path, in any of its spellings (RFC 9562). `subject` begins the sentence of the `Problem`."""
    try:
        return uuid.UUID(request.path_params["id"])
    except ValueError:
        raise Problem("not-found", f"{subject} is a UUID, and this is none.") from None


def uuid_header(request: Request, name: str) -> uuid.UUID | None:
    value = request.headers.get(name)
    try:
        return None if value is None else uuid.UUID(value)
    except ValueError:
        raise Problem("bad-request", f"The header {name} must be a UUID.") from None


Default = TypeVar("Default", int, None)


def int_param(request: Request, name: str, *, minimum: int, maximum: int, default: Default) -> int | Default:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 18 and minimum <= int(text) <= maximum):
        raise Problem("bad-request", f"{name} must be a whole number from {minimum} to {maximum}.")
    return int(text)


def storable_text(text: str) -> str:
    """Drop what a database may refuse: NUL and lone surrogates."""
    return text.replace("\0", "").encode("utf-8", "ignore").decode()


async def json_body(request: Request, model: type[BodyModel]) -> BodyModel:
    """Parse a JSON body of bounded size. Raises `Problem` that names the first fault."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_JSON_BYTES:
            raise Problem("too-large", f"A JSON body can have at most {MAX_JSON_BYTES:,} bytes.")
    try:
        return model.model_validate_json(bytes(body))
    except ValidationError as error:
        fault = error.errors()[0]
        location = ".".join(str(part) for part in fault["loc"])
        message = fault["msg"].removeprefix("Value error, ")
        raise Problem("bad-request", f"{location + ': ' if location else ''}{message}.") from None


def instant_param(request: Request, name: str) -> datetime | None:
    """An instant of ISO 8601 with its zone, cut to milliseconds like every instant in an answer."""
    text = request.query_params.get(name)
    if text is None:
        return None
    try:
        # A plus sign that was not percent-encoded has become a space.
        at = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
        if at.tzinfo is None:
            raise ValueError(text)
        return at.astimezone(UTC).replace(microsecond=at.microsecond // 1000 * 1000)
    except (ValueError, OverflowError):
        raise Problem(
            "bad-request", f"{name} must be an instant with its zone, such as 2026-11-23T14:00:00Z."
        ) from None


def date_header(request: Request, name: str) -> datetime | None:
    """An HTTP date (RFC 9110, section 5.6.7). Raises `Problem` for anything else."""
    text = request.headers.get(name)
    try:
        at = None if text is None else parsedate_to_datetime(text)
        return at and (at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        raise Problem(
            "bad-request", f"The header {name} must be a date such as Mon, 23 Nov 2026 14:00:00 GMT."
        ) from None


def choice_param(request: Request, name: str, choices: Sequence[str]) -> str | None:
    value = request.query_params.get(name)
    if value is not None and value not in choices:
        raise Problem("bad-request", f"{name} must be one of {', '.join(choices)}.")
    return value


def choices_param(request: Request, name: str, choices: Sequence[str]) -> tuple[str, ...]:
    """All values of a parameter that may be repeated, each once, sorted."""
    values = set(request.query_params.getlist(name))
    if not values.issubset(choices):
        raise Problem("bad-request", f"{name} must be one of {', '.join(choices)}; it may be repeated.")
    return tuple(sorted(values))
