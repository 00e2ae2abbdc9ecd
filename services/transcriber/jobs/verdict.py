"""What an error means for the work that it ended: whether it is tried again, when, and what its owner is told."""

from dataclasses import dataclass

import structlog
from prometheus_client import Counter

from services.transcriber.errors import AudioRejected, RetryLater
from services.transcriber.jobs.retry import PROGRAMMING_ERRORS
from shared.clips.models import MAX_TRIES
from shared.disk_full import DISK_FULL, is_disk_full
from shared.storage.store import ObjectMissing, StoreUnavailable

log = structlog.get_logger(__name__)

DISK_FULL_RETRY_S = 30
"""Delay while the disk is full: until somebody makes room, and one failed write for each clip."""

NO_ROOM = f"{DISK_FULL} Whoever runs it can make room; then it goes on by itself."

STALLED = "The transcriber got stuck at this clip and was started again."

PROGRAMMING_ERROR_SENTENCE = "This is a fault of Dictaphone and not of your recording"
PROGRAMMING_ERROR_ADVICE = (
    "The sound is kept. Whoever runs the server finds the details in the log; after an update, ask again."
)

PROGRAMMING_ERROR_COUNT = Counter(
    "dictaphone_job_programming_errors_total", "Jobs that failed by a fault of the code", ["job", "error"]
)


@dataclass(frozen=True)
class Verdict:
    """What becomes of the work, and a sentence about it."""

    sentence: str
    is_final: bool = False
    """Whether another try would end in the same way."""
    retry_after_s: float | None = None
    """The shortest delay before the next try."""
    is_counted: bool = True
    """Whether this was one of its tries."""
    is_kept: bool = True
    """Whether the audio is in the store."""
    is_configuration_error: bool = False


def judge(error: Exception, job: str) -> Verdict:
    """Judge an error of a job, and log it."""
    if is_disk_full(error):
        log.warning("the disk is full; retrying", reason=str(error))
        return Verdict(NO_ROOM, retry_after_s=DISK_FULL_RETRY_S, is_counted=False)
    match error:
        case AudioRejected():
            return Verdict(str(error), is_final=True)
        case RetryLater():
            log.warning("the work cannot be done now; retrying", reason=str(error), cause=repr(error.__cause__))
            return Verdict(
                str(error), retry_after_s=error.retry_after_s, is_configuration_error=error.is_configuration_error
            )
        case ObjectMissing():
            # Its disk may not be mounted yet, or its bucket may lag behind: to ask for an hour costs nothing.
            log.warning("the audio is missing from the store; retrying", reason=str(error))
            return Verdict("The sound of this clip is not in the store.", is_kept=False)
        case StoreUnavailable():
            log.warning("the store is unavailable; retrying", reason=str(error))
            return Verdict("The store of the audio does not answer.")
    name = type(error).__name__
    log.error("job failed", job=job, exc_info=error)
    if isinstance(error, PROGRAMMING_ERRORS):
        PROGRAMMING_ERROR_COUNT.labels(job, name).inc()
        return Verdict(f"{PROGRAMMING_ERROR_SENTENCE} ({name}). {PROGRAMMING_ERROR_ADVICE}", is_final=True)
    # The cause of an unforeseen error may be the clip or the moment. Further attempts will show which.
    return Verdict(f"The transcriber failed at this clip ({name}).")


def next_step_after(tries: int, *, is_kept: bool = True) -> str:
    """What happens after a try that failed, in a sentence."""
    if tries < MAX_TRIES:
        return f"Trying again ({tries + 1} of {MAX_TRIES})."
    return f"It was tried {tries} times; {'the sound is kept, ' if is_kept else ''}ask again later."
