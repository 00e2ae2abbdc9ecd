"""Create the clips of an exported zip again, as their descriptions say."""

import hashlib
import os
import uuid
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from tempfile import TemporaryFile
from typing import IO

from pydantic import ValidationError
from sqlalchemy.exc import IntegrityError

from services.api.archive.manifest import DESCRIPTION, AudioFile, ClipDescription
from services.api.archive.zip_reader import InvalidClip, open_zip, read_blocks, read_description
from services.api.clips.media_types import resolve_media_type
from services.api.clips.names import clean_name
from services.api.clips.schemas import MAX_TEXT_CHARS
from services.api.http.errors import Problem
from services.api.http.params import storable_text
from services.api.state import ClipTransaction, State
from shared.clips.models import Clip, Status
from shared.clips.waveform import Waveform
from shared.libraries import HOME
from shared.storage.keys import file_key, played_key, recording_key
from shared.storage.store import StoreFull
from shared.transcripts.models import Transcript
from shared.uploads.models import Piece, Upload

MAX_REFUSALS = 1_000
"""Refused clips that the answer names one by one."""


@dataclass
class ImportResult:
    """How many clips were imported and how many were known already, and why clips were refused."""

    imported: int = 0
    known: int = 0
    refused: list[dict[str, str]] = field(default_factory=list)


def import_zip(state: State, file: IO[bytes], size: int) -> ImportResult:
    """Import the clips of a zip one by one. Raises `Problem` if the file is not an exported library."""
    result = ImportResult()
    with open_zip(file, size) as archive:
        for name in [name for name in archive.NameToInfo if name.rpartition("/")[2] == DESCRIPTION]:
            folder = name.rpartition("/")[0]
            try:
                if _ClipFolder(archive, folder).import_clip(state):
                    result.imported += 1
                else:
                    result.known += 1
            except InvalidClip as error:
                if len(result.refused) < MAX_REFUSALS:
                    result.refused.append({"name": folder, "detail": str(error)})
    return result


class _ClipFolder:
    """The folder of one clip in the zip."""

    def __init__(self, archive: zipfile.ZipFile, folder: str) -> None:
        self._archive, self._folder = archive, folder

    def import_clip(self, state: State) -> bool:
        """Store the files, then write the rows. Return False if the clip exists already. Raises `InvalidClip`."""
        description = self._description()
        if _is_known(state, description):
            return False
        keys: dict[str, str] = {}
        try:
            for audio in description.files:
                keys[audio.file] = self._store_file(state, description, audio)
            with state.transaction() as transaction:
                _record_clip(transaction, description, keys)
        except (InvalidClip, IntegrityError, StoreFull) as error:
            for key in keys.values():
                state.store.delete(key)
            if not isinstance(error, IntegrityError):
                raise
            # Another request created the clip at the same time.
            if _is_known(state, description):
                return False
            raise InvalidClip("Something of it is here already, and nothing is overwritten.") from error
        return True

    def _description(self) -> ClipDescription:
        try:
            content = read_description(self._archive, self._entry(DESCRIPTION))
            description = ClipDescription.model_validate_json(content)
            description.name = clean_name(description.name)
        except ValidationError as error:
            first = error.errors()[0]
            field_path = ".".join(map(str, first["loc"]))
            raise InvalidClip(
                f"Its description is wrong at {field_path or 'its beginning'}: {first['msg']}."
            ) from error
        except Problem as problem:
            raise InvalidClip(problem.detail) from problem
        if not description.audio and not description.originals:
            raise InvalidClip("There is no sound in it.")
        if len(description.text or "") > MAX_TEXT_CHARS:
            raise InvalidClip(f"Its text has more than {MAX_TEXT_CHARS:,} characters.")
        if len({each.segment for each in description.originals}) < len(description.originals):
            raise InvalidClip("Two of its parts claim the same place.")
        return description

    def _entry(self, file: str) -> zipfile.ZipInfo:
        entry = self._archive.NameToInfo.get(f"{self._folder}/{file}" if self._folder else file)
        if entry is None:
            raise InvalidClip(f"The file {file} is missing.")
        return entry

    def _store_file(self, state: State, description: ClipDescription, audio: AudioFile) -> str:
        """Unpack a file, compare it with its description, and put it into the store. Return its key."""
        entry = self._entry(audio.file)
        if entry.file_size != audio.bytes:
            raise InvalidClip(f"The file {audio.file} has another length than is said of it.")
        with TemporaryFile(dir=state.incoming_dir) as file:
            sha256 = hashlib.sha256()
            for block in read_blocks(self._archive, entry):
                sha256.update(block)
                try:
                    file.write(block)
                except OSError as error:
                    raise StoreFull(f"a library could not be unpacked: {os.strerror(error.errno or 0)}") from error
            if sha256.hexdigest() != audio.sha256 or file.tell() != audio.bytes:
                raise InvalidClip(f"The file {audio.file} is not what it was: its SHA-256 is another one.")
            file.seek(0)
            try:
                mime = resolve_media_type(file, audio.mime)
            except Problem as problem:
                raise InvalidClip(problem.detail) from problem
            key = _new_key(description, audio)
            file.seek(0)
            state.store.put(key, file, audio.bytes, mime, audio.sha256)
        return key


def _new_key(description: ClipDescription, audio: AudioFile) -> str:
    """A new key for a file of a clip. A played file that is no original was made of the originals, if there are any."""
    original = next((each for each in description.originals if each.file == audio.file), None)
    if original and original.is_recording:
        return recording_key(HOME, description.id, original.segment, 0, audio.bytes)
    if original or not description.originals:
        return file_key(HOME, description.id, 0, audio.bytes, audio.bytes)
    return played_key(HOME, description.id)


def _is_known(state: State, description: ClipDescription) -> bool:
    """Whether the clip exists with the same audio. Raises `InvalidClip` if it exists otherwise, or is in the bin."""
    with state.read_session() as session:
        clip = session.exec(Clip.by_id(HOME, description.id)).first()
    if clip is None:
        return False
    if clip.sha256 != (description.audio.sha256 if description.audio else ""):
        raise InvalidClip("This clip is here with other sound, and nothing is overwritten.")
    if clip.deleted_at is not None:
        raise InvalidClip("This clip is here, in the bin: restore it there.")
    return True


def _record_clip(transaction: ClipTransaction, description: ClipDescription, keys: Mapping[str, str]) -> None:
    """Write all rows of a clip whose files are in the store."""
    now = transaction.now
    clip = _new_clip(description, keys, now)
    needs_job = clip.status in {Status.PENDING, Status.TRANSCRIBING}
    transaction.save(clip, *([clip.next_job] if needs_job else []))
    transaction.session.flush()
    for revision in description.revisions:
        transaction.session.add(Transcript(clip_id=clip.id, **revision.model_dump()))
    if description.peaks is not None:
        transaction.session.add(Waveform(clip_id=clip.id, peaks=description.peaks))
    for original in description.originals:
        upload = Upload(
            id=uuid.uuid4(),
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


def _new_clip(description: ClipDescription, keys: Mapping[str, str], now: datetime) -> Clip:
    """Build the clip's row. A clip that was waiting for preparation or transcription waits again."""
    audio = description.audio
    is_prepared = description.prepared and audio is not None
    is_settled = is_prepared and description.status in {Status.DONE, Status.FAILED, Status.OFF}
    status = description.status if is_settled or description.status is Status.FAILED else Status.PENDING
    if is_prepared and not isinstance(description.status, Status) and description.text is not None:
        status = Status.DONE  # a newer release knows more of this clip; its words are here
    copied = {"id", "name", "duration_ms", "segments", "edited_at", "language", "language_set", "recognizer", "tags"}
    return Clip(
        **description.model_dump(include=copied),
        mime=audio.mime if audio else description.originals[0].mime,
        bytes=audio.bytes if audio else sum(each.bytes for each in description.originals),
        sha256=audio.sha256 if audio else "",
        audio_key=keys[audio.file] if audio else "",
        prepared_at=now if is_prepared else None,
        gaps=[gap.model_dump() for gap in description.gaps],
        status=status,
        text=None if description.text is None else storable_text(description.text),
        error=description.error if status is description.status else None,
        attempt=max((revision.attempt or 0 for revision in description.revisions), default=0),
        queued_at=now,
        created_at=min(description.created_at, now).astimezone(UTC),
        updated_at=now,
    )
