"""Which errors are worth another attempt at a job, and how long to wait before it."""

import random

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

RETRY_GROWTH = 2.8
"""Factor between two delays. From 5 s, the seven delays between eight attempts span an hour."""

RETRY_JITTER = 0.2
"""Fraction by which a delay is shortened or lengthened, so that clips that failed together do not return together."""

MAX_RETRY_AFTER_S = 3600
"""Longest delay that a server may ask for."""

PROGRAMMING_ERRORS = (TypeError, AttributeError, NameError, AssertionError, NotImplementedError)
"""Errors of the code and not of the moment: another attempt raises the same one.

`ImportError` is none of them: a package that is missing or broken is mended without a change of the code.
"""

DATABASE_UNAVAILABLE = (OperationalError, InterfaceError, PoolTimeout)
"""Errors of a database that cannot be reached. Its other errors are about the statement."""


def retry_delay(attempt: int, first_s: float, min_s: float | None = None) -> float:
    """Seconds to wait before the second, third … attempt; at least `min_s`, the delay that the server asked for."""
    delay_s = first_s * RETRY_GROWTH ** (attempt - 2)
    min_delay_s = min(min_s or 0.0, MAX_RETRY_AFTER_S)
    jitter = random.uniform(1 - RETRY_JITTER, 1 + RETRY_JITTER)  # noqa: S311  # no secret depends on it
    return max(delay_s * jitter, min_delay_s)
