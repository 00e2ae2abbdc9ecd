"""The codec of a sound as a media type names it, so that a browser can say whether it plays it (RFC 6381)."""

import re

import av

AAC_PROFILES = {"Main": "mp4a.40.1", "LTP": "mp4a.40.4", "HE-AAC": "mp4a.40.5", "HE-AACv2": "mp4a.40.29"}
"""FFmpeg's profile → its name; the others are LC."""

NAMES = {
    "ac3": "ac-3",
    "eac3": "ec-3",
    "amrnb": "samr",
    "amrwb": "sawb",
    "mp3float": "mp3",
    "pcm_u8": "1",
    "pcm_s16le": "1",
    "pcm_s24le": "1",
    "pcm_s32le": "1",
}
"""FFmpeg's decoder → its name in a media type, where it is another one. FFmpeg's own names of rare codecs, such as
`gsm_ms`, are known to no browser: none says that it plays them."""

UNNAMED = {
    "mp3": {"mp3", "mp3float"},
    "aac": {"aac"},
    "flac": {"flac"},
    "amr": {"amrnb", "amrwb"},
    "wav": {"pcm_f32le", "pcm_alaw", "pcm_mulaw"},
    "w64": {"pcm_s16le", "pcm_s24le"},
    "aiff": {"pcm_s8", "pcm_s16be", "pcm_s24be", "pcm_s32be"},
}
"""Demuxer → the codecs that one expects there: Firefox refuses `audio/aac;codecs=mp4a.40.2`, and Chromium every name of
floats in WAV, which it plays."""

CANONICAL_TYPES = {
    "matroska": "audio/x-matroska",
    "mov": "audio/mp4",
    "ogg": "audio/ogg",
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "aiff": "audio/aiff",
    "caf": "audio/x-caf",
    "amr": "audio/amr",
    "asf": "audio/x-ms-wma",
}
"""Demuxer → the media type of what came with a type that is none of sound or video."""


def codec_name(demuxer: str, audio: av.AudioStream) -> str | None:
    """The codec of a track in a container, as a media type names it; None where the container says enough."""
    context = audio.codec_context
    if context.name in UNNAMED.get(demuxer, ()):
        return None
    if context.name == "aac":
        return AAC_PROFILES.get(context.profile or "", "mp4a.40.2")
    return NAMES.get(context.name, context.name)


def with_codec(mime: str, demuxer: str, name: str | None) -> str:
    """A media type with the codec in it. A type that names this codec already is kept: it may know more."""
    essence = mime.partition(";")[0].strip().lower()
    if not essence.startswith(("audio/", "video/")):
        essence = CANONICAL_TYPES.get(demuxer, essence)
    if name is None:
        return essence
    claimed = re.search(r"codecs\s*=\s*\"?([^\";]+)", mime, re.IGNORECASE)
    family = name.partition(".")[0]
    if claimed and family in {each.strip().partition(".")[0] for each in claimed[1].split(",")}:
        return mime
    return f"{essence};codecs={name}"
