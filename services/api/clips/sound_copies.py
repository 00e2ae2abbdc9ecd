"""Copies of a clip's sound for another clip: each has objects of its own, and none of them is ever shared."""

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from services.api.http.errors import Problem
from shared.clips.models import Clip
from shared.storage.keys import AudioKey, Kind, file_key, played_key, recording_key
from shared.storage.store import Store, StoreError
from shared.uploads.metadata import format_metadata
from shared.uploads.models import Piece, Upload


@dataclass(frozen=True)
class SoundCopies:
    """Objects that were copied, and the rows that will name them."""

    store: Store
    keys: list[str] = field(default_factory=list)
    uploads: list[Upload] = field(default_factory=list)
    pieces: list[Piece] = field(default_factory=list)

    def copy_object(self, key: str, new_key: str, size: int, mime: str) -> str:
        self.store.copy(key, new_key, size, mime)
        self.keys.append(new_key)
        return new_key

    def add_rows(self, session: Session) -> None:
        """Write the rows of uploads and pieces, in the transaction that writes the clip."""
        session.add_all(self.uploads)
        session.flush()
        session.add_all(self.pieces)


@contextmanager
def copying(store: Store) -> Iterator[SoundCopies]:
    """Delete the copies again if what they are for is refused.

    Any other error may come from a commit that succeeded, as a broken connection does not tell: a clip keeps its sound,
    and what no clip has is left to the comparison of the store, as after a crash.
    """
    copies = SoundCopies(store)
    try:
        yield copies
    except (Problem, StoreError, IntegrityError):
        with suppress(StoreError):
            store.delete_all(copies.keys)
        raise


def copy_all(copies: SoundCopies, clip: Clip, originals: Sequence[tuple[Upload, Piece]], new_id: uuid.UUID) -> str:
    """Copy what is played and the originals. Return the key of what is played."""
    new_uploads: dict[uuid.UUID, Upload] = {}
    new_keys: dict[str, str] = {}
    for upload, piece in originals:
        if upload.id not in new_uploads:
            new_uploads[upload.id] = Upload(**upload.model_dump() | {"id": uuid.uuid4(), "clip_id": new_id})
        new_upload = new_uploads[upload.id]
        new_key = new_upload.new_key(piece.start, piece.end, upload.length)
        new_keys[piece.key] = copies.copy_object(piece.key, new_key, piece.end - piece.start, upload.mime)
        new_piece = piece.model_dump() | {"upload_id": new_upload.id, "key": new_key}
        copies.pieces.append(Piece(**new_piece))
    copies.uploads.extend(new_uploads.values())
    if clip.audio_key in new_keys:
        return new_keys[clip.audio_key]
    key = AudioKey.parse(clip.audio_key)
    is_made = bool(originals) and key is not None and key.kind is Kind.PLAYED
    new_key = (
        played_key(clip.library_id, new_id) if is_made else file_key(clip.library_id, new_id, 0, clip.bytes, clip.bytes)
    )
    return copies.copy_object(clip.audio_key, new_key, clip.bytes, clip.mime)


def copy_as_segment(copies: SoundCopies, clip: Clip, new_id: uuid.UUID, segment: int, now: datetime) -> None:
    """Copy what is played as a segment of a recording: whoever finds it without its rows knows its place."""
    key = recording_key(clip.library_id, new_id, segment, 0, clip.bytes)
    copies.copy_object(clip.audio_key, key, clip.bytes, clip.mime)
    upload = Upload(
        id=uuid.uuid4(),
        library_id=clip.library_id,
        clip_id=new_id,
        segment=segment,
        is_recording=True,
        name=clip.name,
        mime=clip.mime,
        recorded_at=clip.created_at,
        length=clip.bytes,
        tags="" if clip.track_heard is None else format_metadata({"track": str(clip.track_heard)}),
        created_at=now,
    )
    copies.uploads.append(upload)
    copies.pieces.append(Piece(upload_id=upload.id, start=0, end=clip.bytes, key=key, sha256=clip.sha256))
