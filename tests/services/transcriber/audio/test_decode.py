"""What is made of files: good ones, damaged ones, and those that are no audio."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from services.transcriber.audio.blocks import CUT_SEARCH_S, MAX_BLOCK_S, QUIET_WINDOW_S, decode_blocks, quietest_sample
from services.transcriber.audio.decode import SAMPLE_RATE
from services.transcriber.audio.fetch import FetchedAudio, fetch_audio, measure_audio
from services.transcriber.errors import AudioRejected, never_cancelled
from shared.settings import StoreSettings
from shared.storage.factory import open_store
from shared.storage.store import ObjectMissing
from tests import speech
from tests.services.transcriber import files


def measure(content: bytes, mime: str = "audio/webm") -> FetchedAudio:
    return measure_audio(io.BytesIO(content), len(content), mime)


def decoded_seconds(audio: FetchedAudio) -> float:
    return sum(len(samples) for _, samples in decode_blocks(audio.file)) / SAMPLE_RATE


LENGTH_S = len(speech.samples(files.SAID)) / speech.RATE


@pytest.mark.parametrize(
    ("make", "suffix"), [(files.webm, ".webm"), (files.mp4, ".mp4"), (files.wav, ".wav")], ids=["webm", "mp4", "wav"]
)
def test_length_and_samples_of_what_browsers_record(make: Callable[[], bytes], suffix: str) -> None:
    audio = measure(make())
    assert audio.suffix == suffix
    assert audio.note is None
    assert audio.duration_ms / 1000 == pytest.approx(LENGTH_S, abs=0.1)
    assert decoded_seconds(audio) == pytest.approx(LENGTH_S, abs=0.1)


@pytest.mark.parametrize("make", [files.webm, files.mp4, files.wav], ids=["webm", "mp4", "wav"])
def test_a_damaged_place_costs_only_itself_and_later_words_keep_their_times(make: Callable[[], bytes]) -> None:
    whole, scratched = make(), files.scratched(make())
    assert whole != scratched
    assert decoded_seconds(measure(scratched)) == pytest.approx(LENGTH_S, abs=0.15)
    # The last second sounds as if nothing had happened, at its own place.
    ends = [
        np.concatenate([samples for _, samples in decode_blocks(measure(content).file)])
        for content in (whole, scratched)
    ]
    tail = slice(int((LENGTH_S - 2) * SAMPLE_RATE), int((LENGTH_S - 1) * SAMPLE_RATE))
    lag = np.argmax(np.correlate(ends[1][tail], ends[0][tail], "same")) - SAMPLE_RATE // 2
    assert abs(int(lag)) < SAMPLE_RATE // 10


@pytest.mark.parametrize("make", [files.webm, files.wav], ids=["webm", "wav"])
def test_a_truncated_file_is_decoded_to_its_end_with_a_note(make: Callable[[], bytes]) -> None:
    audio = measure(files.half(make()))
    assert audio.note is not None
    assert audio.note.startswith("The file ends after 0:0")
    assert decoded_seconds(audio) == pytest.approx(LENGTH_S / 2, rel=0.2)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "The file is empty"),
        (b"just some text\n" * 500, "not a sound file that can be read"),
        (b"\x1a\x45\xdf\xa3" + b"\0" * 4000, "not a sound file that can be read"),
        (b"\0" * 4000, "not a sound file that can be read"),
        (files.image(), "not a sound file that can be read"),
        (files.video_without_sound(), "There is no sound in this file"),
        (files.half(files.mp4()), "cut off while it was saved"),
        (files.webm()[:300], "cut off while it was saved"),
        (b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n/etc/passwd\n#EXT-X-ENDLIST\n", "not a sound file"),
        (b"<!doctype html><script>alert(1)</script>", "not a sound file"),
    ],
    ids=["empty", "text", "header-alone", "zeros", "image", "no-sound", "half-mp4", "start-alone", "playlist", "page"],
)
def test_a_file_without_audio_is_rejected_with_a_sentence(content: bytes, sentence: str) -> None:
    with pytest.raises(AudioRejected, match=sentence):
        list(decode_blocks(measure(content).file))


def test_a_title_that_is_not_utf_8_is_accepted() -> None:
    """Old recorders write the title of a WAV file in the code page of their system."""
    content = files.wav()
    title = b"LIST" + (12).to_bytes(4, "little") + b"INFOINAM" + (4).to_bytes(4, "little") + b"\xff\xfeab"
    title = title[:4] + (len(title) - 8).to_bytes(4, "little") + title[8:]
    content = content[:36] + title + content[36:]
    content = content[:4] + (len(content) - 8).to_bytes(4, "little") + content[8:]
    assert decoded_seconds(measure(content)) == pytest.approx(LENGTH_S, abs=0.1)


def test_a_playlist_does_not_open_the_files_it_names(tmp_path: Path) -> None:
    secret = tmp_path / "secret.wav"
    secret.write_bytes(files.wav())
    with pytest.raises(AudioRejected):
        measure(f"ffconcat version 1.0\nfile '{secret}'\n".encode())


def test_undecodable_audio_is_rejected() -> None:
    content = bytearray(files.mp4())
    begin = content.index(b"mdat") + 4
    end = content.index(b"moov", begin) - 4
    content[begin:end] = b"\xff" * (end - begin)
    with pytest.raises(AudioRejected, match="nothing of it can be decoded"):
        list(decode_blocks(measure(bytes(content)).file))


def test_long_audio_comes_in_blocks_that_join_without_a_gap() -> None:
    long = speech.wav(speech.repeated(speech.samples(files.SAID), 2 * MAX_BLOCK_S + 60))
    blocks = list(decode_blocks(measure(long).file))
    assert len(blocks) == 3
    assert all(len(samples) <= (MAX_BLOCK_S + 1) * SAMPLE_RATE for _, samples in blocks)
    place = 0
    for start_ms, samples in blocks:
        assert start_ms == pytest.approx(place * 1000 / SAMPLE_RATE, abs=1)
        place += len(samples)
    assert place / SAMPLE_RATE == pytest.approx(2 * MAX_BLOCK_S + 60, abs=0.1)
    # Cut in a pause: what is around the cut is far below speech.
    around = np.concatenate([blocks[0][1][-SAMPLE_RATE // 25 :], blocks[1][1][: SAMPLE_RATE // 25]])
    assert np.abs(around).max() < 0.02


def test_the_quietest_moment_is_searched_near_the_end_only() -> None:
    sound = np.full(120 * SAMPLE_RATE, 0.5, np.float32)
    sound[10 * SAMPLE_RATE : 11 * SAMPLE_RATE] = 0  # quieter, but too early
    sound[100 * SAMPLE_RATE : 101 * SAMPLE_RATE] = 0.01
    assert quietest_sample(sound) > (120 - CUT_SEARCH_S) * SAMPLE_RATE
    assert 100 * SAMPLE_RATE <= quietest_sample(sound) <= 101 * SAMPLE_RATE + QUIET_WINDOW_S * SAMPLE_RATE


def test_nothing_is_left_in_the_working_folder(tmp_path: Path) -> None:
    store = open_store(StoreSettings(data_dir=tmp_path))
    content = files.webm()
    store.put("clips/a", io.BytesIO(content), len(content), "audio/webm")
    with fetch_audio(store, "clips/a", "audio/webm", tmp_path / "work", never_cancelled) as audio:
        assert audio.size == len(content)
        assert audio.url is None
        # Even kill -9 in this moment leaves no file: it has no name.
        assert list((tmp_path / "work").iterdir()) == []
    with pytest.raises(ObjectMissing), fetch_audio(store, "clips/b", "audio/webm", tmp_path / "work", never_cancelled):
        pass
