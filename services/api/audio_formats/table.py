"""Formats of audio and of video with sound, recognised by the first bytes of a file.

What is here, PyAV's FFmpeg demuxes and decodes. Signatures are from the specification that is named beside them.
"""

import re
from dataclasses import dataclass

from services.api.audio_formats.frames import framing, is_transport_stream
from services.api.audio_formats.refusals import is_other_kind

SNIFFED_BYTES = 64 * 1024
"""Bytes of the file's beginning that are read: tags, zeros or a cut frame can stand before the first frame."""

MAX_TAGS = 8
"""Tags that are skipped, one behind the other."""

_DOCTYPE_BYTES = 4096
"""Within so many bytes a Matroska file names its DocType: a Void element can stand before it."""


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
    "audio/mp4", "video/mp4", "audio/x-m4a", "audio/m4a", "audio/aac", "video/quicktime", "audio/3gpp", "video/3gpp",
    "audio/3gpp2", "video/3gpp2",
)  # fmt: skip
OGG = _format("audio/ogg", "video/ogg", "audio/opus", "audio/vorbis", "audio/speex")
WAV = _format("audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave")
WAVE64 = _format("audio/x-w64")
MPEG_AUDIO = _format("audio/mpeg", "audio/mp3")
AAC = _format("audio/aac", "audio/aacp", "audio/x-aac")
LATM = _format("audio/mp4a-latm")
FLAC = _format("audio/flac", "audio/x-flac")
AIFF = _format("audio/aiff", "audio/x-aiff")
AU = _format("audio/basic", "audio/x-au")
AMR = _format("audio/amr", "audio/amr-wb", "audio/3gpp")
CAF = _format("audio/x-caf", "audio/caf")
AC3 = _format("audio/ac3")
EAC3 = _format("audio/eac3")
DTS = _format("audio/vnd.dts")
ASF = _format("audio/x-ms-wma", "video/x-ms-wmv", "video/x-ms-asf")
AVI = _format("video/x-msvideo", "video/avi")
FLV = _format("video/x-flv")
MPEG_TS = _format("video/mp2t")
MPEG_PS = _format("video/mpeg", "video/mp2p")
WAVPACK = _format("audio/x-wavpack")
TTA = _format("audio/x-tta")
APE = _format("audio/x-ape")
VOC = _format("audio/x-voc")
REAL = _format("audio/x-pn-realaudio", "audio/vnd.rn-realaudio")
QCP = _format("audio/qcelp")

_SIGNATURES: tuple[tuple[re.Pattern[bytes], AudioFormat], ...] = tuple(
    (re.compile(pattern, re.DOTALL), audio_format)
    for pattern, audio_format in (
        # ISO/IEC 14496-12 and QuickTime: size and type of the first box. A size below 16 MB begins with 0, which keeps
        # a text that begins with "The free" out.
        (rb"....(ftyp|moov|mdat|pnot)", MP4),
        (rb"\x00...(free|skip|wide|styp)", MP4),
        (rb"OggS", OGG),  # RFC 3533
        (rb"(RIFF|RIFX|RF64|BW64)....WAVE", WAV),  # EBU Tech 3306, ITU-R BS.2088
        (rb"RIFF....AVI ", AVI),
        (rb"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00", WAVE64),  # Sony's GUID in place of "RIFF"
        (rb"FORM....AIF[FC]", AIFF),
        (rb"fLaC", FLAC),  # RFC 9639
        (rb"#!AMR", AMR),  # RFC 4867
        (rb"caff\x00\x01", CAF),
        (rb"\.snd\x00\x00", AU),  # the offset of the sound, below 64 KiB
        (rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c", ASF),  # GUID of the header object
        (rb"FLV\x01", FLV),
        (rb"\x00\x00\x01\xba[\x20-\x2f\x40-\x7f]", MPEG_PS),  # pack header: ISO/IEC 11172-1 and 13818-1
        (rb"\x7f\xfe\x80\x01|\xfe\x7f\x01\x80|\x1f\xff\xe8\x00|\xff\x1f\x00\xe8", DTS),  # ETSI TS 102 114
        (rb"wvpk", WAVPACK),
        (rb"TTA1", TTA),
        (rb"MAC \S", APE),
        (rb"Creative Voice File\x1a", VOC),
        (rb"\.RMF\0\0\0|\.ra\xfd\0", REAL),
        (rb"RIFF....QLCM", QCP),  # RFC 3625
    )
)

_FRAMINGS = {"mpeg": MPEG_AUDIO, "adts": AAC, "loas": LATM, "ac3": AC3, "eac3": EAC3}

_ID3 = re.compile(rb"ID3[\x02-\x04][^\xff].[\x00-\x7f]{4}", re.DOTALL)  # id3.org, ID3v2.4, 3.1
_APE_TAG = re.compile(rb"APETAGEX....(....)", re.DOTALL)  # wiki.hydrogenaudio.org, APEv2: size without the header


def sniff(head: bytes) -> AudioFormat | None:
    """Recognise a format by a file's first bytes, `SNIFFED_BYTES` if it has so many; None for any other bytes."""
    end = tags_end(head)
    if end:
        # The tags are the proof that sound follows; where the head ends before it, most files with tags are MP3.
        return _sniff_untagged(head[end:]) or MPEG_AUDIO
    return _sniff_untagged(head)


def tags_end(head: bytes) -> int:
    """Where the tags end that stand before the sound, perhaps behind the end of the head; 0 without one."""
    end = 0
    for _ in range(MAX_TAGS):
        if _ID3.match(head, end):
            end += 10 + sum(byte << shift for byte, shift in zip(head[end + 6 : end + 10], (21, 14, 7, 0), strict=True))
        elif tag := _APE_TAG.match(head, end):
            end += 32 + int.from_bytes(tag[1], "little")
        else:
            break
    return end


def _sniff_untagged(head: bytes) -> AudioFormat | None:
    if head.startswith(b"\x1a\x45\xdf\xa3"):  # EBML, RFC 8794
        doctype = head[:_DOCTYPE_BYTES]
        return WEBM if b"webm" in doctype[:64] else MATROSKA if b"matroska" in doctype else None
    if is_other_kind(head):
        return None
    for pattern, audio_format in _SIGNATURES:
        if pattern.match(head):
            return audio_format
    if is_transport_stream(head):
        return MPEG_TS
    name = framing(head, len(head) - len(head.lstrip(b"\0")))
    return _FRAMINGS[name] if name else None
