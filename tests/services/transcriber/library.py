"""What the API would leave behind for a worker: clips put whole, and recordings that came in pieces."""

import hashlib
import io
import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine

from shared.clips.models import Clip
from shared.clips.waveform import Waveform
from shared.db.engine import transaction
from shared.libraries import HOME
from shared.outbox.writer import save_and_announce
from shared.redis.jobs import PREPARE
from shared.storage.store import Store
from shared.uploads.models import Piece, Upload


class Library:
    """A database and a store, filled and looked at by hand."""

    def __init__(self, engine: Engine, store: Store) -> None:
        self.engine = engine
        self.store = store

    def put(self, content: bytes, mime: str = "audio/webm") -> uuid.UUID:
        """A clip that arrived whole."""
        id, now = uuid.uuid4(), datetime.now(UTC)
        key = self._object(id, content, mime)
        clip = Clip.new_upload(
            id,
            name="a",
            mime=mime,
            bytes=len(content),
            sha256=sha256(content),
            audio_key=key,
            now=now,
            library_id=HOME,
        )
        with transaction(self.engine) as session:
            save_and_announce(session, clip, PREPARE, now=now)
        return id

    def recorded(
        self,
        *segments: Sequence[bytes],
        mime: str = "audio/webm;codecs=opus",
        duration_ms: int | None = None,
        gaps: Iterable[dict[str, Any]] = (),
    ) -> uuid.UUID:
        """A recording that is finished: each segment is the pieces that it came in."""
        id, now = uuid.uuid4(), datetime.now(UTC)
        clip = Clip.new_recording(id, name="a", mime=mime, recorded_at=now, now=now, library_id=HOME)
        clip.segments = len(segments)
        clip.set_arrived_bytes(now, bytes=sum(len(piece) for pieces in segments for piece in pieces))
        clip.finish_recording(now, duration_ms=duration_ms, gaps=list(gaps))
        with transaction(self.engine) as session:
            for number, pieces in enumerate(segments):
                self._upload(session, id, number, mime, pieces)
            save_and_announce(session, clip, PREPARE, now=now)
        return id

    def add(self, id: uuid.UUID, segment: int, content: bytes, *, reopens: bool = True) -> None:
        """A piece that comes late, for a recording that was finished."""
        now = datetime.now(UTC)
        with transaction(self.engine) as session:
            clip = session.get_one(Clip, id)
            [upload] = [one for one in session.exec(Upload.of_clip(HOME, id)) if one.segment == segment]
            start = session.exec(Piece.offset(upload.id)).one()
            session.add(self._piece(id, upload.id, start, content))
            if reopens:
                clip.set_arrived_bytes(now, bytes=clip.bytes + len(content))
                save_and_announce(session, clip, now=now)

    def left(self, id: uuid.UUID, content: bytes) -> None:
        """The beginning of a file whose rest was never sent by tus."""
        with transaction(self.engine) as session:
            self._upload(session, id, None, "audio/webm", [content])

    def clip(self, id: uuid.UUID) -> Clip:
        with transaction(self.engine) as session:
            return session.get_one(Clip, id)

    def peaks(self, id: uuid.UUID) -> list[int]:
        with transaction(self.engine) as session:
            return session.get_one(Waveform, id).peaks or []

    def audio(self, id: uuid.UUID) -> bytes:
        """What is played."""
        return b"".join(self.store.read(self.clip(id).audio_key))

    def pieces(self, id: uuid.UUID) -> list[tuple[int, Piece]]:
        """Each piece beside the number of its segment."""
        with transaction(self.engine) as session:
            return [(upload.segment, piece) for upload, piece in session.exec(Piece.of_clip(HOME, id))]

    def originals(self, id: uuid.UUID) -> list[bytes]:
        """The bytes of each segment as they arrived; each must be one piece, with the right hash."""
        contents = []
        for number, (segment, piece) in enumerate(self.pieces(id)):
            content = b"".join(self.store.read(piece.key))
            assert (segment, piece.start, piece.end) == (number, 0, len(content))
            assert piece.sha256 == sha256(content)
            contents.append(content)
        return contents

    def _upload(
        self, session: Any, clip_id: uuid.UUID, segment: int | None, mime: str, pieces: Sequence[bytes]
    ) -> None:
        now = datetime.now(UTC)
        upload = Upload(
            id=uuid.uuid4(),
            clip_id=clip_id,
            segment=segment or 0,
            is_recording=segment is not None,
            name="a",
            mime=mime,
            recorded_at=now,
            created_at=now,
            library_id=HOME,
        )
        session.add(upload)
        session.flush()
        start = 0
        for content in pieces:
            session.add(self._piece(clip_id, upload.id, start, content))
            start += len(content)

    def _piece(self, clip_id: uuid.UUID, upload_id: uuid.UUID, start: int, content: bytes) -> Piece:
        key = self._object(clip_id, content, "audio/webm")
        return Piece(upload_id=upload_id, start=start, end=start + len(content), key=key, sha256=sha256(content))

    def _object(self, clip_id: uuid.UUID, content: bytes, mime: str) -> str:
        key = f"{HOME}/{clip_id}/{uuid.uuid4().hex}"
        self.store.put(key, io.BytesIO(content), len(content), mime)
        return key


def cut(content: bytes, size: int) -> list[bytes]:
    """In pieces of this many bytes, as a recorder sends them."""
    return [content[at : at + size] for at in range(0, len(content), size)]


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
