"""Threads that a process lives by: a death is counted and reported, an end is not."""

import threading

import pytest
from prometheus_client import REGISTRY

from shared import threads
from shared.threads import LifelineThread, dead_threads


@pytest.fixture(autouse=True)
def nobody_died(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "_dead", [])


def test_a_thread_that_ends_is_no_loss() -> None:
    thread = LifelineThread(lambda: None, "short", on_death=lambda: pytest.fail("it was reported"))
    thread.start()
    thread.join()
    assert dead_threads() == []


@pytest.mark.parametrize("error", [ValueError, MemoryError, SystemExit, KeyboardInterrupt])
def test_a_thread_that_dies_is_counted_and_reported(error: type[BaseException]) -> None:
    reported = threading.Event()

    def die() -> None:
        raise error("of something")

    name = f"dies of {error.__name__}"
    LifelineThread(die, name, on_death=reported.set).start()
    assert reported.wait(5)
    assert dead_threads() == [name]
    assert REGISTRY.get_sample_value("dictaphone_threads_died_total", {"thread": name}) == 1
