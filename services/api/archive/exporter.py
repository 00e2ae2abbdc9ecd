"""The library on its way out: a zip that is made while it is sent."""

import hashlib
import uuid
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, groupby
from typing import Self

import structlog
from sqlmodel import Session, col, select
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from services.api.archive.manifest import (
    ABOUT,
    MANIFEST,
    Described,
    Folders,
    Manifest,
    Original,
    Revision,
    Sound,
    file_name,
)
from services.api.http.errors import Problem
from services.api.state import State, state_of
from services.api.transcripts import formats
from shared.clips.models import HOME, Clip
from shared.storage.store import ObjectMissing
from shared.transcripts.models import Transcript
from shared.uploads.models import Piece, Upload, Waveform

log = structlog.get_logger(__name__)

MOST_IDS = 500
"""Clips that one request may name: their ids stand in its address, and 20 KB of it pass every proxy."""

WORDS = ("txt", "srt", "md")
"""Forms in which each transcript lies beside its audio."""

Parts = Sequence[tuple[str, int]]
"""Key and size of the objects that lie end to end."""


def library(request: Request) -> Response:
    """GET /api/library.zip: all clips that are not in the bin, or those that the address names."""
    state = state_of(request)
    wanted = _wanted(request)
    with state.read_session() as session:
        chosen = select(Clip.id).where(col(Clip.library_id) == HOME, col(Clip.deleted_at).is_(None))
        if wanted is not None:
            chosen = chosen.where(col(Clip.id).in_(wanted))
        ids = session.exec(chosen.order_by(col(Clip.created_at), col(Clip.id))).all()
    if wanted is not None and len(ids) < len(wanted):
        raise Problem("not-found", "One of these clips is not in the library, or is in the bin.")
    now = datetime.now(UTC)
    return StreamingResponse(
        archived(state, ids, now),
        media_type="application/zip",
        headers={
            "Content-Disposition": f'attachment; filename="dictaphone {now:%Y-%m-%d}.zip"',
            "Cache-Control": "no-store",
        },
    )


def _wanted(request: Request) -> set[uuid.UUID] | None:
    given = request.query_params.getlist("id")
    if len(given) > MOST_IDS:
        raise Problem("bad-request", f"At most {MOST_IDS} clips can be named at once; without any id all are given.")
    try:
        return {uuid.UUID(id) for id in given} or None
    except ValueError:
        raise Problem("bad-request", "An id is a UUID, and one of these is none.") from None


def archived(state: State, ids: Sequence[uuid.UUID], now: datetime) -> Iterator[bytes]:
    """Yield the zip. A clip that is gone when its turn comes is left out; what the store raises tears the zip."""
    sink = _Sink()
    folders, clips = Folders(), 0
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for id in ids:
            with state.read_session() as session:
                found = _Found.of(session, id)
            if found is None:
                continue
            folder = folders.name(found.clip.name, found.clip.created_at)
            try:
                for _ in found.written(archive, folder, state):
                    yield from sink.taken()
            except ObjectMissing as error:
                log.error("a clip's audio is missing from the store", clip_id=str(id), key=str(error))
                continue
            clips += 1
        manifest = Manifest(clips=clips, made_at=now)
        archive.writestr(MANIFEST, manifest.model_dump_json(indent=1))
    yield from sink.taken()


class _Sink:
    """Where zipfile writes, and from where it is sent: what cannot be gone back to."""

    def __init__(self) -> None:
        self._blocks: list[bytes] = []

    def write(self, block: bytes) -> int:
        self._blocks.append(bytes(block))
        return len(block)

    def flush(self) -> None:
        """Nothing is kept back."""

    def close(self) -> None:
        """Nothing is held."""

    def taken(self) -> Iterator[bytes]:
        blocks, self._blocks = self._blocks, []
        if block := b"".join(blocks):
            yield block


@dataclass(frozen=True)
class _Found:
    """One clip as it is at this moment, and where its bytes are."""

    clip: Clip
    revisions: Sequence[Transcript]
    peaks: list[int] | None
    parts: Mapping[str, Parts]
    """By file, the played one first, if there is one."""
    originals: Sequence[tuple[Upload, str]]
    """What arrived, and the file that it is: the played one itself, if that was never made anew."""

    @classmethod
    def of(cls, session: Session, id: uuid.UUID) -> Self | None:
        clip = session.exec(Clip.by_id(HOME, id)).first()
        if clip is None or clip.deleted_at is not None:
            return None
        revisions = select(Transcript).where(col(Transcript.clip_id) == id).order_by(col(Transcript.id))
        waveform = session.get(Waveform, id)
        parts: dict[str, Parts] = {}
        played = file_name("audio", clip.mime)
        if clip.audio_key:
            parts[played] = [(clip.audio_key, clip.bytes)]
        originals = []
        for _, group in groupby(session.exec(Piece.of_clip(id)), key=lambda found: found[0].id):
            uploads, pieces = zip(*group, strict=True)
            is_played = [piece.key for piece in pieces] == [clip.audio_key]
            file = played if is_played else file_name(f"original-{uploads[0].segment}", uploads[0].mime)
            parts[file] = [(piece.key, piece.end - piece.start) for piece in pieces]
            originals.append((uploads[0], file))
        return cls(clip, session.exec(revisions).all(), waveform.peaks if waveform else None, parts, originals)

    def written(self, archive: zipfile.ZipFile, folder: str, state: State) -> Iterator[None]:
        """Write the clip's entries; pause whenever there is something to send."""
        hashes = {}
        for file, parts in self.parts.items():
            found = hashlib.sha256()
            blocks = chain.from_iterable(state.store.read(key) for key, _ in parts)
            first = next(blocks, b"")  # before its entry is begun: an object that is missing leaves no half of one
            size = sum(size for _, size in parts)
            entry = self._entry(f"{folder}/{file}", zipfile.ZIP_STORED)
            entry.file_size = size  # from which zipfile sees whether it needs Zip64
            with archive.open(entry, "w") as out:
                for block in chain([first], blocks):
                    found.update(block)
                    out.write(block)
                    yield
            hashes[file] = found.hexdigest()
        described = self._described(hashes)
        if self.clip.text is not None:
            timed = next((each for each in reversed(self.revisions) if each.passages is not None), None)
            for form in WORDS:
                words = formats.FORMATS[form].render(self.clip, timed)
                archive.writestr(self._entry(f"{folder}/transcript.{form}"), words)
        archive.writestr(self._entry(f"{folder}/{ABOUT}"), described.model_dump_json(indent=1))
        yield

    def _entry(self, name: str, method: int = zipfile.ZIP_DEFLATED) -> zipfile.ZipInfo:
        at = max(self.clip.created_at, datetime(1980, 1, 1, tzinfo=UTC))  # where the time of zips begins
        entry = zipfile.ZipInfo(name, (min(at.year, 2107), at.month, at.day, at.hour, at.minute, at.second))
        entry.compress_type = method
        entry.external_attr = 0o644 << 16
        return entry

    def _described(self, hashes: dict[str, str]) -> Described:
        clip = self.clip
        sizes = {file: sum(size for _, size in parts) for file, parts in self.parts.items()}
        audio = None
        if clip.audio_key:
            audio = Sound(file=next(iter(sizes)), mime=clip.mime, bytes=clip.bytes, sha256=clip.sha256)
        originals = [
            Original(
                **upload.model_dump(include={"mime", "segment", "is_recording", "name", "recorded_at"}),
                file=file,
                bytes=sizes[file],
                sha256=hashes[file],
            )
            for upload, file in self.originals
        ]
        return Described.model_validate(
            {
                **clip.model_dump(),
                "prepared": clip.prepared_at is not None,
                "audio": audio,
                "originals": originals,
                "peaks": self.peaks,
                "revisions": [Revision.model_validate(each.model_dump()) for each in self.revisions],
            }
        )
