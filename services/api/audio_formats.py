"""Formats of audio, recognised by the first bytes of a file."""

from dataclasses import dataclass

SNIFFED_BYTES = 4096
"""Bytes of the file's beginning that are read: the DocType of a Matroska file can stand behind a Void element."""


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
