"""What arrived of a clip: its segments, each fetched piece by piece into one file, and kept as one piece."""

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

from services.transcriber.errors import Check, TryLater
from shared.clips.models import Clip
from shared.storage.store import Store, StoreUnavailable
from shared.uploads.models import Piece, Upload

FETCHES = 8
"""Pieces fetched at once: an hour has more than a thousand, and a bucket takes some 20 ms to begin with each."""


@dataclass(frozen=True, eq=False)
class Segment:
    """One upload, its pieces lying end to end in a file of ours."""

    upload: Upload
    pieces: Sequence[Piece]
    file: FileIO
    size: int
    sha256: str
    key: str
    """The object that has all of it: that of its only piece, or one that is still to be put."""

    @property
    def is_joined(self) -> bool:
        """Whether it had several pieces, and so needs an object of its own."""
        return len(self.pieces) > 1


def arrived(session: Session, clip: Clip, now: datetime) -> list[tuple[Upload, list[Piece]]]:
    """The uploads of a clip that have bytes, in order, and their pieces.

    A clip that was stored whole has none: it is given one, which is not in the database yet.
    """
    if found := _uploads(session, clip):
        return found
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


def gathered(store: Store, upload: Upload, pieces: Sequence[Piece], file: FileIO, check: Check) -> Segment:
    """Fetch the pieces of an upload, each to its place in the file. Raises what the store raises."""

    def fetch(piece: Piece) -> None:
        place, found = piece.start, hashlib.sha256()
        for block in store.read(piece.key):
            found.update(block)
            place += os.pwrite(file.fileno(), block, place)
        if place != piece.end:
            raise StoreUnavailable(f"{piece.key}: {place - piece.start} of {piece.end - piece.start} bytes were read")
        if found.hexdigest() != piece.sha256:
            damage = StoreUnavailable(f"{piece.key} has another SHA-256 than when it was stored")
            raise TryLater("The store gave other sound for this clip than it was given.") from damage

    pool = ThreadPoolExecutor(min(FETCHES, len(pieces)), "fetch")
    try:
        for _ in pool.map(fetch, pieces):
            check()
    finally:
        pool.shutdown(cancel_futures=True)
    file.seek(0)
    sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    key = pieces[0].key if len(pieces) == 1 else new_key(upload.library_id, upload.clip_id)
    return Segment(upload, pieces, file, pieces[-1].end, sha256, key)


def keep_joined(session: Session, clip: Clip, segments: Sequence[Segment]) -> bool:
    """Make one piece of those of each segment; False, and nothing done, if they are not what was fetched any more."""
    rows = [piece for _, pieces in _uploads(session, clip) for piece in pieces]
    if rows and [_place(piece) for piece in rows] != [_place(piece) for one in segments for piece in one.pieces]:
        return False
    firsts = {piece.upload_id: piece for piece in rows if piece.start == 0}
    for segment in segments:
        if segment.is_joined:
            first = firsts[segment.upload.id]
            first.end, first.key, first.sha256 = segment.size, segment.key, segment.sha256
            session.exec(delete(Piece).where(col(Piece.upload_id) == first.upload_id, col(Piece.start) > 0))
    return True


def keep_original(session: Session, segment: Segment) -> None:
    """Remember the bytes of a clip that was stored whole, now that something else is played."""
    if session.get(Upload, segment.upload.id) is None:
        session.exec(delete(Upload).where(col(Upload.clip_id) == segment.upload.clip_id))  # one that came too late
        session.add(segment.upload)
        session.flush()
        session.add(segment.pieces[0])


def new_key(library_id: str, clip_id: uuid.UUID) -> str:
    return f"{library_id}/{clip_id}/{uuid.uuid4().hex}"


def _uploads(session: Session, clip: Clip) -> list[tuple[Upload, list[Piece]]]:
    """Those with bytes that the clip is made of. A file's that never came to its end was overtaken by a PUT."""
    grouped = groupby(session.exec(Piece.of_clip(clip.id)), key=lambda row: row[0].id)
    found = [(rows[0][0], [piece for _, piece in rows]) for rows in (list(group) for _, group in grouped)]
    return [(upload, pieces) for upload, pieces in found if upload.is_recording or upload.length == pieces[-1].end]


def _place(piece: Piece) -> tuple[uuid.UUID, int, int, str]:
    return piece.upload_id, piece.start, piece.end, piece.key
