"""The second job: transcribe a clip's audio and store the words, or the reason why there are none."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import structlog
from prometheus_client import Counter
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from services.transcriber.audio.fetch import FetchedAudio, fetch_audio
from services.transcriber.errors import CancellationCheck, LeaseLost
from services.transcriber.jobs.base import JobMetrics
from services.transcriber.jobs.clip_job import ClipJob
from services.transcriber.jobs.lease import Claim
from services.transcriber.jobs.progress import Progress
from services.transcriber.models.registry import ModelDownload, ModelNotReady
from services.transcriber.outbox_sender import SendHint
from services.transcriber.recognizers.factory import NO_RECOGNIZER
from services.transcriber.recognizers.recognizer import Passage, Recognition, Recognizer
from services.transcriber.settings import TranscriberSettings
from shared.clips import queries
from shared.clips.models import Clip
from shared.clips.remarks import HEARD_OTHERWISE, NOT_UNDERSTOOD, remark
from shared.db.engine import transaction
from shared.outbox.writer import save_and_announce
from shared.redis.jobs import TRANSCRIBE
from shared.search.folding import folded_ahead
from shared.storage.store import Store

log = structlog.get_logger(__name__)

CANCEL_CHECK_INTERVAL_S = 1.0
"""How often a clip that waits for a slot or a model checks whether it still must be transcribed."""

REQUEUE_BATCH = 200
"""Clips that are queued in one transaction: about 20 ms."""

DATABASE_RETRY_S = 5
"""Delay before an unavailable database is asked again."""

TRANSCRIBED_SECONDS = Counter("dictaphone_transcribed_audio_seconds_total", "Length of the audio that was transcribed")

NOT_UNDERSTOOD_STRETCHES = Counter(
    "dictaphone_not_understood_stretches_total", "Stretches of audio in which somebody speaks and no words were found"
)
NOT_UNDERSTOOD_SECONDS = Counter("dictaphone_not_understood_audio_seconds_total", "Length of those stretches")

MAX_NOT_UNDERSTOOD = 100
"""Stretches that a clip names; they are in each of its events. Of more, a person has understood that it is many."""


class TranscribeJob(ClipJob):
    """Gives clips their words."""

    name = TRANSCRIBE
    metrics = JobMetrics("transcription", "transcribed", (0.5, 1, 2, 5, 10, 30, 60, 300, 1800, 7200))

    def __init__(
        self,
        engine: Engine,
        store: Store,
        recognizer: Recognizer | None,
        settings: TranscriberSettings,
        on_commit: Callable[[], None],
        send_hint: SendHint,
    ) -> None:
        super().__init__(engine, store, settings, on_commit)
        self.queue_concurrency = settings.queue_concurrency()
        # A server has a limit for both queues together. The embedded recognizer shares the cores among all clips.
        self._slots = threading.Semaphore(settings.concurrent_clips()) if settings.whisper_url else None
        self.unavailable_reason = NO_RECOGNIZER if recognizer is None else None
        self._recognizer = recognizer
        self._send_hint = send_hint

    def requeue_without_recognizer(self, stopping: threading.Event) -> None:
        """Queue the clips that earlier processes had no recognizer for, if this one has. Waits for the database."""
        before = datetime.now(UTC)  # leaves out the clips that a worker without a recognizer puts aside meanwhile
        clips = REQUEUE_BATCH if self._recognizer else 0
        while clips and not stopping.is_set():
            try:
                if clips := self._requeue_batch(before):
                    self.on_commit()
                    log.info("clips without a recognizer are queued again", clips=clips)
            except SQLAlchemyError as error:  # before the migration of this release, columns are missing
                log.warning("clips without a recognizer could not be queued; retrying", reason=str(error))
                stopping.wait(DATABASE_RETRY_S)

    def _requeue_batch(self, before: datetime) -> int:
        """Return the number of clips that were queued."""
        with transaction(self.engine) as session:
            clips = session.exec(
                queries.without_recognizer(before, limit=REQUEUE_BATCH).with_for_update(skip_locked=True)
            ).all()
            for clip in clips:
                now = datetime.now(UTC)
                clip.request_transcription(now)
                save_and_announce(session, clip, clip.next_job, now=now)
        return len(clips)

    def perform(self, claim: Claim, check_cancelled: CancellationCheck) -> str:
        assert self._recognizer is not None  # otherwise nothing is claimed
        clip = claim.clip
        with (
            fetch_audio(
                self.store, clip.audio_key, clip.mime, self.work_dir, check_cancelled, clip.track_heard
            ) as audio,
            self._slot(check_cancelled),
        ):
            audio.is_plain &= _is_plain(clip)
            recognition = self._transcribe(self._recognizer, audio, claim, check_cancelled)
        recognizer_name = recognition.recognizer or self._recognizer.name

        def finish(session: Session, clip: Clip, now: datetime) -> str:
            revision = clip.finish_transcription(
                text=recognition.text,
                language=recognition.language,
                recognizer=recognizer_name,
                passages=[_stored_passage(passage) for passage in recognition.passages],
                duration_ms=claim.clip.sound_ms or audio.duration_ms,
                note=audio.note,
                remarks=[_not_understood(*span) for span in recognition.not_understood[:MAX_NOT_UNDERSTOOD]],
                now=now,
            )
            session.add(revision)
            save_and_announce(session, clip, now=now)
            return "done"

        with folded_ahead(recognition.text):
            outcome = self.settle(claim, finish)
        if outcome == "done":
            TRANSCRIBED_SECONDS.inc(audio.duration_ms / 1000)
            for start_ms, end_ms in recognition.not_understood:
                NOT_UNDERSTOOD_STRETCHES.inc()
                NOT_UNDERSTOOD_SECONDS.inc((end_ms - start_ms) / 1000)
        return outcome

    def _transcribe(
        self, recognizer: Recognizer, audio: FetchedAudio, claim: Claim, check_cancelled: CancellationCheck
    ) -> Recognition:
        """Transcribe as soon as the model is ready. The wait for the model is no attempt, however long it takes."""
        progress = Progress(claim.clip, audio.duration_ms, self._send_hint)
        while True:
            try:
                return recognizer.transcribe(
                    audio,
                    attempt_id=claim.attempt_id,
                    check_cancelled=check_cancelled,
                    on_progress=progress.update,
                    language=claim.clip.spoken_language,
                )
            except ModelNotReady as error:
                self._wait_for_model(error.download, claim, check_cancelled, progress)

    def _wait_for_model(
        self, download: ModelDownload, claim: Claim, check_cancelled: CancellationCheck, progress: Progress
    ) -> None:
        """Keep the clip until the model is ready, and show on the clip why it waits."""
        shown: str | None = None
        while not download.ready.wait(CANCEL_CHECK_INTERVAL_S):
            check_cancelled()
            if shown != download.sentence:
                shown = download.sentence
                self._set_waiting_reason(claim, shown)
            if download.percent is not None:
                progress.send(download.percent)
        if shown is not None:
            self._set_waiting_reason(claim, None)

    def _set_waiting_reason(self, claim: Claim, sentence: str | None) -> None:
        def set_reason(session: Session, clip: Clip, now: datetime) -> str:
            clip.set_waiting_reason(sentence, now)
            save_and_announce(session, clip, now=now)
            return "waiting"

        if self.settle(claim, set_reason) != "waiting":
            raise LeaseLost

    @contextmanager
    def _slot(self, check_cancelled: CancellationCheck) -> Iterator[None]:
        """Wait for one of the recognizer's slots, and hold it."""
        if self._slots is None:
            check_cancelled()
            yield
            return
        while not self._slots.acquire(timeout=CANCEL_CHECK_INTERVAL_S):
            check_cancelled()
        try:
            check_cancelled()
            yield
        finally:
            self._slots.release()


def _is_plain(clip: Clip) -> bool:
    """Whether the stored audio is what is heard, as its preparation found it."""
    return clip.has_true_clock and not any(remark["kind"] in HEARD_OTHERWISE for remark in clip.remarks)


def _not_understood(start_ms: int, end_ms: int) -> dict[str, Any]:
    return remark(NOT_UNDERSTOOD, at_ms=start_ms, length_ms=end_ms - start_ms)


def _stored_passage(passage: Passage) -> dict[str, Any]:
    """What is known of a passage, as `Transcript.passages` holds it. Its words are last, as an import writes them."""
    fields = {key: value for key, value in asdict(passage).items() if value is not None}
    return fields | {"words": fields.pop("words")}
