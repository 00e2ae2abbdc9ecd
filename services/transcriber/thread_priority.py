"""The priority of threads whose work may wait."""

import os
import threading
from contextlib import suppress

NICENESS = 10
"""Words of finished recordings go first: captions and renditions take the time that the cores have left."""


def lower_thread_priority() -> None:
    """Lower the priority of this thread and of the threads that it starts, such as those of a model that it loads."""
    if hasattr(os, "setpriority") and os.uname().sysname == "Linux":  # elsewhere it would lower the whole process
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
