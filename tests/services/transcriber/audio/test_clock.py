"""Where sound stands on the clip's clock, and which tracks and channels it is made of: times and loudness, no words."""

import io
import wave
from collections.abc import Callable, Mapping

import numpy as np
import pytest
from numpy.typing import NDArray

from services.transcriber.audio.clock import MAX_GAP_S, TrackClock
from services.transcriber.audio.decode import SAMPLE_RATE, FileDecoder, Samples, decode_file
from services.transcriber.audio.encode import MP3, encode
from services.transcriber.audio.fetch import measure_audio
from services.transcriber.audio.limits import SoundBound, TooMuchSound
from services.transcriber.audio.mix import mix_tracks
from services.transcriber.errors import AudioRejected
from tests import speech
from tests.recordings import streamed
from tests.services.transcriber import files
from tests.services.transcriber.audio.test_announced import late_pieces, made

SOUND = speech.samples(files.SAID[:1])
SOUND_S = len(SOUND) / speech.RATE


def decode(content: bytes, layout: str = "mono", track: int | None = None) -> Samples:
    return np.concatenate(list(decode_file(io.BytesIO(content), SAMPLE_RATE, layout, track)))


def seconds(samples: Samples) -> float:
    return len(samples) / SAMPLE_RATE


def loud_from(samples: Samples) -> float:
    """When the first sound is heard, in seconds."""
    return float(np.flatnonzero(np.abs(samples) > 0.02)[0]) / SAMPLE_RATE


# -- time 0 and holes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("container", ["mp4", "matroska"])
def test_sound_that_starts_after_the_picture_has_silence_before_it(container: str) -> None:
    assert loud_from(decode(made(container, picture_s=8, sounds={5: 2}))) == pytest.approx(5, abs=0.05)


@pytest.mark.parametrize(("container", "codec"), [("webm", "libopus"), ("mp4", "aac"), ("mpegts", "aac")])
def test_a_clock_that_begins_elsewhere_begins_at_0(container: str, codec: str) -> None:
    samples = decode(late_pieces(40, container, codec))
    assert loud_from(samples) < 0.1
    assert seconds(samples) == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100])
def test_the_delay_of_an_encoder_is_no_late_beginning(rate: int) -> None:
    """It is longer the lower the rate is, and such files of voice recorders need no rendition."""
    buffer = io.BytesIO()
    encode([np.zeros(rate, np.float32)] * 3, buffer, MP3, rate=rate, channels=1)
    assert measure_audio(buffer, len(buffer.getvalue()), "audio/mpeg").has_true_clock


def test_a_hole_is_silence_and_a_longer_one_is_a_broken_clock() -> None:
    clock = TrackClock(0)
    assert clock.place_frame(0, 1) == 0
    assert clock.place_frame(91, 1) == 90
    assert clock.place_frame(92 + MAX_GAP_S, 1) == MAX_GAP_S
    assert clock.place_frame(10 * MAX_GAP_S, 1) == 0
    assert clock.place_frame(10 * MAX_GAP_S + 6, 1) == 5  # and what follows a jump counts from there
    assert clock.position_s == 1 + 90 + 1 + MAX_GAP_S + 1 + 1 + 5 + 1


def test_holes_count_after_a_clock_that_was_set_back() -> None:
    clock = TrackClock(None)
    assert [clock.place_frame(at_s, 1) for at_s in (1000, 1001, 3, 4, 8, None)] == [0, 0, 0, 0, 3, 0]
    assert clock.position_s == 9


def test_a_hole_of_minutes_in_a_file() -> None:
    samples = decode(made("matroska", sounds={0: 1, 0.001: 1, 200: 1}))
    assert seconds(samples) == pytest.approx(201, abs=0.1)


def test_one_hole_is_believed_of_any_file_and_a_hundred_are_not() -> None:
    bound = SoundBound(lambda: 1_000)
    bound.add(1, MAX_GAP_S)
    with pytest.raises(TooMuchSound):
        bound.add(1, MAX_GAP_S)


# -- files end to end ---------------------------------------------------------------------------------------------


def _unsized_wav() -> bytes:
    """As a program writes it into a pipe."""
    content = bytearray(speech.wav(SOUND))
    content[4:8] = content[40:44] = b"\xff" * 4
    return bytes(content)


PARTS: dict[str, Callable[[], bytes]] = {
    "wav": lambda: speech.wav(SOUND),
    "wav of unknown size": _unsized_wav,
    "webm": lambda: speech.encode(SOUND),
    "webm of a recorder": lambda: streamed(SOUND),
    "mp4": lambda: speech.encode(SOUND, "mp4", "aac"),
    "mp4 of a recorder": lambda: streamed(SOUND, "mp4"),
    "ogg": lambda: speech.encode(SOUND, "ogg", "libopus"),
    "flac": lambda: speech.encode(SOUND, "flac", "flac"),
    "aiff": lambda: speech.encode(SOUND, "aiff", "pcm_s16be"),
    "caf": lambda: speech.encode(SOUND, "caf", "pcm_s16le"),
    "w64": lambda: speech.encode(SOUND, "w64", "pcm_s16le"),
    "wma": lambda: speech.encode(SOUND, "asf", "wmav2"),
    "mp3": lambda: speech.encode(SOUND, "mp3", "mp3"),
    "adts": lambda: speech.encode(SOUND, "adts", "aac"),
    "mpegts": lambda: speech.encode(SOUND, "mpegts", "aac"),
}


@pytest.mark.parametrize("name", PARTS)
def test_files_that_were_joined_end_to_end_follow_each_other(name: str) -> None:
    part = PARTS[name]()
    one, two = decode(part), decode(2 * part)
    assert len(two) == pytest.approx(2 * len(one), abs=SAMPLE_RATE // 10)
    again = two[len(two) - len(one) :]
    likeness = np.corrcoef(outline(again), outline(one))[0, 1]
    assert likeness > 0.95


def test_different_kinds_end_to_end() -> None:
    content = b"".join(PARTS[name]() for name in ("wav", "mp4", "ogg", "webm"))
    assert seconds(decode(content)) == pytest.approx(4 * SOUND_S, abs=0.2)


def outline(samples: Samples) -> NDArray[np.floating]:
    window = SAMPLE_RATE // 10
    return np.asarray(np.abs(samples[: len(samples) // window * window]).reshape(-1, window).mean(axis=1))


# -- tracks -------------------------------------------------------------------------------------------------------


def tracks(sounds: Mapping[float, float]) -> bytes:
    return made("matroska", sounds=sounds)


def test_tracks_are_mixed_on_one_clock() -> None:
    content = tracks({0: 1, 3: 1, 6: 1})
    decoder = FileDecoder(io.BytesIO(content))
    samples = np.concatenate(list(decoder))
    loud = [float(np.abs(samples[int(at * SAMPLE_RATE) :][: SAMPLE_RATE // 4]).max()) for at in (0.3, 1.5, 3.3, 5, 6.3)]
    assert [level > 0.1 for level in loud] == [True, False, True, False, True]
    assert (decoder.tracks, decoder.heard_tracks) == (3, [1, 2, 3])


def test_a_chosen_track_is_heard_alone() -> None:
    content = tracks({0: 1, 3: 1})
    assert loud_from(decode(content, track=2)) == pytest.approx(3, abs=0.05)
    assert seconds(decode(content, track=1)) == pytest.approx(1, abs=0.1)
    with pytest.raises(AudioRejected, match=r"no track 3: its tracks are numbered from 1 to 2\."):
        decode(content, track=3)


def test_a_sum_is_bent_below_full_scale_and_one_voice_stays_as_it_is() -> None:
    loud, silent = np.full(100, 0.9, np.float32), np.zeros(60, np.float32)
    mixed = np.concatenate(list(mix_tracks([iter([loud]), iter([silent]), iter([-loud[:30], loud[:10], loud[:10]])])))
    assert mixed[:30] == pytest.approx(0)
    assert 0.75 < mixed[35] < 1
    assert mixed[50:] == pytest.approx(0.9)


# -- channels -----------------------------------------------------------------------------------------------------


def two_channels(right: float) -> bytes:
    """A WAV with the voice on the left, and on the right multiplied by this."""
    pair = np.stack([SOUND, (SOUND * right).astype(np.int16)], axis=1).reshape(-1)
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(speech.RATE)
        file.writeframes(pair.tobytes())
    return buffer.getvalue()


@pytest.mark.parametrize("layout", ["mono", "stereo"])
@pytest.mark.parametrize("right", [-1.0, -0.8, -1.4])
def test_channels_of_opposite_phase_are_heard(right: float, layout: str) -> None:
    decoder = FileDecoder(io.BytesIO(two_channels(right)), layout=layout)
    samples = np.concatenate(list(decoder))
    if layout == "stereo":
        after = int(2 * 0.6 * SAMPLE_RATE)  # the voice has begun, and the first windows were judged
        assert np.abs(samples[after::2] - samples[after + 1 :: 2]).max() < 1e-6
    assert np.abs(samples).max() == pytest.approx(max(1, -right) * np.abs(SOUND).max() / 32768, rel=0.05)
    assert decoder.has_opposite_phase


@pytest.mark.parametrize("right", [1.0, 0.5, 0.0, -0.2])
def test_ordinary_stereo_is_mixed_as_ever(right: float) -> None:
    decoder = FileDecoder(io.BytesIO(two_channels(right)))
    samples = np.concatenate(list(decoder))
    alone = decode(speech.wav(SOUND))
    assert np.abs(samples - alone * np.sqrt(0.5) * (1 + right)).max() < 0.01
    assert not decoder.has_opposite_phase
