"""Create the clips of an exported zip again, as their descriptions say."""

import hashlib
import threading
import uuid
import zipfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from tempfile import TemporaryFile
from typing import IO, Any

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import DataError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlmodel import Session, col, select
from starlette.requests import ClientDisconnect

from services.api.archive.description_reader import Span, SpooledRevision, read_description
from services.api.archive.manifest import DESCRIPTION, ArchivedRevision, AudioFile, ClipDescription
from services.api.archive.zip_reader import (
    InvalidClip,
    open_zip,
    read_blocks,
    read_description_blocks,
    unpacking_failure,
)
from services.api.background.clip_rows import Place, load_rows
from services.api.clips.media_types import resolve_media_type
from services.api.clips.names import clean_name
from services.api.http.errors import Problem
from services.api.state import ClipTransaction, State
from shared.clips import renditions
from shared.clips.markers import change_markers
from shared.clips.models import Clip, Status
from shared.clips.renditions import Form
from shared.clips.universal import is_universal
from shared.clips.waveform import Waveform
from shared.redis.jobs import RENDER
from shared.search.folding import folded_ahead
from shared.storage.keys import file_key, played_key, recording_key
from shared.storage.store import StoreError, StoreFull
from shared.transcripts.models import Transcript
from shared.transcripts.retention import RevisionSize, surplus_revisions
from shared.uploads.models import Piece, Upload

log = structlog.get_logger(__name__)

MAX_REFUSALS = 1_000
"""Refused clips that the answer names one by one."""


NOT_OF_ONE_CLIP = (ClientDisconnect, StoreError, OperationalError, InterfaceError, PoolTimeoutError)
"""Errors that the next clip would meet, too: the import ends, and a later one goes on."""


@dataclass
class ImportResult:
    """How many clips were imported and how many were known already, and why clips were refused."""

    imported: int = 0
    known: int = 0
    refused: list[dict[str, str]] = field(default_factory=list)

    def refuse(self, folder: str, detail: str) -> None:
        if len(self.refused) < MAX_REFUSALS:
            self.refused.append({"name": folder, "detail": detail})


def import_zip(state: State, library_id: str, file: IO[bytes], size: int, stopped: threading.Event) -> ImportResult:
    """Import the clips of a zip into a library, each in a transaction of its own: an invalid one costs itself only.

    Raises `Problem` if the file is not an exported library, and `ClientDisconnect` soon after `stopped` is set.
    """
    result = ImportResult()
    with open_zip(file, size) as archive:
        for name in [name for name in archive.NameToInfo if name.rpartition("/")[2] == DESCRIPTION]:
            folder = name.rpartition("/")[0]
            try:
                if _ClipFolder(archive, folder, stopped).import_clip(state, library_id):
                    result.imported += 1
                else:
                    result.known += 1
            except InvalidClip as error:
                result.refuse(folder, str(error))
            except NOT_OF_ONE_CLIP:
                raise
            except Exception:
                log.exception("importing a clip failed", folder=folder)
                result.refuse(folder, "It holds something that this server cannot take in.")
    return result


class _ClipFolder:
    """The folder of one clip in the zip."""

    def __init__(self, archive: zipfile.ZipFile, folder: str, stopped: threading.Event) -> None:
        self._archive, self._folder, self._stopped = archive, folder, stopped

    def import_clip(self, state: State, library_id: str) -> bool:
        """Store the files, then write the rows. Return False if the clip exists already. Raises `InvalidClip`."""
        with TemporaryFile(dir=state.incoming_dir) as spool:
            description, revisions = self._read_description(spool)
            description.id = _id_here(state, library_id, description.id)
            if _is_known(state, library_id, description):
                return False
            keys: dict[str, str] = {}
            try:
                for audio in description.files:
                    keys[audio.file] = self._store_file(state, library_id, description, audio)
                with folded_ahead(description.text), state.transaction() as transaction:
                    last_attempt = max((each.attempt for each in revisions), default=0)
                    _record_clip(transaction, library_id, description, keys, last_attempt)
                    _record_revisions(transaction, description.id, revisions, spool)
            except (InvalidClip, IntegrityError, DataError, StoreFull, ClientDisconnect) as error:
                # Nothing was committed. After any other error something may have been, and the row needs its bytes.
                _delete_unnamed(state, keys.values())
                if isinstance(error, DataError):
                    raise InvalidClip("Its description holds what the database does not take.") from error
                if not isinstance(error, IntegrityError):
                    raise
                # Another request created the clip at the same time.
                if _is_known(state, library_id, description):
                    return False
                raise InvalidClip("Something of it is here already, and nothing is overwritten.") from error
        return True

    def _read_description(self, spool: IO[bytes]) -> tuple[ClipDescription, list[SpooledRevision]]:
        blocks = self._until_stopped(read_description_blocks(self._archive, self._entry(DESCRIPTION)))
        description, revisions = read_description(blocks, spool)
        try:
            description.name = clean_name(description.name)
        except Problem as problem:
            raise InvalidClip(problem.detail) from problem
        if not description.audio and not description.originals:
            raise InvalidClip("There is no sound in it.")
        if len({each.segment for each in description.originals}) < len(description.originals):
            raise InvalidClip("Two of its parts claim the same place.")
        return description, revisions

    def _entry(self, file: str) -> zipfile.ZipInfo:
        entry = self._archive.NameToInfo.get(f"{self._folder}/{file}" if self._folder else file)
        if entry is None:
            raise InvalidClip(f"The file {file} is missing.")
        return entry

    def _until_stopped(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        for block in blocks:
            if self._stopped.is_set():
                raise ClientDisconnect
            yield block

    def _store_file(self, state: State, library_id: str, description: ClipDescription, audio: AudioFile) -> str:
        """Unpack a file, compare it with its description, and put it into the store. Return its key."""
        entry = self._entry(audio.file)
        if entry.file_size != audio.bytes:
            raise InvalidClip(f"The file {audio.file} has another length than is said of it.")
        with TemporaryFile(dir=state.incoming_dir) as file:
            sha256 = hashlib.sha256()
            for block in self._until_stopped(read_blocks(self._archive, entry)):
                sha256.update(block)
                try:
                    file.write(block)
                except OSError as error:
                    raise unpacking_failure(error) from error
            if sha256.hexdigest() != audio.sha256 or file.tell() != audio.bytes:
                raise InvalidClip(f"The file {audio.file} is not what it was: its SHA-256 is another one.")
            file.seek(0)
            try:
                mime = resolve_media_type(file, audio.mime)
            except Problem as problem:
                raise InvalidClip(problem.detail) from problem
            key = _new_key(library_id, description, audio)
            file.seek(0)
            state.store.put(key, file, audio.bytes, mime, audio.sha256)
        return key


def _new_key(library_id: str, description: ClipDescription, audio: AudioFile) -> str:
    """A new key for a file of a clip. A played file that is no original was made of the originals, if there are any."""
    original = next((each for each in description.originals if each.file == audio.file), None)
    if original and original.is_recording:
        return recording_key(library_id, description.id, original.segment, 0, audio.bytes)
    if original or not description.originals:
        return file_key(library_id, description.id, 0, audio.bytes, audio.bytes)
    return played_key(library_id, description.id)


def _id_here(state: State, library_id: str, id: uuid.UUID) -> uuid.UUID:
    """The id that a clip of a zip has in this library: its own, or one derived from it where another library has that.

    The same zip gives the same ids again, so that a second import changes nothing.
    """
    derived = uuid.uuid5(id, library_id)
    with state.read_session() as session:
        if session.exec(Clip.by_id(library_id, derived)).first() is not None:
            return derived
        owners = {*session.exec(select(Clip.library_id).where(col(Clip.id) == id))}
        owners |= {*session.exec(select(Upload.library_id).where(col(Upload.clip_id) == id))}
    return derived if owners - {library_id} else id


def _is_known(state: State, library_id: str, description: ClipDescription) -> bool:
    """Whether the clip exists with the same audio. Raises `InvalidClip` if it exists otherwise, or is in the bin."""
    with state.read_session() as session:
        clip = session.exec(Clip.by_id(library_id, description.id)).first()
    if clip is None:
        return False
    if clip.sha256 != (description.audio.sha256 if description.audio else ""):
        raise InvalidClip("This clip is here with other sound, and nothing is overwritten.")
    if clip.deleted_at is not None:
        raise InvalidClip("This clip is here, in the bin: restore it there.")
    return True


def _delete_unnamed(state: State, keys: Collection[str]) -> None:
    """Delete objects that no row names. In an import of hours, maintenance may have found those that came first."""
    with state.read_session() as session:
        rows = load_rows(session, {place: () for key in keys if (place := Place.of_key(key))})
        named = {key for each in rows.values() for key in each.own_keys}
    for key in keys:
        if key not in named:
            state.store.delete(key)


def _record_clip(
    transaction: ClipTransaction,
    library_id: str,
    description: ClipDescription,
    keys: Mapping[str, str],
    last_attempt: int,
) -> None:
    """Write all rows of a clip whose files are in the store, but those of its revisions."""
    now = transaction.now
    clip = _new_clip(library_id, description, keys, last_attempt, now)
    needs_job = clip.status in {Status.PENDING, Status.TRANSCRIBING}
    # An export has no renditions: they are made again where players need one.
    needs_rendition = clip.prepared_at is not None and not (clip.has_true_clock and is_universal(clip.mime))
    transaction.save(clip, *([clip.next_job] if needs_job else []), *([RENDER] if needs_rendition else []))
    transaction.session.flush()
    if needs_rendition:
        renditions.want(transaction.session, clip, Form.M4A, now)
    if description.peaks is not None:
        transaction.session.add(Waveform(clip_id=clip.id, peaks=description.peaks))
    for original in description.originals:
        upload = Upload(
            id=uuid.uuid4(),
            library_id=library_id,
            clip_id=clip.id,
            length=original.bytes,
            created_at=now,
            **original.model_dump(include={"segment", "is_recording", "name", "mime", "recorded_at"}),
        )
        transaction.session.add(upload)
        transaction.session.flush()
        key = keys[original.file]
        transaction.session.add(
            Piece(upload_id=upload.id, start=0, end=original.bytes, key=key, sha256=original.sha256)
        )


def _record_revisions(
    transaction: ClipTransaction, clip_id: uuid.UUID, revisions: Sequence[SpooledRevision], spool: IO[bytes]
) -> None:
    """Write the revisions that a clip keeps: an export of an older release may have more."""
    sizes = [RevisionSize(number, each.source, each.saved_at, each.chars) for number, each in enumerate(revisions)]
    surplus = surplus_revisions(sizes, transaction.now)
    for number, revision in enumerate(revisions):
        if number not in surplus:
            head = ArchivedRevision.model_validate_json(_spooled(spool, revision.head))
            passages = None
            if revision.passages is not None:
                passages = _raw_json(transaction.session, _spooled(spool, revision.passages))
            values = {**head.model_dump(), "clip_id": clip_id, "passages": passages}
            transaction.session.connection().execute(sa.insert(Transcript).values(values))


def _spooled(spool: IO[bytes], span: Span) -> str:
    start, end = span
    spool.seek(start)
    return spool.read(end - start).decode()


def _raw_json(session: Session, text: str) -> Any:
    """The value of a JSON column from text that is JSON already: as objects it would take ten times the memory."""
    literal = sa.literal(text, sa.Text)
    # SQLite keeps JSON as text, and takes a cast to it for one to a number.
    return literal if session.connection().dialect.name == "sqlite" else sa.cast(literal, sa.JSON)


def _new_clip(
    library_id: str, description: ClipDescription, keys: Mapping[str, str], last_attempt: int, now: datetime
) -> Clip:
    """Build the clip's row. A clip that was waiting for preparation or transcription waits again."""
    audio = description.audio
    is_prepared = description.prepared and audio is not None
    is_settled = is_prepared and description.status in {Status.DONE, Status.FAILED, Status.OFF}
    status = description.status if is_settled or description.status is Status.FAILED else Status.PENDING
    if is_prepared and not isinstance(description.status, Status) and description.text is not None:
        status = Status.DONE  # a newer release knows more of this clip; its words are here
    copied = {"id", "name", "duration_ms", "segments", "edited_at", "language", "language_set", "recognizer", "tags"}
    copied |= {"has_true_clock", "track_set", "is_dated", "name_origin", "starred_at", "notes"}
    if description.cuts:
        copied |= {"cuts", "whole_ms", "whole_text", "hidden"}
    return Clip(
        **description.model_dump(include=copied),
        library_id=library_id,
        mime=audio.mime if audio else description.originals[0].mime,
        bytes=audio.bytes if audio else sum(each.bytes for each in description.originals),
        sha256=audio.sha256 if audio else "",
        audio_key=keys[audio.file] if audio else "",
        prepared_at=now if is_prepared else None,
        gaps=[gap.model_dump() for gap in description.gaps],
        remarks=[remark.model_dump(exclude_none=True) for remark in description.remarks],
        markers=change_markers([], [marker.model_dump() for marker in description.markers], ()),
        status=status,
        text=description.text,
        error=description.error if status is description.status else None,
        attempt=last_attempt,
        queued_at=now,
        created_at=min(description.created_at, now),
        updated_at=now,
    )
