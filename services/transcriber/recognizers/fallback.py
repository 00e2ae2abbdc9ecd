"""Several recognizers in order of preference: when one is down, busy or wrongly set, the next is asked."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from time import monotonic

import structlog

from services.transcriber.audio.fetch import FetchedAudio
from services.transcriber.errors import AudioRejected, TryLater
from services.transcriber.recognizers.recognizer import (
    Recognition,
    Recognizer,
    RecognizerBusy,
    RecognizerUnavailable,
    Tell,
    WronglySet,
    to_nobody,
)

log = structlog.get_logger(__name__)

AWAY_S = 60
"""Who was found away is asked last for so long: a restart takes no longer, and so one clip a minute waits for a time
limit (10 s for a connection, minutes for an answer) instead of each."""

CHECK_S = 1.0
"""How often a clip that waits for a place asks whether it is still wanted."""

Fault = TryLater | AudioRejected


class PreferredRecognizer:
    """Asks one after another until the words are there.

    The audio was found to hold sound, so what one refuses another may be able to read: all of them are asked. Only if
    all of them refuse it, it is refused; if one was away, it may still be the one that hears it.
    """

    def __init__(self, choices: Sequence[tuple[Recognizer, int]]) -> None:
        """Each with the number of clips that it takes at a time."""
        self._choices = [_Choice(recognizer, at_once) for recognizer, at_once in choices]
        self._asked = count(1)
        self.name = ", else ".join(choice.name for choice in self._choices)

    def transcribe(
        self,
        audio: FetchedAudio,
        *,
        attempt_id: str,
        check: Callable[[], None],
        tell: Tell = to_nobody,
        language: str | None = None,
    ) -> Recognition:
        faults: dict[_Choice, Fault] = {}
        for is_patient in (
            False,
            True,
        ):  # first those that have a free place; then the others, as soon as they have one
            for choice in self._in_order():
                if choice in faults:
                    continue
                with choice.place(check, is_patient) as has_place:
                    if not has_place:
                        continue
                    try:
                        found = choice.recognizer.transcribe(
                            audio,
                            # Two addresses may lead to one server, and a place may be asked again: an id for each time.
                            attempt_id=f"{attempt_id}-{next(self._asked)}",
                            check=check,
                            tell=tell,
                            language=language,
                        )
                    except (TryLater, AudioRejected) as error:
                        choice.failed(error)
                        faults[choice] = error
                    else:
                        choice.away_until = 0
                        return replace(found, recognizer=choice.name)
                check()
        raise all_of([faults[choice] for choice in self._choices])

    def _in_order(self) -> list["_Choice"]:
        now = monotonic()
        return sorted(self._choices, key=lambda choice: choice.away_until > now)


def all_of(faults: Sequence[Fault]) -> Fault:
    """What to say when nobody could do it, in the preferred one's words; whoever is back first is worth another try."""
    passing = [fault for fault in faults if isinstance(fault, TryLater) and not fault.switches_off]
    if not passing:
        # What all others refuse, the one that is wrongly set may still be able to read.
        return next((fault for fault in faults if isinstance(fault, WronglySet)), faults[0])
    kind = RecognizerBusy if all(isinstance(fault, RecognizerBusy) for fault in faults) else RecognizerUnavailable
    return kind(f"{passing[0]} Nor could any other do it.", min(fault.retry_after_s or 0 for fault in passing) or None)


class _Choice:
    def __init__(self, recognizer: Recognizer, at_once: int) -> None:
        self.recognizer = recognizer
        self.name = recognizer.name
        self.away_until = 0.0
        self._places = threading.Semaphore(at_once)

    @contextmanager
    def place(self, check: Callable[[], None], is_patient: bool) -> Iterator[bool]:
        """Hold one of its places, if one is free or somebody waits for it."""
        has_place = self._places.acquire(blocking=False)
        while is_patient and not has_place:
            check()
            has_place = self._places.acquire(timeout=CHECK_S)
        try:
            yield has_place
        finally:
            if has_place:
                self._places.release()

    def failed(self, fault: Fault) -> None:
        log.warning("a recognizer was passed over", recognizer=self.name, reason=str(fault))
        # Who is busy is not away, and a file that it cannot read says nothing about the next one.
        if not isinstance(fault, RecognizerBusy | AudioRejected):
            self.away_until = monotonic() + AWAY_S
