"""`make bench-hearing`: word errors in sound that is hard to hear, and words in sound without any.

With `--before CHECKOUT` the engine of another commit hears the same files: `git worktree add --detach CHECKOUT COMMIT`.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import av
import numpy as np

from services.transcriber.models.registry import BUNDLED_MODEL
from tests import speech
from tests.bench.said import FOLDER, Said, joined, utterances
from tests.bench.transcription import folder_of
from tests.servers.stack import ROOT
from tests.services.transcriber import sounds

MULTILINGUAL = "base"

QUIET_CASE = ROOT.parent / "shared" / "cases" / "quiet.wav"
QUIET_WORDS = (
    "And so my fellow Americans, ask not what your country can do for you, ask what you can do for your country."
)

GERMAN = (
    "Guten Morgen. Heute ist das Wetter sehr schön, und wir gehen am Nachmittag in den großen Garten. "
    "Meine Schwester kommt mit dem Zug aus Hamburg und bringt uns frisches Brot und Käse mit."
)

NOISE_DB = 5
"""The speech is so much louder than the noise."""


class Kind(NamedTuple):
    """A sound, what is said in it, and whether the model must know several languages."""

    content: bytes
    said: str
    is_multilingual: bool = False


def hard_kinds(said: Said) -> Iterator[tuple[str, Kind]]:
    """Speech as it was recorded, and as people bring it."""
    yield "as recorded", Kind(speech.wav(said.samples), said.text)
    for peak_db in (-52, -60):
        yield f"peak {peak_db} dBFS", Kind(speech.wav(at_peak(said.samples, peak_db)), said.text)
    if QUIET_CASE.exists():
        yield "quiet.wav", Kind(QUIET_CASE.read_bytes(), QUIET_WORDS)
    yield "opposite phase", Kind(stereo(said.samples, -said.samples), said.text)
    yield "silent first track", Kind(tracks(np.zeros_like(said.samples), said.samples), said.text)
    for colour, name in enumerate(("white", "pink")):
        noise = np.resize(sounds.coloured(colour), len(said.samples))
        level = np.std(said.samples[said.samples != 0]) / 10 ** (NOISE_DB / 20)
        noisy = (said.samples + noise * level).clip(-32768, 32767).astype(np.int16)
        yield f"{name} noise {NOISE_DB} dB below", Kind(speech.wav(noisy), said.text)
    german = spoken_german()
    if german is None:
        say("no German: it is made with espeak-ng, which is not installed")
    else:
        english = next(iter(utterances(FOLDER).values()))
        both = Said(np.concatenate([english.samples, np.zeros(speech.RATE, np.int16), german]), english.text)
        yield "English, then German", Kind(speech.wav(both.samples), f"{both.text} {GERMAN}", is_multilingual=True)


def wordless_kinds() -> Iterator[tuple[str, Kind]]:
    """Half a minute of each sound without words, well recorded and very soft."""
    for name, make in sounds.SPEECHLESS.items():
        for loudest in (sounds.LOUDEST, 33):
            yield f"{name}, peak {loudest}", Kind(sounds.wav(make(), loudest), "")


def at_peak(sound: speech.Samples, peak_db: float) -> speech.Samples:
    gain = 10 ** (peak_db / 20) * 32767 / int(np.abs(sound.astype(np.int32)).max())
    return (sound * gain).astype(np.int16)


def stereo(left: speech.Samples, right: speech.Samples) -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "stereo.wav"
        with av.open(path, "w") as output:
            stream = output.add_stream("pcm_s16le", rate=speech.RATE, layout="stereo")
            _encode(output, stream, np.stack([left, right], axis=1).reshape(1, -1), "stereo")
        return path.read_bytes()


def tracks(*each: speech.Samples) -> bytes:
    """A Matroska file with so many tracks."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "tracks.mkv"
        with av.open(path, "w") as output:
            streams = [output.add_stream("pcm_s16le", rate=speech.RATE, layout="mono") for _ in each]
            for stream, sound in zip(streams, each, strict=True):
                _encode(output, stream, sound.reshape(1, -1), "mono")
        return path.read_bytes()


def _encode(output: av.container.OutputContainer, stream: av.AudioStream, packed: Any, layout: str) -> None:
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(packed), format="s16", layout=layout)
    frame.sample_rate, frame.pts = speech.RATE, 0
    output.mux(stream.encode(frame))
    output.mux(stream.encode(None))


def spoken_german() -> speech.Samples | None:
    """By a synthesizer, where one is installed."""
    program = shutil.which("espeak-ng")
    if program is None:
        return None
    with TemporaryDirectory() as folder:
        path = Path(folder) / "german.wav"
        subprocess.run([program, "-v", "de", "-s", "140", "-w", path, GERMAN], check=True)
        with av.open(path) as source:
            resampler = av.AudioResampler("s16", "mono", speech.RATE)
            frames = [piece for frame in source.decode(audio=0) for piece in resampler.resample(frame)]
    return np.concatenate([frame.to_ndarray()[0] for frame in frames])


def hear(checkout: Path, model: Path, files: Mapping[str, Path]) -> dict[str, Any]:
    """What the engine of a checkout finds in files, by their names."""
    worker: list[str | Path] = [sys.executable, Path(__file__).with_name("hearing_worker.py"), model, *files.values()]
    environment = os.environ | {"PYTHONPATH": str(checkout), "LOG_LEVEL": "warning"}
    done = subprocess.run(worker, env=environment, cwd=checkout, stdout=subprocess.PIPE, check=True, text=True)
    found = json.loads(done.stdout.splitlines()[-1])
    return {name: found[str(path)] for name, path in files.items()}


def figures(kind: Kind, found: Mapping[str, Any]) -> str:
    """Word errors, or the number of words where there are none; seconds of speech not understood; processor time."""
    if "rejected" in found:
        return "not taken"
    words = len(found["text"].split())
    errors = f"{speech.word_errors(found['text'], kind.said):6.1%}" if kind.said else f"{words} words"
    lost_s = sum(end - start for start, end in found["not_understood"]) / 1000
    return f"{errors:>8} {lost_s:5.1f} s {found['cpu_s']:6.1f} s"


def print_table(model_name: str, kinds: Mapping[str, Kind], found: Mapping[str, Mapping[str, Any]]) -> None:
    print(f"\n{model_name:32}", *(f"{f'{label}: errors, lost, CPU':>26}" for label in found), sep=" | ")
    for name in next(iter(found.values())):
        cells = (f"{figures(kinds[name], each[name]):>26}" for each in found.values())
        print(f"{name:32}", *cells, sep=" | ", flush=True)


def multilingual_model(name: str) -> Path | None:
    """The folder of a model that knows several languages, if it is on this machine."""
    if "/" in name:
        return Path(name)
    folder = ROOT / "var" / "models" / name
    return folder if (folder / "model.bin").exists() else None


def say(what: str) -> None:
    print(f"hearing: {what}", file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", type=Path, help="a checkout of another commit, to be put beside this one")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="speech, with its texts.tsv")
    parser.add_argument("--multilingual", default=MULTILINGUAL, help="a model of var/models, or a folder")
    parser.add_argument("--only", default="", help="kinds whose name has this in it")
    parser.add_argument("--each", action="store_true", help="each recording by itself, and nothing else")
    wish = parser.parse_args()
    checkouts = {"before": wish.before.absolute()} if wish.before else {}
    checkouts["now"] = ROOT
    models = {"tiny.en": folder_of(BUNDLED_MODEL)}
    multilingual = multilingual_model(wish.multilingual)
    if multilingual is None:
        say(f"no model {wish.multilingual} on this machine: what needs several languages is left out")
    else:
        models[multilingual.name] = multilingual
    if wish.each:
        kinds = {name: Kind(speech.wav(said.samples), said.text) for name, said in utterances(wish.folder).items()}
    else:
        kinds = {**dict(hard_kinds(joined(wish.folder))), **dict(wordless_kinds())}
    with TemporaryDirectory() as folder_name:
        files = {}
        for number, (name, kind) in enumerate(kinds.items()):
            if wish.only in name:
                files[name] = Path(folder_name) / f"{number}.sound"
                files[name].write_bytes(kind.content)
        for model_name, model in models.items():
            # An English model is not asked for German.
            asked = {
                name: path for name, path in files.items() if model is multilingual or not kinds[name].is_multilingual
            }
            if asked:
                print_table(model_name, kinds, {label: hear(each, model, asked) for label, each in checkouts.items()})


if __name__ == "__main__":
    main()
