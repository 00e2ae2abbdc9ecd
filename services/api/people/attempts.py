"""Limits of tries, counted in rows: all processes count together, and a restart forgets nothing.

What a stranger tries counts against their address. Against an account it counts only in a short window, and never
against a browser that the account has been open in: nobody is locked out by somebody else's guesses.
"""

import hashlib
import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, bindparam, text

from services.api.http.errors import Problem
from shared.db.columns import UtcDateTime
from shared.db.engine import execute_write


@dataclass(frozen=True)
class Limit:
    """So many tries in a window of time."""

    name: str
    tries: int
    window: timedelta


PASSWORDS_OF_ADDRESS = Limit("password-address", 20, timedelta(minutes=15))
"""A household or an office behind one address mistypes less often."""

PASSWORDS_OF_ACCOUNT = Limit("password-account", 50, timedelta(minutes=5))
"""Guesses from many addresses at once; a person who is not known in this browser waits five minutes at most."""

CODES_OF_ADDRESS = Limit("code-address", 20, timedelta(minutes=15))
"""Claims and links for a device."""

TOKENS_OF_ADDRESS = Limit("token-address", 20, timedelta(minutes=15))
"""Wrong tokens. A right one is never counted: a program whose token was revoked shuts out no other one beside it."""

CEREMONIES_OF_ADDRESS = Limit("ceremony-address", 100, timedelta(minutes=15))
"""Each makes a row for five minutes. A page begins one when it opens the sign-in, a class all at once."""


def take(engine: Engine, limit: Limit, subject: str, now: datetime) -> None:
    """Count a try before it is made. Raises `Problem` if there were too many."""
    start = _window_start(limit, now)
    rows = execute_write(engine, _COUNT, {"key": _key(limit, subject), "start": start})
    if rows[0][0] > limit.tries:
        wait_s = max(math.ceil((start + limit.window - now).total_seconds()), 1)
        raise Problem(
            "too-many",
            f"There were too many tries. Try again in {math.ceil(wait_s / 60)} min.",
            {"Retry-After": str(wait_s)},
        )


def give_back(engine: Engine, limit: Limit, subject: str, now: datetime) -> None:
    """Count a try no more: it succeeded."""
    parameters = {"key": _key(limit, subject), "start": _window_start(limit, now)}
    execute_write(engine, _GIVE_BACK, parameters)


_START = bindparam("start", type_=UtcDateTime())
_COUNT = text(
    "INSERT INTO attempt (key, window_start, count) VALUES (:key, :start, 1) "
    "ON CONFLICT (key, window_start) DO UPDATE SET count = attempt.count + 1 RETURNING count"
).bindparams(_START)
_GIVE_BACK = text(
    "UPDATE attempt SET count = count - 1 WHERE key = :key AND window_start = :start AND count > 0 RETURNING count"
).bindparams(_START)


def _window_start(limit: Limit, now: datetime) -> datetime:
    seconds = limit.window.total_seconds()
    return datetime.fromtimestamp(now.timestamp() // seconds * seconds, UTC)


def _key(limit: Limit, subject: str) -> str:
    return hashlib.sha256(f"{limit.name}\0{subject}".encode("utf-8", "replace")).hexdigest()
