"""Bounds on what the bytes of a file may become: a hundred kilobytes of FLAC can hold days of silence."""

import time
from collections.abc import Callable

from services.transcriber.audio.clock import MAX_GAP_S
from services.transcriber.errors import AudioRejected, CancellationCheck

MAX_SECONDS_PER_BYTE = 0.1
"""Speech takes 600 bytes a second at least (AMR at 4.75 kbit/s), and silence that an encoder leaves out some 20."""

MIN_PLAUSIBLE_S = 600
"""So much is taken of any file: it costs about a second to decode."""

MIN_CPU_S, MAX_CPU_RATIO = 120, 0.1
"""CPU time that the work on a sound may take, at least and as a fraction of its length, for each of its tracks.
Decoding takes 0.002 to 0.007 of it. The time of a busy or a suspended machine does not count."""

ENCODING_WORK = 4
"""Encoding may take as long as decoding so many tracks. It takes 0.05 of the length (LAME, two channels, on a core of a
server), and on the core of a small computer five times as much."""

TOO_LONG = (
    "The sound is longer than {hours:g} hours, the most that this server makes words of (MAX_AUDIO_HOURS). "
    "All of its bytes are kept."
)
IMPLAUSIBLE = "The file claims far more sound than so few bytes can hold. All of its bytes are kept."
TOO_SLOW = "The sound takes far more time to decode than sound of this length does. All of its bytes are kept."


class TooMuchSound(AudioRejected):
    """The audio exceeds a bound, whichever way it is read."""


def plausible_s(size: int) -> float:
    """The longest sound that so many bytes are believed to hold, in seconds."""
    return MIN_PLAUSIBLE_S + size * MAX_SECONDS_PER_BYTE


class SoundBound:
    """Adds up the sound of one track and the silence in its gaps, against what its bytes can hold."""

    def __init__(self, size: Callable[[], int]) -> None:
        self._size = size
        """Bytes that were read so far: a stream grows."""
        self._sound_s = self._silence_s = 0.0

    def add(self, sound_s: float, silence_s: float) -> None:
        """Raise `TooMuchSound` when there is more of it than so many bytes are believed to hold.

        The longest gap is believed of any file, and needs no bytes.
        """
        self._sound_s += sound_s
        self._silence_s += silence_s
        max_s = plausible_s(self._size())
        if self._sound_s > max_s or self._sound_s + self._silence_s > max_s + MAX_GAP_S:
            raise TooMuchSound(IMPLAUSIBLE)


class TimeBudget:
    """The CPU time of the thread that makes it, from now on, for work on sound of a known length."""

    def __init__(self, decoded_s: float, check_cancelled: CancellationCheck, *, encoded_s: float = 0) -> None:
        """`decoded_s` is the length of all tracks together, and `encoded_s` that of what is made of them."""
        self._end = time.thread_time() + max(MIN_CPU_S, (decoded_s + ENCODING_WORK * encoded_s) * MAX_CPU_RATIO)
        self._check_cancelled = check_cancelled

    def check(self) -> None:
        """A `CancellationCheck` that also raises `TooMuchSound` when the time is spent."""
        self._check_cancelled()
        if time.thread_time() > self._end:
            raise TooMuchSound(TOO_SLOW)
