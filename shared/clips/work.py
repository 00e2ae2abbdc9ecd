"""What workers do with a clip: each claims the clip, and then finishes, postpones, releases or fails the attempt."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from shared.clips.cut_words import hidden_spans, timed_units
from shared.clips.labels import ClipLabels
from shared.clips.remarks import NOT_UNDERSTOOD, OPPOSITE_PHASE, QUIET, TRACKS, replace_remarks
from shared.clips.row import NameOrigin, Status
from shared.clips.titles import suggest_title
from shared.clips.words import ClipWords
from shared.languages import LANGUAGES
from shared.redis.jobs import PREPARE, TRANSCRIBE
from shared.transcripts.models import Source, Transcript

MAX_TRIES = 8
"""Claims of a clip before it fails: with the worker's back-off, a server may be unavailable for about an hour."""


class ClipWork(ClipLabels, ClipWords):
    """The verbs of a clip's workers."""

    @property
    def track_heard(self) -> int | None:
        """The only track of the stored audio that is heard; None: all of them. Segments are joined into one track."""
        return self.track_set if self.segments == 1 else None

    @property
    def spoken_language(self) -> str | None:
        """The language that a person set, for a recognizer. None: it detects the language, since none is known here."""
        return self.language_set if self.language_set in LANGUAGES else None

    @property
    def next_job(self) -> str:
        """The job that a pending clip needs."""
        return PREPARE if self.prepared_at is None else TRANSCRIBE

    def claim(self, job: str, now: datetime, lease: timedelta) -> int | None:
        """Claim the clip for one attempt at a job. Return the attempt's number, or None if the clip cannot be claimed.

        A clip can be claimed while it waits for this job, and when the lease of its last claim has expired. A clip that
        was claimed `MAX_TRIES` times without a result fails instead: the clip itself may crash the workers.
        """
        waits = self.status in {Status.PENDING, Status.TRANSCRIBING} and self.next_job == job
        if self.deleted_at is not None or not waits or self.is_claimed(now):
            return None
        if self.tries >= MAX_TRIES:
            self._fail(self.error or f"The transcriber stopped {self.tries} times while it worked on this clip.", now)
            return None
        self.attempt += 1
        self.tries += 1
        self.status = Status.TRANSCRIBING if job == TRANSCRIBE else Status.PENDING
        self.error = None
        self.lease_until = now + lease
        self._touch(now)
        return self.attempt

    def is_claimed(self, now: datetime) -> bool:
        """Whether the lease of a worker is still valid."""
        return self.lease_until is not None and self.lease_until > now

    def is_owned_by(self, attempt: int) -> bool:
        """Whether this attempt still owns the clip. Every worker asks this before it writes a result."""
        return self.deleted_at is None and self.lease_until is not None and self.attempt == attempt

    def finish_preparation(
        self,
        *,
        audio_key: str,
        mime: str,
        bytes: int,
        sha256: str,
        duration_ms: int,
        gaps: list[dict[str, Any]],
        note: str | None,
        now: datetime,
        has_true_clock: bool = True,
        remarks: Sequence[dict[str, Any]] = (),
        recorded_at: datetime | None = None,
    ) -> None:
        """Set the joined audio, so that the clip waits for its transcription. `note` names missing audio.

        `recorded_at` is the date in the file, if it has one.
        """
        if not self.is_dated:
            self.created_at = recorded_at or self.created_at
            self.is_dated = True
        self.audio_key, self.mime, self.bytes, self.sha256 = audio_key, mime, bytes, sha256
        self._set_length(duration_ms)
        self.gaps = gaps
        self.has_true_clock = has_true_clock
        self.remarks = replace_remarks(self.remarks, {QUIET, TRACKS, OPPOSITE_PHASE}, remarks)
        self.error = note
        self.prepared_at = now
        self.tries = 0
        self.lease_until = None
        self._set_pending(now)
        self._touch(now)

    @property
    def has_words_before_its_sound(self) -> bool:
        """Whether its words came with the clips that it is made of."""
        return bool(self.joined_from) and self.text is not None

    def keep_words(self, now: datetime) -> None:
        """Let a clip that is prepared keep the words that it came with."""
        self.status = Status.DONE
        self._touch(now)

    def finish_transcription(
        self,
        *,
        text: str,
        language: str | None,
        recognizer: str,
        passages: list[dict[str, Any]],
        duration_ms: int | None,
        note: str | None = None,
        remarks: Sequence[dict[str, Any]] = (),
        now: datetime,
    ) -> Transcript:
        """Set a recognizer's text. If a person has edited the text, theirs stays, and this one is a revision only.

        `note` says what is missing although the text is good: the end of a damaged file, for example.
        """
        if self.edited_at is None:
            self._set_words(text, hidden_spans(text, timed_units(passages), self.cuts) if self.cuts else [])
        if title := suggest_title(self.text or ""):
            self.rename(title, now, NameOrigin.WORDS)
        self.language = language
        self.recognizer = recognizer
        self._set_length(duration_ms or self.sound_ms)
        self.status = Status.DONE
        self.error = note
        self.remarks = replace_remarks(self.remarks, {NOT_UNDERSTOOD}, remarks)
        self.tries = 0
        self.lease_until = None
        self._touch(now)
        return Transcript(
            clip_id=self.id,
            attempt=self.attempt,
            source=Source.MACHINE,
            text=text,
            language=language,
            recognizer=recognizer,
            passages=passages,
            created_at=now,
        )

    def postpone(self, sentence: str, until: datetime, now: datetime, *, is_counted: bool = True) -> bool:
        """Release the clip for a try after `until`. False if no try is left: the clip has failed.

        `is_counted` False: the cause lies with the server alone, and this was none of the clip's tries.
        """
        if not is_counted:
            self.tries -= 1
        if self.tries >= MAX_TRIES:
            self._fail(sentence, now)
            return False
        self.status = Status.PENDING
        self.error = sentence
        self.lease_until = None
        # The relay looks for clips without a job by this time: it must not overtake the worker's own delayed retry.
        self.queued_at = until
        self._touch(now)
        return True

    def release(self, now: datetime, *, sound_ms: int | None = None) -> None:
        """Release the clip because the worker stops, or has measured that another kind of worker must prepare it.

        The try does not count.
        """
        if sound_ms is not None:
            self._set_length(sound_ms)
        self.tries -= 1
        self._withdraw_claim()
        self._set_pending(now)
        self._touch(now)

    def fail(self, sentence: str, now: datetime, *, duration_ms: int | None = None) -> None:
        """Fail the clip with a sentence about its audio. The audio stays; a person may request another try."""
        self._set_length(duration_ms or self.sound_ms)
        self._fail(sentence, now)

    def set_waiting_reason(self, sentence: str | None, now: datetime) -> None:
        """Set the sentence about what the clip's worker waits for, or clear it with None."""
        self.error = sentence
        self._touch(now)

    def switch_off(self, sentence: str, now: datetime) -> None:
        """Note that this service has no recognizer. The sentence says how to change that."""
        self._fail(sentence, now)
        self.status = Status.OFF

    def requeue(self, now: datetime) -> None:
        """Note that the job is sent once more. Browsers see no change, so the version stays."""
        self.queued_at = now
