"""Speech for measurements: recordings in a folder, beside a `texts.tsv` that says what is said in each."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from services.transcriber.audio.decode import decode_file
from tests import speech
from tests.bench.realtime_peers import CannotMeasure
from tests.servers.stack import ROOT

GAP_S = 0.6
"""Silence between two recordings, as a person pauses."""

FOLDER = ROOT / "tests" / "data"


@dataclass(frozen=True)
class Said:
    """Some speech, mono at 48 kHz, and what is said in it."""

    samples: speech.Samples
    text: str

    @property
    def seconds(self) -> float:
        return len(self.samples) / speech.RATE

    def excerpt(self, start_s: float, seconds: float) -> speech.Samples:
        """So much of it, from there on, beginning anew at its end."""
        places = np.arange(int(start_s * speech.RATE), int((start_s + seconds) * speech.RATE)) % len(self.samples)
        return self.samples[places]


def utterances(folder: Path) -> dict[str, Said]:
    """The recordings of a folder, by name. `texts.tsv` has a line for each: file, seconds and text, with tabs.

    Raises `CannotMeasure` where there are none.
    """
    if not (folder / "texts.tsv").is_file():
        raise CannotMeasure(f"There is no texts.tsv in {folder}. Name a folder of recordings with --folder: {FOLDER}.")
    found = {}
    for line in (folder / "texts.tsv").read_text().splitlines():
        name, _, text = line.split("\t")
        with (folder / name).open("rb") as file:
            samples = np.concatenate(list(decode_file(file, speech.RATE)))
        found[name] = Said((samples * 32767).astype(np.int16), text.strip())
    return found


def joined(folder: Path) -> Said:
    """All of them in a row, with pauses."""
    pause = np.zeros(int(GAP_S * speech.RATE), np.int16)
    all = utterances(folder).values()
    return Said(np.concatenate([part for said in all for part in (said.samples, pause)]), " ".join(s.text for s in all))
