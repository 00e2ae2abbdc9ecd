"""Which errors are worth another attempt at a job, and how long to wait before it."""

import random

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

GROWTH = 2.8
"""Each pause is so much longer than the one before: from 5 s, the seven between eight tries span an hour."""


JITTER = 0.2
"""Part by which a pause is shortened or lengthened, so that clips that failed together do not come back together."""


LONGEST_PAUSE_S = 3600
"""Longest pause that a server may ask for."""


PROGRAMMING_ERRORS = (TypeError, AttributeError, NameError, ImportError, AssertionError, NotImplementedError)
"""Exceptions whose cause is the code and not the moment: another try raises the same one."""


AWAY = (OperationalError, InterfaceError, PoolTimeout)
"""What a database that is away gives; other errors are about what we wrote."""


def pause_before(try_number: int, first_s: float, wish_s: float | None = None) -> float:
    """Seconds before the second, third… try; never less than the server asked for."""
    grown = first_s * GROWTH ** (try_number - 2)
    wished = min(wish_s or 0.0, LONGEST_PAUSE_S)
    return max(grown * random.uniform(1 - JITTER, 1 + JITTER), wished)  # noqa: S311  # no secret hangs on it
