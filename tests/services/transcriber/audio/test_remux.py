"""Containers made seekable and segments joined: the sound is compared sample by sample."""

import io
import tempfile

import av
import numpy as np
import pytest

from services.transcriber.audio import remux
from services.transcriber.audio.decode import SAMPLE_RATE, decode_file
from services.transcriber.audio.remux import TrackFormat
from services.transcriber.audio.samples import Samples
from services.transcriber.audio.seekable import is_seekable
from services.transcriber.errors import never_cancelled
from services.transcriber.jobs.prepare import MakeAudio
from tests import speech
from tests.cases.catalogue import CASES
from tests.recordings import CONTAINERS, recording, streamed
from tests.services.transcriber import files

FIRST = speech.samples(files.SAID[:1])
SECOND = speech.samples(files.SAID[1:3])


def decode(content: bytes) -> Samples:
    return np.concatenate(list(decode_file(io.BytesIO(content))))


def convert(way: MakeAudio, *parts: bytes) -> bytes:
    with tempfile.TemporaryFile(buffering=0) as file:
        mime = way([io.BytesIO(part) for part in parts], file, never_cancelled)
        file.seek(0)
        content = file.read()
    with av.open(io.BytesIO(content), "r") as container:
        assert mime == ("audio/mp4" if "mp4" in container.format.name else "audio/webm")
    assert is_seekable(io.BytesIO(content), len(content))
    return content


def likeness(one: Samples, other: Samples) -> float:
    """1: the same; 0: nothing in common. The best within 20 ms, since encoders may begin a little later."""
    shifts = range(-SAMPLE_RATE // 50, SAMPLE_RATE // 50 + 1)
    length = min(len(one), len(other)) - SAMPLE_RATE // 25
    middle = one[SAMPLE_RATE // 50 :][:length]
    return max(float(np.corrcoef(middle, other[SAMPLE_RATE // 50 + shift :][:length])[0, 1]) for shift in shifts)


def as_heard(sound: speech.Samples) -> Samples:
    return decode(speech.wav(sound))


def announced_s(content: bytes) -> float:
    with av.open(io.BytesIO(content), "r") as container:
        return (container.duration or 0) / av.time_base


def first_after(content: bytes, seconds: float) -> float:
    """The time of the first frame after a seek, as a player does it: back to a key frame, then on."""
    with av.open(io.BytesIO(content), "r") as container:
        container.seek(int(seconds * av.time_base))
        times = (frame.time for frame in container.decode(audio=0))
        return next(time for time in times if time is not None and time > seconds - 0.06)


# -- what needs it ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("container", CONTAINERS)
def test_whole_files_are_seekable_as_they_are(container: str) -> None:
    content = recording(container=container)
    assert is_seekable(io.BytesIO(content), len(content))


@pytest.mark.parametrize("container", ["webm", "mp4"])
def test_streamed_and_truncated_files_are_not_seekable(container: str) -> None:
    content = streamed(FIRST, container)
    assert not is_seekable(io.BytesIO(content), len(content))
    content = files.half(content)
    assert not is_seekable(io.BytesIO(content), len(content))
    content = files.half(files.webm())
    assert not is_seekable(io.BytesIO(content), len(content)), "its length is there, its cues are not"


@pytest.mark.parametrize(
    "content",
    [b"", b"\x1a\x45\xdf\xa3", b"\x1a\x45\xdf\xa3" + b"\0" * 99, b"\x1a\x45\xdf\xa3" + b"\xff" * 99],
    ids=["empty", "head", "zeros", "ones"],
)
def test_nonsense_is_not_seekable(content: bytes) -> None:
    is_seekable(io.BytesIO(content), len(content))
    for size in (8, 16, 99):
        is_seekable(io.BytesIO(b"\0\0\0\x01ftyp" + content), size)


# -- one segment --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("container", ["webm", "mp4"])
def test_a_stream_becomes_seekable_without_a_changed_sample(container: str) -> None:
    streamed_as = streamed(SECOND, container)
    content = convert(remux.copy_packets, streamed_as)
    assert np.array_equal(decode(content), decode(streamed_as))
    assert announced_s(content) == pytest.approx(len(SECOND) / speech.RATE, abs=0.1)
    for seconds in (1.0, 4.321, announced_s(content) - 1):
        assert first_after(content, seconds) == pytest.approx(seconds, abs=0.1)


def test_the_index_is_at_the_front() -> None:
    webm = convert(remux.copy_packets, streamed(SECOND))
    assert webm.rindex(b"\x1c\x53\xbb\x6b") < webm.index(b"\x1f\x43\xb6\x75"), "cues before the first cluster"
    mp4 = convert(remux.copy_packets, streamed(SECOND, "mp4"))
    assert mp4.index(b"moov") < mp4.index(b"mdat")


@pytest.mark.parametrize("container", ["webm", "mp4"])
def test_a_truncated_stream_keeps_all_complete_packets(container: str) -> None:
    cut = streamed(SECOND, container)
    cut = cut[: int(len(cut) * 0.7)]
    content = convert(remux.copy_packets, cut)
    assert len(decode(content)) >= 0.5 * len(as_heard(SECOND))
    assert np.array_equal(decode(content), decode(cut)[: len(decode(content))])
    assert len(decode(content)) >= len(decode(cut)) - SAMPLE_RATE // 10


# -- several segments ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [(1, 1), (2, 2), (1, 2), (2, 1)], ids=str)
def test_opus_segments_join_without_encoding(channels: tuple[int, int]) -> None:
    parts = [streamed(sound, channels=n) for sound, n in zip((FIRST, SECOND), channels, strict=True)]
    first, second = (TrackFormat.of(io.BytesIO(part)) for part in parts)
    assert first.is_joinable_with(second)
    content = convert(remux.copy_packets, *parts)
    assert _packets(content) == [packet for part in parts for packet in _packets(part)]
    assert TrackFormat.of(io.BytesIO(content)).channels == max(channels), "stereo is not mixed down"
    _sounds_like_both(content, as_heard(FIRST), as_heard(SECOND))


def test_equal_aac_segments_join_without_encoding() -> None:
    parts = [streamed(sound, "mp4") for sound in (FIRST, SECOND)]
    content = convert(remux.copy_packets, *parts)
    assert _packets(content) == [packet for part in parts for packet in _packets(part)]
    _sounds_like_both(content, *map(decode, parts))


def test_segments_that_no_browser_could_play_in_one_piece_are_not_copied() -> None:
    for content in (speech.wav(FIRST), recording(container="adts"), recording(container="flac")):
        track = TrackFormat.of(io.BytesIO(content))
        assert not track.is_joinable_with(track)


def test_segments_of_different_formats_are_encoded_into_one() -> None:
    parts = [streamed(FIRST, "mp4", rate=44_100), streamed(SECOND, "mp4"), streamed(FIRST, channels=2)]
    tracks = [TrackFormat.of(io.BytesIO(part)) for part in parts]
    assert not any(tracks[0].is_joinable_with(other) for other in tracks[1:])
    content = convert(remux.encode_anew, *parts)
    assert TrackFormat.of(io.BytesIO(content)).channels == 2
    _sounds_like_both(content, *map(decode, parts))


def test_a_join_of_many_keeps_time() -> None:
    content = convert(remux.copy_packets, *[streamed(FIRST)] * 12)
    assert len(decode(content)) / SAMPLE_RATE == pytest.approx(12 * len(FIRST) / speech.RATE, abs=0.1)
    last = decode(content)[-len(as_heard(FIRST)) :]
    assert likeness(last[SAMPLE_RATE // 10 :], as_heard(FIRST)[SAMPLE_RATE // 10 :]) > 0.95


def _packets(content: bytes) -> list[bytes]:
    with av.open(io.BytesIO(content), "r") as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


def _sounds_like_both(content: bytes, *parts: Samples) -> None:
    found, place = decode(content), 0
    for part in parts:
        assert likeness(found[place : place + len(part)], part) > 0.95
        place += len(part)
    assert len(found) / SAMPLE_RATE == pytest.approx(place / SAMPLE_RATE, abs=0.1)
    assert announced_s(content) == pytest.approx(place / SAMPLE_RATE, abs=0.1)
    join_s = len(parts[0]) / SAMPLE_RATE
    for seconds in (join_s - 1, join_s, join_s + 1):
        assert first_after(content, seconds) == pytest.approx(seconds, abs=0.1)


def test_a_packet_that_was_cut_off_is_left_out() -> None:
    """Chromium finds no end behind it."""
    case = next(case for case in CASES if case.name == "cut-fragmented.mp4")
    with av.open(io.BytesIO(case.make()), "r") as container:
        *whole, last = [packet for packet in container.demux(audio=0) if packet.size]
    assert last.is_corrupt
    with av.open(io.BytesIO(convert(remux.copy_packets, case.make())), "r") as container:
        copied = [packet.size for packet in container.demux(audio=0) if packet.size]
    assert copied == [packet.size for packet in whole]
