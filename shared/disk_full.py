"""The one answer to the question whether an error means that a disk has no room left."""

import errno
import os
import tempfile
from pathlib import Path

DISK_FULL = "The server's disk is full."
"""How people are told. Each service adds what happens to their recording."""

PROBE_BYTES = 64 * 1024
"""Bytes of a probe: more than a file system finds room for inside a block that it has already."""

_ERRNOS = frozenset({errno.ENOSPC, errno.EDQUOT})
"""By name: Linux and macOS give EDQUOT, a quota that is used up, different numbers."""

_SQLITE = "SQLITE_FULL"
_POSTGRES = "53100"
"""SQLSTATE `disk_full`."""


class DiskFull(Exception):
    """A disk, a quota or a bucket has no room left. Errors of other packages that say so derive from this class."""


def is_disk_full(error: BaseException | None) -> bool:
    """Whether this error, or one that caused it, says that there is no room left.

    It takes errors of the system, of SQLite, of Postgres, of SQLAlchemy around either, and of our store.
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:  # a careless `raise error from error` makes a circle
        seen.add(id(error))
        if (
            isinstance(error, DiskFull)
            or getattr(error, "errno", None) in _ERRNOS
            or getattr(error, "sqlite_errorname", None) == _SQLITE
            or getattr(error, "sqlstate", None) == _POSTGRES
        ):
            return True
        error = error.__cause__
    return False


def probe(folder: Path) -> OSError | None:
    """Write a nameless file to the folder. Return the system's error if there is no room for it, otherwise None."""
    try:
        with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
            file.write(bytes(PROBE_BYTES))
            os.fsync(file.fileno())
    except OSError as error:
        return error if is_disk_full(error) else None
    return None
