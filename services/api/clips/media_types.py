"""Media types of audio files, recognised by their first bytes: the type that a client claims proves nothing."""

import re
from dataclasses import dataclass
from typing import IO

from services.api.http.errors import Problem

SNIFFED_BYTES = 4096
"""Bytes of the file's beginning that are read: the DocType of a Matroska file can stand behind a Void element."""

MAX_MOOV_BYTES = 16 * 1024**2
"""Bytes of an MP4 index (`moov`) that are searched for a sound track; an hour's index is about 1 MB."""

MAX_BOXES = 1000
"""Boxes of an MP4 that are skipped to find its index: recorders write it among the first ten, or last."""

_TYPE = re.compile(r"(audio|video)/[a-z0-9][a-z0-9.+-]*")
_CODECS = re.compile(r';\s*codecs\s*=\s*"?([a-z0-9][a-z0-9., -]{0,99})"?\s*$')


FILE_EXTENSIONS = {
    "webm": "webm", "mp4": "m4a", "x-m4a": "m4a", "m4a": "m4a", "ogg": "ogg", "wav": "wav", "x-wav": "wav",
    "mpeg": "mp3", "mp3": "mp3", "flac": "flac", "aac": "aac", "aiff": "aiff", "amr": "amr", "x-caf": "caf",
    "x-matroska": "mka", "quicktime": "mov",
}  # fmt: skip
"""By subtype of the media type."""


@dataclass(frozen=True)
class AudioFormat:
    """A container format that PyAV opens: its media type, and the claimed types that agree with it."""

    mime: str
    accepted_claims: frozenset[str]


def _format(mime: str, *claims: str) -> AudioFormat:
    return AudioFormat(mime, frozenset({mime, *claims}))


WEBM = _format("audio/webm", "video/webm")
MATROSKA = _format("audio/x-matroska", "video/x-matroska", "audio/webm", "video/webm")
MP4 = _format(
    "audio/mp4", "video/mp4", "audio/x-m4a", "audio/m4a", "audio/aac", "video/quicktime", "audio/3gpp", "video/3gpp"
)
OGG = _format("audio/ogg", "video/ogg", "audio/opus", "audio/vorbis")
WAV = _format("audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave")
MP3 = _format("audio/mpeg", "audio/mp3")
AAC = _format("audio/aac", "audio/aacp", "audio/x-aac")
FLAC = _format("audio/flac", "audio/x-flac")
AIFF = _format("audio/aiff", "audio/x-aiff")
AMR = _format("audio/amr", "audio/amr-wb", "audio/3gpp")
CAF = _format("audio/x-caf")
ASF = _format("audio/x-ms-wma", "video/x-ms-wmv", "video/x-ms-asf")
AVI = _format("video/x-msvideo", "video/avi")


def sniff(head: bytes) -> AudioFormat | None:
    """Recognise a format by its signature; None for any other bytes."""
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
    for signature, audio_format in (
        (b"fLaC", FLAC),
        (b"ID3", MP3),
        (b"#!AMR", AMR),
        (b"caff", CAF),
        (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", ASF),
    ):
        if head.startswith(signature):
            return audio_format
    if len(head) >= 4 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0:  # MPEG audio frame sync, ISO/IEC 11172-3
        layer, bitrate, rate = head[1] >> 1 & 3, head[2] >> 4, head[2] >> 2 & 3
        if layer == 0 and head[1] & 0xF6 == 0xF0:
            return AAC
        if layer in {1, 2} and bitrate != 15 and rate != 3:  # III and II; I is only ever text in UTF-16 (FF FE)
            return MP3
    return None


def resolve_media_type(file: IO[bytes], claimed_type: str) -> str:
    """The type to store and serve: the claimed one if the bytes agree with it, otherwise that of the bytes.

    Raises `Problem` for a claim that is no type of audio or video, for bytes that are no audio, and for video without
    sound. Rewinds the file.
    """
    claim = claimed_type.lower().strip()
    essence = claim.partition(";")[0].strip()
    if essence not in {"", "application/octet-stream", "application/ogg"} and not _TYPE.fullmatch(essence):
        raise Problem("not-audio", f"Only audio is stored here, and this was sent as {essence[:80]}.")
    file.seek(0)
    head = file.read(SNIFFED_BYTES)
    audio_format = sniff(head)
    if audio_format is None:
        raise Problem(
            "not-audio", "These bytes are no audio that we know: WebM, MP4, Ogg, WAV, MP3, AAC, FLAC and the like."
        )
    is_silent_mp4 = audio_format is MP4 and _is_silent_mp4(file)
    if is_silent_mp4 or (audio_format in {WEBM, MATROSKA} and _is_silent_matroska(head)):
        raise Problem("not-audio", "This video has no sound.")
    file.seek(0)
    if essence not in audio_format.accepted_claims:
        return audio_format.mime
    codecs = _CODECS.search(claim)
    return f"{essence};codecs={codecs[1].replace(' ', '')}" if codecs else essence


def file_extension(mime: str) -> str:
    """The extension of a downloaded file's name, without the dot."""
    return FILE_EXTENSIONS.get(mime.partition(";")[0].partition("/")[2], "audio")


def _is_silent_matroska(head: bytes) -> bool:
    """Whether all tracks in the head are video: element 0x83 (TrackType), one byte long; 1 is video, 2 is audio."""
    return b"\x83\x81\x01" in head and b"\x83\x81\x02" not in head


def _is_silent_mp4(file: IO[bytes]) -> bool:
    """Whether the index (`moov`, which may stand at the end) has a handler for video and none for sound."""
    end = file.seek(0, 2)
    offset = 0
    for _ in range(MAX_BOXES):
        file.seek(offset)
        header = file.read(16)
        size, box_type = int.from_bytes(header[:4]), header[4:8]
        if size == 1:  # a 64-bit size follows the type
            size = int.from_bytes(header[8:])
        if box_type == b"moov":
            index = file.read(MAX_MOOV_BYTES if size == 0 else min(size, MAX_MOOV_BYTES))
            return b"vide" in index and b"soun" not in index
        offset += size
        if size < 8 or offset >= end:
            break
    return False
