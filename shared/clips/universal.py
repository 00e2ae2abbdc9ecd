"""Which audio every browser plays that is in use, by container and codec.

In use is what was newest at some time of the last 30 months: the measure of Baseline's "widely available"
(https://web.dev/baseline). `OLDEST` has those versions as of 2026-11-30, from the release dates in
@mdn/browser-compat-data 8.1.9. That package has no codecs of audio. The versions in the table are those of caniuse.com
(https://github.com/Fyrd/caniuse, features-json, July 2026), and where that says nothing, those of MDN's "Web audio
codec guide" and "Media container formats". What neither of them grants to a browser counts as not played there.
"""

from typing import NamedTuple

Version = tuple[int, ...]

OLDEST: dict[str, Version] = {
    "chrome": (125,),  # 2024-05-14; Edge has the same engine
    "firefox": (126,),  # 2024-05-14
    "safari": (17, 5),  # 2024-05-13
    "ios": (17, 5),  # 2024-05-13
}
"""The oldest version in use of each browser."""

NEVER: Version = (9999,)


class Playable(NamedTuple):
    """A codec in a container, and the first version of each browser that plays it in an `<audio>` element."""

    types: tuple[str, ...]
    """Media types that it is served as."""
    codecs: tuple[str, ...]
    """FFmpeg's names."""
    chrome: Version
    firefox: Version
    safari: Version
    ios: Version
    source: str

    @property
    def is_universal(self) -> bool:
        return all(getattr(self, browser) <= version for browser, version in OLDEST.items())


_MP4 = ("audio/mp4", "video/mp4", "audio/x-m4a", "audio/m4a")
_WEBM = ("audio/webm", "video/webm")
_OGG = ("audio/ogg", "video/ogg", "audio/opus", "audio/vorbis", "application/ogg")
_WAV = ("audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave")

PLAYABLE = (
    Playable(_MP4, ("aac",), (12,), (22,), (4,), (4,), "caniuse: aac"),
    Playable(_MP4, ("alac",), NEVER, NEVER, (4,), (4,), "MDN: ALAC"),
    Playable(_MP4, ("opus",), (33,), (15,), (17,), (17,), "caniuse: opus, whose notes know WebM and CAF only"),
    Playable(("audio/mpeg", "audio/mp3"), ("mp3", "mp3float"), (4,), (22,), (4,), (4,), "caniuse: mp3"),
    Playable(
        _WAV,
        ("pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_f32le"),
        (8,), (4,), (4,), (4,),
        "caniuse: wav; MDN: 8, 16 and 24 bits, and 32 of a float",
    ),
    Playable(("audio/flac", "audio/x-flac"), ("flac",), (56,), (51,), (13,), (11,), "caniuse: flac"),
    Playable(_WEBM, ("opus",), (33,), (28,), (17, 4), (17, 4), "caniuse: opus, webm"),
    Playable(_WEBM, ("vorbis",), (25,), (28,), (17, 4), (17, 4), "caniuse: ogg-vorbis, webm"),
    Playable(_OGG, ("opus",), (33,), (15,), (18, 4), (18, 4), "caniuse: opus; in Safari with macOS 15.4 alone"),
    Playable(_OGG, ("vorbis",), (4,), (4,), (18, 4), (18, 4), "caniuse: ogg-vorbis"),
    Playable(_OGG, ("flac",), (56,), (51,), NEVER, NEVER, "MDN: FLAC"),
    Playable(("audio/aac", "audio/aacp", "audio/x-aac"), ("aac",), (12,), NEVER, (4,), (4,), "caniuse: aac, note 1"),
    Playable(("audio/aiff", "audio/x-aiff"), ("pcm_s16be",), NEVER, NEVER, (4,), (4,), "MDN: not listed; Apple's own"),
    Playable(("audio/x-caf",), ("alac", "aac", "pcm_s16le"), NEVER, NEVER, (11,), (11,), "caniuse: opus, note 1"),
    Playable(("audio/x-matroska", "video/x-matroska"), ("opus",), NEVER, NEVER, NEVER, NEVER, "MDN: not listed"),
)  # fmt: skip
"""What some browser plays. Whatever is not listed is played by none, or not by all."""

RFC_6381 = {"mp4a": "aac", "1": "pcm_s16le", "3": "pcm_f32le"}
"""FFmpeg's name of what stands before the first dot of a codec in a media type, where it is another one."""


def is_universal(mime: str, codec: str | None = None) -> bool:
    """Whether every browser in use plays this media type. `codec`: FFmpeg's name, where it is known.

    Without a codec, also in the type, it is taken for the most frequent one of its container.
    """
    essence, _, parameters = mime.partition(";")
    codec = codec or _codec_of(parameters)
    return any(
        row.is_universal and essence.strip() in row.types and (codec is None or codec in row.codecs) for row in PLAYABLE
    )


def _codec_of(parameters: str) -> str | None:
    """FFmpeg's name of the codec that a media type names."""
    name, _, value = parameters.strip().partition("=")
    if name.strip() != "codecs" or not value:
        return None
    head = value.strip(' "').partition(",")[0].partition(".")[0]
    return RFC_6381.get(head, head)
