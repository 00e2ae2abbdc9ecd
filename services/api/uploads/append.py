"""Bytes of an upload on their way to where they are kept: in order, each once, however often they are sent."""

import contextlib
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

import sqlalchemy
from sqlalchemy import bindparam, insert, inspect
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql.dml import ReturningInsert
from sqlmodel import Session, col, func, or_, select

from services.api.http.body import Incoming
from services.api.http.errors import Problem
from services.api.state import Change, State
from shared.clips.models import Clip, Status
from shared.db.engine import execute_write
from shared.libraries import HOME
from shared.redis.jobs import PREPARE
from shared.storage.store import StoreError
from shared.uploads.models import FILE_LIFETIME, Piece, Upload

TAKEN = "This id belongs to another clip, and nothing is overwritten here."

HEARD_EVERY = timedelta(seconds=5)
"""How often other devices are told how far a recording is; a page counts on by itself in between."""


@dataclass(frozen=True)
class Standing:
    """An upload as one look at the database found it."""

    upload: Upload
    offset: int
    status: Status | None = None
    """Of its clip; None: there is none yet."""
    heard_at: datetime | None = None

    @classmethod
    def of(cls, state: State, id: uuid.UUID) -> Self:
        """Look. Raises `Problem` if there is no such upload, or none any more."""
        with state.read_session() as session:
            row = session.exec(_LOOK, params={"upload_id": id}).first()
        if row is None:
            raise Problem("not-found", "There is no upload at this address.")
        upload, offset, status, heard_at = row
        standing = cls(upload, offset, Status(status) if status else None, heard_at)
        if upload.ended_at or (offset != upload.length and upload.is_expired(datetime.now(UTC))):
            raise gone()
        return standing

    def expiry(self, offset: int) -> dict[str, str]:
        """The header that says until when a file must have arrived; a recording never expires."""
        if self.upload.is_recording or offset == self.upload.length:
            return {}
        return {"Upload-Expires": (self.upload.created_at + FILE_LIFETIME).strftime("%a, %d %b %Y %H:%M:%S GMT")}


class Arrival:
    """What one request adds to an upload."""

    def __init__(self, state: State, standing: Standing, length: int | None, recorded_ms: int | None) -> None:
        self._state = state
        self._standing = standing
        self._declared = length
        self._recorded_ms = recorded_ms

    @property
    def length(self) -> int | None:
        """Bytes of the whole upload, if anybody has said so yet."""
        return self._standing.upload.length if self._standing.upload.length is not None else self._declared

    def take(self, start: int, body: Incoming) -> int:
        """Keep a block that begins at `start`; return where the upload ends then. The very same block twice is once.

        Raises `Problem` if the upload does not end at `start`, or is gone.
        """
        if not body.size:
            return self._settled(start, None)
        upload = self._standing.upload
        key = f"{upload.library_id}/{upload.clip_id}/{uuid.uuid4().hex}"
        piece = Piece(upload_id=upload.id, start=start, end=start + body.size, key=key, sha256=body.sha256)
        self._state.store.put(key, body.file, body.size, upload.mime)
        if self._is_only_more(piece) and self._append(piece):
            return piece.end
        try:
            return self._settled(start, piece)
        except (Problem, Repeated) as refused:
            # Certainly no row has this object. After any other fault one might, and the sweep finds out.
            with contextlib.suppress(StoreError):
                self._state.store.delete(key)
            if isinstance(refused, Repeated):
                return piece.end
            raise

    def _is_only_more(self, piece: Piece) -> bool:
        """Whether this is a piece in the middle: nothing but its row changes, and one statement does."""
        if self._declared is not None:
            return False
        if not self._standing.upload.is_recording:
            return self.length is None or piece.end < self.length
        heard_at = self._standing.heard_at
        is_open = self._standing.status is Status.RECORDING
        return is_open and heard_at is not None and datetime.now(UTC) - heard_at < HEARD_EVERY

    def _append(self, piece: Piece) -> bool:
        try:
            append = _APPEND[self._standing.upload.is_recording]
            return bool(execute_write(self._state.engine, append, piece.model_dump()))
        except IntegrityError:
            return False  # Another request was first, by a moment.

    def _settled(self, start: int, piece: Piece | None) -> int:
        try:
            return self._settle(start, piece)
        except IntegrityError:
            # A PUT of the same id was first, by a moment.
            return self._settle(start, None if piece is None else Piece(**piece.model_dump()))

    def _settle(self, start: int, piece: Piece | None) -> int:
        """Add the piece and draw the consequences, under the locks of the clip and of the upload."""
        with self._state.transaction() as change:
            upload, clip = locked(change.session, self._standing.upload)
            if upload.ended_at:
                raise gone()
            offset = change.session.exec(Piece.offset(upload.id)).one()
            if start != offset:
                known = change.session.get(Piece, (upload.id, start)) if piece else None
                if piece and known and (known.end, known.sha256) == (piece.end, piece.sha256):
                    raise Repeated
                raise misplaced(start, offset)
            if piece:
                change.session.add(piece)
                offset = piece.end
            is_told_now = _declare(upload, self._declared)
            if upload.length is not None and offset > upload.length:
                raise excessive(upload.length, offset)
            change.session.flush()
            if upload.is_recording:
                # Whole as it is, it may be asked after and told its length again; that is no sound.
                self._hear(change, clip, goes_on=piece is not None or offset != upload.length)
            elif offset == upload.length and clip is None:
                change.record(_clip_of(change.session, upload, change.now), PREPARE)
            elif offset == upload.length and (piece or is_told_now):
                raise Problem("id-taken", TAKEN)  # by a PUT of this id meanwhile
        return offset

    def _hear(self, change: Change, clip: Clip | None, *, goes_on: bool) -> None:
        """Tell how far the recording is. One that was finished is opened again if it goes on."""
        if clip is None:
            raise gone()
        if goes_on or clip.status is Status.RECORDING:
            arrived = select(func.coalesce(func.sum(col(Piece.end) - col(Piece.start)), 0)).join(Upload)
            so_far = change.session.exec(arrived.where(col(Upload.clip_id) == clip.id)).one()
            clip.set_arrived_bytes(change.now, bytes=int(so_far), recorded_ms=self._recorded_ms)
            change.record(clip)


class Repeated(Exception):
    """These very bytes are there already."""


def locked(session: Session, upload: Upload) -> tuple[Upload, Clip | None]:
    """The upload and its clip, both locked, always in this order: the clip first. Raises `Problem` if it is gone."""
    clip = session.exec(select(Clip).where(col(Clip.id) == upload.clip_id).with_for_update()).first()
    now = session.exec(select(Upload).where(col(Upload.id) == upload.id).with_for_update()).first()
    if now is None:
        raise gone()
    if clip is None:
        # There was no row to lock: its last byte may have come while we waited for the upload.
        clip = session.exec(select(Clip).where(col(Clip.id) == upload.clip_id)).first()
    return now, clip


def gone() -> Problem:
    return Problem("gone", "This upload was given up or has expired; begin a new one.")


def misplaced(start: int, offset: int) -> Problem:
    told = f"The upload has {offset:,} bytes, and these are to begin at {start:,}. Go on from Upload-Offset."
    return Problem("offset", told, {"Upload-Offset": str(offset)})


def excessive(length: int, end: int) -> Problem:
    return Problem("too-large", f"The upload is to have {length:,} bytes; this would make {end:,}.")


def _append(*, is_recording: bool) -> ReturningInsert[int]:
    """Add a piece if the upload ends where it begins, and return its start; add and return nothing otherwise.

    A recording must still be open. Its clip is locked against being finished meanwhile: otherwise its pieces could be
    counted before this one is there, and nobody would look again. So is the upload, which may be ended or told its
    length: Postgres looks again only at the rows that it had to wait for.
    """
    columns = inspect(Piece).columns
    values = {column.key: bindparam(column.key, type_=column.type) for column in columns}
    found = sqlalchemy.select(*values.values()).where(
        col(Upload.id) == values["upload_id"],
        col(Upload.ended_at).is_(None),
        or_(col(Upload.length).is_(None), col(Upload.length) > values["end"]),
        values["start"] == _ARRIVED,
    )
    if is_recording:
        found = found.where(col(Clip.id) == col(Upload.clip_id), col(Clip.status) == Status.RECORDING)
    # In the order of `locked`, so that nobody waits for each other.
    found = found.with_for_update(read=True, of=(Clip, Upload) if is_recording else Upload)
    return insert(Piece).from_select(list(values), found).returning(col(Piece.start))


def _declare(upload: Upload, length: int | None) -> bool:
    """Take the length that the client could not say at the beginning; True if it is news."""
    if length is None or length == upload.length:
        return False
    if upload.length is not None:
        raise Problem("bad-request", f"The upload was to have {upload.length:,} bytes, which cannot change any more.")
    upload.length = length
    return True


def _clip_of(session: Session, upload: Upload, now: datetime) -> Clip:
    """The clip that a file becomes with its last byte. Raises `Problem` if it has none."""
    pieces = session.exec(Piece.of_upload(upload.id)).all()
    if not pieces:
        raise Problem("empty-audio", "The upload is empty: there is nothing to keep.")
    whole = pieces[0] if len(pieces) == 1 else None
    return Clip.new_upload(
        upload.clip_id,
        name=upload.name,
        mime=upload.mime,
        bytes=upload.length or 0,
        sha256=whole.sha256 if whole else "",
        audio_key=whole.key if whole else "",
        recorded_at=upload.recorded_at,
        now=now,
    )


# What every PATCH asks, put together once: that costs more than the asking.
_ARRIVED = (
    select(func.coalesce(func.max(Piece.end), 0))
    .where(col(Piece.upload_id) == bindparam("upload_id", type_=inspect(Piece).columns["upload_id"].type))
    .scalar_subquery()
)
_LOOK = (
    select(Upload, _ARRIVED, Clip.status, Clip.updated_at)
    .outerjoin(Clip, col(Clip.id) == col(Upload.clip_id))
    .where(col(Upload.id) == bindparam("upload_id"), col(Upload.library_id) == HOME)
)
_APPEND = {is_recording: _append(is_recording=is_recording) for is_recording in (True, False)}
