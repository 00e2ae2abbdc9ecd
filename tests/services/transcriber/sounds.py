"""Half a minute of what microphones hear while nobody speaks, synthesized, the same each time."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tests import speech

SECONDS = 30
LOUDEST = 9_000
"""Of 32,767: as loud as speech that is well recorded."""

Wave = NDArray[np.float64]

AT = np.arange(SECONDS * speech.RATE) / speech.RATE


def coloured(slope: float, seed: int = 1) -> Wave:
    """Noise that loses so many times 3 dB an octave: 0 is white, 1 pink, 2 brown."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).normal(size=len(AT)))
    frequencies = np.fft.rfftfreq(len(AT), 1 / speech.RATE)
    spectrum[frequencies < 20] = 0
    spectrum[1:] *= frequencies[1:] ** (-slope / 2)
    noise = np.fft.irfft(spectrum, len(AT))
    return noise / np.std(noise)


def hum() -> Wave:
    """A cable near the mains."""
    return sum((np.sin(2 * np.pi * 50 * n * AT + n) / n for n in range(1, 9)), 0.02 * coloured(0))


def keyboard() -> Wave:
    """Each key goes down, and up a little softer; somebody thinks now and then."""
    chance, at = np.random.default_rng(2), 0.2
    sound = 0.005 * coloured(1)
    after = np.arange(int(0.05 * speech.RATE)) / speech.RATE
    while at < SECONDS - 0.3:
        for begin, strength in ((at, 1.0), (at + chance.uniform(0.06, 0.12), 0.5)):
            fade = np.exp(-after / chance.uniform(0.003, 0.008))
            click = np.convolve(chance.normal(size=len(after)), np.ones(4) / 4, "same")
            click += 0.5 * np.sin(2 * np.pi * chance.uniform(150, 400) * after)
            _add(sound, begin, strength * chance.uniform(0.4, 1) * click * fade)
        at += chance.gamma(2, 0.08) + (chance.random() < 0.06) * chance.uniform(0.5, 2)
    return sound


def music() -> Wave:
    """Chords, and a melody with a tremble above them."""
    chance, sound = np.random.default_rng(3), np.zeros(len(AT))
    chord, note = np.arange(2 * speech.RATE) / speech.RATE, np.arange(speech.RATE // 2) / speech.RATE
    chords = [(220, 277.2, 329.6), (196, 246.9, 293.7), (174.6, 220, 261.6), (164.8, 207.7, 246.9)]
    for number in range(SECONDS // 2):
        for hz in chords[number % 4]:
            tones = (np.sin(2 * np.pi * hz * n * chord) / n**1.5 for n in range(1, 7))
            _add(sound, 2 * number, 0.3 * sum(tones, np.zeros(len(chord))) * np.exp(-1.2 * chord))
    for number in range(2 * SECONDS):
        hz = chance.choice([440, 494, 523, 587, 659, 698, 784, 880])
        tones = (np.sin(2 * np.pi * hz * n * note + 0.3 * np.sin(2 * np.pi * 5 * note)) / n**1.2 for n in range(1, 6))
        _add(sound, number / 2, 0.4 * sum(tones, np.zeros(len(note))) * np.exp(-3 * note))
    return sound


def wind() -> Wave:
    """Gusts of one and a half seconds."""
    gusts = np.random.default_rng(4).uniform(0.1, 1, SECONDS)
    return coloured(2) * np.interp(AT, 1.5 * np.arange(SECONDS), gusts)


def clicks() -> Wave:
    """A metronome."""
    strokes = np.zeros(len(AT))
    strokes[:: speech.RATE // 2] = 1
    return np.convolve(strokes, np.exp(-np.arange(200) / 20), "same")


def dialling() -> Wave:
    """A telephone's keys, four a second."""
    chance, sound = np.random.default_rng(5), np.zeros(len(AT))
    tone = np.arange(int(0.12 * speech.RATE)) / speech.RATE
    for begin in np.arange(0.3, SECONDS - 0.3, 0.25):
        pair = chance.choice([697, 770, 852, 941]), chance.choice([1209, 1336, 1477])
        _add(sound, float(begin), sum((np.sin(2 * np.pi * hz * tone) for hz in pair), np.zeros(len(tone))))
    return sound


def ringing() -> Wave:
    """A telephone that nobody answers: two seconds of every six."""
    return (np.sin(2 * np.pi * 440 * AT) + np.sin(2 * np.pi * 480 * AT)) * (AT % 6 < 2)


def breathing() -> Wave:
    """In, out, and a pause: somebody who sleeps beside the microphone."""
    phase = AT % 4 / 4
    breath_in = np.sin(np.pi * np.clip(phase / 0.35, 0, 1))
    breath_out = 0.6 * np.sin(np.pi * np.clip((phase - 0.45) / 0.45, 0, 1))
    return coloured(0.5) * (breath_in + breath_out)


def throbbing() -> Wave:
    """A machine that comes and goes as often as syllables do."""
    return coloured(1) * (1 + 0.8 * np.sin(2 * np.pi * 4 * AT))


SPEECHLESS: dict[str, Callable[[], Wave]] = {
    "silence": lambda: np.zeros(len(AT)),
    "white noise": lambda: coloured(0),
    "pink noise": lambda: coloured(1),
    "brown noise": lambda: coloured(2),
    **{make.__name__: make for make in (hum, keyboard, music, wind, clicks, dialling, ringing, breathing, throbbing)},
}


def wav(wave: Wave, loudest: float = LOUDEST) -> bytes:
    return speech.wav((wave / (np.abs(wave).max() or 1) * loudest).astype(np.int16))


def _add(sound: Wave, begin_s: float, piece: Wave) -> None:
    start = int(begin_s * speech.RATE)
    sound[start : start + len(piece)] += piece
