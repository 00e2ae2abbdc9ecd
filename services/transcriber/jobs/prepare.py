"""The first job: join a clip's pieces, make its audio seekable, and measure it."""

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from io import FileIO
from types import MappingProxyType
from typing import IO, Any

import av
import structlog
from sqlalchemy import Engine
from sqlmodel import Session

from services.transcriber.audio import remux, segments
from services.transcriber.audio.clock_proof import MAX_DISAGREEMENT_S
from services.transcriber.audio.codec_names import with_codec
from services.transcriber.audio.creation_time import read_creation_time
from services.transcriber.audio.decode import SAMPLE_RATE, FileDecoder
from services.transcriber.audio.demux import UNDECODABLE
from services.transcriber.audio.fetch import FetchedAudio, measure_audio
from services.transcriber.audio.limits import TOO_LONG, TimeBudget, TooMuchSound
from services.transcriber.audio.loudness import remarks_of
from services.transcriber.audio.seekable import is_seekable
from services.transcriber.audio.segments import Segment
from services.transcriber.audio.waveform import Peaks
from services.transcriber.errors import AudioRejected, CancellationCheck, WrongQueue
from services.transcriber.jobs.base import JobMetrics
from services.transcriber.jobs.clip_job import ClipJob
from services.transcriber.jobs.lease import Claim
from services.transcriber.jobs.work_files import checked_body, new_work_file, put_file
from services.transcriber.settings import TranscriberSettings
from shared.clips import renditions
from shared.clips.gaps import LOST, UNHEARD, missing_audio, new_gap
from shared.clips.models import Clip
from shared.clips.remarks import OPPOSITE_PHASE, TRACKS, remark
from shared.clips.renditions import Form
from shared.clips.universal import is_universal
from shared.clips.waveform import Waveform
from shared.db.engine import read_session
from shared.outbox.writer import save_and_announce
from shared.redis.jobs import LONG_PREPARATION, PREPARATION, PREPARE, RENDER, TRANSCRIBE, is_long_preparation
from shared.storage.keys import played_key
from shared.storage.store import Store, StoreError

log = structlog.get_logger(__name__)

NO_AUDIO = "Nothing was recorded: not a byte of sound arrived here."
CANNOT_JOIN = "The parts of this recording cannot be put into one; each of them is kept."

MS_PER_HOUR = 3_600_000

NewFile = Callable[[], FileIO]
"""Opens a temporary file, as `new_work_file` does."""

MakeAudio = Callable[[Sequence[IO[bytes]], IO[bytes], CancellationCheck], str]
"""Writes one played file from the segments' files, and returns its media type. The functions are in `remux`."""


@dataclass(frozen=True)
class PlayedAudio:
    """The audio that players get, and its measurements."""

    file: FileIO
    mime: str
    codec: str
    """FFmpeg's name."""
    duration_ms: int
    peaks: list[int]
    has_true_clock: bool
    """Whether a player that plays the file as it is keeps the clip's clock, and plays what was heard."""
    remarks: list[dict[str, Any]]
    original: Segment | None
    """The segment that is played unchanged; None: the file needs an object of its own."""


class PrepareJob(ClipJob):
    """Makes one seekable, measured object. The originals stay: each segment becomes one piece."""

    name = PREPARE
    # A short note overtakes a recording of a day, and two of them, too.
    queue_concurrency = MappingProxyType({PREPARATION: 2, LONG_PREPARATION: 1})
    metrics = JobMetrics("preparation", "prepared", (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300))

    def __init__(
        self, engine: Engine, store: Store, settings: TranscriberSettings, on_commit: Callable[[], None]
    ) -> None:
        super().__init__(engine, store, settings, on_commit)
        self._max_hours = settings.max_audio_hours

    def queue_of(self, clip: Clip, queue: str) -> str:
        return LONG_PREPARATION if is_long_preparation(clip.sound_ms or 0, clip.bytes) else queue

    def perform(self, claim: Claim, check_cancelled: CancellationCheck) -> str:
        with ExitStack() as files:
            new_file = partial(new_work_file, files, self.work_dir)
            fetched_segments = self._fetch_segments(claim.clip, new_file, check_cancelled)
            is_join = bool(claim.clip.joined_from)
            tracks = {each: each.upload.track if is_join else claim.clip.track_heard for each in fetched_segments}
            audible = _measure_segments(tracks, check_cancelled)
            sound_ms = sum(audio.duration_ms for audio in audible.values())
            self._check_length(sound_ms)
            if is_long_preparation(sound_ms, claim.clip.bytes) and claim.queue != LONG_PREPARATION:
                raise WrongQueue(LONG_PREPARATION, sound_ms)
            budget = TimeBudget(
                sum(audio.decoded_s for audio in audible.values()),
                check_cancelled,
                encoded_s=sound_ms / 1000 if len(audible) > 1 else 0,
            )
            played = _make_played_audio(audible, new_file, budget.check, is_exact=is_join)
            self._check_length(played.duration_ms)
            note = next((audio.note for audio in audible.values() if audio.note), None)
            for segment in fetched_segments:
                if segment.is_joined:
                    body = checked_body(segment.file, check_cancelled)
                    self.store.put(segment.key, body, segment.size, segment.upload.mime, segment.sha256)
            key, size, sha256 = self._store_played(claim.clip, played, check_cancelled)
            recorded_at = _date_in_file(claim.clip, next(iter(audible)).file)

        useless: Collection[str] = ()

        def finish(session: Session, clip: Clip, now: datetime) -> str:
            nonlocal useless
            if not segments.replace_pieces(session, clip, fetched_segments):
                return self.release(session, clip, now)
            if played.original is None:
                segments.store_original(session, fetched_segments[0])
            session.merge(Waveform(clip_id=clip.id, peaks=played.peaks))
            clip.finish_preparation(
                audio_key=key,
                mime=played.mime,
                bytes=size,
                sha256=sha256,
                duration_ms=played.duration_ms,
                gaps=_all_gaps(clip, fetched_segments, audible, played),
                note=note,
                has_true_clock=played.has_true_clock,
                remarks=played.remarks,
                now=now,
                recorded_at=recorded_at,
            )
            is_played_everywhere = clip.has_true_clock and is_universal(clip.mime, played.codec)
            needed = None if is_played_everywhere else Form.M4A
            needs_job, useless = renditions.renew_stale(session, clip, now, needed=needed)
            if clip.has_words_before_its_sound:
                clip.keep_words(now)
            jobs = [] if clip.has_words_before_its_sound else [TRANSCRIBE]
            save_and_announce(session, clip, *jobs, *([RENDER] if needs_job else []), now=now)
            return "done"

        # The objects of a lost attempt are left to the comparison of the store. They may be the clip's after all: a
        # commit whose confirmation was lost looks like a lost attempt.
        outcome = self.settle(claim, finish)
        if useless and outcome == "done":
            with suppress(StoreError):  # the comparison of the store deletes them later
                self.store.delete_all(useless)
        return outcome

    def _check_length(self, duration_ms: int) -> None:
        if duration_ms > self._max_hours * MS_PER_HOUR:
            raise TooMuchSound(TOO_LONG.format(hours=self._max_hours))

    def _fetch_segments(self, clip: Clip, new_file: NewFile, check_cancelled: CancellationCheck) -> list[Segment]:
        with read_session(self.engine) as session:
            uploads = segments.uploads_of(session, clip, datetime.now(UTC))
        if not uploads:
            raise AudioRejected(NO_AUDIO)
        return [
            segments.fetch_segment(self.store, upload, pieces, new_file(), check_cancelled)
            for upload, pieces in uploads
        ]

    def _store_played(
        self, clip: Clip, played: PlayedAudio, check_cancelled: CancellationCheck
    ) -> tuple[str, int, str]:
        """Store the played file, unless it is an original. Return its key, size and SHA-256."""
        if played.original is not None:
            return played.original.key, played.original.size, played.original.sha256
        key = played_key(clip.library_id, clip.id)
        size, sha256 = put_file(self.store, key, played.file, played.mime, check_cancelled)
        return key, size, sha256


def _date_in_file(clip: Clip, file: IO[bytes]) -> datetime | None:
    return None if clip.is_dated else read_creation_time(file, clip.created_at, datetime.now(UTC))


def _measure_segments(
    tracks: Mapping[Segment, int | None], check_cancelled: CancellationCheck
) -> dict[Segment, FetchedAudio]:
    """The audible segments, measured. `tracks` has the one of each that is heard; None: all of them.

    Raises `AudioRejected`, for the reason of the last one, if there is none.
    """
    audible: dict[Segment, FetchedAudio] = {}
    rejection = AudioRejected(NO_AUDIO)
    for segment, track in tracks.items():
        try:
            audible[segment] = measure_audio(segment.file, segment.size, segment.upload.mime, check_cancelled, track)
        except TooMuchSound:
            raise
        except AudioRejected as error:
            log.info("a segment has no audio", segment=segment.upload.segment, bytes=segment.size, reason=str(error))
            rejection = error
    if not audible:
        raise rejection
    return audible


def _make_played_audio(
    audible: Mapping[Segment, FetchedAudio],
    new_file: NewFile,
    check_cancelled: CancellationCheck,
    *,
    is_exact: bool = False,
) -> PlayedAudio:
    """Make the played audio with the first conversion that succeeds, and decode all of it.

    `is_exact`: each segment must begin where the one before ends when they are decoded, for words that are there.
    """
    files = [segment.file for segment in audible]
    original, measured = next(iter(audible.items()))
    for convert in [_encode_tracks(audible)] if is_exact else _conversions(audible):
        try:
            if convert is None:
                return _decode_fully(original.file, measured, original, check_cancelled)
            file = new_file()
            mime = convert(files, file, check_cancelled)
            converted = measure_audio(file, file.seek(0, os.SEEK_END), mime, check_cancelled)
            played = _decode_fully(file, converted, None, check_cancelled)
            if convert is remux.copy_packets:
                _check_nothing_is_lost(played, audible.values())
            return played
        except TooMuchSound:
            raise
        except (av.FFmpegError, AudioRejected, ValueError) as error:
            # PyAV raises a plain ValueError for a codec that the container has no place for.
            log.warning("a conversion failed", conversion=convert and convert.__name__, reason=str(error))
            failure = error
    if isinstance(failure, AudioRejected):
        raise failure
    raise AudioRejected(CANNOT_JOIN) from failure


def _encode_tracks(audible: Mapping[Segment, FetchedAudio]) -> MakeAudio:
    """The conversion that decodes of each segment what was measured of it."""

    def encode_tracks(files: Sequence[IO[bytes]], target: IO[bytes], check_cancelled: CancellationCheck) -> str:
        return remux.encode_anew(files, target, check_cancelled, [audio.track for audio in audible.values()])

    return encode_tracks


def _conversions(audible: Mapping[Segment, FetchedAudio]) -> Sequence[MakeAudio | None]:
    """The best one first. None: the only segment, unchanged."""
    files = [segment.file for segment in audible]
    # Copied packets keep one clock and one track.
    is_copied = all(audio.is_one_container and audio.tracks == 1 for audio in audible.values())
    if len(audible) == 1:
        [segment] = audible
        return [remux.copy_packets, None] if is_copied and not is_seekable(segment.file, segment.size) else [None]
    if is_copied:
        first, *others = [remux.TrackFormat.of(file) for file in files]
        if all(first.is_joinable_with(other) for other in others):
            return [remux.copy_packets, remux.encode_anew]
    return [remux.encode_anew]


def _check_nothing_is_lost(played: PlayedAudio, sources: Collection[FetchedAudio]) -> None:
    """Raise `ValueError` if copied packets do not decode to the sound that they had in their own containers."""
    expected_ms = sum(audio.duration_ms for audio in sources)
    if abs(played.duration_ms - expected_ms) > MAX_DISAGREEMENT_S * 1000 * len(sources):
        raise ValueError(f"{played.duration_ms} ms of {expected_ms} were copied")


def _decode_fully(
    file: FileIO, measured: FetchedAudio, original: Segment | None, check_cancelled: CancellationCheck
) -> PlayedAudio:
    """Decode a file from beginning to end, and find out what its sound is like. Raises `AudioRejected`."""
    peaks = Peaks()
    decoder = FileDecoder(file, track=measured.track)
    for samples in decoder:
        check_cancelled()
        peaks.add(samples)
    if not peaks.samples:
        raise AudioRejected(UNDECODABLE)
    duration_ms = peaks.samples * 1000 // SAMPLE_RATE
    is_complete = abs(duration_ms - measured.duration_ms) <= MAX_DISAGREEMENT_S * 1000
    # Players play the first track, and Firefox refuses a file with a track that it cannot decode.
    is_decodable = decoder.tracks == len(decoder.track_peaks)
    is_first_track = decoder.tracks == 1 or (is_decodable and decoder.heard_tracks in ([], [1]))
    return PlayedAudio(
        file,
        with_codec(measured.mime, measured.demuxer, measured.codec_name),
        measured.codec,
        duration_ms,
        peaks.values(),
        measured.has_true_clock
        and decoder.is_steady
        and is_complete
        and is_first_track
        and not decoder.has_opposite_phase,
        [*_remarks(decoder), *remarks_of(peaks.level)],
        original,
    )


def _remarks(decoder: FileDecoder) -> list[dict[str, Any]]:
    found = []
    if decoder.tracks > 1:
        left_out = {"left_out": decoder.left_out_tracks} if decoder.left_out_tracks else {}
        found.append(remark(TRACKS, heard=decoder.heard_tracks, silent=decoder.silent_tracks, **left_out))
    if decoder.has_opposite_phase:
        found.append(remark(OPPOSITE_PHASE))
    return found


def _all_gaps(
    clip: Clip, fetched_segments: Sequence[Segment], audible: dict[Segment, FetchedAudio], played: PlayedAudio
) -> list[dict[str, Any]]:
    """The gaps that the recorder reported, the segments without audio, and what else is missing, by position."""
    # A recorder reports its silence where its bytes stop, which is the end of the played audio.
    gaps = [{**gap, "at_ms": played.duration_ms} if gap["cause"] == LOST else gap for gap in clip.gaps]
    at_ms = 0
    for segment in fetched_segments:
        if segment in audible:
            at_ms += audible[segment].duration_ms
        elif segment.size and (unheard := new_gap(at_ms, 0, UNHEARD)) not in gaps:
            gaps.append(unheard)
    announced_ms = sum(audio.announced_ms or 0 for audio in audible.values())
    # A recorder measures what it records. Of a file, a browser tells the length of the longest track, of pictures too.
    recorded_ms = clip.sound_ms or 0 if any(segment.upload.is_recording for segment in fetched_segments) else 0
    gaps += missing_audio(max(recorded_ms, announced_ms), played.duration_ms, gaps)
    return sorted(gaps, key=lambda gap: int(gap["at_ms"]))
