"""What a request may ask: ids, numbers, places in the list and small JSON bodies, each checked once."""

import base64
import uuid
from datetime import UTC, datetime
from typing import Any, NamedTuple, Self, TypeVar

from pydantic import BaseModel, ValidationError
from sqlalchemy import Row
from starlette.requests import Request

from services.api.errors import Problem
from shared.models import Clip

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


class Place(NamedTuple):
    """Where a page of the list ends: the next one begins behind it, whatever has arrived since."""

    at: datetime
    id: uuid.UUID

    @classmethod
    def after(cls, clip: Clip | Row[Any], *, deleted: bool) -> Self:
        return cls((deleted and clip.deleted_at) or clip.created_at, clip.id)

    @classmethod
    def of(cls, cursor: str | None) -> Self | None:
        """Read a cursor that `cursor()` wrote. Raises `Problem` for anything else."""
        if not cursor:
            return None
        try:
            at, id = base64.urlsafe_b64decode(cursor.encode("ascii")).decode("ascii").split(" ")
            place = cls(datetime.fromisoformat(at), uuid.UUID(id))
            if place.at.tzinfo != UTC:
                raise ValueError(at)
        except ValueError:
            raise Problem("bad-request", "This cursor is not one that the list gave out.") from None
        return place

    def cursor(self) -> str:
        return base64.urlsafe_b64encode(f"{self.at.astimezone(UTC).isoformat()} {self.id}".encode()).decode()
