"""Blocks of one clip side by side, on cores that no other clip wants, with their results in order."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import copy_context
from typing import Generic, TypeVar

from services.transcriber.recognizers.recognizer import OnProgress

Block = TypeVar("Block")
Result = TypeVar("Result")

MAX_THREADS = 8
"""Threads for one clip, however many cores are spare: each holds a block, which takes 100 to 150 MB with `base`."""

GiveWay = Callable[[], None]
"""Called before each step of the work on a block. It waits while another clip wants the core, and raises if the work on
another block of the clip failed."""


class Cores:
    """The cores of this process. A clip has one without waiting, and spare ones as long as no other clip wants them."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.busy = 0
        self.changed = threading.Condition()


def map_side_by_side(
    blocks: Iterator[Block], work: Callable[[int, Block, GiveWay], Result], cores: Cores, max_threads: int
) -> list[Result]:
    """The results of `work`, which is called with each block and its number, in the order of the blocks.

    This thread works on one block after another. Others help while there are spare cores, up to `max_threads` in all.
    No block is taken before somebody works on it. Raises the first error, after all threads have ended.
    """
    run = _Run(blocks, work, _ClipCores(cores))
    helpers = [
        # In this thread's context, so that log lines name the clip.
        threading.Thread(target=copy_context().run, args=(run.work,), name=f"block helper {number}", daemon=True)
        for number in range(1, min(max_threads, cores.number, MAX_THREADS))
    ]
    run.work(helpers)
    for helper in helpers:
        if helper.ident is not None:  # it was started
            # No check for cancellation here: it would prove progress while a helper is stuck. The helpers check.
            helper.join()
    return run.results()


class OrderedProgress:
    """The progress of a clip whose blocks are worked on side by side.

    The position is the length of all sound that was worked on. The words are those of the first block that is not
    finished; those of later blocks follow when it is.
    """

    def __init__(self, on_progress: OnProgress) -> None:
        self._on_progress = on_progress
        self._lock = threading.Lock()
        self._heard_ms: dict[int, int] = {}
        self._finished: set[int] = set()
        self._first = 0
        self._waiting: dict[int, list[str]] = {}

    def update(self, number: int, heard_ms: int, words: str) -> None:
        """Note that so much of a block was worked on, with these words at the end."""
        with self._lock:
            if number != self._first:
                self._waiting.setdefault(number, []).append(words)
                words = ""
            self._report(number, heard_ms, words)

    def finish(self, number: int, length_ms: int) -> None:
        """Note the end of a block."""
        with self._lock:
            self._finished.add(number)
            words = []
            while self._first in self._finished:
                self._first += 1
                words += self._waiting.pop(self._first, [])
            self._report(number, length_ms, " ".join(filter(None, words)))

    def _report(self, number: int, heard_ms: int, words: str) -> None:
        self._heard_ms[number] = max(heard_ms, self._heard_ms.get(number, 0))
        self._on_progress(sum(self._heard_ms.values()), words)


class _ClipCores:
    """The cores of one clip. Its own one is for any of its threads, so that the clip goes on whatever others do."""

    def __init__(self, cores: Cores) -> None:
        self._cores = cores
        self._has_own = True
        self._is_stopped = False

    @contextmanager
    def core(self) -> Iterator[GiveWay]:
        """Wait for a core and hold it. Yield the function that leaves a spare core to a clip that wants it."""
        is_spare = self._take()

        def give_way() -> None:
            nonlocal is_spare
            if is_spare and self._cores.busy > self._cores.number:
                self._give_back(is_spare=True)
                is_spare = self._take()

        try:
            yield give_way
        finally:
            self._give_back(is_spare=is_spare)

    def stop(self) -> None:
        """Let nobody wait for a core of this clip any more."""
        with self._cores.changed:
            self._is_stopped = True
            self._cores.changed.notify_all()

    def _take(self) -> bool:
        """Wait for a core; True if it is a spare one."""
        with self._cores.changed:
            self._cores.changed.wait_for(
                lambda: self._has_own or self._is_stopped or self._cores.busy < self._cores.number
            )
            is_spare, self._has_own = not self._has_own, False
            self._cores.busy += 1
        return is_spare

    def _give_back(self, *, is_spare: bool) -> None:
        with self._cores.changed:
            self._has_own = self._has_own or not is_spare
            self._cores.busy -= 1
            self._cores.changed.notify_all()


class _Stopped(Exception):
    """The work on another block failed."""


class _Run(Generic[Block, Result]):
    """The work on the blocks of one clip."""

    def __init__(
        self, blocks: Iterator[Block], work: Callable[[int, Block, GiveWay], Result], cores: _ClipCores
    ) -> None:
        self._blocks = enumerate(blocks)
        self._work = work
        self._cores = cores
        self._lock = threading.Lock()
        self._results: dict[int, Result] = {}
        self._error: BaseException | None = None

    def work(self, helpers: "list[threading.Thread] | None" = None) -> None:
        """Work on one block after another until none is left. The first thread starts the helpers."""
        try:
            with self._cores.core() as give_way:

                def check() -> None:
                    give_way()
                    if self._error is not None:
                        raise _Stopped

                # A system that has no thread left has this one. Each helper would be refused as the first one is.
                with suppress(RuntimeError):
                    for helper in helpers or ():
                        helper.start()
                while (numbered := self._next_block()) is not None:
                    number, block = numbered
                    self._results[number] = self._work(number, block, check)
        except BaseException as error:
            with self._lock:
                self._error = self._error or error
            self._cores.stop()

    def results(self) -> list[Result]:
        if self._error is not None:
            raise self._error
        return [self._results[number] for number in sorted(self._results)]

    def _next_block(self) -> tuple[int, Block] | None:
        with self._lock:
            return None if self._error is not None else next(self._blocks, None)
