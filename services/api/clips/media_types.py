"""Media types of audio files: the type that a client claims proves nothing, the bytes decide."""

import re
from typing import IO

from services.api.audio_formats.refusals import SILENT, kind_sentence, refusal
from services.api.audio_formats.table import MATROSKA, MP4, SNIFFED_BYTES, WEBM, AudioFormat, sniff, tags_end
from services.api.http.errors import Problem
from shared import isobmff

_CODECS = re.compile(r';\s*codecs\s*=\s*"?([a-z0-9][a-z0-9., -]{0,99})"?\s*$')


FILE_EXTENSIONS = {
    "webm": "webm", "mp4": "m4a", "x-m4a": "m4a", "m4a": "m4a", "ogg": "ogg", "wav": "wav", "x-wav": "wav",
    "mpeg": "mp3", "mp3": "mp3", "flac": "flac", "aac": "aac", "aiff": "aiff", "amr": "amr", "x-caf": "caf",
    "x-matroska": "mka", "quicktime": "mov", "caf": "caf", "3gpp": "3gp", "3gpp2": "3g2", "amr-wb": "amr",
    "basic": "au", "x-au": "au", "x-w64": "w64", "mp4a-latm": "latm", "ac3": "ac3", "eac3": "eac3", "vnd.dts": "dts",
    "x-ms-wma": "wma", "x-ms-wmv": "wmv", "x-ms-asf": "asf", "x-msvideo": "avi", "avi": "avi", "x-flv": "flv",
    "mp2t": "ts", "mp2p": "mpg", "x-wavpack": "wv", "x-tta": "tta", "x-ape": "ape", "x-voc": "voc",
    "x-pn-realaudio": "ra", "vnd.rn-realaudio": "ra", "qcelp": "qcp",
}  # fmt: skip
"""By subtype of the media type."""


def resolve_media_type(file: IO[bytes], claimed_type: str = "") -> str:
    """The type to store and serve: the claimed one if the bytes agree with it, otherwise that of the bytes.

    Raises `Problem` for bytes that are no audio, for audio that is encrypted, and for video without sound. A claim
    alone refuses nothing. Rewinds the file.
    """
    head = _read_head(file)
    audio_format = sniff(head)
    if audio_format is None:
        raise Problem("not-audio", refusal(head))
    if sentence := _unheard(file, head, audio_format):
        raise Problem("not-audio", sentence)
    file.seek(0)
    claim = claimed_type.lower().strip()
    essence = claim.partition(";")[0].strip()
    if essence not in audio_format.accepted_claims:
        return audio_format.mime
    codecs = _CODECS.search(claim)
    return f"{essence};codecs={codecs[1].replace(' ', '')}" if codecs else essence


def reject_other_kinds(file: IO[bytes]) -> None:
    """Raise `Problem` for the first bytes of a file that can never be heard here. Rewinds the file.

    Bytes that are not recognised pass: FFmpeg may know more than our table.
    """
    head = _read_head(file)
    audio_format = sniff(head)
    sentence = _unheard(file, head, audio_format) if audio_format else kind_sentence(head)
    file.seek(0)
    if sentence:
        raise Problem("not-audio", sentence)


def file_extension(mime: str) -> str:
    """The extension of a downloaded file's name, without the dot."""
    essence = mime.partition(";")[0]
    return "mpg" if essence == "video/mpeg" else FILE_EXTENSIONS.get(essence.partition("/")[2], "audio")


def _read_head(file: IO[bytes]) -> bytes:
    """The first bytes, or if there are long tags, those that follow, behind the header of the last tag."""
    file.seek(0)
    head = file.read(SNIFFED_BYTES)
    end = tags_end(head)
    if end > len(head) // 2:
        file.seek(end)
        # An empty tag stands for the long ones: it is the proof that sound follows.
        head = b"ID3\x04\0\0\0\0\0\0" + file.read(SNIFFED_BYTES)
    return head


def _unheard(file: IO[bytes], head: bytes, audio_format: AudioFormat) -> str | None:
    """Why nothing of this format is heard in this file; None: nothing speaks against it."""
    if audio_format in {WEBM, MATROSKA} and _is_silent_matroska(head):
        return SILENT
    if audio_format is MP4 and (index := isobmff.read_index(file)):
        return isobmff.ENCRYPTED if isobmff.is_encrypted(index) else SILENT if isobmff.is_silent(index) else None
    return None


def _is_silent_matroska(head: bytes) -> bool:
    """Whether all tracks in the head are video: element 0x83 (TrackType), one byte long; 1 is video, 2 is audio."""
    return b"\x83\x81\x01" in head and b"\x83\x81\x02" not in head
