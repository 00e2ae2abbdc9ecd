"""The story of the first job: join what arrived in pieces, make it seekable, measure it."""

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from io import FileIO
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any

import av
import structlog
from sqlmodel import Session

from services.transcriber.audio import remux, segments
from services.transcriber.audio.decode import RATE, UNDECODABLE, decoded
from services.transcriber.audio.fetch import FetchedAudio, measured
from services.transcriber.audio.seekable import is_seekable
from services.transcriber.audio.segments import Segment
from services.transcriber.audio.waveform import Peaks
from services.transcriber.errors import AudioRejected, Check
from services.transcriber.jobs.base import Claimant, Meters
from services.transcriber.jobs.lease import Claim
from shared.clips.gaps import LOST, UNHEARD, missing_audio, new_gap
from shared.clips.models import Clip
from shared.db.engine import read_session
from shared.outbox.outbox import record
from shared.redis.jobs import PREPARATION, PREPARE, TRANSCRIBE
from shared.uploads.models import Waveform

log = structlog.get_logger(__name__)

NOTHING = "Nothing was recorded: not a byte of sound arrived here."
UNJOINED = "The parts of this recording cannot be put into one; each of them is kept."

NewFile = Callable[[], FileIO]
"""A file without a name: it is gone when the work is, whatever happens to this process."""

Way = Callable[[Sequence[IO[bytes]], IO[bytes]], str]
"""How the played file may be made of the segments' files; returns its type. The ways are in `remux`."""


@dataclass(frozen=True)
class Audio:
    """What is going to be played, and what was found in it."""

    file: FileIO
    mime: str
    duration_ms: int
    peaks: list[int]
    original: Segment | None
    """The segment that it is, byte for byte; None: an object of its own was made."""


class Preparer(Claimant):
    """Makes one seekable, measured object of what arrived. The originals stay, each segment as one piece."""

    job = PREPARE
    lanes = MappingProxyType({PREPARATION: 2})  # so that a short note goes past a recording of a day
    meters = Meters("preparation", "prepared", (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300))

    def work(self, claim: Claim, check: Check) -> str:
        with ExitStack() as files:
            self.folder.mkdir(parents=True, exist_ok=True)
            new_file = partial(_new_file, files, self.folder)
            parts = self._gathered(claim.clip, new_file, check)
            sound = _with_sound(parts)
            audio = _played(list(sound), new_file, check)
            note = next((found.note for found in sound.values() if found.note), None)
            for part in parts:
                if part.is_joined:
                    check()
                    part.file.seek(0)
                    self.store.put(part.key, part.file, part.size, part.upload.mime)
            check()
            key, size, sha256 = self._put(claim.clip, audio)

        def done(session: Session, clip: Clip, now: datetime) -> str:
            if not segments.keep_joined(session, clip, parts):
                return self.release(session, clip, now)
            if audio.original is None:
                segments.keep_original(session, parts[0])
            session.merge(Waveform(clip_id=clip.id, peaks=audio.peaks))
            clip.finish_preparation(
                audio_key=key,
                mime=audio.mime,
                bytes=size,
                sha256=sha256,
                duration_ms=audio.duration_ms,
                gaps=_gaps(clip, parts, sound, audio),
                note=note,
                now=now,
            )
            record(session, clip, TRANSCRIBE, now=now)
            return "done"

        # What was put for a lost attempt is left to the sweep of orphans. A commit whose confirmation was lost looks
        # the same from here, and then these objects are the clip's.
        return self.settle(claim, done)

    def _gathered(self, clip: Clip, new_file: NewFile, check: Check) -> list[Segment]:
        with read_session(self.engine) as session:
            found = segments.arrived(session, clip, datetime.now(UTC))
        if not found:
            raise AudioRejected(NOTHING)
        return [segments.gathered(self.store, upload, pieces, new_file(), check) for upload, pieces in found]

    def _put(self, clip: Clip, audio: Audio) -> tuple[str, int, str]:
        """The key, size and SHA-256 of the object that is played; it is put, unless it is there already."""
        if audio.original is not None:
            return audio.original.key, audio.original.size, audio.original.sha256
        key, size = segments.new_key(clip.library_id, clip.id), os.fstat(audio.file.fileno()).st_size
        audio.file.seek(0)
        sha256 = hashlib.file_digest(audio.file, "sha256").hexdigest()
        audio.file.seek(0)
        self.store.put(key, audio.file, size, audio.mime)
        return key, size, sha256


def _new_file(files: ExitStack, folder: Path) -> FileIO:
    return files.enter_context(tempfile.TemporaryFile(dir=folder, buffering=0))


def _with_sound(parts: Iterable[Segment]) -> dict[Segment, FetchedAudio]:
    """The segments that can be heard, measured. Raises `AudioRejected` if there is none, for the reason of the last."""
    sound: dict[Segment, FetchedAudio] = {}
    why_not = AudioRejected(NOTHING)
    for part in parts:
        try:
            sound[part] = measured(part.file, part.size, part.upload.mime)
        except AudioRejected as error:
            log.info("a segment has no sound", segment=part.upload.segment, bytes=part.size, reason=str(error))
            why_not = error
    if not sound:
        raise why_not
    return sound


def _played(parts: Sequence[Segment], new_file: NewFile, check: Check) -> Audio:
    """Make the audio that is played, in the first way that works, and listen to all of it."""
    files = [part.file for part in parts]
    for way in _ways(parts):
        try:
            if way is None:
                return _heard(files[0], parts[0].upload.mime, parts[0], check)
            file = new_file()
            return _heard(file, way(files, file), None, check)
        except (av.FFmpegError, AudioRejected, ValueError) as error:
            # A plain ValueError is PyAV's word for a codec that the container has no place for.
            log.warning("the audio cannot be made this way", way=way and way.__name__, reason=str(error))
            failure = error
    raise failure if isinstance(failure, AudioRejected) else AudioRejected(UNJOINED) from failure


def _ways(parts: Sequence[Segment]) -> Sequence[Way | None]:
    """The best first; None is the one segment that there is, as it came."""
    if len(parts) == 1:
        return [None] if is_seekable(parts[0].file, parts[0].size) else [remux.copied, None]
    first, *others = [remux.Track.of(part.file) for part in parts]
    return [remux.copied, remux.encoded] if all(first.joins(other) for other in others) else [remux.encoded]


def _heard(file: FileIO, mime: str, original: Segment | None, check: Check) -> Audio:
    peaks = Peaks()
    for samples in decoded(file):
        check()
        peaks.add(samples)
    if not peaks.samples:
        raise AudioRejected(UNDECODABLE)
    return Audio(file, mime, peaks.samples * 1000 // RATE, peaks.values(), original)


def _gaps(
    clip: Clip, parts: Sequence[Segment], sound: dict[Segment, FetchedAudio], audio: Audio
) -> list[dict[str, Any]]:
    """Those that the recorder told of, the segments that cannot be heard, and what else is missing, by place."""
    # A recorder that fell silent did so behind all that arrived of it.
    gaps = [{**known, "at_ms": audio.duration_ms} if known["cause"] == LOST else known for known in clip.gaps]
    at_ms = 0
    for part in parts:
        if part in sound:
            at_ms += sound[part].duration_ms
        elif part.size and (unheard := new_gap(at_ms, 0, UNHEARD)) not in gaps:
            gaps.append(unheard)
    announced_ms = sum(found.announced_ms or 0 for found in sound.values())
    gaps += missing_audio(max(clip.duration_ms or 0, announced_ms), audio.duration_ms, gaps)
    return sorted(gaps, key=lambda known: int(known["at_ms"]))
