"""What a container announces of its sound, compared with that sound alone: an alarm about loss must be right."""

import io
import tempfile
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, cast

import av
import numpy as np
import pytest

from services.transcriber.audio.fetch import FetchedAudio, measure_audio
from tests import speech
from tests.services.transcriber import files, hostile
from tests.services.transcriber.test_hostile import two_thirds

SOUND_S = 2.0
PICTURES_PER_S = 5


def measured(content: bytes) -> FetchedAudio:
    return measure_audio(io.BytesIO(content), len(content), "audio/any")


def made(
    container: str,
    *,
    codec: str = "aac",
    picture_s: float = 0,
    sounds: Mapping[float, float] = {0: SOUND_S},
    options: Mapping[str, str] = {},
) -> bytes:
    """A file with a picture of some length, and with a track of sound for each start and length, in seconds."""
    tracks = [tones(start_s, length_s) for start_s, length_s in sounds.items()]
    return made_of(container, tracks, codec=codec, picture_s=picture_s, options=options)


def made_of(
    container: str,
    tracks: Sequence[list[av.AudioFrame]],
    *,
    codec: str = "aac",
    picture_s: float = 0,
    options: Mapping[str, str] = {},
) -> bytes:
    """The same of any frames."""
    # By its path: to move the index to the front, FFmpeg opens the file once more.
    with tempfile.NamedTemporaryFile() as file:
        with av.open(file.name, "w", format=container, options=dict(options)) as output:
            _write(output, codec, picture_s, tracks)
        return file.read()


def _write(
    output: av.container.OutputContainer, codec: str, picture_s: float, tracks: Sequence[list[av.AudioFrame]]
) -> None:
    packets: list[tuple[float, av.Packet[Any]]] = []
    if picture_s:
        video = output.add_stream("mpeg4", rate=PICTURES_PER_S)
        video.width = video.height = 64
        packets += timed(video, pictures(picture_s))
    for frames in tracks:
        packets += timed(
            cast("av.AudioStream", output.add_stream(codec, rate=48_000, layout=frames[0].layout.name)), frames
        )
    for _, packet in sorted(packets, key=lambda each: each[0]):
        output.mux(packet)


def timed(stream: Any, frames: list[Any]) -> list[tuple[float, "av.Packet[Any]"]]:
    packets = [packet for frame in [*frames, None] for packet in stream.encode(frame)]
    return [(float(packet.dts * packet.time_base), packet) for packet in packets]


def pictures(length_s: float) -> list[av.VideoFrame]:
    found = []
    for number in range(int(length_s * PICTURES_PER_S)):
        frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), number % 200, np.uint8), format="rgb24").reformat(
            format="yuv420p"
        )
        frame.pts, frame.time_base = number, Fraction(1, PICTURES_PER_S)
        found.append(frame)
    return found


def tones(start_s: float, length_s: float, loudest: int = 8_000, layout: str = "mono") -> list[av.AudioFrame]:
    found = []
    samples = (np.sin(np.arange(int(length_s * 48_000)) / 20) * loudest).astype(np.int16)
    for at in range(0, len(samples), 960):
        channels = np.repeat(samples[None, at : at + 960], 2 if layout == "stereo" else 1, axis=1)
        frame = av.AudioFrame.from_ndarray(channels, format="s16", layout=layout)
        frame.sample_rate, frame.time_base = 48_000, Fraction(1, 48_000)
        frame.pts = int(start_s * 48_000) + at
        found.append(frame)
    return found


def late_pieces(start_s: float, container: str, codec: str) -> bytes:
    """What a recorder sends whose clock did not begin at 0."""
    options = {"movflags": "empty_moov+default_base_moof+frag_keyframe", "frag_duration": "200000"}
    return made(container, codec=codec, sounds={start_s: SOUND_S}, options=options if container == "mp4" else {})


def headless_mp3() -> bytes:
    """MP3 without a header for all of it, whose quiet beginning has an eighth of the rate of the rest."""
    parts = []
    for bit_rate in (16_000, 128_000):
        buffer = io.BytesIO()
        with av.open(buffer, "w", format="mp3", options={"write_xing": "0", "id3v2_version": "0"}) as output:
            stream = output.add_stream("mp3", rate=24_000, layout="mono")
            stream.bit_rate = bit_rate
            for frame in tones(0, 6):
                frame.sample_rate = 24_000
                frame.time_base, frame.pts = Fraction(1, 24_000), None
                output.mux(stream.encode(frame))
            output.mux(stream.encode(None))
        parts.append(buffer.getvalue())
    return b"".join(parts)


WHOLE: dict[str, Callable[[], bytes]] = {
    "a film with little sound, mp4": lambda: made("mp4", picture_s=8),
    "a film with little sound, mkv": lambda: made("matroska", picture_s=8),
    "a film with little sound, avi": lambda: made("avi", codec="mp3", picture_s=8),
    "sound that starts late, mp4": lambda: made("mp4", picture_s=8, sounds={5: SOUND_S}),
    "sound that starts late, mkv": lambda: made("matroska", picture_s=8, sounds={5: SOUND_S}),
    "two tracks of unequal length, mp4": lambda: made("mp4", sounds={0: SOUND_S, 0.001: 8}),
    "two tracks of unequal length, mkv": lambda: made("matroska", sounds={0: SOUND_S, 0.001: 8}),
    "a clock that begins at 40 s, webm": lambda: late_pieces(40, "webm", "libopus"),
    "a clock that begins at 40 s, mp4 in pieces": lambda: late_pieces(40, "mp4", "aac"),
    "a clock that begins at 2**31 ms, webm": lambda: late_pieces(2**31 / 1000, "webm", "libopus"),
    "a clock that begins at 2**31 ms, mp4 in pieces": lambda: late_pieces(2**31 / 1000, "mp4", "aac"),
    "MP3 that becomes louder": headless_mp3,
    "two WebM files end to end": lambda: 2 * files.webm(),
    "OGG": lambda: made("ogg", codec="libopus"),
}

CUT: dict[str, Callable[[], bytes]] = {
    "WebM": lambda: two_thirds(speech.encode(hostile.sound())),
    "WAV": lambda: two_thirds(speech.wav(hostile.sound())),
    "MP3": lambda: two_thirds(speech.encode(hostile.sound(), "mp3", "mp3")),
    "FLAC": lambda: two_thirds(speech.encode(hostile.sound(), "flac", "flac")),
    "MP4 with its index in front": lambda: two_thirds(made("mp4", sounds={0: 8}, options={"movflags": "faststart"})),
    "a film with sound throughout, mp4": lambda: two_thirds(
        made("mp4", picture_s=8, sounds={0: 8}, options={"movflags": "faststart"})
    ),
    "a film with sound throughout, mkv": lambda: two_thirds(made("matroska", picture_s=8, sounds={0: 8})),
}


@pytest.mark.parametrize("codec", ["pcm_s16le", "pcm_f32le", "adpcm_ima_wav"])
def test_a_wav_that_is_cut_off_says_how_long_it_was(codec: str) -> None:
    """All but plain PCM have their number of samples in the header, beside the size."""
    whole = speech.encode(hostile.sound(), "wav", codec)
    assert measured(two_thirds(whole)).announced_ms == pytest.approx(measured(whole).duration_ms, rel=0.02)


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_file_says_nothing_of_loss(name: str) -> None:
    assert measured(WHOLE[name]()).note is None


@pytest.mark.parametrize("name", CUT)
def test_a_file_that_is_cut_off_says_so(name: str) -> None:
    audio = measured(CUT[name]())
    assert audio.announced_ms
    assert audio.announced_ms > audio.duration_ms + 500
    assert "the rest was lost" in (audio.note or "")
