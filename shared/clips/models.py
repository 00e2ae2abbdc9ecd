"""The clip table, and every change that a person or a worker makes to a clip. A change does no I/O."""

import enum
import uuid
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self

from sqlalchemy import BigInteger, Boolean, Column, Text, event, text, true
from sqlmodel import Field, SQLModel, col, select
from sqlmodel.sql.expression import SelectOfScalar

from shared.clips.cut_words import Span, hidden_spans, readable_spans, shown_text, splice, timed_units
from shared.clips.cuts import MIN_KEPT_MS, Cut, cut_markers, kept_ms, readable_cuts
from shared.clips.excerpt import excerpt_of
from shared.clips.gaps import LOST, MISSING, UNHEARD, missing_audio, new_gap, readable_gaps
from shared.clips.lanes import INDEXES, WAITING
from shared.clips.markers import change_markers, readable_markers
from shared.clips.remarks import NOT_UNDERSTOOD, OPPOSITE_PHASE, QUIET, TRACKS, readable_remarks, replace_remarks
from shared.clips.tags import normalize_tags, readable_tags
from shared.clips.titles import suggest_title
from shared.db.columns import OpenEnum, ReadableJson, UtcDateTime, collated_text, partial_index
from shared.languages import LANGUAGES
from shared.redis.jobs import PREPARE, TRANSCRIBE
from shared.search import index
from shared.search.folding import MAX_WORD_CHARS, sort_key
from shared.transcripts.models import Source, Transcript
from shared.uploads.models import Piece, Upload

MAX_NAME_CHARS = 255
"""Characters of a clip's name after NFC: the limit of file systems, and of the clients of the first version."""

MAX_TRIES = 8
"""Claims of a clip before it fails: with the worker's back-off, a server may be unavailable for about an hour."""


class Status(enum.StrEnum):
    """The state of a clip, from its recording to its transcript."""

    RECORDING = "recording"
    PENDING = "pending"
    TRANSCRIBING = "transcribing"
    DONE = "done"
    FAILED = "failed"
    OFF = "off"


class NameOrigin(enum.StrEnum):
    """Who gave a clip its name. A machine's name never replaces a person's."""

    DEFAULT = "default"
    """The page: a date, or a number."""
    WORDS = "words"
    """The first words of the clip (`shared.clips.titles`)."""
    SUMMARY = "summary"
    """A summary of the clip."""
    PERSON = "person"


def name_origin(said: str | None) -> NameOrigin:
    """The origin that a client said. What is not known here, or was not said, counts as a person's: it stays."""
    try:
        return NameOrigin(said or NameOrigin.PERSON)
    except ValueError:
        return NameOrigin.PERSON


def _rank(origin: str) -> int:
    """How much an origin counts. One of a newer release yields to a person alone."""
    ranks = [NameOrigin.DEFAULT, NameOrigin.WORDS, NameOrigin.SUMMARY, NameOrigin.PERSON]
    return ranks.index(NameOrigin(origin)) if isinstance(origin, NameOrigin) else ranks.index(NameOrigin.SUMMARY)


class Clip(SQLModel, table=True):
    """One recording. Its text is in this row; its audio is an object in the store, or pieces that are not joined."""

    __tablename__: ClassVar[str] = "clip"
    __table_args__ = (
        # The list in each of its orders, and the bin, by keyset. The columns of the filters follow the key, so that a
        # clip that a filter leaves out is skipped without reading its row.
        partial_index("deleted_at IS NULL", "clip_recent", "library_id", "created_at", "id", "status", "duration_ms"),
        partial_index("deleted_at IS NULL", "clip_length", "library_id", "duration_ms", "id", "status", "created_at"),
        partial_index(
            "deleted_at IS NULL", "clip_name", "library_id", "sort_name", "id", "status", "duration_ms", "created_at"
        ),
        partial_index(
            "starred_at IS NOT NULL AND deleted_at IS NULL", "clip_starred", "library_id", "created_at", "id"
        ),
        partial_index("deleted_at IS NOT NULL", "clip_bin", "library_id", "deleted_at", "id"),
        partial_index("deleted_at IS NULL", "clip_named", "library_id", "name"),
        # What the maintenance tasks read: a handful of rows, however large the library is.
        partial_index("status IN ('pending', 'transcribing')", "clip_unfinished", "queued_at"),
        partial_index("status = 'recording'", "clip_recording", "updated_at"),
        partial_index("status = 'off'", "clip_off", "updated_at"),
        *(partial_index(WAITING[lane], name, "library_id", "queued_at", "id") for lane, name in INDEXES.items()),
        partial_index("status = 'transcribing'", "clip_in_work", "library_id"),
    )

    id: uuid.UUID = Field(primary_key=True)
    library_id: str = Field(max_length=64)
    name: str = Field(max_length=MAX_NAME_CHARS)
    sort_name: str = Field(sa_column=Column(collated_text(MAX_WORD_CHARS), nullable=False))
    """The key by which names are ordered; `shared.search.index` sets it with each name."""
    name_origin: NameOrigin | str = Field(
        default=NameOrigin.PERSON,
        sa_column=Column(OpenEnum(NameOrigin), nullable=False, server_default=NameOrigin.PERSON.value),
    )
    """A text is the origin of a newer release: such a name stays."""
    tags: list[str] = Field(default_factory=list, sa_column=Column(ReadableJson(readable_tags), nullable=False))
    """As `shared.clips.tags` normalizes them: sorted, each once. Searches use `shared.search.index.ClipTag`."""
    starred_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    notes: str = Field(default="", sa_column=Column(Text, nullable=False, server_default=""))
    """What somebody typed beside the clip, not what is said in it."""
    markers: list[dict[str, Any]] = Field(
        default_factory=list,
        sa_column=Column(ReadableJson(readable_markers), nullable=False, server_default=text("'[]'")),
    )
    """Made by `shared.clips.markers`; browsers see them as `shared.clips.schemas.Marker`."""
    mime: str = Field(max_length=255)
    bytes: int = Field(sa_column=Column(BigInteger, nullable=False))
    sha256: str = Field(default="", max_length=64)
    audio_key: str = Field(default="", max_length=255)
    """The object that is played, which `bytes` and `sha256` describe. Empty: the pieces are not joined yet."""
    prepared_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    segments: int = 1
    """Container files that the recorder has begun: more than one after an interruption."""
    gaps: list[dict[str, Any]] = Field(
        default_factory=list, sa_column=Column(ReadableJson(readable_gaps), nullable=False)
    )
    """Made by `shared.clips.gaps`; browsers see them as `shared.clips.schemas.Gap`."""
    has_true_clock: bool = Field(default=True, sa_column=Column(Boolean, nullable=False, server_default=true()))
    """Whether a player of `audio_key` keeps the transcript's clock. False: only a rendition does."""
    remarks: list[dict[str, Any]] = Field(
        default_factory=list,
        sa_column=Column(ReadableJson(readable_remarks), nullable=False, server_default=text("'[]'")),
    )
    """Made by `shared.clips.remarks`; browsers see them as `shared.clips.schemas.Remark`."""
    track_set: int | None = Field(default=None, sa_column=Column(BigInteger))
    """The track, from 1, that a person wants heard. None: all that have sound."""
    is_dated: bool = Field(default=True, sa_column=Column(Boolean, nullable=False, server_default=true()))
    """Whether a recorder or a person said when it was made. False: a date in the file replaces `created_at`, once."""
    duration_ms: int | None = None
    """Length of what is heard; during the recording, the length that the recorder reported last."""
    cuts: list[Cut] = Field(
        default_factory=list,
        sa_column=Column(ReadableJson(readable_cuts), nullable=False, server_default=text("'[]'")),
    )
    """What a person took out (`shared.clips.cuts`). Gaps, remarks and times of words stay in the clock of all sound."""
    joined_from: list[str] = Field(
        default_factory=list,
        sa_column=Column(ReadableJson(readable_tags), nullable=False, server_default=text("'[]'")),
    )
    """Ids of the clips that it was made of. It has their words, and none is heard again for it."""
    whole_ms: int | None = Field(default=None, sa_column=Column(BigInteger))
    """Length of the audio of a clip that is cut."""
    whole_text: str | None = Field(default=None, sa_column=Column(Text))
    """The text of a clip that is cut, with the words that its cuts hide."""
    hidden: list[Span] = Field(
        default_factory=list,
        sa_column=Column(ReadableJson(readable_spans), nullable=False, server_default=text("'[]'")),
    )
    """Where these words are in it (`shared.clips.cut_words`)."""
    status: Status | str = Field(sa_column=Column(OpenEnum(Status), nullable=False))
    """A text is the status of a newer release: nothing is done to the clip until a person wants it."""
    text: str | None = Field(default=None, sa_column=Column(Text))
    text_length: int | None = Field(default=None, sa_column=Column(BigInteger))
    """Characters of the text, for lists: to count fifty transcripts takes longer than all else. It follows `text`.

    None, or the count of an earlier text: an older release wrote the text, and `index_repair` has not come by.
    """
    edited_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    language: str | None = Field(default=None, max_length=16)
    """Language of the text, as the recognizer detected it."""
    language_set: str | None = Field(default=None, max_length=16)
    """Language that a person set, perhaps in a newer release. None: the recognizer detects it."""
    recognizer: str | None = Field(default=None, max_length=255)
    error: str | None = Field(default=None, sa_column=Column(Text))
    """A sentence for the person: why there is no text, or what is missing although there is one."""
    attempt: int = 0
    """Number of the last claim. Only the owner of this attempt may write a result."""
    tries: int = 0
    """Claims since the last success or request of a person; `MAX_TRIES` at most."""
    lease_until: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    """When the claim expires unless its worker renews it. None: no worker has the clip."""
    queued_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    """When the last job was sent, or when a delayed one is due."""
    version: int = 1
    """Raised by every change that browsers see. Of two copies of a clip, the one with the higher version is newer."""
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    updated_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    deleted_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    found_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    """When the clip was made of audio in the store that no row knew; None: it was recorded or uploaded here."""

    @classmethod
    def by_id(cls, library_id: str, id: uuid.UUID) -> SelectOfScalar["Clip"]:
        return select(cls).where(col(cls.library_id) == library_id, col(cls.id) == id)

    @classmethod
    def visible_to(cls, library_ids: Collection[str], id: uuid.UUID) -> SelectOfScalar["Clip"]:
        """The clip of this id, for somebody who may read these libraries."""
        return select(cls).where(col(cls.library_id).in_(library_ids), col(cls.id) == id)

    @property
    def track_heard(self) -> int | None:
        """The only track of the stored audio that is heard; None: all of them. Segments are joined into one track."""
        return self.track_set if self.segments == 1 else None

    @property
    def sound_ms(self) -> int | None:
        """Length of the audio, with what is cut out of it."""
        return self.whole_ms if self.cuts and self.whole_ms is not None else self.duration_ms

    @property
    def words(self) -> str | None:
        """The text with the words that cuts hide."""
        return None if self.text is None else self._whole_text()[0]

    def spliced(self, text: str) -> tuple[str, list[Span]]:
        """A new text with the words that cuts hide, and where they are in it."""
        return splice(text, *self._whole_text()) if self.cuts else (text, [])

    # -- changes by a person -----------------------------------------------------------------------------------

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
        is_dated: bool = False,
        track: int | None = None,
        language: str | None = None,
        duration_ms: int | None = None,
        name_origin: NameOrigin = NameOrigin.PERSON,
        library_id: str,
    ) -> Self:
        """A new clip whose audio is in the store already. It waits for its preparation and its transcription.

        `is_dated`: somebody said `recorded_at`, and no date in the file replaces it.
        """
        return cls(
            id=id,
            library_id=library_id,
            name=name,
            sort_name=sort_key(name),
            name_origin=name_origin,
            mime=mime,
            bytes=bytes,
            sha256=sha256,
            audio_key=audio_key,
            duration_ms=duration_ms,
            status=Status.PENDING,
            is_dated=is_dated,
            track_set=track,
            language_set=language,
            queued_at=now,
            created_at=recorded_at or now,
            updated_at=now,
        )

    @classmethod
    def new_recording(
        cls,
        id: uuid.UUID,
        *,
        name: str,
        mime: str,
        recorded_at: datetime,
        now: datetime,
        name_origin: NameOrigin = NameOrigin.PERSON,
        language: str | None = None,
        library_id: str,
    ) -> Self:
        """A new clip that is being recorded."""
        return cls(
            id=id,
            library_id=library_id,
            name=name,
            sort_name=sort_key(name),
            name_origin=name_origin,
            language_set=language,
            mime=mime,
            bytes=0,
            status=Status.RECORDING,
            queued_at=now,
            created_at=recorded_at,
            updated_at=now,
        )

    @classmethod
    def of_file(cls, upload: Upload, pieces: Sequence[Piece], now: datetime) -> Self:
        """A new clip of a file that has arrived in these pieces. Its audio is one object if there is one piece."""
        only_piece = pieces[0] if len(pieces) == 1 else None
        return cls.new_upload(
            upload.clip_id,
            name=upload.name,
            mime=upload.mime,
            bytes=pieces[-1].end,
            sha256=only_piece.sha256 if only_piece else "",
            audio_key=only_piece.key if only_piece else "",
            recorded_at=upload.recorded_at,
            is_dated=upload.is_dated,
            track=upload.track,
            language=upload.language,
            name_origin=name_origin(upload.name_origin),
            now=now,
            library_id=upload.library_id,
        )

    @classmethod
    def found(cls, uploads: Sequence[Upload], pieces: Sequence[Piece], now: datetime) -> Self:
        """A new clip, in the bin, of audio that no row knew. A person who restores it has it prepared."""
        clip = cls.of_file(uploads[0], pieces, now)
        clip.bytes = sum(piece.end - piece.start for piece in pieces)
        clip.segments = uploads[-1].segment + 1
        clip.found_at = clip.deleted_at = now
        return clip

    def set_arrived_bytes(self, now: datetime, *, bytes: int, recorded_ms: int | None = None) -> None:
        """Set how many bytes of the recording have arrived. A finished recording is reopened.

        A recording is finished when its recorder says so, or sent nothing for long; such a recorder may come back.
        """
        if self.status is not Status.RECORDING:
            self._withdraw_claim()
            self.status = Status.RECORDING
            self.prepared_at, self.audio_key, self.sha256, self.error = None, "", "", None
            self.gaps = [gap for gap in self.gaps if gap["cause"] != LOST]
        if self.found_at is not None and self.found_at == self.deleted_at:
            self.deleted_at = None  # nobody put it into the bin, and its recorder is here again
        self.bytes = bytes
        self._set_length(recorded_ms or self.sound_ms)
        self._touch(now)

    def finish_recording(self, now: datetime, *, duration_ms: int | None, gaps: list[dict[str, Any]]) -> None:
        """End the recording, so that its pieces are joined. `duration_ms` is the time that passed, without the gaps."""
        self._set_length(duration_ms if duration_ms is not None else self.sound_ms)
        self.gaps = gaps
        self.tries = 0
        self.error = None
        self._set_pending(now)
        self._touch(now)

    def reconcile_gaps(self, now: datetime, *, duration_ms: int, gaps: list[dict[str, Any]]) -> bool:
        """Take the duration and gaps from a recorder that came back. True if the clip was finished without it.

        If the audio is not joined yet, `prepare` compares its length with `duration_ms` later.
        """
        if not any(gap["cause"] == LOST for gap in self.gaps):
            return False
        self.gaps = [*gaps, *(gap for gap in self.gaps if gap["cause"] in {MISSING, UNHEARD})]
        if self.prepared_at is None:
            self._set_length(duration_ms)
        else:
            self.gaps += missing_audio(duration_ms, self.sound_ms or 0, self.gaps)
        self._touch(now)
        return True

    def finish_stalled_recording(self, now: datetime) -> None:
        """Finish a recording whose recorder has sent nothing for long. The recorder may still come back."""
        self.finish_recording(now, duration_ms=None, gaps=[*self.gaps, new_gap(self.sound_ms or 0, 0, LOST)])

    def rename(self, name: str, now: datetime, origin: NameOrigin = NameOrigin.PERSON) -> None:
        """Set the name, unless a better origin gave the present one: a machine's name never replaces a person's."""
        if _rank(origin) < _rank(self.name_origin) or (name, origin) == (self.name, self.name_origin):
            return
        self.name, self.name_origin = name, origin
        self._touch(now)

    @property
    def starred(self) -> bool:
        return self.starred_at is not None

    def set_starred(self, is_starred: bool, now: datetime) -> None:
        self.starred_at = now if is_starred else None
        self._touch(now)

    def set_notes(self, notes: str, now: datetime) -> None:
        """Replace the notes."""
        self.notes = notes
        self._touch(now)

    def change_markers(self, new: Sequence[dict[str, Any]], removed: Collection[str], now: datetime) -> None:
        """Set some markers by their id, and remove others; the rest stays. Raises `ValueError` if they are too many."""
        markers = change_markers(self.markers, new, removed)
        if markers != self.markers:
            self.markers = markers
            self._touch(now)

    @property
    def shown_markers(self) -> list[dict[str, Any]]:
        """The markers on the clock of what remains, without those that are cut out."""
        return cut_markers(self.markers, self.cuts) if self.cuts else self.markers

    def set_tags(self, names: list[str], now: datetime) -> None:
        """Replace the tags."""
        self.tags = normalize_tags(names)
        self._touch(now)

    @property
    def excerpt(self) -> str | None:
        """The first words of the text."""
        return excerpt_of(self.text)

    @property
    def text_chars(self) -> int | None:
        """Characters (code points) of the text."""
        return None if self.text is None else len(self.text)

    @property
    def edited(self) -> bool:
        """Whether a person has written the text."""
        return self.edited_at is not None

    def edit(self, text: str, now: datetime) -> Transcript:
        """Set the text that a person wrote; no recognizer overwrites it. Return its revision, which is to be saved.

        The words that cuts hide stay, and the revision has them: `words` is its text.
        """
        return self.edit_words(*self.spliced(text), now)

    def edit_words(self, words: str, hidden: list[Span], now: datetime) -> Transcript:
        """Do so with a text in which the words that cuts hide stand too."""
        self._set_words(words, hidden)
        self.edited_at = now
        self._touch(now)
        return Transcript(clip_id=self.id, source=Source.PERSON, text=words, language=self.language, created_at=now)

    def set_cuts(self, cuts: list[Cut], hidden: list[Span], now: datetime) -> None:
        """Replace the cuts, which are normalized; none shows all again. `hidden` are the words in them, of `words`."""
        words, sound_ms = self.words, self.sound_ms
        self.cuts = cuts
        if words is not None:
            self._set_words(words, hidden)
        self._set_length(sound_ms)
        self._touch(now)

    def move_to_bin(self, now: datetime) -> None:
        """Hide the clip. A worker that holds a claim on it loses that claim, and its late result is dropped."""
        self.deleted_at = now
        self._withdraw_claim()
        self._touch(now)

    def restore(self, now: datetime) -> bool:
        """Take the clip out of the bin. True if it waits for a worker, and needs a job."""
        self.deleted_at = None
        waits = self.status in {Status.PENDING, Status.TRANSCRIBING}
        if waits:
            self._set_pending(now)
        self._touch(now)
        return waits

    def request_transcription(self, now: datetime) -> None:
        """Queue the clip again, with all its tries. The present text stays until a new one replaces it."""
        self._withdraw_claim()
        self.tries = 0
        self.error = None
        self._set_pending(now)
        self._touch(now)

    def set_language(self, code: str | None, now: datetime) -> bool:
        """Set the language that is spoken. True if the clip must be transcribed again, in that language.

        A clip that is recorded or waits will be transcribed anyway; a text in that language stays.
        """
        self.language_set = code
        is_transcribed = self.status is Status.DONE and code is not None and code == self.language
        if is_transcribed or self.status in {Status.RECORDING, Status.PENDING}:
            self._touch(now)
            return False
        self.request_transcription(now)
        return True

    def set_track(self, track: int | None, now: datetime) -> None:
        """Set the track that is heard; None: all with sound. The clip is prepared and transcribed again."""
        self.track_set = track
        self.has_true_clock = False  # until it is prepared, nobody knows that a player of the audio hears this track
        self.prepared_at = None
        self.request_transcription(now)

    # -- changes by a worker -----------------------------------------------------------------------------------

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

    # -- shared by these changes -------------------------------------------------------------------------------

    def _set_length(self, sound_ms: int | None) -> None:
        """Set the length of the audio. Cuts that would leave nothing of another sound are taken back."""
        if self.cuts and sound_ms is not None and kept_ms(self.cuts, sound_ms) < MIN_KEPT_MS:
            words = self.words
            self.cuts = []
            self._set_words(words, [])
        self.whole_ms = sound_ms if self.cuts else None
        self.duration_ms = kept_ms(self.cuts, sound_ms) if self.cuts and sound_ms is not None else sound_ms

    def _set_words(self, words: str | None, hidden: list[Span]) -> None:
        self.text = words if words is None else shown_text(words, hidden)
        self.whole_text, self.hidden = (words, hidden) if self.cuts else (None, [])

    def _whole_text(self) -> tuple[str, list[Span]]:
        """The text with the words that cuts hide, and where they are in it."""
        shown = self.text or ""
        if self.whole_text is None or shown_text(self.whole_text, self.hidden) == shown:
            return (shown, []) if self.whole_text is None else (self.whole_text, self.hidden)
        # An older release, which knows no cuts, has written the text since: a machine's has all words.
        return splice(shown, self.whole_text, self.hidden) if self.edited else (shown, [])

    def _fail(self, sentence: str, now: datetime) -> None:
        self.status = Status.FAILED
        self.error = sentence
        self.lease_until = None
        self._touch(now)

    def _set_pending(self, now: datetime) -> None:
        self.queued_at = now
        self.status = Status.PENDING

    def _withdraw_claim(self) -> None:
        self.lease_until = None
        if self.status is Status.TRANSCRIBING:
            self.status = Status.PENDING

    def _touch(self, now: datetime) -> None:
        self.version += 1
        self.updated_at = now


@event.listens_for(Clip.text, "set")
def _count_text(clip: Clip, text: str | None, _old_text: object, _event: object) -> None:
    clip.text_length = None if text is None else len(text)


index.register_listeners(Clip)
