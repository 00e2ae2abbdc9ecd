"""Where the speech stands in a sound, by its samples: to the millisecond, and without a recognizer."""

import contextlib
import io
from dataclasses import dataclass

import av
import numpy as np
from numpy.typing import NDArray

from tests.cases.source import FIRST_WORDS_S, LAST_WORDS_S, RATE, speech

PLACE_RATE = 8000
"""Samples a second that are compared: what every codec for telephones keeps."""

MIN_LIKENESS = 0.4
"""Of a stretch that counts as found, from 0 to 1. The worst codecs here (AMR at 12 kbit/s, GSM) reach 0.7."""

MIN_SHARE = 0.75
"""A place is as good as the best one from this share of its likeness on: the speech may be there twice."""

Row = NDArray[np.float32]


@dataclass(frozen=True)
class Places:
    """Where the first and the last words of the speech begin in a sound, in seconds; None: they are not there."""

    first_s: float | None
    last_s: float | None


def find_speech(sound: Row, rate: int, from_s: float, to_s: float) -> Places:
    """Look for a part of the speech: the earliest place of its beginning and the latest one of its end."""
    heard = at_place_rate(sound, rate)
    first, last = _stretches(from_s, to_s)
    starts, ends = _places(heard, first), _places(heard, last)
    return Places(starts[0] if starts else None, ends[-1] if ends else None)


def expected_places(at_s: float, from_s: float, to_s: float, last_at_s: float) -> Places:
    """Where `find_speech` finds both if the first copy of this part begins at `at_s`, and the last at `last_at_s`."""
    (first, _), (last, _) = _stretches(from_s, to_s)
    return Places(at_s + first - from_s, last_at_s + last - from_s)


def position_in_speech(sound: Row, rate: int) -> tuple[float, float]:
    """Where in the speech a short sound was taken from, in seconds, and how alike both are."""
    likeness = _likeness(at_place_rate(speech()[0], RATE), at_place_rate(sound, rate))
    best = int(np.argmax(likeness))
    return best / PLACE_RATE, float(likeness[best])


def at_place_rate(sound: Row, rate: int) -> Row:
    """Mono samples at `PLACE_RATE`."""
    if not len(sound):
        return sound
    frame = av.AudioFrame.from_ndarray(
        np.ascontiguousarray(sound, np.float32).reshape(1, -1), format="fltp", layout="mono"
    )
    frame.sample_rate = rate
    resampler = av.AudioResampler("fltp", "mono", PLACE_RATE)
    pieces = [piece.to_ndarray()[0] for piece in (*resampler.resample(frame), *resampler.resample(None))]
    return np.concatenate(pieces) if pieces else np.zeros(0, np.float32)


def loudest_channel(content: bytes) -> tuple[Row, int]:
    """The loudest channel of the first sound track, all samples one after another, as a simple player gives them."""
    pieces: list[Row] = []
    rate = PLACE_RATE
    with av.open(io.BytesIO(content), "r", metadata_errors="replace") as source:
        for packet in source.demux(audio=0):
            with contextlib.suppress(av.InvalidDataError):
                for frame in packet.decode():
                    assert isinstance(frame, av.AudioFrame)
                    channels, rate = frame.layout.nb_channels, frame.sample_rate
                    samples = frame.to_ndarray().astype(np.float32)
                    pieces.append(samples if frame.format.is_planar else samples.reshape(-1, channels).T)
    rows = min((len(piece) for piece in pieces), default=1)  # a file may change from mono to stereo
    sound = np.concatenate([piece[:rows] for piece in pieces], axis=1) if pieces else np.zeros((1, 1), np.float32)
    sound -= sound.mean(axis=1, keepdims=True)  # of 8 bits, 128 is silence
    return sound[int(np.argmax(np.square(sound).sum(axis=1)))], rate


def _stretches(from_s: float, to_s: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """The first and the last stretch of the speech that a part of it has whole."""
    first_s = max(FIRST_WORDS_S[0], from_s)
    first = first_s, min(first_s + FIRST_WORDS_S[1] - FIRST_WORDS_S[0], to_s)
    last_s = min(LAST_WORDS_S[1], to_s - 0.2 if to_s < LAST_WORDS_S[1] else to_s)
    last = max(from_s, last_s - (LAST_WORDS_S[1] - LAST_WORDS_S[0])), last_s
    return first, last


def _places(heard: Row, stretch_s: tuple[float, float]) -> list[float]:
    """All places of a stretch of the speech, in order."""
    wanted = at_place_rate(speech(*stretch_s)[0], RATE)
    likeness = _likeness(heard, wanted)
    if not len(likeness) or (best := float(likeness.max())) < MIN_LIKENESS:
        return []
    found: list[float] = []
    for at in np.flatnonzero(likeness >= best * MIN_SHARE):
        around = likeness[max(0, at - PLACE_RATE // 2) : at + PLACE_RATE // 2]
        if likeness[at] == around.max():
            found.append(float(at) / PLACE_RATE)
    return found


def _likeness(heard: Row, wanted: Row) -> Row:
    """How alike `wanted` is to what is heard from each sample on, from 0 to 1, whatever the gain and the phase."""
    if len(heard) < len(wanted) or not len(wanted):
        return np.zeros(0, np.float32)
    size = 1 << (len(heard) + len(wanted)).bit_length()
    product = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(wanted, size)), size)
    energy = np.concatenate([[0.0], np.cumsum(np.square(heard, dtype=np.float64))])
    local = energy[len(wanted) :] - energy[: -len(wanted)]
    floor = max(float(local.max()) * 1e-7, 1e-12)
    norm = np.sqrt(np.maximum(local, floor) * float(np.square(wanted, dtype=np.float64).sum()))
    return np.asarray(np.abs(product[: len(local)]) / norm, np.float32)
