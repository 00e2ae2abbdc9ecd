"""Processes of one program that share its port: forked, restarted when one ends, stopped together."""

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

RESTART_PAUSE_S = 0.5
"""Seconds before a process that ended is started again."""

MIN_UPTIME_S = 2
"""A process that fails within so many seconds of its start would fail for ever: then all stop."""

SIGNALS = (signal.SIGTERM, signal.SIGINT)


def run_processes(number: int, serve: Callable[[int], None]) -> None:
    """Keep `serve(0)` to `serve(number - 1)` running, each in a process of its own, until SIGTERM or SIGINT."""
    processes: dict[int, tuple[int, float]] = {}
    """Process id → its number, and when it was started."""
    is_stopping = False
    # The kernel closes our end of the pipe with this process, however it ends: the others wait for that.
    parent_pipe, own_pipe = os.pipe()

    def stop(signal_number: int, _frame: FrameType | None) -> None:
        nonlocal is_stopping
        is_stopping = True
        for pid in processes:
            with suppress(ProcessLookupError):  # it ended, and `os.wait` has just reaped it
                os.kill(pid, signal_number)

    def start(process: int) -> None:
        # A signal between `fork` and the entry in `processes` would leave that process running, so block signals here.
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        pid = os.fork()
        if pid == 0:
            for each in SIGNALS:
                signal.signal(each, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
            os.close(own_pipe)
            threading.Thread(target=_stop_with_parent, args=(parent_pipe,), daemon=True).start()
            serve(process)
            sys.exit(0)
        processes[pid] = process, time.monotonic()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)

    for each in SIGNALS:
        signal.signal(each, stop)
    for process in range(number):
        start(process)
    exit_code = 0
    while processes:
        pid, status = os.wait()
        if pid not in processes:
            continue  # an orphan that the system gave us, as it does to the first process of a container
        process, started = processes.pop(pid)
        ended_with = os.waitstatus_to_exitcode(status)
        if is_stopping:
            exit_code = max(exit_code, ended_with)
        elif ended_with > 0 and time.monotonic() - started < MIN_UPTIME_S:
            exit_code = ended_with
            stop(signal.SIGTERM, None)
        else:
            log.warning("process ended, restarting", process=process, exit_code=ended_with, pause_s=RESTART_PAUSE_S)
            time.sleep(RESTART_PAUSE_S)
            # The signal may have come during the pause.
            if not is_stopping:
                start(process)
    sys.exit(exit_code)


def _stop_with_parent(pipe: int) -> None:
    """Stop this process when its parent is gone: otherwise it would share the port with the parent's successor."""
    os.read(pipe, 1)
    os.kill(os.getpid(), signal.SIGTERM)
