"""Audio formats by their bytes: real files of each kind, and other bytes that claim to be audio."""

import io
import random
import struct
import time
import zlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.api.audio_formats.table import SNIFFED_BYTES, sniff
from services.api.clips.media_types import reject_other_kinds, resolve_media_type
from services.api.http.errors import Problem
from tests.odd_files import ENCRYPTION, encoded, id3_tag
from tests.recordings import CONTAINERS, recording, video


def rejection(body: bytes, claimed: str = "audio/webm") -> str:
    with pytest.raises(Problem) as refused:
        resolve_media_type(io.BytesIO(body), claimed)
    assert refused.value.slug == "not-audio"
    return refused.value.detail


@pytest.mark.parametrize("container", CONTAINERS)
def test_each_container_is_known_by_its_bytes(container: str) -> None:
    mime = CONTAINERS[container][1]
    file = io.BytesIO(recording(container=container))
    for claimed in (mime, mime.upper(), "", "application/octet-stream", "audio/nonsense"):
        assert resolve_media_type(file, claimed) == mime
        assert file.tell() == 0


@pytest.mark.parametrize("container", CONTAINERS)
def test_the_first_bytes_of_a_recording_are_enough(container: str) -> None:
    """A recording whose end is missing is still recognised and accepted."""
    assert resolve_media_type(io.BytesIO(recording(container=container)[:400]), "") == CONTAINERS[container][1]


def test_an_mp3_needs_no_tag_before_it() -> None:
    tagged = recording(container="mp3")
    size = 10 + sum((byte & 0x7F) << shift for byte, shift in zip(tagged[6:10], (21, 14, 7, 0), strict=True))
    assert resolve_media_type(io.BytesIO(tagged[size:]), "audio/mp3") == "audio/mp3"


@pytest.mark.parametrize(
    ("claimed", "kept"),
    [
        ("audio/webm;codecs=opus", "audio/webm;codecs=opus"),
        ('Audio/WebM; codecs="opus"', "audio/webm;codecs=opus"),
        ("video/webm; codecs=vp8, opus", "video/webm;codecs=vp8,opus"),
        ("audio/webm; charset=utf-8", "audio/webm"),
        ("audio/webm;codecs=<script>", "audio/webm"),
        (f"audio/webm;codecs={'a' * 300}", "audio/webm"),
        ("audio/mp4", "audio/webm"),
    ],
    ids=lambda text: text[:30],
)
def test_a_claim_is_kept_where_the_bytes_agree(claimed: str, kept: str) -> None:
    assert resolve_media_type(io.BytesIO(recording()), claimed) == kept


@pytest.mark.parametrize(
    "claimed",
    [
        "binary/octet-stream",
        "application/mp4",
        "application/ogg",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/plain",
        "image/png",
        "audio",
        "audio/<b>",
        "é/x",
        "",
    ],
)
def test_a_claim_alone_refuses_no_audio(claimed: str) -> None:
    assert resolve_media_type(io.BytesIO(recording()), claimed) == "audio/webm"


def test_an_index_behind_very_much_audio_is_found() -> None:
    silent = video("mp4", sound=False)
    assert silent.index(b"mdat") < silent.index(b"moov"), "PyAV writes the index last, as we want it here"
    index = silent.index(b"moov") - 4
    assert rejection(silent[:index] + box(b"free", bytes(5 * 1024**2)) + silent[index:]) == "This video has no sound."


@pytest.mark.parametrize("container", ["webm", "mp4"])
def test_video_is_taken_for_its_sound(container: str) -> None:
    assert resolve_media_type(io.BytesIO(video(container, sound=True)), f"video/{container}") == f"video/{container}"
    assert rejection(video(container, sound=False), f"video/{container}") == "This video has no sound."


PNG = (
    b"\x89PNG\r\n\x1a\n"
    + struct.pack(">I4sIIBBBBB", 13, b"IHDR", 1, 1, 8, 0, 0, 0, 0)
    + struct.pack(">I", zlib.crc32(b""))
)

NOT_AUDIO = {
    "a page": b"<!DOCTYPE html><script>alert(1)</script>",
    "a page behind a comment": b"<!-- OggS --><html>",
    "a picture": PNG,
    "a photograph": b"\xff\xd8\xff\xe0\x00\x10JFIF\x00",
    "text": b"RIFFraff and other words",
    "text in UTF-16": "A page of words".encode("utf-16"),
    "text in UTF-16, big": "\ufeffA page of words".encode("utf-16-be"),
    "a script": b"#!/bin/sh\n",
    "a PDF": b"%PDF-1.7",
    "an archive": b"PK\x03\x04",
    "a WebP picture": b"RIFF\x24\x00\x00\x00WEBPVP8 ",
    "zeros": bytes(1000),
    "ones": b"\xff" * 1000,
    "text that begins with a box": b"The free encyclopedia",
    "text that begins with a tag": b"ID3 tags hold titles",
    "text that begins with sound": b"OggZ, fLac and other names",
    "the letters of a transport stream": b"G" * 5000,
    "noise": random.Random(1).randbytes(SNIFFED_BYTES),
    "one byte": b"\x1a",
    "half a signature": b"Og",
}


@pytest.mark.parametrize("what", NOT_AUDIO)
def test_bytes_that_are_no_audio_are_rejected_whatever_type_is_claimed(what: str) -> None:
    assert rejection(NOT_AUDIO[what])


def box(kind: bytes, body: bytes = b"", *, size: int | None = None) -> bytes:
    return struct.pack(">I4s", 8 + len(body) if size is None else size, kind) + body


@pytest.mark.parametrize(
    "behind",
    [
        b"",
        box(b"mdat", size=0),
        box(b"mdat", size=3),
        box(b"mdat", size=2**32 - 1),
        box(b"mdat", struct.pack(">Q", 2**64 - 1), size=1),
        box(b"mdat", struct.pack(">Q", 2**63), size=1),
        box(b"mdat", struct.pack(">Q", 5), size=1),
        box(b"mdat", b"\x00\x00", size=1),
        box(b"moov", size=0),
        box(b"moov", struct.pack(">Q", 2**64 - 1), size=1),
    ],
    ids=ascii,
)
def test_a_broken_mp4_raises_nothing(behind: bytes) -> None:
    assert resolve_media_type(io.BytesIO(box(b"ftyp", b"isom") + behind), "audio/mp4") == "audio/mp4"


def test_an_mp4_of_many_boxes_is_checked_fast() -> None:
    file = io.BytesIO(box(b"ftyp", b"isom") + box(b"free") * 4_000_000)
    began = time.process_time()  # not the time of other processes on a busy machine
    resolve_media_type(file, "audio/mp4")
    assert time.process_time() - began < 0.5


@given(st.binary(max_size=200))
@example(b"\xff\xfb\x90\x00")
def test_any_bytes_are_a_container_or_none(head: bytes) -> None:
    for beginning in (b"", b"\x1a\x45\xdf\xa3", b"\x00\x00\x00\x10ftypisom", b"RIFF", b"\xff"):
        audio_format = sniff((beginning + head)[:SNIFFED_BYTES])
        if audio_format is not None:
            assert resolve_media_type(io.BytesIO(beginning + head), "") == audio_format.mime


def encrypted_mp4() -> bytes:
    return encoded("mp4", "aac", tuple(ENCRYPTION.items()))


def test_encrypted_sound_is_refused_with_what_to_do() -> None:
    assert "encrypted (DRM)" in rejection(encrypted_mp4(), "audio/mp4")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (encrypted_mp4(), "encrypted"),
        (video("mp4", sound=False), "no sound"),
        (video("webm", sound=False), "no sound"),
        (b"\x02dss" + bytes(600), "dictation"),
        (id3_tag(200_000) + PNG, None),
        (b"any bytes", None),
        (recording(), None),
    ],
)
def test_the_first_bytes_of_an_upload_are_refused_only_if_they_can_never_be_heard(
    body: bytes, words: str | None
) -> None:
    file = io.BytesIO(body)
    if words is None:
        reject_other_kinds(file)
        assert file.tell() == 0
    else:
        with pytest.raises(Problem, match=words):
            reject_other_kinds(file)


def test_an_index_that_is_not_all_here_says_nothing() -> None:
    """The sound's track may stand behind the picture's, in what has not arrived yet."""
    whole = video("mp4", sound=True)
    index = whole.index(b"moov") - 4
    fast = whole[:index].replace(b"mdat", b"free")[: whole.index(b"mdat") - 4] + whole[index:]
    cut = fast[: fast.index(b"vide") + 100]
    assert b"soun" not in cut
    reject_other_kinds(io.BytesIO(cut))


def test_the_type_behind_a_tag_that_is_longer_than_what_is_read() -> None:
    assert resolve_media_type(io.BytesIO(id3_tag(200_000) + encoded("flac", "flac")), "audio/mpeg") == "audio/flac"
