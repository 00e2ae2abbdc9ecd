"""Audio in the store that no row names: it becomes a clip in the bin, or the rest of an upload that the database knows.

Each of these functions returns the objects that rows name now. None of them deletes anything.
"""

import contextlib
import hashlib
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, delete

from services.api.audio_formats.table import SNIFFED_BYTES, sniff
from services.api.background.audio_runs import Extent, end_to_end, extents_by_segment, longest_run
from services.api.background.clip_rows import ClipRows, Place, found_clip_id, key_kind, load_rows
from shared.clips.models import Clip
from shared.db.engine import transaction
from shared.outbox.writer import save_and_announce
from shared.redis.jobs import PREPARE
from shared.storage.keys import AudioKey, Kind
from shared.storage.store import ObjectMissing, Store, StoredObject
from shared.uploads.models import FILE_LIFETIME, MAX_SEGMENTS, Piece, Upload

NO_UPLOAD = uuid.UUID(int=0)
"""Stands in a piece until its upload is known."""


class FoundAudio:
    """Makes rows for objects that have none."""

    def __init__(self, engine: Engine, store: Store, on_commit: Callable[[], None]) -> None:
        self._engine = engine
        self._store = store
        self._on_commit = on_commit

    # -- clips that the database does not know ------------------------------------------------------------------

    def adopt(self, place: Place, objects: Sequence[StoredObject], now: datetime) -> list[StoredObject]:
        """Make the clip of these objects again, in its library's bin: its originals, or else what was played."""
        is_recording, segments = _originals(objects)
        if not is_recording and _may_still_arrive(objects, segments, now):
            return []
        played = [each for each in objects if key_kind(each) is Kind.PLAYED]
        if not segments and played:
            segments = {0: end_to_end([max(played, key=lambda each: each.written_at)])}
        found = self._save_clip(place, segments, objects, now, is_recording=is_recording)
        return found + self.adopt_nameless(place.library_id, None if found else place.clip_id, objects, now)

    def adopt_nameless(
        self, library_id: str, clip_id: uuid.UUID | None, objects: Sequence[StoredObject], now: datetime
    ) -> list[StoredObject]:
        """Make clips of the objects whose keys name no bytes: each that begins a file, with what was written behind it.

        The first one gets the id, if there is one, and all others ids of their own.
        """
        runs: list[list[StoredObject]] = []
        nameless = [each for each in objects if key_kind(each) is Kind.UNNAMED]
        for each in sorted(nameless, key=lambda each: (each.written_at, each.key)):
            if self._media_type(each.key):
                runs.append([])
            if runs:
                runs[-1].append(each)
        found = []
        for run in runs:
            place, clip_id = Place(library_id, clip_id or found_clip_id(run[0].key)), None
            found += self._save_clip(place, {0: end_to_end(run)}, run, now, is_recording=False)
        return found

    def _save_clip(
        self,
        place: Place,
        segments: Mapping[int, Sequence[Extent]],
        objects: Sequence[StoredObject],
        now: datetime,
        *,
        is_recording: bool,
    ) -> list[StoredObject]:
        """Save a clip of these segments, unless they are no audio, or somebody deleted or saved them meanwhile."""
        if not segments:
            return []
        mime = self._media_type(next(iter(segments.values()))[0].key)
        keys = {extent.key for run in segments.values() for extent in run}
        used = [each for each in objects if each.key in keys]
        if mime is None:
            return []
        recorded_at = min(each.written_at for each in used)
        uploads, pieces = [], []
        with contextlib.suppress(ObjectMissing, IntegrityError):
            for segment, run in segments.items():
                upload = Upload(
                    id=uuid.uuid4(),
                    library_id=place.library_id,
                    clip_id=place.clip_id,
                    segment=segment,
                    is_recording=is_recording,
                    name=f"{recorded_at:%Y-%m-%d %H:%M}",
                    mime=mime,
                    recorded_at=recorded_at,
                    length=None if is_recording else run[-1].end,
                    created_at=now,
                )
                uploads.append(upload)
                pieces += [_piece_of(upload, piece) for piece in self._read_pieces(run)]
            with transaction(self._engine) as session:
                save_and_announce(session, Clip.found(uploads, pieces, now), now=now)
                session.add_all(uploads)
                session.flush()
                session.add_all(pieces)
            self._on_commit()
            return used
        return []

    # -- clips that the database knows --------------------------------------------------------------------------

    def complete_uploads(
        self, place: Place, rows: ClipRows, objects: Sequence[StoredObject], now: datetime
    ) -> list[StoredObject]:
        """Give a clip's uploads the bytes that no row names.

        After a restore, these are the end of a recording that ran when the database was dumped, or the joined audio of
        pieces that are gone.
        """
        present, unnamed = {each.key for each in objects}, [each for each in objects if each.key not in rows.keys]
        runs: dict[int, list[Extent]] = {}
        for segment, extents in extents_by_segment(unnamed, rows.kind).items():
            named = rows.extents(segment)
            run = longest_run([*(each for each in named if each.key in present), *extents], rows.own_keys)
            offset, reach = rows.offset(segment), run[-1].end if run else 0
            is_gone = any(each.key not in present for each in named)
            is_better = reach > offset or (is_gone and reach == offset > 0)
            if is_better and _may_grow(rows, segment, reach):
                runs[segment] = run
        if not runs or not self._replace_pieces(place, rows, runs, now):
            return []
        keys = {extent.key for run in runs.values() for extent in run}
        return [each for each in unnamed if each.key in keys]

    def _replace_pieces(
        self, place: Place, rows: ClipRows, runs: Mapping[int, Sequence[Extent]], now: datetime
    ) -> bool:
        """Let the rows of segments name these extents. False if objects are gone, or rows have changed meanwhile."""
        try:
            pieces = {segment: self._read_pieces(run) for segment, run in runs.items()}
        except ObjectMissing:
            return False
        with transaction(self._engine) as session:
            # In this order everywhere. Without a clip, the uploads' locks alone keep out who appends at this moment.
            clip = session.exec(Clip.by_id(*place).with_for_update()).first()
            session.exec(Upload.of_clip(*place).with_for_update()).all()
            current = load_rows(session, {place: []})[place]
            if (current.own_keys, clip and clip.version) != (rows.own_keys, rows.clip and rows.clip.version):
                return False
            for segment, run in pieces.items():
                upload = current.upload(segment) or _next_segment(session, current.uploads[0], segment, now)
                session.exec(delete(Piece).where(col(Piece.upload_id) == upload.id))
                session.add_all([_piece_of(upload, piece) for piece in run])
                session.flush()
                if clip is None and run[-1].end == upload.length:
                    of_file = [_piece_of(upload, piece) for piece in run]
                    save_and_announce(session, Clip.of_file(upload, of_file, now), PREPARE, now=now)
            if clip and any(run[-1].end > rows.offset(segment) for segment, run in runs.items()):
                _reopen(session, clip, max(runs), now)
        self._on_commit()
        return True

    # -- bytes --------------------------------------------------------------------------------------------------

    def _media_type(self, key: str) -> str | None:
        """The type of an object by its first bytes; None if it is no audio, or is gone."""
        with contextlib.suppress(ObjectMissing):
            audio_format = sniff(b"".join(self._store.read(key, 0, SNIFFED_BYTES)))
            return audio_format.mime if audio_format else None
        return None

    def _read_pieces(self, run: Sequence[Extent]) -> list[Piece]:
        """Pieces for these extents. Objects that nobody has read yet are read, for their SHA-256. `ObjectMissing`."""
        pieces = []
        for extent in run:
            digest = hashlib.sha256()
            for block in () if extent.sha256 else self._store.read(extent.key):
                digest.update(block)
            sha256 = extent.sha256 or digest.hexdigest()
            pieces.append(Piece(upload_id=NO_UPLOAD, start=extent.start, end=extent.end, key=extent.key, sha256=sha256))
        return pieces


def _originals(objects: Sequence[StoredObject]) -> tuple[bool, dict[int, list[Extent]]]:
    """Whether these objects are a recording, and what its segments, or the file, consist of."""
    for kind in (Kind.RECORDING, Kind.FILE):
        segments = {number: longest_run(extents) for number, extents in extents_by_segment(objects, kind).items()}
        if segments := {number: run for number, run in segments.items() if run}:
            return kind is Kind.RECORDING, segments
    return False, {}


def _may_still_arrive(objects: Sequence[StoredObject], segments: Mapping[int, Sequence[Extent]], now: datetime) -> bool:
    """Whether these are the first pieces of a file whose client may begin it anew, or go on."""
    keys = [key for each in objects if (key := AudioKey.parse(each.key))]
    length = max((key.length or 0 for key in keys), default=0)
    is_partial = bool(segments) and segments[0][-1].end < length
    return is_partial and min(each.written_at for each in objects) >= now - FILE_LIFETIME


def _piece_of(upload: Upload, piece: Piece) -> Piece:
    return Piece(**(piece.model_dump() | {"upload_id": upload.id}))


def _next_segment(session: Session, first: Upload, segment: int, now: datetime) -> Upload:
    """Save a further segment of a recording."""
    copied = first.model_dump(include={"clip_id", "library_id", "is_recording", "name", "mime", "recorded_at"})
    upload = Upload(id=uuid.uuid4(), segment=segment, created_at=now, **copied)
    session.add(upload)
    session.flush()
    return upload


def _may_grow(rows: ClipRows, segment: int, reach: int) -> bool:
    """Whether a segment may get bytes up to there: nobody ended it, and a file does not outgrow its length."""
    if upload := rows.upload(segment):
        return upload.ended_at is None and (upload.length is None or reach <= upload.length)
    return rows.clip is not None and rows.kind is Kind.RECORDING and segment < MAX_SEGMENTS


def _reopen(session: Session, clip: Clip, last_segment: int, now: datetime) -> None:
    """Reopen a recording that has more bytes now. Nobody records, so maintenance finishes it soon."""
    deleted_at = clip.deleted_at
    clip.segments = max(clip.segments, last_segment + 1)
    total = sum(piece.end - piece.start for _, piece in session.exec(Piece.of_clip(clip.library_id, clip.id)))
    clip.set_arrived_bytes(now, bytes=total)
    clip.deleted_at = deleted_at  # no recorder came back
    save_and_announce(session, clip, now=now)
