"""The length that a container announces for one stream of it, to be compared with that stream alone."""

import re

import av

from services.transcriber.audio.junk import id3_length
from services.transcriber.audio.part_file import PartFile

STREAM_LENGTH_DEMUXERS = {"mov", "wav", "w64", "flac", "aiff", "caf", "avi"}
"""Demuxers whose containers have a length for each stream. FFmpeg estimates a missing length from the bit rate or from
the end of the file, which a file that was cut off has lost: an estimate announces nothing."""

MP3_LENGTH_MARKS = (b"Xing", b"Info", b"VBRI")
"""Marks of a first frame that says how many frames follow."""

MAX_WAV_HEAD_BYTES = 4096
"""Bytes before the sound in which a WAV file may say how many samples follow."""

MAX_MP3_HEAD_BYTES = 200
"""Bytes of the first frame before the mark: 36 at most, and 4 of the frame's own header, after some padding."""


def announced_end_s(container: av.container.InputContainer, audio: av.AudioStream, file: PartFile) -> float | None:
    """When the audio stream should end, in seconds; None if the container does not say so of this stream."""
    demuxer = container.format.name.partition(",")[0]
    if demuxer == "matroska":
        # The container has one length for all of its tracks; some programs tag each track with its own.
        only_s = _only_stream_s(container)
        return only_s if only_s is not None else _parse_duration(audio.metadata.get("DURATION", ""))
    if demuxer == "asf":
        return _only_stream_s(container)
    names_length = demuxer in STREAM_LENGTH_DEMUXERS or (demuxer == "mp3" and has_mp3_length(file))
    if not names_length or audio.duration is None or audio.time_base is None:
        return None
    length_s = float(audio.duration * audio.time_base)
    is_of_present_bytes = demuxer == "wav" and not _has_sample_count(file)
    return length_s * _riff_size_ratio(file) if is_of_present_bytes else length_s


def _only_stream_s(container: av.container.InputContainer) -> float | None:
    """The container's length, if it has but one stream that it could be the length of."""
    if len(container.streams) != 1 or container.duration is None:
        return None
    return container.duration / av.time_base


def _parse_duration(tag: str) -> float | None:
    """The seconds of `00:00:11.008000000`."""
    match = re.fullmatch(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)", tag)
    if match is None:
        return None
    hours, minutes, seconds = match.groups()
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def has_mp3_length(file: PartFile) -> bool:
    """Whether the first frame of an MP3 says how many follow; an ID3v2 tag may stand before it."""
    frame = file.read_at(id3_length(file, 0), MAX_MP3_HEAD_BYTES)
    return any(mark in frame for mark in MP3_LENGTH_MARKS)


def mp3_frames(file: PartFile) -> int | None:
    """How many frames follow the first frame of an MP3, if that says so."""
    head = file.read_at(id3_length(file, 0), MAX_MP3_HEAD_BYTES + 20)
    # Behind the mark: Xing has flags, of which the first says that the frames follow; VBRI has 10 bytes before them.
    found = re.search(rb"(?:Xing|Info)...[\x01\x03\x05\x07\x09\x0b\x0d\x0f](.{4})|VBRI.{10}(.{4})", head, re.DOTALL)
    return int.from_bytes(found[1] or found[2]) if found else None


def _has_sample_count(file: PartFile) -> bool:
    """Whether a WAV file has a `fact` chunk. FFmpeg takes the length from it, and otherwise from the bytes present."""
    return b"fact" in file.read_at(0, MAX_WAV_HEAD_BYTES).partition(b"data")[0]


def _riff_size_ratio(file: PartFile) -> float:
    """The size that a WAV file's header announces, divided by its size. A header of 0 or all ones announces none."""
    announced = int.from_bytes(file.read_at(4, 4), "little") + 8
    return announced / file.size if file.size < announced < 2**32 - 1 else 1.0
