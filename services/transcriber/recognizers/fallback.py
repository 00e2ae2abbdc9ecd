"""Several recognizers in order of preference: if one is unavailable, busy or misconfigured, the next is called."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from time import monotonic

import structlog

from services.transcriber.audio.fetch import FetchedAudio
from services.transcriber.errors import AudioRejected, CancellationCheck, RetryLater
from services.transcriber.recognizers.recognizer import (
    OnProgress,
    Recognition,
    Recognizer,
    RecognizerBusy,
    RecognizerMisconfigured,
    RecognizerUnavailable,
    ignore_progress,
)

log = structlog.get_logger(__name__)

UNAVAILABLE_S = 60
"""For so long an unavailable recognizer is called last. A restart takes no longer, and so one clip a minute waits for a
timeout (10 s for a connection, minutes for an answer) instead of every clip."""

CANCEL_CHECK_INTERVAL_S = 1.0
"""How often a clip that waits for a slot checks whether it still must be transcribed."""

RecognitionError = RetryLater | AudioRejected


class FallbackRecognizer:
    """Calls one recognizer after another until one succeeds.

    The audio is known to be decodable, so another recognizer may read what one refuses. The audio is rejected only if
    all recognizers refuse it. If one of them was unavailable, that one may still succeed later.
    """

    def __init__(self, recognizers: Sequence[tuple[Recognizer, int]]) -> None:
        """Each with the number of clips that it takes at a time, the preferred one first."""
        self._candidates = [_Candidate(recognizer, slots) for recognizer, slots in recognizers]
        self._call_numbers = count(1)

    @property
    def name(self) -> str:
        return ", else ".join(candidate.name for candidate in self._candidates)

    def transcribe(
        self,
        audio: FetchedAudio,
        *,
        attempt_id: str,
        check_cancelled: CancellationCheck,
        on_progress: OnProgress = ignore_progress,
        language: str | None = None,
    ) -> Recognition:
        errors: dict[_Candidate, RecognitionError] = {}
        # First those that have a free slot; then the others, as soon as they have one.
        for may_wait in (False, True):
            for candidate in self._available_first():
                if candidate in errors:
                    continue
                with candidate.slot(check_cancelled, may_wait=may_wait) as has_slot:
                    if not has_slot:
                        continue
                    try:
                        recognition = candidate.recognizer.transcribe(
                            audio,
                            # Two addresses may lead to one server, so each call needs an id of its own.
                            attempt_id=f"{attempt_id}-{next(self._call_numbers)}",
                            check_cancelled=check_cancelled,
                            on_progress=on_progress,
                            language=language,
                        )
                    except (RetryLater, AudioRejected) as error:
                        candidate.note_error(error)
                        errors[candidate] = error
                    else:
                        candidate.unavailable_until = 0
                        return replace(recognition, recognizer=candidate.name)
                check_cancelled()
        raise combine_errors([errors[candidate] for candidate in self._candidates])

    def _available_first(self) -> list["_Candidate"]:
        now = monotonic()
        return sorted(self._candidates, key=lambda candidate: candidate.unavailable_until > now)


def combine_errors(errors: Sequence[RecognitionError]) -> RecognitionError:
    """One error for all, in the preferred recognizer's words, with the shortest delay before another attempt."""
    temporary = [error for error in errors if isinstance(error, RetryLater) and not error.is_configuration_error]
    if not temporary:
        # A misconfigured recognizer may still read what all others refuse.
        return next((error for error in errors if isinstance(error, RecognizerMisconfigured)), errors[0])
    kind = RecognizerBusy if all(isinstance(error, RecognizerBusy) for error in errors) else RecognizerUnavailable
    retry_after_s = min(error.retry_after_s or 0 for error in temporary) or None
    return kind(f"{temporary[0]} Nor could any other do it.", retry_after_s)


class _Candidate:
    """A recognizer, its slots, and when it was unavailable."""

    def __init__(self, recognizer: Recognizer, slots: int) -> None:
        self.recognizer = recognizer
        self.unavailable_until = 0.0
        self._slots = threading.Semaphore(slots)

    @property
    def name(self) -> str:
        return self.recognizer.name  # of the embedded one: it names its model, another one on a GPU

    @contextmanager
    def slot(self, check_cancelled: CancellationCheck, *, may_wait: bool) -> Iterator[bool]:
        """Hold a slot if one is free, or wait for it if `may_wait`. Yield whether there is one."""
        has_slot = self._slots.acquire(blocking=False)
        while may_wait and not has_slot:
            check_cancelled()
            has_slot = self._slots.acquire(timeout=CANCEL_CHECK_INTERVAL_S)
        try:
            yield has_slot
        finally:
            if has_slot:
                self._slots.release()

    def note_error(self, error: RecognitionError) -> None:
        log.warning("a recognizer failed; trying the next", recognizer=self.name, reason=str(error))
        # A busy recognizer is available, and a file that one cannot read says nothing about the next file.
        if not isinstance(error, RecognizerBusy | AudioRejected):
            self.unavailable_until = monotonic() + UNAVAILABLE_S
