"""What the database knows of clips that have objects in the store, and which objects are copies of what it knows."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlmodel import Session, and_, col, select

from services.api.background.audio_runs import Extent
from shared.clips.erased import Erased
from shared.clips.models import Clip
from shared.clips.renditions import Rendition
from shared.libraries import HOME
from shared.storage.keys import AudioKey, Kind
from shared.storage.store import StoredObject
from shared.uploads.models import Piece, Upload

MAX_IDS = 1_000
"""Ids in one statement: far below what SQLite (32,766) and Postgres (65,535) take as parameters."""


@dataclass
class ClipRows:
    """A clip, its uploads and their pieces."""

    clip: Clip | None = None
    uploads: list[Upload] = field(default_factory=list)
    pieces: dict[uuid.UUID, list[Piece]] = field(default_factory=dict)
    """By upload."""
    guest_keys: set[str] = field(default_factory=set)
    """Keys in this clip's folder that belong to clips which were made of them (`found_clip_id`)."""
    rendition_keys: set[str] = field(default_factory=set)
    """Renditions can be made again: nobody misses one that is not there."""
    erased_keys: set[str] = field(default_factory=set)
    """What was deleted for good, and is to be deleted from the store, too: nobody finds it again."""

    @property
    def is_known(self) -> bool:
        return self.clip is not None or bool(self.uploads)

    @property
    def is_given_up(self) -> bool:
        """Whether there are uploads only, and all were aborted or have expired."""
        return self.clip is None and bool(self.uploads) and all(upload.ended_at for upload in self.uploads)

    @property
    def kind(self) -> Kind:
        """What the clip's originals are."""
        return Kind.RECORDING if any(upload.is_recording for upload in self.uploads) else Kind.FILE

    @property
    def changed_at(self) -> datetime:
        """When the rows changed last: what they do not name now they may have named until then."""
        if self.clip:
            return self.clip.updated_at
        if not self.uploads:
            return datetime.min.replace(tzinfo=UTC)
        return max(upload.ended_at or upload.created_at for upload in self.uploads)

    @property
    def own_keys(self) -> set[str]:
        """Every key of sound that these rows name."""
        audio_key = {self.clip.audio_key} if self.clip and self.clip.audio_key else set()
        return audio_key | {piece.key for pieces in self.pieces.values() for piece in pieces}

    @property
    def keys(self) -> set[str]:
        """Every key in the clip's folder that a row names."""
        return self.own_keys | self.guest_keys | self.rendition_keys | self.erased_keys

    def upload(self, segment: int) -> Upload | None:
        return next((each for each in self.uploads if each.segment == segment), None)

    def extents(self, segment: int) -> list[Extent]:
        """The bytes of a segment that rows name."""
        if upload := self.upload(segment):
            return [Extent(each.start, each.end, each.key, each.sha256) for each in self.pieces.get(upload.id, [])]
        if segment == 0 and self.clip and self.clip.audio_key and not self.uploads:
            return [Extent(0, self.clip.bytes, self.clip.audio_key, self.clip.sha256)]
        return []

    def offset(self, segment: int) -> int:
        """Where the bytes of a segment end that rows name."""
        extents = self.extents(segment)
        return extents[-1].end if extents else 0

    def is_copy(self, stored: StoredObject, present: Collection[str]) -> bool:
        """Whether an object that no row names holds nothing but what named objects hold. `present` are all keys."""
        key = AudioKey.parse(stored.key)
        if key is None or not self.own_keys <= set(present):
            return False
        if self.is_given_up:
            return True
        if key.kind is Kind.RENDITION:
            return True
        if key.kind is Kind.PLAYED:
            return self.clip is not None
        if key.kind is Kind.UNNAMED:
            # What was written while these rows lived was joined, or comes from a try that failed.
            return self.clip is not None and stored.written_at <= self.changed_at
        return key.kind is self.kind and key.end <= self.offset(key.segment)


def load_rows(session: Session, objects: Mapping[uuid.UUID, Sequence[StoredObject]]) -> dict[uuid.UUID, ClipRows]:
    """Load the rows of some clips. `objects` are those in each clip's folder."""
    rows = {clip_id: ClipRows() for clip_id in objects}
    for clip in session.exec(select(Clip).where(col(Clip.library_id) == HOME, col(Clip.id).in_(rows))):
        rows[clip.id].clip = clip
    made = select(Rendition).where(col(Rendition.clip_id).in_(rows), col(Rendition.key) != "")
    for rendition in session.exec(made):
        rows[rendition.clip_id].rendition_keys.add(rendition.key)
    for erased in session.exec(select(Erased).where(col(Erased.clip_id).in_(rows))):
        rows[erased.clip_id].erased_keys.update(erased.keys)
    hosts = {
        found_clip_id(each.key): clip_id
        for clip_id, some in objects.items()
        for each in some
        if key_kind(each) is Kind.UNNAMED
    }
    ids = [*rows, *hosts]
    for start in range(0, len(ids), MAX_IDS):
        is_theirs = and_(col(Upload.library_id) == HOME, col(Upload.clip_id).in_(ids[start : start + MAX_IDS]))
        for upload in session.exec(select(Upload).where(is_theirs).order_by(col(Upload.segment))):
            if upload.clip_id in rows:
                rows[upload.clip_id].uploads.append(upload)
        pieces = select(Upload.clip_id, Piece).join(Piece).where(is_theirs).order_by(col(Piece.start))
        for clip_id, piece in session.exec(pieces):
            if clip_id in rows:
                rows[clip_id].pieces.setdefault(piece.upload_id, []).append(piece)
            else:
                rows[hosts[clip_id]].guest_keys.add(piece.key)
    return rows


def found_clip_id(key: str) -> uuid.UUID:
    """The id of the clip that is made of an object whose key names no bytes, in the folder of another clip."""
    return uuid.uuid5(uuid.NAMESPACE_URL, key)


def key_kind(stored: StoredObject) -> Kind | None:
    key = AudioKey.parse(stored.key)
    return key.kind if key else None
