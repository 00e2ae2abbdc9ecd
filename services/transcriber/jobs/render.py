"""The job beside the others: make a clip's sound in the forms that somebody wants it in.

The clip does not change by it. A row of `rendition` says what is wanted; its `wanted_at` keeps a second worker away
from what this one makes. Two workers at one form are harmless: the first result is kept.
"""

import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import FileIO
from types import MappingProxyType

import numpy as np
import structlog
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from services.transcriber.audio.cut import cut_samples
from services.transcriber.audio.decode import Samples, decode_file
from services.transcriber.audio.encode import AAC, MP3, Encoding, encode
from services.transcriber.audio.fetch import FetchedAudio, fetch_audio
from services.transcriber.audio.limits import TimeBudget
from services.transcriber.audio.remux import TrackFormat
from services.transcriber.audio.waveform import Peaks
from services.transcriber.errors import CancellationCheck, LeaseLost
from services.transcriber.jobs.base import RESTART_S, SETTLE_TIMEOUT_S, Job, JobMetrics
from services.transcriber.jobs.lease import Lease, patience_for
from services.transcriber.jobs.retry import retry_delay
from services.transcriber.jobs.verdict import Verdict, judge
from services.transcriber.jobs.work_files import new_work_file, put_file
from services.transcriber.settings import TranscriberSettings
from services.transcriber.thread_priority import lower_thread_priority
from shared.clips.models import MAX_TRIES, Clip
from shared.clips.renditions import MEDIA_TYPES, Form, Rendition, source_of
from shared.clips.turns import EARLY, take_turn
from shared.db.engine import transaction
from shared.outbox.writer import promise_job
from shared.redis.jobs import RENDER, RENDITION
from shared.storage.keys import rendition_key
from shared.storage.store import Store

log = structlog.get_logger(__name__)

ENCODINGS: dict[str, Encoding] = {Form.M4A: AAC, Form.MP3: MP3, Form.CUT_M4A: AAC, Form.CUT_MP3: MP3}

STOPPED = "The transcriber stopped {tries} times while it made this."
STALLED = "The transcriber got stuck while it made this and was started again."

RenditionChange = Callable[[Session, Rendition, datetime], str]
"""Writes a result to the locked row of a rendition, and returns the outcome of the attempt."""


@dataclass(frozen=True, eq=False)
class RenditionClaim:
    """One attempt at one form of a clip."""

    clip: Clip
    """The clip as it was when the attempt began."""
    form: Form

    @property
    def source(self) -> str:
        return source_of(self.clip, self.form)


class RenderJob(Job):
    """Makes the forms of a clip's sound that are wanted, one after another."""

    name = RENDER
    # Words go first, and whoever waits to listen waits for one clip at most.
    queue_concurrency = MappingProxyType({RENDITION: 1})
    metrics = JobMetrics("rendition", "rendered", (0.1, 0.3, 1, 3, 10, 30, 100, 300))

    def __init__(
        self, engine: Engine, store: Store, settings: TranscriberSettings, on_commit: Callable[[], None]
    ) -> None:
        super().__init__(engine, store, settings, on_commit)
        self._running: dict[RenditionClaim, Lease] = {}

    @property
    def is_working(self) -> bool:
        return bool(self._running)

    def run(self, clip_id: uuid.UUID, queue: str = "", on_claim: Callable[[], None] = lambda: None) -> float | None:
        lower_thread_priority()
        delays_s: list[float] = []
        is_first = True
        while not self.has_stalled:
            claim = self._claim(clip_id)
            if claim is None:
                return min(delays_s, default=None)
            if is_first:
                on_claim()
                is_first = False
            if (delay_s := self._attempt_claimed(claim)) is not None:
                delays_s.append(delay_s)
        return RESTART_S

    def release_all(self) -> None:
        def release(session: Session, rendition: Rendition, now: datetime) -> str:
            rendition.postpone(now, is_counted=False)
            promise_job(session, rendition.clip_id, self.name, now)
            return "released"

        for claim in list(self._running):
            if self._settle(claim, release, timeout_s=0) == "released":
                log.info("rendition released", clip_id=str(claim.clip.id), form=claim.form)

    # -- one attempt -------------------------------------------------------------------------------------------

    def _claim(self, clip_id: uuid.UUID) -> RenditionClaim | None:
        """Claim a form that is wanted. One that was claimed `MAX_TRIES` times without a result fails."""
        with transaction(self.engine) as session:
            clip = session.get(Clip, clip_id)
            if clip is None or clip.deleted_at is not None or clip.prepared_at is None or not clip.audio_key:
                return None
            now = datetime.now(UTC)
            due = Rendition.due(clip_id, now + EARLY)
            for rendition in session.exec(due.with_for_update(skip_locked=True)):
                if Form(rendition.form).is_cut and not clip.cuts:
                    session.delete(rendition)  # the cuts were taken back before it was made
                    continue
                if rendition.tries < MAX_TRIES:
                    claim = RenditionClaim(clip, Form(rendition.form))
                    rendition.claim(now + self._lease_duration, claim.source)
                    take_turn(session, RENDITION, clip.library_id)
                    return claim
                rendition.fail(STOPPED.format(tries=rendition.tries))
        return None

    def _attempt_claimed(self, claim: RenditionClaim) -> float | None:
        thread_id = threading.get_ident()
        lease = Lease(
            f"{claim.clip.id} {claim.form}",
            lambda until: self._renew(claim, until),
            self._lease_duration,
            patience_for(claim.clip),
            lambda: self._give_up_stalled(claim, thread_id),
        )
        with structlog.contextvars.bound_contextvars(form=claim.form):
            self._running[claim] = lease
            try:
                with lease:
                    return self.measure_attempt(lambda: self._attempt(claim, lease.check))
            finally:
                del self._running[claim]

    def _attempt(self, claim: RenditionClaim, check_cancelled: CancellationCheck) -> tuple[str, float | None]:
        """Return the outcome, and the seconds until the next attempt."""
        try:
            return self._render(claim, check_cancelled), None
        except LeaseLost:
            return "lost", None
        except Exception as error:
            return self._settle_error(claim, judge(error, self.name))

    def _render(self, claim: RenditionClaim, check_cancelled: CancellationCheck) -> str:
        clip, mime = claim.clip, MEDIA_TYPES[claim.form]
        key = rendition_key(clip.library_id, clip.id, claim.form)
        with ExitStack() as files:
            target = new_work_file(files, self.work_dir)
            audio = files.enter_context(
                fetch_audio(self.store, clip.audio_key, clip.mime, self.work_dir, check_cancelled, clip.track_heard)
            )
            budget = TimeBudget(audio.decoded_s, check_cancelled, encoded_s=audio.duration_ms / 1000)
            peaks = render(audio, target, claim.form, clip, budget.check)
            size, sha256 = put_file(self.store, key, target, mime, check_cancelled)

        def finish(_session: Session, rendition: Rendition, now: datetime) -> str:
            rendition.finish(key=key, bytes=size, sha256=sha256, source_key=claim.source, now=now, peaks=peaks)
            return "done"

        # The object of a lost attempt is left to the comparison of the store, as those of a preparation are.
        return self._settle(claim, finish)

    def _settle(self, claim: RenditionClaim, change: RenditionChange, timeout_s: float = SETTLE_TIMEOUT_S) -> str:
        """Write a result and return its outcome: `lost`, with nothing written, if it is not wanted any more.

        The clip may be deleted, it may sound different now, and another worker may have been faster.
        """

        def write(session: Session, now: datetime) -> str:
            rendition = session.exec(Rendition.one(claim.clip.id, claim.form).with_for_update()).first()
            # Read behind the lock: a preparation that finishes meanwhile waits for it, and then renews this row.
            clip = session.exec(select(Clip).where(col(Clip.id) == claim.clip.id)).first()
            is_current = clip is not None and clip.deleted_at is None and source_of(clip, claim.form) == claim.source
            if rendition is None or not rendition.is_wanted or not is_current:
                return "lost"
            return change(session, rendition, now)

        return self.commit(write, self._running.get(claim), timeout_s)

    def _settle_error(self, claim: RenditionClaim, verdict: Verdict) -> tuple[str, float | None]:
        """Write what an error means. Return as `_attempt` does."""
        delay_s = 0.0

        def write(_session: Session, rendition: Rendition, now: datetime) -> str:
            nonlocal delay_s
            if verdict.is_final or (verdict.is_counted and rendition.tries >= MAX_TRIES):
                rendition.fail(verdict.sentence)
                return "failed" if verdict.is_final else "given up"
            delay_s = verdict.retry_after_s or 0.0
            if verdict.is_counted:
                delay_s = retry_delay(rendition.tries + 1, self._first_retry_s, verdict.retry_after_s)
            rendition.postpone(now + timedelta(seconds=delay_s), is_counted=verdict.is_counted)
            return "postponed"

        outcome = self._settle(claim, write)
        return outcome, delay_s if outcome == "postponed" else None

    def _give_up_stalled(self, claim: RenditionClaim, thread_id: int) -> None:
        """Give up a form whose making is stuck: its next attempt begins in another process. For the lease's thread."""
        self.note_stall(thread_id, patience_for(claim.clip))

        def give_up(session: Session, rendition: Rendition, now: datetime) -> str:
            if rendition.tries >= MAX_TRIES:
                rendition.fail(STALLED)
            else:
                rendition.postpone(now)
                promise_job(session, rendition.clip_id, self.name, now)
            return "stalled"

        self._settle(claim, give_up, timeout_s=0)

    def _renew(self, claim: RenditionClaim, until: datetime) -> bool:
        with transaction(self.engine) as session:
            return session.exec(Rendition.renew(claim.clip, claim.form, claim.source, until)).rowcount > 0


def render(
    audio: FetchedAudio, target: FileIO, form: Form, clip: Clip, check_cancelled: CancellationCheck
) -> list[int] | None:
    """Encode the samples that the recognizer hears too, at the source's rate and with its channels, two at most.

    Return the waveform of what was made if stretches were cut out of it.
    """
    encoding, track = ENCODINGS[form], TrackFormat.of(audio.file, clip.track_heard)
    rate, channels = encoding.rate_for(track.rate), min(2, track.channels)
    peaks = Peaks()

    def blocks() -> Iterator[Samples]:
        for samples in decode_file(audio.file, rate, "stereo" if channels == 2 else "mono", clip.track_heard):
            check_cancelled()
            yield samples

    def cut_blocks() -> Iterator[Samples]:
        for samples in cut_samples(blocks(), clip.cuts, clip.sound_ms or 0, rate=rate, channels=channels):
            peaks.add(np.abs(samples).reshape(-1, channels).max(axis=1))
            yield samples

    sound = cut_blocks() if form.is_cut else blocks()
    encode(sound, target, encoding, rate=rate, channels=channels, title=clip.name)
    return peaks.values() if form.is_cut else None
