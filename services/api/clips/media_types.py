"""Which audio container some bytes are, told from their beginning. The type that a client claims proves nothing."""

import re
from dataclasses import dataclass
from typing import IO

from services.api.http.errors import Problem

HEAD_BYTES = 4096
"""How much of the beginning is looked at: the type of a Matroska file can stand behind a void element."""

MOOV_BYTES = 16 * 1024**2
"""The largest MP4 index that is searched for a sound track; an hour's index is about 1 MB."""

MOST_BOXES = 1000
"""Boxes of an MP4 that are walked over to its index: recorders write it among the first ten, or last."""

_TYPE = re.compile(r"(audio|video)/[a-z0-9][a-z0-9.+-]*")
_CODECS = re.compile(r';\s*codecs\s*=\s*"?([a-z0-9][a-z0-9., -]{0,99})"?\s*$')


@dataclass(frozen=True)
class Container:
    """A container that PyAV opens: the type that we serve it as, and the claims that agree with it."""

    mime: str
    family: frozenset[str]


def _container(mime: str, *family: str) -> Container:
    return Container(mime, frozenset({mime, *family}))


WEBM = _container("audio/webm", "video/webm")
MATROSKA = _container("audio/x-matroska", "video/x-matroska", "audio/webm", "video/webm")
MP4 = _container(
    "audio/mp4", "video/mp4", "audio/x-m4a", "audio/m4a", "audio/aac", "video/quicktime", "audio/3gpp", "video/3gpp"
)
OGG = _container("audio/ogg", "video/ogg", "audio/opus", "audio/vorbis")
WAV = _container("audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave")
MP3 = _container("audio/mpeg", "audio/mp3")
AAC = _container("audio/aac", "audio/aacp", "audio/x-aac")
FLAC = _container("audio/flac", "audio/x-flac")
AIFF = _container("audio/aiff", "audio/x-aiff")
AMR = _container("audio/amr", "audio/amr-wb", "audio/3gpp")
CAF = _container("audio/x-caf")
ASF = _container("audio/x-ms-wma", "video/x-ms-wmv", "video/x-ms-asf")
AVI = _container("video/x-msvideo", "video/avi")


def sniff(head: bytes) -> Container | None:
    """Name the container by its signature; None if the bytes are no audio that we know."""
    if head.startswith(b"\x1a\x45\xdf\xa3"):  # EBML, RFC 8794
        return WEBM if b"webm" in head[:64] else MATROSKA if b"matroska" in head else None
    if head[4:8] in {b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide"}:  # ISO/IEC 14496-12
        return MP4
    if head.startswith(b"OggS"):  # RFC 3533
        return OGG
    if head[:4] in {b"RIFF", b"RF64"}:
        return {b"WAVE": WAV, b"AVI ": AVI}.get(head[8:12])
    if head.startswith(b"FORM") and head[8:12] in {b"AIFF", b"AIFC"}:
        return AIFF
    for signature, container in (
        (b"fLaC", FLAC),
        (b"ID3", MP3),
        (b"#!AMR", AMR),
        (b"caff", CAF),
        (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", ASF),
    ):
        if head.startswith(signature):
            return container
    if len(head) >= 4 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0:  # MPEG audio frame sync, ISO/IEC 11172-3
        layer, bitrate, rate = head[1] >> 1 & 3, head[2] >> 4, head[2] >> 2 & 3
        if layer == 0 and head[1] & 0xF6 == 0xF0:
            return AAC
        if layer in {1, 2} and bitrate != 15 and rate != 3:  # III and II; I is only ever text in UTF-16 (FF FE)
            return MP3
    return None


def accept(file: IO[bytes], claimed: str) -> str:
    """The type to store and serve: the claim where the bytes agree with it, otherwise what the bytes are.

    Raises `Problem` for a claim that is no media type of audio, for bytes that are no audio, and for video without
    sound. Leaves the file at its beginning.
    """
    claim = claimed.lower().strip()
    essence = claim.partition(";")[0].strip()
    if essence not in {"", "application/octet-stream", "application/ogg"} and not _TYPE.fullmatch(essence):
        raise Problem("not-audio", f"Only audio is stored here, and this was sent as {essence[:80]}.")
    file.seek(0)
    head = file.read(HEAD_BYTES)
    container = sniff(head)
    if container is None:
        raise Problem(
            "not-audio", "These bytes are no audio that we know: WebM, MP4, Ogg, WAV, MP3, AAC, FLAC and the like."
        )
    if (container in {WEBM, MATROSKA} and _is_silent_matroska(head)) or (container is MP4 and _is_silent_mp4(file)):
        raise Problem("not-audio", "This video has no sound.")
    file.seek(0)
    if essence not in container.family:
        return container.mime
    codecs = _CODECS.search(claim)
    return f"{essence};codecs={codecs[1].replace(' ', '')}" if codecs else essence


def _is_silent_matroska(head: bytes) -> bool:
    """Whether the tracks at the beginning are all video: element 0x83 (TrackType), one byte long, 1 video, 2 audio."""
    return b"\x83\x81\x01" in head and b"\x83\x81\x02" not in head


def _is_silent_mp4(file: IO[bytes]) -> bool:
    """Whether the index (`moov`, which may stand at the end) names a handler for video and none for sound."""
    end = file.seek(0, 2)
    at = 0
    for _ in range(MOST_BOXES):
        file.seek(at)
        header = file.read(16)
        size, kind = int.from_bytes(header[:4]), header[4:8]
        if size == 1:  # the size did not fit, and stands behind the kind
            size = int.from_bytes(header[8:])
        if kind == b"moov":
            index = file.read(MOOV_BYTES if size == 0 else min(size, MOOV_BYTES))
            return b"vide" in index and b"soun" not in index
        at += size
        if size < 8 or at >= end:
            break
    return False
