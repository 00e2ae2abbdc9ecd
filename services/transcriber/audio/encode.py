"""Encode samples: the forms of a clip for other devices, and recordings whose segments do not join."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import IO

import av

from services.transcriber.audio.decode import Samples
from services.transcriber.audio.demux import UNDECODABLE
from services.transcriber.audio.output import open_output
from services.transcriber.errors import AudioRejected

CD_RATE, DVD_RATE = 44_100, 48_000
"""The rates of nearly all sound that people have, and the only ones that every player and every codec here knows."""


@dataclass(frozen=True)
class Encoding:
    """A codec in a container, and how many bits it is given."""

    container: str
    """PyAV's name."""
    codec: str
    """PyAV's name."""
    mime: str
    bits_per_s: int
    """For each channel."""
    rates: tuple[int, ...] = (DVD_RATE, CD_RATE)

    def rate_for(self, rate: int) -> int:
        """The sample rate for sound of this rate: of the same family, so that nothing is lost in between."""
        return CD_RATE if CD_RATE in self.rates and rate % 11_025 == 0 else DVD_RATE


AAC = Encoding("mp4", "aac", "audio/mp4", 80_000)
"""FFmpeg's own AAC-LC. Speech in one channel is transparent from 64 kbit/s on, and music in two channels is good at
160: encoders of AAC are compared at 128, and this one needs a little more than the best."""

MP3 = Encoding("mp3", "libmp3lame", "audio/mpeg", 80_000)
"""LAME at a constant bit rate, so that every player seeks well, the oldest too. 160 kbit/s for two channels: LAME's own
listening tests find music transparent for most people from there on."""

OPUS = Encoding("webm", "libopus", "audio/webm", 64_000, rates=(DVD_RATE,))
"""Transparent for speech. Opus counts in 48,000 samples a second (RFC 7845, 4)."""


def encode(
    blocks: Iterable[Samples], target: IO[bytes], encoding: Encoding, *, rate: int, channels: int, title: str = ""
) -> None:
    """Write samples, interleaved, into one track that begins at 0 and ends where they end: players hear no padding.

    MP4 says so in its edit list, MP3 in its Xing header, WebM by its codec delay. Raises `AudioRejected` if there
    are no samples: no player takes a file without any.
    """
    layout = "stereo" if channels == 2 else "mono"
    with open_output(target, encoding.container) as output:
        if title:
            output.metadata["title"] = title
        stream = output.add_stream(encoding.codec, rate=rate, layout=layout)
        assert isinstance(stream, av.AudioStream)
        stream.bit_rate = channels * encoding.bits_per_s
        pts = 0
        for samples in blocks:
            frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="flt", layout=layout)
            frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), pts
            pts += frame.samples
            output.mux(stream.encode(frame))
        if not pts:
            raise AudioRejected(UNDECODABLE)
        output.mux(stream.encode(None))
