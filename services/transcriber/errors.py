"""Errors that end an attempt at a clip, and the check that stops long work."""

from collections.abc import Callable

CancellationCheck = Callable[[], None]
"""Long work calls it before each step: a call proves that the work goes on. It raises, `LeaseLost` for one, when the
work must stop."""


def never_cancelled() -> None:
    """A `CancellationCheck` that does nothing."""


class LeaseLost(Exception):
    """The clip belongs to another attempt, or to nobody. The result of this attempt is dropped."""


class WrongQueue(Exception):
    """The job belongs into another queue. The clip is given back, and the attempt does not count."""

    def __init__(self, queue: str, sound_ms: int | None = None) -> None:
        """`sound_ms` is the length that was measured, if that is the reason."""
        super().__init__(queue)
        self.queue, self.sound_ms = queue, sound_ms


class AudioRejected(Exception):
    """The audio cannot be used, and another attempt would not change that. The text is a sentence for the owner."""


class RetryLater(Exception):
    """The work cannot be done now. The text is a sentence for the owner."""

    is_configuration_error = False
    """Whether the cause is this installation's configuration: after the last attempt the clip waits for a restart."""

    def __init__(self, sentence: str, retry_after_s: float | None = None) -> None:
        """`retry_after_s` is the delay that the server asked for."""
        super().__init__(sentence)
        self.retry_after_s = retry_after_s
