"""The story of one job: claim the clip, hear it, write its words, or say why there are none."""

import random
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

import structlog
from prometheus_client import Counter, Gauge, Histogram
from sqlalchemy import Engine
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from services.transcriber.prepare import AudioRejected, PreparedAudio, prepared
from services.transcriber.recognizers import NOBODY, Recognition, Recognizer, RecognizerUnavailable
from services.transcriber.settings import TranscriberSettings
from shared.database import transaction
from shared.jobs import TRANSCRIBE
from shared.models import MOST_TRIES, Clip
from shared.outbox import record
from shared.storage import ObjectMissing, Store, StoreUnavailable

log = structlog.get_logger(__name__)

GROWTH = 2.8
"""Each pause is so much longer than the one before: from 5 s, the seven between eight tries span an hour."""

JITTER = 0.2
"""Part by which a pause is shortened or lengthened, so that clips that failed together do not come back together."""

LONGEST_PAUSE_S = 3600
"""Longest pause that a server may ask for."""

SETTLE_S = 120
"""How long a result waits for a database that is away: a restart takes seconds, the work took perhaps an hour."""

SETTLE_PAUSE_S = 1
"""Between two tries to write it."""

AWAY = (OperationalError, InterfaceError, PoolTimeout)
"""What a database that is away gives; other errors are about what we wrote."""

RENEWALS = 3
"""Renewals in the time of one lease: two may fail before anybody else may take the clip."""

OUTCOMES = Counter("dictaphone_transcriptions_total", "Attempts by how they ended", ["outcome"])
RUNNING = Gauge("dictaphone_transcriptions_running", "Clips being transcribed now")
AUDIO = Counter("dictaphone_transcribed_audio_seconds_total", "Length of the audio that was transcribed")
TOOK = Histogram(
    "dictaphone_transcription_seconds", "From claim to result", buckets=(0.5, 1, 2, 5, 10, 30, 60, 300, 1800, 7200)
)


@dataclass(frozen=True)
class Claim:
    """One attempt at one clip, ours as long as nobody deletes the clip, asks again or finds our lease run out."""

    clip_id: uuid.UUID
    attempt: int
    audio_key: str
    mime: str

    @property
    def attempt_id(self) -> str:
        return f"{self.clip_id}-{self.attempt}"


class ClaimLost(Exception):
    """The clip is not ours any more; whatever we found out about it is worth nothing."""


class Transcriber:
    """Gives clips their words. Any number of threads may call `run`."""

    def __init__(
        self,
        engine: Engine,
        store: Store,
        recognizer: Recognizer | None,
        settings: TranscriberSettings,
        committed: Callable[[], None],
    ) -> None:
        self._engine = engine
        self._store = store
        self._recognizer = recognizer
        self._lease = timedelta(seconds=settings.lease_seconds)
        self._first_pause_s = settings.retry_seconds
        self._folder = settings.data_dir / "work"
        self._committed = committed
        self._held: set[Claim] = set()

    @property
    def is_working(self) -> bool:
        return bool(self._held)

    def run(self, clip_id: uuid.UUID) -> float | None:
        """Do one job; return the seconds until it should be tried again, or None if that is not needed.

        A clip that is deleted, done, or in another worker's hands is left alone. Raises `SQLAlchemyError` if the
        database cannot be asked.
        """
        claim = self._claim(clip_id)
        if claim is None or self._recognizer is None:
            return None
        began = time.monotonic()
        with structlog.contextvars.bound_contextvars(attempt=claim.attempt), self._holding(claim) as check:
            outcome, pause = self._attempt(claim, self._recognizer, check)
            OUTCOMES.labels(outcome).inc()
            TOOK.observe(time.monotonic() - began)
            log.info("attempt ended", outcome=outcome, seconds=round(time.monotonic() - began, 2), again_in_s=pause)
            return pause

    def release_all(self) -> None:
        """Give back what is still being worked on, with a job for whoever comes next. For a process that ends now."""

        def release(session: Session, clip: Clip, now: datetime) -> None:
            clip.release(now)
            record(session, clip, TRANSCRIBE, now=now)

        for claim in list(self._held):
            if self._settle(claim, release, patience_s=0):
                log.info("clip given back", clip_id=str(claim.clip_id))

    # -- one attempt -------------------------------------------------------------------------------------------

    def _claim(self, clip_id: uuid.UUID) -> Claim | None:
        with transaction(self._engine) as session:
            clip = session.exec(_locked(clip_id)).one_or_none()
            if clip is None:
                return None
            now = datetime.now(UTC)
            version = clip.version
            attempt = clip.claim(now, self._lease)
            if attempt is not None and self._recognizer is None:
                clip.switch_off(NOBODY, now)
            if clip.version == version:
                return None
            record(session, clip, now=now)
            claim = Claim(clip_id, clip.attempt, clip.audio_key, clip.mime)
        self._committed()
        return None if attempt is None else claim

    def _attempt(self, claim: Claim, recognizer: Recognizer, check: Callable[[], None]) -> tuple[str, float | None]:
        """How it ended, and when to try again."""
        try:
            with prepared(self._store, claim.audio_key, claim.mime, self._folder) as audio:
                check()
                found = recognizer.transcribe(audio, attempt_id=claim.attempt_id, check=check)
                return self._finish(claim, recognizer.name, audio, found), None
        except ClaimLost:
            return "lost", None
        except AudioRejected as error:
            return self._fail(claim, str(error)), None
        except ObjectMissing:
            return self._fail(claim, "The sound of this clip is not in the store, so there is nothing to hear."), None
        except RecognizerUnavailable as error:
            log.warning("the recognizer cannot do it now", reason=str(error), cause=repr(error.__cause__))
            return self._postpone(claim, str(error), error.retry_after_s)
        except StoreUnavailable as error:
            log.warning("the store did not give the audio", reason=str(error))
            return self._postpone(claim, "The store of the audio does not answer.")
        except Exception as error:
            # A fault that nobody foresaw may lie in the clip or in the moment: some more tries tell.
            log.exception("the transcriber stumbled")
            return self._postpone(claim, f"The transcriber stumbled over this clip ({type(error).__name__}).")

    def _finish(self, claim: Claim, name: str, audio: PreparedAudio, found: Recognition) -> str:
        def finish(session: Session, clip: Clip, now: datetime) -> None:
            revision = clip.finish(
                text=found.text,
                language=found.language,
                recognizer=name,
                passages=[asdict(passage) for passage in found.passages],
                duration_ms=audio.duration_ms,
                note=audio.note,
                now=now,
            )
            session.add(revision)
            record(session, clip, now=now)

        if not self._settle(claim, finish):
            return "lost"
        AUDIO.inc(audio.duration_ms / 1000)
        return "done"

    def _fail(self, claim: Claim, sentence: str) -> str:
        def fail(session: Session, clip: Clip, now: datetime) -> None:
            clip.fail(sentence, now)
            record(session, clip, now=now)

        return "failed" if self._settle(claim, fail) else "lost"

    def _postpone(self, claim: Claim, sentence: str, wish_s: float | None = None) -> tuple[str, float | None]:
        pause: float | None = None

        def postpone(session: Session, clip: Clip, now: datetime) -> None:
            nonlocal pause
            pause = pause_before(clip.tries + 1, self._first_pause_s, wish_s)
            what_next = (
                f"Trying again ({clip.tries + 1} of {MOST_TRIES})."
                if clip.tries < MOST_TRIES
                else f"It was tried {clip.tries} times; the sound is kept, ask again later."
            )
            if not clip.postpone(f"{sentence} {what_next}", now + timedelta(seconds=pause), now):
                pause = None
            record(session, clip, now=now)

        if not self._settle(claim, postpone):
            return "lost", None
        return ("postponed" if pause is not None else "given up"), pause

    def _settle(
        self, claim: Claim, change: Callable[[Session, Clip, datetime], None], patience_s: float = SETTLE_S
    ) -> bool:
        """Write what came of an attempt, unless the clip is not ours any more; wait for a database that is away."""
        deadline = time.monotonic() + patience_s
        while True:
            try:
                with transaction(self._engine) as session:
                    clip = session.exec(_locked(claim.clip_id)).one_or_none()
                    if clip is None or not clip.is_held(claim.attempt):
                        return False
                    change(session, clip, datetime.now(UTC))
                self._committed()
                return True
            except AWAY as error:
                log.warning("the result could not be written", reason=str(error))
                if time.monotonic() > deadline:
                    return False
                time.sleep(SETTLE_PAUSE_S)

    @contextmanager
    def _holding(self, claim: Claim) -> Iterator[Callable[[], None]]:
        """Renew the lease, in a thread of its own, as long as the block runs; yield a check that raises `ClaimLost`."""
        ended, lost = threading.Event(), threading.Event()

        def renew() -> None:
            while not ended.wait(self._lease.total_seconds() / RENEWALS):
                try:
                    with transaction(self._engine) as session:
                        until = datetime.now(UTC) + self._lease
                        held = session.exec(Clip.renew_lease(claim.clip_id, claim.attempt, until)).rowcount
                except SQLAlchemyError as error:
                    log.warning("the lease could not be renewed", clip_id=str(claim.clip_id), reason=str(error))
                    continue
                if not held:
                    lost.set()
                    return

        def check() -> None:
            if lost.is_set():
                raise ClaimLost

        thread = threading.Thread(target=renew, name=f"lease {claim.attempt_id}", daemon=True)
        self._held.add(claim)
        RUNNING.inc()
        thread.start()
        try:
            yield check
        finally:
            ended.set()
            thread.join()
            RUNNING.dec()
            self._held.discard(claim)


def pause_before(try_number: int, first_s: float, wish_s: float | None = None) -> float:
    """Seconds before the second, third… try; never less than the server asked for."""
    grown = first_s * GROWTH ** (try_number - 2)
    wished = min(wish_s or 0.0, LONGEST_PAUSE_S)
    return max(grown * random.uniform(1 - JITTER, 1 + JITTER), wished)  # noqa: S311  # no secret hangs on it


def _locked(clip_id: uuid.UUID) -> SelectOfScalar[Clip]:
    return select(Clip).where(col(Clip.id) == clip_id).with_for_update()
