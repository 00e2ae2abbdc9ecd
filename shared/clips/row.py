"""The row of a clip: its columns, and what every change of one does."""

import enum
import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Text, text, true
from sqlmodel import Field, SQLModel

from shared.clips.cut_words import Span, readable_spans
from shared.clips.cuts import Cut, readable_cuts
from shared.clips.gaps import readable_gaps
from shared.clips.markers import readable_markers
from shared.clips.remarks import readable_remarks
from shared.clips.tags import readable_tags
from shared.db.columns import OpenEnum, ReadableJson, UtcDateTime, collated_text
from shared.search.folding import MAX_WORD_CHARS

MAX_NAME_CHARS = 255
"""Characters of a clip's name after NFC: the limit of file systems, and of the clients of the first version."""


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


class ClipRow(SQLModel):
    """The columns of `shared.clips.models.Clip`. The other bases of that class have its verbs."""

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
