"""Media types of audio files: the type that a client claims proves nothing, the bytes decide."""

import re
from typing import IO

from services.api.audio_formats import MATROSKA, MP4, SNIFFED_BYTES, WEBM, sniff
from services.api.http.errors import Problem

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
