"""Files that a browser plays wrong, or not at all, although it says that it plays their kind.

Each was seen in `python -m tests.cases` with Chromium 151, Firefox 153 ESR and WebKitGTK 2.50. Players get a rendition
of such a file.
"""

import av

from services.transcriber.audio.part_file import PartFile

LARGE_WAV_IDS = {b"RF64", b"BW64"}
"""First bytes of WAV with sizes of 64 bits: Firefox reads neither."""

MIN_WAV_BYTES_PER_S = 16_000
"""WebKit seeks in WAV by blocks of 4096 bytes, which is half a second of 8 bits at 8 kHz."""

CODECS_OF_8_BITS = {"pcm_u8", "pcm_mulaw", "pcm_alaw"}

MAX_CHANNELS = 2
"""Of surround sound, players leave channels out, or mix them otherwise than they were heard."""


def is_misplayed(file: PartFile, demuxer: str, audio: av.AudioStream) -> bool:
    """Whether some browser that claims to play this container and codec does not play this file as it is heard."""
    context = audio.codec_context
    return (
        context.channels > MAX_CHANNELS
        or (demuxer == "wav" and _is_misplayed_wav(file, context))
        or (demuxer == "flac" and file.start > 0)  # Firefox reads no FLAC behind a tag
    )


def _is_misplayed_wav(file: PartFile, context: av.AudioCodecContext) -> bool:
    bytes_per_s = context.sample_rate * context.channels  # of the codecs with 8 bits a sample
    is_coarse = context.name in CODECS_OF_8_BITS and bytes_per_s < MIN_WAV_BYTES_PER_S
    return is_coarse or _read_id(file) in LARGE_WAV_IDS


def _read_id(file: PartFile) -> bytes:
    position = file.tell()
    file.seek(0)
    id = file.read(4)
    file.seek(position)
    return id
