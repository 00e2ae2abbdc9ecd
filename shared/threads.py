"""Threads that a process lives by: one that dies is counted, named by `/readyz`, and ends the process."""

import os
import signal
import threading
from collections.abc import Callable
from contextvars import copy_context

import structlog
from prometheus_client import Counter

log = structlog.get_logger(__name__)

EXIT_UNFIT = 70
"""Exit status of a process that cannot work any more: its supervisor starts another one (sysexits.h, EX_SOFTWARE)."""

THREADS_DIED = Counter("dictaphone_threads_died_total", "Threads that died and that the process lives by", ["thread"])

_dead: list[str] = []


def dead_threads() -> list[str]:
    """The names of the threads of this process that died, and that it lives by."""
    return list(_dead)


def report_death(name: str) -> None:
    """Count a thread that died. Repeating it changes nothing."""
    if name not in _dead:
        _dead.append(name)
        THREADS_DIED.labels(name).inc()
        log.critical("a thread died that this process lives by", thread=name)


def end_process() -> None:
    """Have this process end as if it was told to, so that its supervisor starts another one."""
    os.kill(os.getpid(), signal.SIGTERM)


class LifelineThread(threading.Thread):
    """A thread that the process lives by. A return of its function is an end; an error is a death."""

    def __init__(self, target: Callable[[], None], name: str, on_death: Callable[[], None] = end_process) -> None:
        # In the caller's context, so that its log lines name what the caller works on.
        super().__init__(target=copy_context().run, args=(self._live,), name=name, daemon=True)
        self._work, self._on_death = target, on_death

    def _live(self) -> None:
        try:
            self._work()
        except BaseException:
            log.exception("a thread failed", thread=self.name)
            report_death(self.name)
            self._on_death()
