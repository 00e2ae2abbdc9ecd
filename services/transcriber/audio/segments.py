"""A clip's segments: each fetched piece by piece into one file, and stored as one piece."""

import hashlib
import os
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from io import FileIO
from itertools import groupby

from sqlmodel import Session, col, delete

from services.transcriber.errors import CancellationCheck, RetryLater
from shared.clips.models import Clip
from shared.storage.store import Store, StoreUnavailable
from shared.uploads.models import Piece, Upload

MAX_PARALLEL_FETCHES = 8
"""An hour has more than a thousand pieces, and a bucket takes some 20 ms to begin with each."""


@dataclass(frozen=True, eq=False)
class Segment:
    """One upload, with its pieces end to end in a local file."""

    upload: Upload
    pieces: Sequence[Piece]
    file: FileIO
    size: int
    sha256: str
    key: str
    """The object that holds the whole segment: that of its only piece, or one that is stored later."""

    @property
    def is_joined(self) -> bool:
        """Whether the segment was joined from several pieces, and so needs an object of its own."""
        return len(self.pieces) > 1


def uploads_of(session: Session, clip: Clip, now: datetime) -> list[tuple[Upload, list[Piece]]]:
    """A clip's uploads that have bytes, in order, and the pieces of each.

    A clip that was stored whole has no upload. It gets a new one, which is not in the database yet.
    """
    if uploads := _complete_uploads(session, clip):
        return uploads
    if not clip.audio_key:
        return []
    upload = Upload(
        id=uuid.uuid4(),
        library_id=clip.library_id,
        clip_id=clip.id,
        is_recording=False,
        name=clip.name,
        mime=clip.mime,
        recorded_at=clip.created_at,
        length=clip.bytes,
        created_at=now,
    )
    piece = Piece(upload_id=upload.id, start=0, end=clip.bytes, key=clip.audio_key, sha256=clip.sha256)
    return [(upload, [piece])]


def fetch_segment(
    store: Store, upload: Upload, pieces: Sequence[Piece], file: FileIO, check_cancelled: CancellationCheck
) -> Segment:
    """Fetch an upload's pieces, each to its position in the file. Raises `RetryLater` and the store's errors."""

    def fetch_piece(piece: Piece) -> None:
        position, digest = piece.start, hashlib.sha256()
        for block in store.read(piece.key):
            check_cancelled()
            digest.update(block)
            position += os.pwrite(file.fileno(), block, position)
        if position != piece.end:
            size = position - piece.start
            raise StoreUnavailable(f"{piece.key}: {size} of {piece.end - piece.start} bytes were read")
        if digest.hexdigest() != piece.sha256:
            damage = StoreUnavailable(f"{piece.key} has another SHA-256 than when it was stored")
            raise RetryLater("The store gave other sound for this clip than it was given.") from damage

    pool = ThreadPoolExecutor(min(MAX_PARALLEL_FETCHES, len(pieces)), "fetch")
    try:
        for _ in pool.map(fetch_piece, pieces):
            pass
    finally:
        pool.shutdown(cancel_futures=True)
    file.seek(0)
    sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    key = pieces[0].key if len(pieces) == 1 else upload.new_key(0, pieces[-1].end, upload.length)
    return Segment(upload, pieces, file, pieces[-1].end, sha256, key)


def replace_pieces(session: Session, clip: Clip, segments: Sequence[Segment]) -> bool:
    """Replace the pieces of each segment by one. False, with nothing done, if the pieces are not the fetched ones."""
    rows = [piece for _, pieces in _complete_uploads(session, clip) for piece in pieces]
    fetched = [piece for segment in segments for piece in segment.pieces]
    if rows and [_piece_identity(piece) for piece in rows] != [_piece_identity(piece) for piece in fetched]:
        return False
    first_pieces = {piece.upload_id: piece for piece in rows if piece.start == 0}
    for segment in segments:
        if segment.is_joined:
            first = first_pieces[segment.upload.id]
            first.end, first.key, first.sha256 = segment.size, segment.key, segment.sha256
            session.exec(delete(Piece).where(col(Piece.upload_id) == first.upload_id, col(Piece.start) > 0))
    return True


def store_original(session: Session, segment: Segment) -> None:
    """Store the upload of a clip that was stored whole: its bytes are an original now that another file is played."""
    if session.get(Upload, segment.upload.id) is None:
        # An upload that came too late would stand beside the original.
        session.exec(Upload.delete_of_clip(segment.upload.library_id, segment.upload.clip_id))
        session.add(segment.upload)
        session.flush()
        session.add(segment.pieces[0])


def _complete_uploads(session: Session, clip: Clip) -> list[tuple[Upload, list[Piece]]]:
    """The uploads that the clip is made of. An incomplete upload of a file is left out: a PUT has replaced it."""
    rows_of_clip = session.exec(Piece.of_clip(clip.library_id, clip.id))
    groups = (list(group) for _, group in groupby(rows_of_clip, key=lambda row: row[0].id))
    uploads = [(rows[0][0], [piece for _, piece in rows]) for rows in groups]
    return [(upload, pieces) for upload, pieces in uploads if upload.is_recording or upload.length == pieces[-1].end]


def _piece_identity(piece: Piece) -> tuple[uuid.UUID, int, int, str]:
    return piece.upload_id, piece.start, piece.end, piece.key
