"""A library on its way in: clips are made again as the zip describes them."""

import hashlib
import os
import uuid
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from struct import unpack
from tempfile import TemporaryFile
from typing import IO, Any

from anyio import to_thread
from pydantic import ValidationError
from sqlalchemy.exc import IntegrityError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.api.archive.manifest import ABOUT, MANIFEST, Described, Manifest, Sound, known_files
from services.api.clips.media_types import resolve_media_type
from services.api.clips.names import clean_name
from services.api.clips.schemas import MAX_TEXT_CHARS
from services.api.http.body import receive_body
from services.api.http.errors import Problem
from services.api.http.params import storable_text
from services.api.state import ClipTransaction, State, state_of
from shared.clips.models import HOME, Clip
from shared.db.columns import Status
from shared.storage.store import BLOCK_BYTES, StoreFull
from shared.transcripts.models import Transcript
from shared.uploads.models import Piece, Upload, Waveform

MOST_INDEX_BYTES = 128 * 1024**2
"""Of the zip's list of entries, which Python holds in memory: some 200,000 clips."""

MOST_ABOUT_BYTES = 64 * 1024**2
"""Of one description: the words of a day with the time of each are 30 MB."""

MOST_RATIO = 10
"""Times that a zip may grow when it is unpacked: sound does not shrink, and words are the smaller part."""

MOST_REFUSED = 1_000
"""Refusals that are told one by one."""

TORN = "This zip is no library of Dictaphone's, or it was cut off: its last entry is missing."


class Unfit(Exception):
    """One clip of the zip that cannot be made again; the text is a sentence."""


async def library(request: Request) -> Response:
    """POST /api/library: take in what GET /api/library.zip gave. Twice is once."""
    state = state_of(request)
    async with receive_body(request, state.settings.max_upload_bytes, state.incoming_dir) as body:
        taken = await to_thread.run_sync(_take_in, state, body.file, body.size, limiter=state.upload_limiter)
    return JSONResponse(taken, headers={"Cache-Control": "no-store"})


def _take_in(state: State, file: IO[bytes], size: int) -> dict[str, Any]:
    with _opened(file, size) as archive:
        entries = archive.NameToInfo
        counts = {True: 0, False: 0}
        refused = []
        for name in [name for name in entries if name.rpartition("/")[2] == ABOUT]:
            folder = name.rpartition("/")[0]
            try:
                counts[_Clip(archive, folder).keep(state)] += 1
            except Unfit as fault:
                refused.append({"name": folder, "detail": str(fault)})
    return {"taken": counts[True], "known": counts[False], "refused": refused[:MOST_REFUSED]}


def _opened(file: IO[bytes], size: int) -> zipfile.ZipFile:
    """Open a zip that may be anything. Raises `Problem`."""
    if _index_bytes(file, size) > MOST_INDEX_BYTES:
        raise Problem("bad-library", "There are too many files in this zip; bring it in in parts.")
    try:
        archive = zipfile.ZipFile(file)
        about = archive.getinfo(MANIFEST)
        if sum(entry.file_size for entry in archive.infolist()) > MOST_RATIO * size + MOST_ABOUT_BYTES:
            raise Problem("bad-library", "This zip unpacks to far more than a library's; it was not made here.")
        Manifest.model_validate_json(_read(archive, about))
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError, KeyError, Unfit) as error:
        raise Problem("bad-library", TORN) from error
    return archive


def _index_bytes(file: IO[bytes], size: int) -> int:
    """How long a zip says that its list of entries is (APPNOTE 4.3.14 and 4.3.16); 0 where it says nothing."""
    start = max(0, size - 22 - 65_535)
    file.seek(start)
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) < at + 22:
        return 0
    (length,) = unpack("<L", tail[at + 12 : at + 16])
    # Zip64 says it in a record of its own; where that is, nothing in front of it can be longer than this.
    return start + at if length == 0xFFFFFFFF else int(length)


def _read(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """The whole of a small entry. Raises `Unfit`."""
    if entry.file_size > MOST_ABOUT_BYTES:
        raise Unfit("Its description is too large.")
    return b"".join(_blocks(archive, entry))


def _blocks(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    """An entry's bytes, at most as many as the zip says. Raises `Unfit`."""
    try:
        with archive.open(entry) as file:
            while block := file.read(BLOCK_BYTES):
                yield block
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, zlib.error, ValueError) as error:
        raise Unfit(f"The file {Path(entry.filename).name} is damaged, or packed in a way that is not read.") from error


class _Clip:
    """A folder of the zip."""

    def __init__(self, archive: zipfile.ZipFile, folder: str) -> None:
        self._archive, self._folder = archive, folder

    def keep(self, state: State) -> bool:
        """Make the clip again, bytes first, rows second; False: it is here already. Raises `Unfit`."""
        described = self._described()
        if self._is_known(state, described):
            return False
        keys: dict[str, str] = {}
        try:
            for sound in known_files(described):
                keys[sound.file] = self._put(state, described.id, sound)
            with state.transaction() as change:
                _record(change, described, keys)
        except (Unfit, IntegrityError, StoreFull) as error:
            for key in keys.values():
                state.store.delete(key)
            if not isinstance(error, IntegrityError):
                raise
            # Somebody made it at the same time.
            if self._is_known(state, described):
                return False
            raise Unfit("Something of it is here already, and nothing is overwritten.") from error
        return True

    def _described(self) -> Described:
        try:
            described = Described.model_validate_json(_read(self._archive, self._entry(ABOUT)))
            described.name = clean_name(described.name)
        except ValidationError as error:
            fault = error.errors()[0]
            place = ".".join(map(str, fault["loc"]))
            raise Unfit(f"Its description is wrong at {place or 'its beginning'}: {fault['msg']}.") from error
        except Problem as problem:
            raise Unfit(problem.detail) from problem
        if not described.audio and not described.originals:
            raise Unfit("There is no sound in it.")
        if len(described.text or "") > MAX_TEXT_CHARS:
            raise Unfit(f"Its text has more than {MAX_TEXT_CHARS:,} characters.")
        if len({each.segment for each in described.originals}) < len(described.originals):
            raise Unfit("Two of its parts claim the same place.")
        return described

    @staticmethod
    def _is_known(state: State, described: Described) -> bool:
        with state.read_session() as session:
            clip = session.exec(Clip.by_id(HOME, described.id)).first()
        if clip is None:
            return False
        if clip.sha256 != (described.audio.sha256 if described.audio else ""):
            raise Unfit("This clip is here with other sound, and nothing is overwritten.")
        if clip.deleted_at is not None:
            raise Unfit("This clip is here, in the bin: restore it there.")
        return True

    def _entry(self, file: str) -> zipfile.ZipInfo:
        entry = self._archive.NameToInfo.get(f"{self._folder}/{file}" if self._folder else file)
        if entry is None:
            raise Unfit(f"The file {file} is missing.")
        return entry

    def _put(self, state: State, id: uuid.UUID, sound: Sound) -> str:
        """Unpack a sound, hold it to its description, and put it into the store."""
        entry = self._entry(sound.file)
        if entry.file_size != sound.bytes:
            raise Unfit(f"The file {sound.file} has another length than is said of it.")
        with TemporaryFile(dir=state.incoming_dir) as file:
            found = hashlib.sha256()
            for block in _blocks(self._archive, entry):
                found.update(block)
                try:
                    file.write(block)
                except OSError as error:
                    raise StoreFull(f"a library could not be unpacked: {os.strerror(error.errno or 0)}") from error
            if found.hexdigest() != sound.sha256 or file.tell() != sound.bytes:
                raise Unfit(f"The file {sound.file} is not what it was: its SHA-256 is another one.")
            file.seek(0)
            try:
                mime = resolve_media_type(file, sound.mime)
            except Problem as problem:
                raise Unfit(problem.detail) from problem
            key = f"{HOME}/{id}/{uuid.uuid4().hex}"
            file.seek(0)
            state.store.put(key, file, sound.bytes, mime)
        return key


def _record(change: ClipTransaction, described: Described, keys: Mapping[str, str]) -> None:
    """Write all rows of a clip whose bytes are there."""
    now = change.now
    clip = _made_again(described, keys, now)
    waits = clip.status in {Status.PENDING, Status.TRANSCRIBING}
    change.save(clip, *([clip.next_job] if waits else []))
    change.session.flush()
    for revision in described.revisions:
        change.session.add(Transcript(clip_id=clip.id, **revision.model_dump()))
    if described.peaks is not None:
        change.session.add(Waveform(clip_id=clip.id, peaks=described.peaks))
    for original in described.originals:
        upload = Upload(
            id=uuid.uuid4(),
            clip_id=clip.id,
            length=original.bytes,
            created_at=now,
            **original.model_dump(include={"segment", "is_recording", "name", "mime", "recorded_at"}),
        )
        change.session.add(upload)
        change.session.flush()
        change.session.add(
            Piece(upload_id=upload.id, start=0, end=original.bytes, key=keys[original.file], sha256=original.sha256)
        )


def _made_again(described: Described, keys: Mapping[str, str], now: datetime) -> Clip:
    """The clip's own row. One that waited for something waits for it here."""
    audio = described.audio
    is_settled = (
        described.prepared and audio is not None and described.status in {Status.DONE, Status.FAILED, Status.OFF}
    )
    status = described.status if is_settled or described.status is Status.FAILED else Status.PENDING
    kept = {"id", "name", "duration_ms", "segments", "edited_at", "language", "language_set", "recognizer", "tags"}
    return Clip(
        **described.model_dump(include=kept),
        mime=audio.mime if audio else described.originals[0].mime,
        bytes=audio.bytes if audio else sum(each.bytes for each in described.originals),
        sha256=audio.sha256 if audio else "",
        audio_key=keys[audio.file] if audio else "",
        prepared_at=now if described.prepared and audio else None,
        gaps=[gap.model_dump() for gap in described.gaps],
        status=status,
        text=None if described.text is None else storable_text(described.text),
        error=described.error if status is described.status else None,
        attempt=max((revision.attempt or 0 for revision in described.revisions), default=0),
        queued_at=now,
        created_at=min(described.created_at, now).astimezone(UTC),
        updated_at=now,
    )
