"""The cursor of a paged list: where one page ends and the next one begins."""

import base64
import json
import uuid
from datetime import UTC, datetime
from types import UnionType
from typing import Any, NamedTuple, Self

from services.api.http.errors import Problem
from services.api.http.params import storable_text

Key = str | int | datetime | uuid.UUID | None


class Cursor(NamedTuple):
    """The sort keys of a page's last row. The next page begins behind them, whatever has arrived since."""

    keys: tuple[Key, ...]
    """Values of the columns that the list is ordered by, and what else tells the row's position."""

    @classmethod
    def decode(cls, text: str | None, fingerprint: str) -> Self | None:
        """Read the text that `encode` wrote; None without one.

        `fingerprint` names the list: its order and its filters. Raises `Problem` for a cursor of another list, and for
        any other text.
        """
        if not text:
            return None
        try:
            items = json.loads(base64.urlsafe_b64decode(text.encode("ascii")))
            list_fingerprint, *keys = items if isinstance(items, list) else [None]
            if not isinstance(list_fingerprint, str):
                raise ValueError(text)
            cursor = cls(tuple(map(_key_from_json, keys)))
        except (ValueError, RecursionError):
            raise invalid_cursor() from None
        if list_fingerprint != fingerprint:
            raise Problem(
                "bad-request", "This cursor belongs to a list of another order or with other filters; begin anew."
            )
        return cursor

    def encode(self, fingerprint: str) -> str:
        """Write the cursor as text for a list of this fingerprint."""
        items = json.dumps([fingerprint, *map(_key_to_json, self.keys)], separators=(",", ":"))
        return base64.urlsafe_b64encode(items.encode()).decode()

    def has_types(self, *types: type | UnionType) -> bool:
        """Whether the keys are of these types, in this order."""
        return len(self.keys) == len(types) and all(map(isinstance, self.keys, types))


def invalid_cursor() -> Problem:
    return Problem("bad-request", "This cursor is not one that the list gave out.")


def _key_to_json(key: Key) -> Any:
    if isinstance(key, datetime):
        return {"at": key.astimezone(UTC).isoformat()}
    return {"id": str(key)} if isinstance(key, uuid.UUID) else key


def _key_from_json(value: Any) -> Key:
    match value:
        case None | str():
            return storable_text(value) if value else value
        case int() if abs(value) < 2**63 and not isinstance(value, bool):
            return value
        case {"at": str(at)} if (instant := datetime.fromisoformat(at)).tzinfo == UTC:
            return instant
        case {"id": str(id)}:
            return uuid.UUID(id)
        case _:
            raise ValueError(value)
