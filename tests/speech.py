"""The recordings in `tests/data`: as a microphone hears them, as browsers encode them, and how well they are heard."""

import io
import re
import wave
from collections.abc import Iterable
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import cast

import av
import jiwer
import numpy as np
from numpy.typing import NDArray

DATA = Path(__file__).with_name("data")
TEXTS = {file: words for file, _, words in (line.split("\t") for line in (DATA / "texts.tsv").read_text().splitlines())}
ALL = tuple(TEXTS)

RATE = 48_000
"""Samples a second: what Opus works in and what Chromium's fake microphone wants."""

GAP_S = 0.6
"""Silence between two recordings, as a person pauses."""

Samples = NDArray[np.int16]


def words(files: Iterable[str] = ALL) -> str:
    """What is said in these recordings."""
    return " ".join(TEXTS[file] for file in files)


def word_errors(heard: str, said: str) -> float:
    """The share of wrong words: 0 if all are right. Case, punctuation and `Mr.` for `Mister` do not count."""
    return float(jiwer.wer(_plain(said), _plain(heard)))


def samples(files: Iterable[str] = ALL, *, lead_s: float = 0.3, tail_s: float = 0.3) -> Samples:
    """The recordings in a row, mono at 48 kHz, with silence before, between and after."""
    pieces: list[Samples] = [_silence(lead_s)]
    for file in files:
        pieces += [_resampled(file), _silence(GAP_S)]
    return np.concatenate([*pieces[:-1], _silence(tail_s)])


def microphone(path: Path, files: Iterable[str] = ALL, *, lead_s: float = 1.0, tail_s: float = 30.0) -> Path:
    """Write the WAV that Chromium's fake microphone plays; it starts when a page first opens the microphone.

    The silence before covers the time until the recorder runs, the one after lets a test stop when it wants to.
    """
    path.write_bytes(wav(samples(files, lead_s=lead_s, tail_s=tail_s)))
    return path


def wav(sound: Samples) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(sound.tobytes())
    return buffer.getvalue()


def encode(sound: Samples, container: str = "webm", codec: str = "libopus", bit_rate: int = 128_000) -> bytes:
    """The samples as a browser's recorder gives them: `webm` and `libopus` (Chromium), `mp4` and `aac` (Safari), …"""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as output:
        stream = cast("av.AudioStream", output.add_stream(codec, rate=RATE, layout="mono"))
        stream.bit_rate = bit_rate
        resampler = av.AudioResampler(stream.format, "mono", RATE, frame_size=stream.frame_size or 1024)
        frame = av.AudioFrame.from_ndarray(sound.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = RATE
        frame.time_base = Fraction(1, RATE)
        frame.pts = 0
        for piece in (*resampler.resample(frame), *resampler.resample(None)):
            output.mux(stream.encode(piece))
        output.mux(stream.encode(None))
    return buffer.getvalue()


def repeated(sound: Samples, seconds: float) -> Samples:
    """The same sound again and again, for as long as asked."""
    return np.resize(sound, int(seconds * RATE))


@cache
def _resampled(file: str) -> Samples:
    with av.open(str(DATA / file)) as source:
        resampler = av.AudioResampler("s16", "mono", RATE)
        frames = [piece for frame in source.decode(audio=0) for piece in resampler.resample(frame)]
        frames += resampler.resample(None)
    return np.concatenate([frame.to_ndarray().reshape(-1) for frame in frames])


def _silence(seconds: float) -> Samples:
    return np.zeros(int(seconds * RATE), np.int16)


def _plain(text: str) -> str:
    text = re.sub(r"\bmr\b", "mister", text.lower())
    return " ".join(re.sub(r"[^a-z0-9' ]+", " ", text).split())
