"""A clip and its verbs: pure changes of one row, each raising its version."""

import enum
import uuid
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self

from sqlalchemy import JSON, BigInteger, Column, Text
from sqlmodel import Field, SQLModel, col, select
from sqlmodel.sql.expression import SelectOfScalar

from shared.clips.gaps import LOST, MISSING, UNHEARD, missing_audio, new_gap
from shared.clips.tags import normalize_tags
from shared.db.columns import UtcDateTime, collated_text, enum_column, partial_index
from shared.libraries import HOME
from shared.redis.jobs import PREPARE, TRANSCRIBE
from shared.search import index
from shared.search.folding import MAX_WORD_CHARS, sort_key
from shared.transcripts.models import Source, Transcript

MAX_NAME_CHARS = 255
"""Characters of a clip's name after NFC: what file systems and the seed allowed."""

MAX_TRIES = 8
"""Claims of a clip before it is given up: with the worker's back-off, about an hour of a server being away."""


class Status(enum.StrEnum):
    """How far a clip's transcript is."""

    RECORDING = "recording"
    PENDING = "pending"
    TRANSCRIBING = "transcribing"
    DONE = "done"
    FAILED = "failed"
    OFF = "off"


class Clip(SQLModel, table=True):
    """One recording: its audio is an object in the store, or pieces that are to be joined; its words are here."""

    __tablename__: ClassVar[str] = "clip"
    __table_args__ = (
        # The list in each of its orders, by keyset; the bin is the same walk over the other half. What filters ask for
        # stands behind the key, so that what they leave out costs no look at its row.
        partial_index("deleted_at IS NULL", "clip_recent", "library_id", "created_at", "id", "status", "duration_ms"),
        partial_index("deleted_at IS NULL", "clip_length", "library_id", "duration_ms", "id", "status", "created_at"),
        partial_index(
            "deleted_at IS NULL", "clip_name", "library_id", "sort_name", "id", "status", "duration_ms", "created_at"
        ),
        partial_index("deleted_at IS NOT NULL", "clip_bin", "library_id", "deleted_at", "id"),
        partial_index("deleted_at IS NULL", "clip_named", "library_id", "name"),
        # What the sweeps look through: a handful of rows, however large the library is.
        partial_index("status IN ('pending', 'transcribing')", "clip_unfinished", "queued_at"),
        partial_index("status = 'recording'", "clip_recording", "updated_at"),
        partial_index("status = 'off'", "clip_off", "updated_at"),
    )

    id: uuid.UUID = Field(primary_key=True)
    library_id: str = Field(default=HOME, max_length=64)
    name: str = Field(max_length=MAX_NAME_CHARS)
    sort_name: str = Field(sa_column=Column(collated_text(MAX_WORD_CHARS), nullable=False))
    """What the name is ordered by; follows it by itself (`shared.search.index`)."""
    tags: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    """`shared.clips.tags`: sorted, each once; `shared.search.index.ClipTag` has them to be found by."""
    mime: str = Field(max_length=255)
    bytes: int = Field(sa_column=Column(BigInteger, nullable=False))
    sha256: str = Field(default="", max_length=64)
    audio_key: str = Field(default="", max_length=255)
    """The object that is played, and what `bytes` and `sha256` are about; empty: the pieces are not joined yet."""
    prepared_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    segments: int = 1
    """Container pieces of the recording that have begun: more than one after an interruption."""
    gaps: list[dict[str, Any]] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    """`shared.clips.gaps`: what was not heard, and why; browsers see `shared.clips.schemas.Gap`."""
    duration_ms: int | None = None
    """Of the audio; while it is being recorded, as far as the recorder said."""
    status: Status = Field(sa_column=Column(enum_column(Status), nullable=False))
    text: str | None = Field(default=None, sa_column=Column(Text))
    edited_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    language: str | None = Field(default=None, max_length=16)
    """Of the words, as a machine found it."""
    language_set: str | None = Field(default=None, max_length=16)
    """What is spoken, as a person says (`shared.languages`); None: a machine is to find out."""
    recognizer: str | None = Field(default=None, max_length=255)
    error: str | None = Field(default=None, sa_column=Column(Text))
    attempt: int = 0
    tries: int = 0
    lease_until: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    queued_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    version: int = 1
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    updated_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    deleted_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))

    # -- verbs of a person -------------------------------------------------------------------------------------

    @classmethod
    def new_upload(
        cls,
        id: uuid.UUID,
        *,
        name: str,
        mime: str,
        bytes: int,
        sha256: str,
        audio_key: str,
        now: datetime,
        recorded_at: datetime | None = None,
        duration_ms: int | None = None,
        library_id: str = HOME,
    ) -> Self:
        """A new clip whose audio is in the store already, waiting to be prepared and for its words."""
        return cls(
            id=id,
            library_id=library_id,
            name=name,
            sort_name=sort_key(name),
            mime=mime,
            bytes=bytes,
            sha256=sha256,
            audio_key=audio_key,
            duration_ms=duration_ms,
            status=Status.PENDING,
            queued_at=now,
            created_at=recorded_at or now,
            updated_at=now,
        )

    @classmethod
    def new_recording(
        cls, id: uuid.UUID, *, name: str, mime: str, recorded_at: datetime, now: datetime, library_id: str = HOME
    ) -> Self:
        """A new clip that somebody speaks at this moment."""
        return cls(
            id=id,
            library_id=library_id,
            name=name,
            sort_name=sort_key(name),
            mime=mime,
            bytes=0,
            status=Status.RECORDING,
            queued_at=now,
            created_at=recorded_at,
            updated_at=now,
        )

    def set_arrived_bytes(self, now: datetime, *, bytes: int, recorded_ms: int | None = None) -> None:
        """Note how much of the recording has arrived; bytes for one that was finished begin it anew.

        A recording is finished when its recorder says so or was silent for long; whoever comes back after that goes on.
        """
        if self.status is not Status.RECORDING:
            self._withdraw_claim()
            self.status = Status.RECORDING
            self.prepared_at, self.audio_key, self.sha256, self.error = None, "", "", None
            self.gaps = [known for known in self.gaps if known["cause"] != LOST]
        self.bytes = bytes
        self.duration_ms = recorded_ms or self.duration_ms
        self._changed(now)

    def finish_recording(self, now: datetime, *, duration_ms: int | None, gaps: list[dict[str, Any]]) -> None:
        """Nothing more will come: the pieces are to be joined. `duration_ms` is the time that passed, gaps without."""
        self.duration_ms = duration_ms if duration_ms is not None else self.duration_ms
        self.gaps = gaps
        self.tries = 0
        self.error = None
        self._queue(now)
        self._changed(now)

    def reconcile_gaps(self, now: datetime, *, duration_ms: int, gaps: list[dict[str, Any]]) -> bool:
        """Take from a recorder that came back what it knows; True if we had finished without it.

        While the audio is not joined yet, what it recorded is compared with that then.
        """
        if not any(known["cause"] == LOST for known in self.gaps):
            return False
        self.gaps = [*gaps, *(known for known in self.gaps if known["cause"] in {MISSING, UNHEARD})]
        if self.prepared_at is None:
            self.duration_ms = duration_ms
        else:
            self.gaps += missing_audio(duration_ms, self.duration_ms or 0, self.gaps)
        self._changed(now)
        return True

    def finish_stalled_recording(self, now: datetime) -> None:
        """Finish what has arrived, because its recorder was not heard of for long; it may still come back."""
        self.finish_recording(now, duration_ms=None, gaps=[*self.gaps, new_gap(self.duration_ms or 0, 0, LOST)])

    def rename(self, name: str, now: datetime) -> None:
        self.name = name
        self._changed(now)

    def set_tags(self, names: list[str], now: datetime) -> None:
        """Take these tags, and no others."""
        self.tags = normalize_tags(names)
        self._changed(now)

    @property
    def edited(self) -> bool:
        """Whether a person has written the words."""
        return self.edited_at is not None

    def edit(self, words: str, now: datetime) -> Transcript:
        """Take a person's words, which no machine overwrites from now on; the revision is to be stored beside it."""
        self.text = words
        self.edited_at = now
        self._changed(now)
        return Transcript(clip_id=self.id, source=Source.PERSON, text=words, language=self.language, created_at=now)

    def move_to_bin(self, now: datetime) -> None:
        """Hide the clip; a worker that holds it loses its claim, and what it writes late finds no taker."""
        self.deleted_at = now
        self._withdraw_claim()
        self._changed(now)

    def restore(self, now: datetime) -> bool:
        """Take the clip out of the bin; True if it still waits for a worker and needs a job."""
        self.deleted_at = None
        waits = self.status in {Status.PENDING, Status.TRANSCRIBING}
        if waits:
            self._queue(now)
        self._changed(now)
        return waits

    def request_transcription(self, now: datetime) -> None:
        """Start over, with all tries: the words so far stay until better ones come."""
        self._withdraw_claim()
        self.tries = 0
        self.error = None
        self._queue(now)
        self._changed(now)

    def set_language(self, code: str | None, now: datetime) -> bool:
        """Take what a person says is spoken; True if the clip is to be heard again in that language.

        While it is recorded or waits it is to be heard anyway; words that were found to be in it are good words.
        """
        self.language_set = code
        is_heard = self.status is Status.DONE and code is not None and code == self.language
        if is_heard or self.status in {Status.RECORDING, Status.PENDING}:
            self._changed(now)
            return False
        self.request_transcription(now)
        return True

    # -- verbs of a worker -------------------------------------------------------------------------------------

    @property
    def next_job(self) -> str:
        """What a waiting clip waits for."""
        return PREPARE if self.prepared_at is None else TRANSCRIBE

    def claim(self, job: str, now: datetime, lease: timedelta) -> int | None:
        """Take the clip for one attempt at a job and return that attempt's number, or None if it is not to be had.

        A clip is to be had while it waits for this job, or when the lease of whoever had it has run out. One that was
        claimed `MAX_TRIES` times without an answer is failed instead: it may be what kills the workers.
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
        self._changed(now)
        return self.attempt

    def is_claimed(self, now: datetime) -> bool:
        """Whether a worker is at it that was heard of lately."""
        return self.lease_until is not None and self.lease_until > now

    def is_owned_by(self, attempt: int) -> bool:
        """Whether this attempt still owns the clip: the question before any late write."""
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
    ) -> None:
        """Take the joined audio, measured: now the clip waits for its words. `note` says what is missing, if any."""
        self.audio_key, self.mime, self.bytes, self.sha256 = audio_key, mime, bytes, sha256
        self.duration_ms = duration_ms
        self.gaps = gaps
        self.error = note
        self.prepared_at = now
        self.tries = 0
        self.lease_until = None
        self._queue(now)
        self._changed(now)

    def finish_transcription(
        self,
        *,
        text: str,
        language: str | None,
        recognizer: str,
        passages: list[dict[str, Any]],
        duration_ms: int | None,
        note: str | None = None,
        now: datetime,
    ) -> Transcript:
        """Take a machine's words; a person's edit stays what the clip shows, the machine's become a revision.

        `note` says what is missing although the words are good: the file's end, say.
        """
        if self.edited_at is None:
            self.text = text
        self.language = language
        self.recognizer = recognizer
        self.duration_ms = duration_ms or self.duration_ms
        self.status = Status.DONE
        self.error = note
        self.tries = 0
        self.lease_until = None
        self._changed(now)
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

    def postpone(self, sentence: str, until: datetime, now: datetime) -> bool:
        """Give the clip back for a later try; False, and failed, if there is none left."""
        if self.tries >= MAX_TRIES:
            self._fail(sentence, now)
            return False
        self.status = Status.PENDING
        self.error = sentence
        self.lease_until = None
        # The sweep counts from here, so that it does not overtake the worker's own delayed retry.
        self.queued_at = until
        self._changed(now)
        return True

    def release(self, now: datetime) -> None:
        """Give the clip back unharmed, because the worker stops; the try does not count."""
        self.tries -= 1
        self._withdraw_claim()
        self._queue(now)
        self._changed(now)

    def fail(self, sentence: str, now: datetime, *, duration_ms: int | None = None) -> None:
        """Say what is wrong with the audio; it stays, and a person may ask again."""
        self.duration_ms = duration_ms or self.duration_ms
        self._fail(sentence, now)

    def set_waiting_reason(self, sentence: str | None, now: datetime) -> None:
        """Say what the worker waits for that has the clip, or, with None, that it goes on."""
        self.error = sentence
        self._changed(now)

    def switch_off(self, sentence: str, now: datetime) -> None:
        """Say that nobody here transcribes, and what would change that."""
        self._fail(sentence, now)
        self.status = Status.OFF

    def requeue(self, now: datetime) -> None:
        """Note that the sweep is sending this clip's job once more; nothing that a browser sees changes."""
        self.queued_at = now

    # -- what the verbs share ----------------------------------------------------------------------------------

    def _fail(self, sentence: str, now: datetime) -> None:
        self.status = Status.FAILED
        self.error = sentence
        self.lease_until = None
        self._changed(now)

    def _queue(self, now: datetime) -> None:
        self.queued_at = now
        self.status = Status.PENDING

    def _withdraw_claim(self) -> None:
        self.lease_until = None
        if self.status is Status.TRANSCRIBING:
            self.status = Status.PENDING

    def _changed(self, now: datetime) -> None:
        self.version += 1
        self.updated_at = now

    @classmethod
    def by_id(cls, library_id: str, id: uuid.UUID) -> SelectOfScalar["Clip"]:
        return select(cls).where(col(cls.library_id) == library_id, col(cls.id) == id)


index.register_listeners(Clip)
