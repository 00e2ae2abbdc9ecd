"""The rendition table: a clip's sound in another form, made of the original, for devices that cannot play that."""

import enum
import hashlib
import json
import uuid
from collections.abc import Collection
from datetime import datetime
from typing import ClassVar, Self

from sqlalchemy import BigInteger, Column, ColumnElement, Text, Update
from sqlmodel import Field, Session, SQLModel, and_, col, exists, select, update
from sqlmodel.sql.expression import SelectOfScalar

from shared.clips.models import Clip
from shared.clips.waveform import readable_peaks
from shared.db.columns import OpenEnum, ReadableJson, UtcDateTime, partial_index


class Form(enum.StrEnum):
    """A form in which a clip can be had. Workers of an older release leave the forms of cut clips alone."""

    M4A = "m4a"
    MP3 = "mp3"
    CUT_M4A = "cut-m4a"
    """Without the stretches that a person has cut out (`shared.clips.cuts`)."""
    CUT_MP3 = "cut-mp3"

    @property
    def is_cut(self) -> bool:
        return self in CUT_FORMS.values()


FORMS = (Form.M4A, Form.MP3)
"""The forms that a client may ask for. Each is also the extension of the file."""

CUT_FORMS = {Form.M4A: Form.CUT_M4A, Form.MP3: Form.CUT_MP3}
"""What a client that asks for a form of a cut clip gets. The form of the whole sound stays, for whoever takes the cuts
back."""

_M4A_TYPE, _MP3_TYPE = "audio/mp4;codecs=mp4a.40.2", "audio/mpeg"
MEDIA_TYPES = {Form.M4A: _M4A_TYPE, Form.MP3: _MP3_TYPE, Form.CUT_M4A: _M4A_TYPE, Form.CUT_MP3: _MP3_TYPE}


def form_of(clip: Clip, form: Form) -> Form:
    """The form that is made for whoever asks for this one."""
    return CUT_FORMS[form] if clip.cuts else form


def source_of(clip: Clip, form: str) -> str:
    """What a form of the clip is made of: another one, and the clip sounds different."""
    source = clip.audio_key if clip.track_set is None else f"{clip.audio_key}#{clip.track_set}"
    if form not in CUT_FORMS.values():
        return source
    return f"{source}!{hashlib.sha256(json.dumps(clip.cuts).encode()).hexdigest()[:16]}"


class Rendition(SQLModel, table=True):
    """One form of a clip's sound: wanted, made, or failed. It can be made again at any time."""

    __tablename__: ClassVar[str] = "rendition"
    __table_args__ = (partial_index("key = '' AND error IS NULL", "rendition_wanted", "wanted_at"),)

    clip_id: uuid.UUID = Field(foreign_key="clip.id", ondelete="CASCADE", primary_key=True)
    form: Form | str = Field(sa_column=Column(OpenEnum(Form, 8), primary_key=True))
    key: str = Field(default="", max_length=255)
    """The object. Empty: it is not made yet."""
    bytes: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    sha256: str = Field(default="", max_length=64)
    source_key: str = Field(default="", max_length=255)
    """`source_of` the clip when a worker began to make it."""
    tries: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    error: str | None = Field(default=None, sa_column=Column(Text))
    """A sentence: why it cannot be made."""
    wanted_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    """When its job was sent last, or is due. A worker that makes it keeps this moment ahead of it, as a lease."""
    made_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    peaks: list[int] | None = Field(default=None, sa_column=Column(ReadableJson(readable_peaks)))
    """The waveform of a form that is cut: the clip's own is that of the whole sound."""

    @property
    def is_wanted(self) -> bool:
        return not self.key and self.error is None

    def is_made_of(self, clip: Clip) -> bool:
        """Whether the object has the clip's present sound."""
        return bool(self.key) and self.source_key == source_of(clip, self.form)

    def want(self, now: datetime) -> None:
        """Have it made, again if need be, with all tries."""
        self.key, self.bytes, self.sha256, self.source_key, self.made_at = "", 0, "", "", None
        self.tries, self.error, self.wanted_at, self.peaks = 0, None, now, None

    def claim(self, lease_until: datetime, source_key: str) -> None:
        """Note that a worker begins to make it, and of which sound."""
        self.tries += 1
        self.source_key = source_key
        self.wanted_at = lease_until

    def finish(
        self, *, key: str, bytes: int, sha256: str, source_key: str, now: datetime, peaks: list[int] | None = None
    ) -> None:
        """Set the object that was made."""
        self.key, self.bytes, self.sha256, self.source_key, self.peaks = key, bytes, sha256, source_key, peaks
        self.tries, self.made_at = 0, now

    def postpone(self, until: datetime, *, is_counted: bool = True) -> None:
        """Have it made after `until`. `is_counted` False: this was none of its tries."""
        self.tries -= not is_counted
        self.wanted_at = until

    def fail(self, sentence: str) -> None:
        """Give up, until somebody wants it again."""
        self.error = sentence

    # -- statements ----------------------------------------------------------------------------------------------

    @classmethod
    def of_clip(cls, clip_id: uuid.UUID) -> SelectOfScalar[Self]:
        return select(cls).where(col(cls.clip_id) == clip_id).order_by(col(cls.form))

    @classmethod
    def one(cls, clip_id: uuid.UUID, form: str) -> SelectOfScalar[Self]:
        return select(cls).where(col(cls.clip_id) == clip_id, col(cls.form) == form)

    @classmethod
    def due(cls, clip_id: uuid.UUID, now: datetime) -> SelectOfScalar[Self]:
        """Those of a clip that are wanted now, and that no worker makes."""
        return cls.of_clip(clip_id).where(*cls.is_due(now))

    @classmethod
    def is_due(cls, now: datetime) -> tuple[ColumnElement[bool], ...]:
        """The conditions on one that is wanted now, and that no worker makes."""
        return *cls._wanted(), col(cls.form).in_(list(Form)), col(cls.wanted_at) <= now

    @classmethod
    def missing_jobs(cls, since: datetime, *, limit: int) -> SelectOfScalar[Self]:
        """Those that could be made, and whose job may be lost: it was sent, or was due, before `since`."""
        is_ready = and_(col(Clip.deleted_at).is_(None), col(Clip.prepared_at).is_not(None))
        return (
            select(cls)
            .join(Clip, col(Clip.id) == col(cls.clip_id))
            .where(*cls._wanted(), col(cls.form).in_(list(Form)), col(cls.wanted_at) < since, is_ready)
            .order_by(col(cls.wanted_at))
            .limit(limit)
        )

    @classmethod
    def renew(cls, clip: Clip, form: str, source_key: str, until: datetime) -> Update:
        """Extend a worker's lease. Changes no row if it is not wanted any more, or not of this sound."""
        is_current = and_(
            col(Clip.id) == clip.id,
            col(Clip.deleted_at).is_(None),
            col(Clip.audio_key) == clip.audio_key,
            col(Clip.track_set).is_not_distinct_from(clip.track_set),
        )
        return (
            update(cls)
            .where(
                col(cls.clip_id) == clip.id,
                col(cls.form) == form,
                col(cls.source_key) == source_key,
                *cls._wanted(),
                exists().where(is_current),
            )
            .values(wanted_at=until)
        )

    @classmethod
    def _wanted(cls) -> tuple[ColumnElement[bool], ...]:
        return col(cls.key) == "", col(cls.error).is_(None)


def want(session: Session, clip: Clip, form: Form, now: datetime) -> None:
    """Have a form of a clip made, unless it is made or on its way. The clip's row is locked, or new."""
    rendition = session.exec(Rendition.one(clip.id, form).with_for_update()).first()
    if rendition is None:
        session.add(Rendition(clip_id=clip.id, form=form, wanted_at=now))
    elif not rendition.is_wanted and not rendition.is_made_of(clip):
        rendition.want(now)


def renew_stale(
    session: Session, clip: Clip, now: datetime, *, needed: Form | None = None
) -> tuple[bool, Collection[str]]:
    """Have made again what is of another sound, or could not be made, and the form that is `needed` in any case.

    Return whether the clip needs a job, and the keys of objects that are useless now. Call this when the clip's sound
    is new. The clip's row is locked.
    """
    rows = list(session.exec(Rendition.of_clip(clip.id).with_for_update()))
    # The forms without cuts are made again when a clip is cut again.
    rows = [rendition for rendition in rows if clip.cuts or rendition.form not in CUT_FORMS.values()]
    stale = [rendition for rendition in rows if not rendition.is_made_of(clip)]
    useless = {rendition.key for rendition in stale if rendition.key}
    for rendition in stale:
        rendition.want(now)
    if needed is not None and needed not in {rendition.form for rendition in rows}:
        stale.append(Rendition(clip_id=clip.id, form=needed, wanted_at=now))
        session.add(stale[-1])
    return bool(stale), useless


def renew_cut(session: Session, clip: Clip, now: datetime) -> Collection[str]:
    """Have the forms of a cut clip made of its present cuts. Return the keys of objects that are useless now.

    The clip's row is locked. It needs a job if it has cuts.
    """
    rows = [each for each in session.exec(Rendition.of_clip(clip.id).with_for_update()) if each.form in list(Form)]
    rows = [each for each in rows if Form(each.form).is_cut and not (clip.cuts and each.is_made_of(clip))]
    useless = {rendition.key for rendition in rows if rendition.key}
    for rendition in rows:
        if clip.cuts:
            rendition.want(now)
        else:
            session.delete(rendition)
    if clip.cuts:
        session.flush()
        want(session, clip, Form.CUT_M4A, now)
    return useless


def retry_failed(session: Session, clip_id: uuid.UUID, now: datetime) -> bool:
    """Have those tried again that could not be made. True if there are any."""
    failed = Rendition.of_clip(clip_id).where(col(Rendition.error).is_not(None))
    rows = session.exec(failed.with_for_update()).all()
    for rendition in rows:
        rendition.want(now)
    return bool(rows)
