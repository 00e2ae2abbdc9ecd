"""Several processes of one program: made by fork, started again when one dies, ended together."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

import structlog

log = structlog.get_logger(__name__)

PAUSE_S = 0.5
"""Before a process that died is started again."""

SOON_S = 2
"""A process that ends by itself with a fault so soon after the start would do so for ever: then all end."""


SIGNALS = (signal.SIGTERM, signal.SIGINT)


def run_workers(number: int, serve: Callable[[int], None]) -> None:
    """Keep `serve(0)` to `serve(number - 1)` running, each in its process, until SIGTERM or SIGINT."""
    workers: dict[int, tuple[int, float]] = {}
    stopping = False
    # Its other end is closed with this process, however it ends.
    alive, ours = os.pipe()

    def stop(signal_number: int, _frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True
        for pid in workers:
            with suppress(ProcessLookupError):  # it has just been waited for
                os.kill(pid, signal_number)

    def start(place: int) -> None:
        # No signal between the fork and the note of its child: it would be left behind.
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        pid = os.fork()
        if pid == 0:
            for each in SIGNALS:
                signal.signal(each, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
            os.close(ours)
            threading.Thread(target=_end_with, args=(alive,), daemon=True).start()
            serve(place)
            sys.exit(0)
        workers[pid] = place, time.monotonic()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)

    for each in SIGNALS:
        signal.signal(each, stop)
    for place in range(number):
        start(place)
    worst = 0
    while workers:
        pid, status = os.wait()
        if pid not in workers:
            continue  # an orphan that the system gave us, as it gives them to the first process of a container
        place, began = workers.pop(pid)
        code = os.waitstatus_to_exitcode(status)
        if stopping:
            worst = max(worst, code)
        elif code > 0 and time.monotonic() - began < SOON_S:
            worst = code
            stop(signal.SIGTERM, None)
        else:
            log.warning("a worker ended and is started again", worker=place, exit_code=code, pause_s=PAUSE_S)
            time.sleep(PAUSE_S)
            if not stopping:
                start(place)
    sys.exit(worst)


def _end_with(pipe: int) -> None:
    """End this process when the one that started it is gone: the next one would share the port with it."""
    os.read(pipe, 1)
    os.kill(os.getpid(), signal.SIGTERM)
