"""The number of files and sockets that this process may have open."""

import resource
from contextlib import suppress

MACOS_OPEN_MAX = 10_240
"""What macOS grants to a process. Its hard limit says that there is none, and it refuses just that (setrlimit(2))."""


def raise_open_files_limit() -> int:
    """Raise the soft limit of open files as far as it goes. Return it, or `resource.RLIM_INFINITY` if there is none."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == hard:
        return soft
    for limit in (hard, max(soft, MACOS_OPEN_MAX)):
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
            return limit
    return soft
