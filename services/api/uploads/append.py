"""Appending bytes to an upload: in order, each byte once, however often a client sends it."""

import contextlib
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

import sqlalchemy
from sqlalchemy import bindparam, insert, inspect
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql.dml import ReturningInsert
from sqlmodel import Session, and_, col, func, or_, select

from services.api.access.access import Access
from services.api.audio_formats.table import SNIFFED_BYTES
from services.api.clips.media_types import reject_other_kinds
from services.api.clips.service import id_taken
from services.api.http.body import ReceivedBody
from services.api.http.errors import Problem
from services.api.state import ClipTransaction, State
from shared.clips.models import Clip, Status
from shared.db.engine import execute_write
from shared.redis.jobs import PREPARE
from shared.storage.store import StoreError
from shared.uploads.models import FILE_LIFETIME, Piece, Upload

NO_UPLOAD = "There is no upload at this address."

PROGRESS_INTERVAL = timedelta(seconds=5)
"""Time between two events about a recording's progress; a page counts on by itself in between."""


@dataclass(frozen=True)
class UploadStatus:
    """An upload and its offset, as one query read them."""

    upload: Upload
    offset: int
    clip_status: Status | str | None = None
    """None: its clip does not exist yet."""
    clip_updated_at: datetime | None = None

    @classmethod
    def load(cls, state: State, access: Access, id: uuid.UUID) -> Self:
        """Load an upload and its offset in one query. Raises `Problem` `not-found`, `not-allowed` or `gone`."""
        with state.read_session() as session:
            row = session.exec(_STATUS_QUERY, params={"upload_id": id}).first()
        if row is None:
            raise Problem("not-found", NO_UPLOAD)
        upload, offset, clip_status, clip_updated_at = row
        access.check(upload.library_id, NO_UPLOAD)
        access.check_clip(upload.clip_id, NO_UPLOAD)
        if upload.ended_at or (offset != upload.length and upload.is_expired(datetime.now(UTC))):
            raise upload_gone()
        return cls(upload, offset, clip_status, clip_updated_at)

    def expiry_header(self, offset: int) -> dict[str, str]:
        """`Upload-Expires` of a file that is not complete at `offset`; a recording never expires."""
        if self.upload.is_recording or offset == self.upload.length:
            return {}
        return {"Upload-Expires": (self.upload.created_at + FILE_LIFETIME).strftime("%a, %d %b %Y %H:%M:%S GMT")}


class UploadWriter:
    """Appends the blocks of one request to an upload."""

    def __init__(self, state: State, status: UploadStatus, length: int | None, recorded_ms: int | None) -> None:
        """`length` is the one that this request declares, `recorded_ms` how long the recording is so far, if any."""
        self._state = state
        self._status = status
        self._declared_length = length
        self._recorded_ms = recorded_ms

    @property
    def length(self) -> int | None:
        """Bytes of the whole upload; None: not declared yet."""
        return self._status.upload.length if self._status.upload.length is not None else self._declared_length

    def append(self, start: int, block: ReceivedBody) -> int:
        """Store a block that begins at `start` and return the upload's new offset. Repeating a block changes nothing.

        Raises `Problem` if the upload does not end at `start`, or is gone, or if its first bytes are a file's that can
        never be heard: nobody should send 2 GB of it for nothing.
        """
        if not block.size:
            return self._append_with_locks(start, None)
        upload = self._status.upload
        is_telling = block.size >= SNIFFED_BYTES or block.size == self.length
        if start == 0 and is_telling and not upload.is_recording:
            reject_other_kinds(block.file)
        key = upload.new_key(start, start + block.size, self.length)
        piece = Piece(upload_id=upload.id, start=start, end=start + block.size, key=key, sha256=block.sha256)
        self._state.store.put(key, block.file, block.size, upload.mime, block.sha256)
        if self._needs_piece_only(piece) and self._insert_piece(piece):
            return piece.end
        try:
            return self._append_with_locks(start, piece)
        except (Problem, DuplicatePiece) as error:
            # No row refers to this object. After any other error one might: the store's comparison finds out.
            with contextlib.suppress(StoreError):
                self._state.store.delete(key)
            if isinstance(error, DuplicatePiece):
                return piece.end
            raise

    def _needs_piece_only(self, piece: Piece) -> bool:
        """Whether only the piece's row is to be written, so that one statement is enough.

        Otherwise the clip or the upload changes, too: the last byte, a declared length, or a due progress event.
        """
        if self._declared_length is not None:
            return False
        if not self._status.upload.is_recording:
            return self.length is None or piece.end < self.length
        updated_at = self._status.clip_updated_at
        is_open = self._status.clip_status is Status.RECORDING
        return is_open and updated_at is not None and datetime.now(UTC) - updated_at < PROGRESS_INTERVAL

    def _insert_piece(self, piece: Piece) -> bool:
        """Insert the piece without locks in Python; False if the upload does not end where it begins any more."""
        try:
            statement = _INSERT_PIECE[self._status.upload.is_recording]
            return bool(execute_write(self._state.engine, statement, piece.model_dump()))
        except IntegrityError:
            return False  # Another request has inserted a piece there at the same moment.

    def _append_with_locks(self, start: int, piece: Piece | None) -> int:
        try:
            return self._append_locked(start, piece)
        except IntegrityError:
            pass  # A PUT has created a clip of the same id at the same moment.
        try:
            return self._append_locked(start, None if piece is None else Piece(**piece.model_dump()))
        except IntegrityError as error:
            raise id_taken() from error  # A clip of another library has this id.

    def _append_locked(self, start: int, piece: Piece | None) -> int:
        """Insert the piece and update upload and clip, under the locks of both."""
        with self._state.transaction() as transaction:
            upload, clip = lock_upload(transaction.session, self._status.upload)
            if upload.ended_at:
                raise upload_gone()
            offset = transaction.session.exec(Piece.offset(upload.id)).one()
            if start != offset:
                stored = transaction.session.get(Piece, (upload.id, start)) if piece else None
                if piece and stored and (stored.end, stored.sha256) == (piece.end, piece.sha256):
                    raise DuplicatePiece
                raise wrong_offset(start, offset)
            if piece:
                transaction.session.add(piece)
                offset = piece.end
            is_new_length = _set_length(upload, self._declared_length)
            if upload.length is not None and offset > upload.length:
                raise too_long(upload.length, offset)
            transaction.session.flush()
            if upload.is_recording:
                # A repeated length for a complete upload brings no audio, and must not reopen a finished recording.
                self._update_recording(transaction, clip, reopen=piece is not None or offset != upload.length)
            elif offset == upload.length and clip is None:
                transaction.save(_clip_of_file(transaction.session, upload, transaction.now), PREPARE)
            elif offset == upload.length and (piece or is_new_length):
                raise id_taken()  # a PUT has created a clip of this id meanwhile
        return offset

    def _update_recording(self, transaction: ClipTransaction, clip: Clip | None, *, reopen: bool) -> None:
        """Set how much of the recording has arrived, with its event. A finished one changes only if `reopen`."""
        if clip is None:
            raise upload_gone()
        if reopen or clip.status is Status.RECORDING:
            total = select(func.coalesce(func.sum(col(Piece.end) - col(Piece.start)), 0)).join(Upload)
            of_clip = Upload.is_of_clip(clip.library_id, clip.id)
            arrived_bytes = transaction.session.exec(total.where(*of_clip)).one()
            clip.set_arrived_bytes(transaction.now, bytes=int(arrived_bytes), recorded_ms=self._recorded_ms)
            transaction.save(clip)


class DuplicatePiece(Exception):
    """The upload has a piece of the same bytes at the same offset."""


def lock_upload(session: Session, upload: Upload) -> tuple[Upload, Clip | None]:
    """Lock the upload's clip and the upload, always in this order, and read both again. Raises `Problem` `gone`."""
    clip_of_upload = Clip.by_id(upload.library_id, upload.clip_id)
    clip = session.exec(clip_of_upload.with_for_update()).first()
    locked = session.exec(select(Upload).where(col(Upload.id) == upload.id).with_for_update()).first()
    if locked is None:
        raise upload_gone()
    if clip is None:
        # There was no row to lock: another request may have created it while this one waited for the upload.
        clip = session.exec(clip_of_upload).first()
    return locked, clip


def upload_gone() -> Problem:
    return Problem("gone", "This upload was given up or has expired; begin a new one.")


def wrong_offset(start: int, offset: int) -> Problem:
    detail = f"The upload has {offset:,} bytes, and these are to begin at {start:,}. Go on from Upload-Offset."
    return Problem("offset", detail, {"Upload-Offset": str(offset)})


def too_long(length: int, end: int) -> Problem:
    return Problem("too-large", f"The upload is to have {length:,} bytes; this would make {end:,}.")


def _set_length(upload: Upload, length: int | None) -> bool:
    """Set the length that the creation deferred; True if it is new. Raises `Problem` for another one."""
    if length is None or length == upload.length:
        return False
    if upload.length is not None:
        raise Problem("bad-request", f"The upload was to have {upload.length:,} bytes, which cannot change any more.")
    upload.length = length
    return True


def _clip_of_file(session: Session, upload: Upload, now: datetime) -> Clip:
    """The new clip of a file that is complete. Raises `Problem` for an empty one."""
    pieces = session.exec(Piece.of_upload(upload.id)).all()
    if not pieces:
        raise Problem("empty-audio", "The upload is empty: there is nothing to keep.")
    return Clip.of_file(upload, pieces, now)


_IS_CLIP_OF_UPLOAD = and_(col(Clip.id) == col(Upload.clip_id), col(Clip.library_id) == col(Upload.library_id))

# The statements of every PATCH are built once: building them costs more than running them.
_OFFSET = (
    select(func.coalesce(func.max(Piece.end), 0))
    .where(col(Piece.upload_id) == bindparam("upload_id", type_=inspect(Piece).columns["upload_id"].type))
    .scalar_subquery()
)
_STATUS_QUERY = (
    select(Upload, _OFFSET, Clip.status, Clip.updated_at)
    .outerjoin(Clip, _IS_CLIP_OF_UPLOAD)
    .where(col(Upload.id) == bindparam("upload_id"))
)


def _insert_piece_statement(*, is_recording: bool) -> ReturningInsert[int]:
    """Insert a piece if the upload ends where it begins, and return its start; otherwise insert and return nothing.

    A recording must still be open. Its clip is locked against a finish at the same time, which could otherwise count
    the pieces before this one is there. The upload is locked against an abort and against a declared length: Postgres
    evaluates the condition again only for rows that it had to wait for.
    """
    columns = inspect(Piece).columns
    values = {column.key: bindparam(column.key, type_=column.type) for column in columns}
    source = sqlalchemy.select(*values.values()).where(
        col(Upload.id) == values["upload_id"],
        col(Upload.ended_at).is_(None),
        or_(col(Upload.length).is_(None), col(Upload.length) > values["end"]),
        values["start"] == _OFFSET,
    )
    if is_recording:
        source = source.where(_IS_CLIP_OF_UPLOAD, col(Clip.status) == Status.RECORDING)
    # The same order as in `lock_upload`, so that there is no deadlock.
    source = source.with_for_update(read=True, of=(Clip, Upload) if is_recording else Upload)
    return insert(Piece).from_select(list(values), source).returning(col(Piece.start))


_INSERT_PIECE = {is_recording: _insert_piece_statement(is_recording=is_recording) for is_recording in (True, False)}
