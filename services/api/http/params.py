"""What a request may ask: ids, numbers, places in the list and small JSON bodies, each checked once."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from services.api.http.errors import Problem

MOST_JSON_BYTES = 16 * 1024**2
"""Largest JSON body: the longest transcript that may be edited, in a script of four bytes a letter, twice over."""

Model = TypeVar("Model", bound=BaseModel)


def clip_id(request: Request) -> uuid.UUID:
    return _uuid(request, "A clip's id")


def upload_id(request: Request) -> uuid.UUID:
    return _uuid(request, "An upload's id")


def _uuid(request: Request, what: str) -> uuid.UUID:
    """The UUID in the address, in any of its spellings (RFC 9562)."""
    try:
        return uuid.UUID(request.path_params["id"])
    except ValueError:
        raise Problem("not-found", f"{what} is a UUID, and this is none.") from None


Default = TypeVar("Default", int, None)


def whole_number(request: Request, name: str, *, least: int, most: int, default: Default) -> int | Default:
    given = request.query_params.get(name)
    if given is None:
        return default
    if not (given.isascii() and given.isdigit() and len(given) <= 18 and least <= int(given) <= most):
        raise Problem("bad-request", f"{name} must be a whole number from {least} to {most}.")
    return int(given)


def printable(words: str) -> str:
    """Text as every database keeps it: without NUL and half characters."""
    return words.replace("\0", "").encode("utf-8", "ignore").decode()


async def json_body(request: Request, model: type[Model]) -> Model:
    """Parse a JSON body of bounded size. Raises `Problem` that names the first fault."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_JSON_BYTES:
            raise Problem("too-large", f"A JSON body can have at most {MOST_JSON_BYTES:,} bytes.")
    try:
        return model.model_validate_json(bytes(body))
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(str(part) for part in fault["loc"])
        words = fault["msg"].removeprefix("Value error, ")
        raise Problem("bad-request", f"{where + ': ' if where else ''}{words}.") from None


def instant(request: Request, name: str) -> datetime | None:
    """An instant as JavaScript writes it, or in any other zone; to the millisecond, as all that are told."""
    given = request.query_params.get(name)
    if given is None:
        return None
    try:
        # A plus sign that was not escaped has become a space.
        at = datetime.fromisoformat(given.replace(" ", "+") if "T" in given else given)
        if at.tzinfo is None:
            raise ValueError(given)
        return at.astimezone(UTC).replace(microsecond=at.microsecond // 1000 * 1000)
    except (ValueError, OverflowError):
        raise Problem(
            "bad-request", f"{name} must be an instant with its zone, such as 2026-11-23T14:00:00Z."
        ) from None


def one_of(request: Request, name: str, known: Sequence[str]) -> str | None:
    given = request.query_params.get(name)
    if given is not None and given not in known:
        raise Problem("bad-request", f"{name} must be one of {', '.join(known)}.")
    return given


def several_of(request: Request, name: str, known: Sequence[str]) -> tuple[str, ...]:
    """All values of a parameter that may be repeated, each once."""
    given = set(request.query_params.getlist(name))
    if not given.issubset(known):
        raise Problem("bad-request", f"{name} must be one of {', '.join(known)}; it may be repeated.")
    return tuple(sorted(given))
