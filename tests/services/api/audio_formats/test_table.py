"""Formats by their first bytes: the rare ones, odd beginnings, and what only looks like sound."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.audio_formats.table import SNIFFED_BYTES, sniff
from tests.odd_files import RARE, ape_tag, bare_mp3, encoded, id3_tag, rare


def mime(body: bytes) -> str | None:
    audio_format = sniff(body[:SNIFFED_BYTES])
    return audio_format.mime if audio_format else None


@pytest.mark.parametrize("extension", RARE)
def test_rare_containers_are_known_by_their_bytes(extension: str) -> None:
    assert mime(rare(extension)) == RARE[extension][2]


def test_large_waves_of_both_specifications_are_wav() -> None:
    rf64 = encoded("wav", "pcm_s16le", (("rf64", "always"),))
    assert rf64.startswith(b"RF64")
    assert mime(rf64) == mime(b"BW64" + rf64[4:]) == "audio/wav"


def test_a_camcorder_s_transport_stream_has_a_time_code_before_each_packet() -> None:
    assert mime(encoded("mpegts", "ac3", (("mpegts_m2ts_mode", "1"),))) == "video/mp2t"


MP3_BEGINNINGS = {
    "nothing": b"",
    "zeros": bytes(3000),
    "many zeros": bytes(60_000),
    "an ID3 tag": id3_tag(),
    "a tag that is longer than what is read": id3_tag(200_000),
    "two tags": id3_tag() + id3_tag(),
    "an APEv2 tag": ape_tag(),
    "a tag and zeros": id3_tag() + bytes(2000),
    "other bytes": b"xyz" * 500,
}


@pytest.mark.parametrize("what", MP3_BEGINNINGS)
def test_an_mp3_is_known_behind(what: str) -> None:
    assert mime(MP3_BEGINNINGS[what] + bare_mp3()) == "audio/mpeg"


@pytest.mark.parametrize(
    ("container", "codec", "expected"),
    [
        ("mp3", "libmp3lame", "audio/mpeg"),
        ("mp2", "mp2", "audio/mpeg"),
        ("adts", "aac", "audio/aac"),
        ("latm", "aac", "audio/mp4a-latm"),
        ("ac3", "ac3", "audio/ac3"),
        ("mpegts", "mp2", "video/mp2t"),
    ],
)
@pytest.mark.parametrize("cut_bytes", [1, 57, 150])
def test_a_stream_may_begin_with_a_cut_frame(container: str, codec: str, expected: str, cut_bytes: int) -> None:
    body = bare_mp3() if container == "mp3" else encoded(container, codec)
    assert mime(body[cut_bytes:]) == expected


def test_what_follows_a_tag_says_what_it_is() -> None:
    assert mime(id3_tag() + encoded("flac", "flac")) == "audio/flac"
    assert mime(ape_tag() + encoded("flac", "flac")) == "audio/flac"
    assert mime(id3_tag() + encoded("adts", "aac")) == "audio/aac"


@given(st.integers(), st.integers(0, SNIFFED_BYTES))
def test_random_bytes_are_no_sound(seed: int, size: int) -> None:
    # Three bytes can be the whole beginning of a frame.
    assert size < 8 or mime(random.Random(seed).randbytes(size)) is None


@given(st.text(min_size=1), st.sampled_from(["utf-8", "utf-16", "utf-16-be", "latin-1"]))
def test_text_is_no_sound(text: str, encoding: str) -> None:
    body = f"{text} and so on".encode(encoding, "replace")
    # A text may spell a signature; none of these begins one by chance.
    assert mime(body) is None or text.startswith(("OggS", "fLaC", "#!AMR", "wvpk", "TTA1", "MAC ", "ÿ"))


@given(st.binary(min_size=1, max_size=6), st.integers(1, 20_000))
def test_repeated_bytes_cost_little_and_raise_nothing(unit: bytes, times: int) -> None:
    sniff((unit * times)[:SNIFFED_BYTES])
