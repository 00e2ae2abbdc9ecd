"""What the database knows of clips that have objects in the store, and which objects are copies of what it knows."""

import contextlib
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple, Self

from sqlmodel import Session, col, select

from services.api.background.audio_runs import Extent
from shared.clips.erased import Erased
from shared.clips.models import Clip
from shared.clips.renditions import Rendition
from shared.storage.keys import AudioKey, Kind, clip_folder
from shared.storage.store import StoredObject
from shared.uploads.models import Piece, Upload

MAX_IDS = 1_000
"""Ids in one statement: far below what SQLite (32,766) and Postgres (65,535) take as parameters."""


class Place(NamedTuple):
    """A clip's folder in the store. A folder is its library's for ever, whatever the rows say of the clip's id."""

    library_id: str
    clip_id: uuid.UUID

    @property
    def folder(self) -> str:
        return clip_folder(*self)

    @classmethod
    def of_key(cls, key: str) -> Self | None:
        """The place of an object; None if the object is not one of Dictaphone's."""
        library_id, _, rest = key.partition("/")
        id, _, name = rest.partition("/")
        with contextlib.suppress(ValueError):
            return cls(library_id, uuid.UUID(id)) if library_id and name else None
        return None


@dataclass
class ClipRows:
    """A clip, its uploads and their pieces."""

    clip: Clip | None = None
    uploads: list[Upload] = field(default_factory=list)
    pieces: dict[uuid.UUID, list[Piece]] = field(default_factory=dict)
    """By upload."""
    guest_keys: set[str] = field(default_factory=set)
    """Keys in this clip's folder that other clips have: those that were made of them (`found_clip_id`), and the clip of
    this id if it has moved to another library."""
    is_id_taken: bool = False
    """Whether a clip of this id belongs to another library: nothing in this folder becomes a part of it."""
    has_moved: bool = False
    """Whether that clip came from this library: its rows name objects of this folder."""
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


def load_rows(session: Session, objects: Mapping[Place, Sequence[StoredObject]]) -> dict[Place, ClipRows]:
    """Load the rows of some clips, each of the library of its folder. `objects` are those in each clip's folder."""
    all_rows = _RowsByPlace(objects)
    guests = [
        found_clip_id(each.key) for some in objects.values() for each in some if key_kind(each) is Kind.UNNAMED
    ] + [id_beside_another(place) for place in objects]
    ids = [*{*(place.clip_id for place in objects), *guests}]
    for start in range(0, len(ids), MAX_IDS):
        some_ids = ids[start : start + MAX_IDS]
        for clip in session.exec(select(Clip).where(col(Clip.id).in_(some_ids))):
            all_rows.add_clip(clip)
        is_theirs = col(Upload.clip_id).in_(some_ids)
        for upload in session.exec(select(Upload).where(is_theirs).order_by(col(Upload.segment))):
            all_rows.add_upload(upload)
        pieces = select(Upload, Piece).join(Piece).where(is_theirs).order_by(col(Piece.start))
        for upload, piece in session.exec(pieces):
            all_rows.add_piece(upload, piece)
        made = select(Rendition).where(col(Rendition.clip_id).in_(some_ids), col(Rendition.key) != "")
        for rendition in session.exec(made):
            all_rows.host(rendition.key).rendition_keys.add(rendition.key)
        for erased in session.exec(select(Erased).where(col(Erased.clip_id).in_(some_ids))):
            for key in erased.keys:
                all_rows.host(key).erased_keys.add(key)
    return all_rows.rows


class _RowsByPlace:
    """Sorts rows by the folders that they are about. A row of another library adds nothing but names of objects."""

    def __init__(self, places: Iterable[Place]) -> None:
        self.rows = {place: ClipRows() for place in places}
        self._by_id: dict[uuid.UUID, list[Place]] = {}
        for place in self.rows:
            self._by_id.setdefault(place.clip_id, []).append(place)

    def host(self, key: str) -> ClipRows:
        """The rows of the folder in which an object is; others than those asked for are of no interest."""
        place = Place.of_key(key)
        return self.rows.get(place, ClipRows()) if place else ClipRows()

    def add_clip(self, clip: Clip) -> None:
        owner = self._owner(clip.library_id, clip.id)
        if owner:
            self.rows[owner].clip = clip
        if clip.audio_key:
            self._add_guest(clip.audio_key, owner, clip.id)

    def add_upload(self, upload: Upload) -> None:
        if owner := self._owner(upload.library_id, upload.clip_id):
            self.rows[owner].uploads.append(upload)

    def add_piece(self, upload: Upload, piece: Piece) -> None:
        owner = self._owner(upload.library_id, upload.clip_id)
        if owner:
            self.rows[owner].pieces.setdefault(upload.id, []).append(piece)
        self._add_guest(piece.key, owner, upload.clip_id)

    def _owner(self, library_id: str, clip_id: uuid.UUID) -> Place | None:
        """The folder of a row, and note it on the folders of other libraries that have the same id."""
        owner = Place(library_id, clip_id)
        for place in self._by_id.get(clip_id, []):
            self.rows[place].is_id_taken |= place != owner
        return owner if owner in self.rows else None

    def _add_guest(self, key: str, owner: Place | None, clip_id: uuid.UUID) -> None:
        place = Place.of_key(key)
        if place in self.rows and place != owner:
            self.rows[place].guest_keys.add(key)
            self.rows[place].has_moved |= place.clip_id == clip_id


def found_clip_id(key: str) -> uuid.UUID:
    """The id of the clip that is made of an object whose key names no bytes, in the folder of another clip."""
    return uuid.uuid5(uuid.NAMESPACE_URL, key)


def id_beside_another(place: Place) -> uuid.UUID:
    """The id of a clip whose own id a clip of another library has. An import makes the same."""
    return uuid.uuid5(place.clip_id, place.library_id)


def key_kind(stored: StoredObject) -> Kind | None:
    key = AudioKey.parse(stored.key)
    return key.kind if key else None
