"""Write the library as a zip while the zip is being sent."""

import hashlib
import io
import uuid
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, groupby
from typing import Self

import ijson
import structlog
from sqlmodel import Session, col

from services.api.archive.description_writer import description_blocks, load_revision, revision_ids_of
from services.api.archive.entry_names import FolderNames, file_name
from services.api.archive.manifest import (
    DESCRIPTION,
    MANIFEST,
    NOTED_FORMAT,
    TRANSCRIPT_FORMATS,
    AudioFile,
    ClipDescription,
    Manifest,
    OriginalFile,
)
from services.api.state import State
from services.api.transcripts.formats import FORMATS
from shared.clips.models import Clip
from shared.clips.waveform import Waveform
from shared.storage.store import ObjectMissing
from shared.transcripts.models import Transcript, readable_passages
from shared.uploads.models import Piece, Upload

log = structlog.get_logger(__name__)

PARSED_BYTES = 16 * 1024
"""Bytes of JSON that are parsed at once: some milliseconds."""

StoredParts = Sequence[tuple[str, int]]
"""Key and size of each of the objects whose bytes, one after another, are a file."""


def stream_zip(state: State, library_id: str, clip_ids: Sequence[uuid.UUID], now: datetime) -> Iterator[bytes]:
    """Yield the zip, clip by clip. A clip that was deleted meanwhile is left out; an error of the store ends the zip.

    Without its last entry, the manifest, a zip cannot be imported.
    """
    output = _Output()
    folder_names, clip_count = FolderNames(), 0
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as archive:
        for id in clip_ids:
            with state.read_session() as session:
                export = _ClipExport.load(session, library_id, id)
            if export is None:
                continue
            folder = folder_names.assign(export.clip.name, export.clip.created_at)
            try:
                for _ in export.write(archive, folder, state):
                    yield from output.take()
            except ObjectMissing as error:
                log.error("exporting a clip failed: its audio is missing", clip_id=str(id), key=str(error))
                continue
            clip_count += 1
        manifest = Manifest(clips=clip_count, made_at=now)
        archive.writestr(MANIFEST, manifest.model_dump_json(indent=1))
    yield from output.take()


class _Output:
    """The file that zipfile writes to, without seek; what was written is taken out to be sent."""

    def __init__(self) -> None:
        self._blocks: list[bytes] = []

    def write(self, block: bytes) -> int:
        self._blocks.append(bytes(block))
        return len(block)

    def flush(self) -> None:
        """Do nothing: zipfile asks for this method."""

    def close(self) -> None:
        """Do nothing: zipfile asks for this method."""

    def take(self) -> Iterator[bytes]:
        blocks, self._blocks = self._blocks, []
        if content := b"".join(blocks):
            yield content


@dataclass(frozen=True)
class _ClipExport:
    """One clip as it is at this moment, and where its bytes are."""

    clip: Clip
    revision_ids: list[int]
    peaks: list[int] | None
    files: Mapping[str, StoredParts]
    """By name, the played file first, if there is one."""
    originals: Sequence[tuple[Upload, str]]
    """Each upload and the name of its file: the played file, if that was never remuxed."""

    @classmethod
    def load(cls, session: Session, library_id: str, id: uuid.UUID) -> Self | None:
        clip = session.exec(Clip.by_id(library_id, id)).first()
        if clip is None or clip.deleted_at is not None:
            return None
        waveform = session.get(Waveform, id)
        files: dict[str, StoredParts] = {}
        played_file = file_name("audio", clip.mime)
        if clip.audio_key:
            files[played_file] = [(clip.audio_key, clip.bytes)]
        originals = []
        for _, rows in groupby(session.exec(Piece.of_clip(library_id, id)), key=lambda row: row[0].id):
            uploads, pieces = zip(*rows, strict=True)
            upload = uploads[0]
            is_played = [piece.key for piece in pieces] == [clip.audio_key]
            file = played_file if is_played else file_name(f"original-{upload.segment}", upload.mime)
            files[file] = [(piece.key, piece.end - piece.start) for piece in pieces]
            originals.append((upload, file))
        return cls(clip, revision_ids_of(session, id), waveform.peaks if waveform else None, files, originals)

    def write(self, archive: zipfile.ZipFile, folder: str, state: State) -> Iterator[None]:
        """Write the clip's entries, and pause after each block so that the block can be sent."""
        hashes = {}
        for file, parts in self.files.items():
            sha256 = hashlib.sha256()
            blocks = chain.from_iterable(state.store.read(key) for key, _ in parts)
            # Read before the entry begins: a missing object must not leave half an entry in the zip.
            first_block = next(blocks, b"")
            entry = self._entry(f"{folder}/{file}", zipfile.ZIP_STORED)
            entry.file_size = sum(size for _, size in parts)  # zipfile decides by the size whether to use Zip64
            with archive.open(entry, "w") as out:
                for block in chain([first_block], blocks):
                    sha256.update(block)
                    out.write(block)
                    yield
            hashes[file] = sha256.hexdigest()
        if self.clip.text is not None or self.clip.notes or self.clip.markers:
            timed = self._timed_revision(state)
            for extension in TRANSCRIPT_FORMATS if self.clip.text is not None else [NOTED_FORMAT]:
                transcript = FORMATS[extension].render(self.clip, timed)
                archive.writestr(self._entry(f"{folder}/transcript.{extension}"), transcript)
                yield
        with archive.open(self._entry(f"{folder}/{DESCRIPTION}"), "w") as out:
            for text in description_blocks(state, self._description(hashes), self.revision_ids):
                out.write(text)
                yield

    def _timed_revision(self, state: State) -> Transcript | None:
        """The newest revision with times, parsed in small parts: others need the interpreter's lock meanwhile."""
        newest = Transcript.newest_with_times(self.clip.id).with_only_columns(col(Transcript.id))
        with state.read_session() as session:
            id = session.connection().execute(newest).scalar()
            row = None if id is None else load_revision(session, id)
        if row is None or row.passages in {None, "null"}:
            return None
        json_text: str = row.passages
        passages = [*ijson.items(io.BytesIO(json_text.encode()), "item", use_float=True, buf_size=PARSED_BYTES)]
        return Transcript(
            clip_id=self.clip.id,
            source=row.source,
            text=row.text,
            passages=readable_passages(passages),
            created_at=row.created_at,
        )

    def _entry(self, name: str, compression: int = zipfile.ZIP_DEFLATED) -> zipfile.ZipInfo:
        """An entry with the clip's date: the same clip is exported as the same bytes."""
        at = max(self.clip.created_at, datetime(1980, 1, 1, tzinfo=UTC))  # a zip has no earlier dates
        entry = zipfile.ZipInfo(name, (min(at.year, 2107), at.month, at.day, at.hour, at.minute, at.second))
        entry.compress_type = compression
        entry.external_attr = 0o644 << 16
        return entry

    def _description(self, hashes: Mapping[str, str]) -> ClipDescription:
        clip = self.clip
        sizes = {file: sum(size for _, size in parts) for file, parts in self.files.items()}
        audio = None
        if clip.audio_key:
            audio = AudioFile(file=next(iter(sizes)), mime=clip.mime, bytes=clip.bytes, sha256=clip.sha256)
        originals = [
            OriginalFile(
                **upload.model_dump(include={"mime", "segment", "is_recording", "name", "recorded_at"}),
                file=file,
                bytes=sizes[file],
                sha256=hashes[file],
            )
            for upload, file in self.originals
        ]
        return ClipDescription.model_validate(
            {
                **clip.model_dump(),
                "prepared": clip.prepared_at is not None,
                "audio": audio,
                "originals": originals,
                "peaks": self.peaks,
            }
        )
