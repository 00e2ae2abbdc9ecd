"""Errors that end an attempt at a clip, and the check that stops long work."""

from collections.abc import Callable


class AudioRejected(Exception):
    """There is something about this audio that no further try will change; the text is a sentence for its owner."""


Check = Callable[[], None]
"""Called now and then by work that takes long; raises `ClaimLost` to stop it."""


class ClaimLost(Exception):
    """The clip is not ours any more; whatever we found out about it is worth nothing."""


class TryLater(Exception):
    """It cannot be done now; the text is a sentence for the clip's owner, `retry_after_s` the wish of who refused."""

    switches_off = False
    """Whether it lies in how this installation is set: after the last try, the clip waits for the next start."""

    def __init__(self, sentence: str, retry_after_s: float | None = None) -> None:
        super().__init__(sentence)
        self.retry_after_s = retry_after_s
