"""The story of the second job: hear the clip's audio and write its words, or say why there are none."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime

import structlog
from prometheus_client import Counter
from sqlalchemy import Engine
from sqlmodel import Session

from services.transcriber.audio.fetch import FetchedAudio, fetched
from services.transcriber.errors import Check, ClaimLost
from services.transcriber.jobs.base import Claimant, Meters
from services.transcriber.jobs.lease import Claim
from services.transcriber.jobs.progress import Progress
from services.transcriber.jobs.retry import AWAY
from services.transcriber.models.registry import Fetch, ModelAwaited
from services.transcriber.outbox_sender import Hint
from services.transcriber.recognizers.factory import NOBODY
from services.transcriber.recognizers.recognizer import Recognition, Recognizer
from services.transcriber.settings import TranscriberSettings
from shared.clips import queries
from shared.clips.models import Clip
from shared.db.engine import transaction
from shared.outbox.outbox import record
from shared.redis.jobs import TRANSCRIBE
from shared.storage.store import Store

log = structlog.get_logger(__name__)

CHECK_S = 1.0
"""How often a clip that waits for a place, or for the model, asks whether it is still wanted."""

BATCH = 200
"""Clips that are queued in one transaction: some 20 ms."""

DATABASE_PAUSE_S = 5
"""Before the database is asked again, if it was away."""

AUDIO = Counter("dictaphone_transcribed_audio_seconds_total", "Length of the audio that was transcribed")


class Transcriber(Claimant):
    """Gives clips their words."""

    job = TRANSCRIBE
    meters = Meters("transcription", "transcribed", (0.5, 1, 2, 5, 10, 30, 60, 300, 1800, 7200))

    def __init__(
        self,
        engine: Engine,
        store: Store,
        recognizer: Recognizer | None,
        settings: TranscriberSettings,
        committed: Callable[[], None],
        hint: Hint,
    ) -> None:
        super().__init__(engine, store, settings, committed)
        self.lanes = settings.lanes()
        # A server takes so many at once, long or short; here the cores are shared, and so is the time.
        self._places = threading.Semaphore(settings.jobs_at_once()) if settings.whisper_url else None
        self.refusal = NOBODY if recognizer is None else None
        self._recognizer = recognizer
        self._hint = hint

    def take_up(self, stopping: threading.Event) -> None:
        """Queue the clips that nobody could transcribe before this process came, if it can; wait for the database."""
        before = datetime.now(UTC)  # not those that one without a recognizer puts down meanwhile
        number = BATCH if self._recognizer else 0
        while number and not stopping.is_set():
            try:
                if number := self._take_up(before):
                    self.committed()
                    log.info("clips that nobody could transcribe are queued again", clips=number)
            except AWAY as error:
                log.warning("clips that nobody could transcribe wait for the database", reason=str(error))
                stopping.wait(DATABASE_PAUSE_S)

    def _take_up(self, before: datetime) -> int:
        with transaction(self.engine) as session:
            clips = session.exec(
                queries.without_recognizer(before, limit=BATCH).with_for_update(skip_locked=True)
            ).all()
            for clip in clips:
                now = datetime.now(UTC)
                clip.request_transcription(now)
                record(session, clip, clip.next_job, now=now)
        return len(clips)

    def work(self, claim: Claim, check: Check) -> str:
        assert self._recognizer is not None  # otherwise nothing is claimed
        with fetched(self.store, claim.clip.audio_key, claim.clip.mime, self.folder) as audio, self._place(check):
            found = self._hear(self._recognizer, audio, claim, check)
        heard_by = found.recognizer or self._recognizer.name

        def finish(session: Session, clip: Clip, now: datetime) -> str:
            revision = clip.finish_transcription(
                text=found.text,
                language=found.language,
                recognizer=heard_by,
                passages=[asdict(passage) for passage in found.passages],
                duration_ms=claim.clip.duration_ms or audio.duration_ms,
                note=audio.note,
                now=now,
            )
            session.add(revision)
            record(session, clip, now=now)
            return "done"

        outcome = self.settle(claim, finish)
        if outcome == "done":
            AUDIO.inc(audio.duration_ms / 1000)
        return outcome

    def _hear(self, recognizer: Recognizer, audio: FetchedAudio, claim: Claim, check: Check) -> Recognition:
        """Hear it, as soon as the model is here: to wait for that is no try, and however long it takes, no fault."""
        progress = Progress(claim.clip, audio.duration_ms, self._hint)
        while True:
            try:
                return recognizer.transcribe(
                    audio,
                    attempt_id=claim.attempt_id,
                    check=check,
                    tell=progress.tell,
                    language=claim.clip.language_set,
                )
            except ModelAwaited as awaited:
                self._await(awaited.fetch, claim, check, progress)

    def _await(self, fetch: Fetch, claim: Claim, check: Check, progress: Progress) -> None:
        """Hold the clip until the model is here, and let it say what it waits for."""
        said: str | None = None
        while not fetch.ready.wait(CHECK_S):
            check()
            if said != fetch.sentence:
                said = fetch.sentence
                self._explain(claim, said)
            if fetch.percent is not None:
                progress.hint(fetch.percent)
        if said is not None:
            self._explain(claim, None)

    def _explain(self, claim: Claim, sentence: str | None) -> None:
        def explain(session: Session, clip: Clip, now: datetime) -> str:
            clip.set_waiting_reason(sentence, now)
            record(session, clip, now=now)
            return "held"

        if self.settle(claim, explain) != "held":
            raise ClaimLost

    @contextmanager
    def _place(self, check: Check) -> Iterator[None]:
        """Hold one of the recognizer's places, when one is free."""
        if self._places is None:
            check()
            yield
            return
        while not self._places.acquire(timeout=CHECK_S):
            check()
        try:
            check()
            yield
        finally:
            self._places.release()
