"""The number of files and sockets that this process may have open."""

import resource
from contextlib import suppress


def raise_open_files_limit() -> int:
    """Raise the soft limit of open files to the hard one, and return it; `resource.RLIM_INFINITY` if there is none."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with suppress(ValueError, OSError):  # macOS names a hard limit that it does not grant
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
    return soft
