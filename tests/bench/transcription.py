"""`make bench-transcription`: clips an hour beside the bare engine and peers, word errors, holes, starts, as JSON.

Contenders take turns with the same clips, so that what else happens on the machine happens to all; figures are medians.
Captions have a measurement of their own, `make bench-captions`.
"""

import argparse
import json
import os
import platform
import sys
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import psutil

from services.transcriber.models.registry import DOWNLOADING, ModelRegistry
from tests.bench.realtime_load import CORES_TAKEN_BY_OTHERS, note_cores_taken_by_others
from tests.bench.realtime_peers import CannotMeasure
from tests.bench.said import Said, joined
from tests.bench.transcription_peers import CONTENDERS, Bare, Contender, OneJob, Ours
from tests.bench.transcription_worker import encoded, hour, measure
from tests.servers.server import ServerFailed
from tests.servers.stack import ROOT

SPEECH = "../shared/speech"

CLIP_S = 30
STEP_S = 7
"""Each clip begins so much later in the speech than the one before: no two are the same."""

WARM_UP = 2
"""Clips before the clock starts: the first ones load the model."""

NOTES_S = (3, 30)
NOTES = 5
"""Of each length, one at a time."""

LIMITS = {
    "ours_to_bare": (0.95, None),
    "ours_to_faster-whisper-server": (1.8, None),
    "word_errors_joined": (None, 0.033),
    "longest_hole_s": (None, 1.5),
    "start_most_s": (None, 1.0),
    "idle_redis_commands_a_minute": (None, 20),
    "above_the_loaded_model_mib": (None, 450),  # two blocks at a time, on two cores
}
"""What is to be reached: at least, at most."""

Figures = dict[str, float]


def clips(said: Said, number: int, folder: Path) -> list[Path]:
    """So many different ones, as a browser records them."""
    return [encoded(Said(said.excerpt(place * STEP_S, CLIP_S), ""), folder) for place in range(number)]


def throughput(model: Path, wish: argparse.Namespace, said: Said, folder: Path) -> dict[str, Any]:
    """Clips of 30 s an hour, of each contender in turn. A peer that cannot be had or fails is left out."""
    files = clips(said, wish.clips, folder)
    runs: dict[str, list[Figures]] = defaultdict(list)
    left_out: dict[str, str] = {}
    for run in range(wish.runs):
        start = run % len(CONTENDERS)
        for contender in (*CONTENDERS[start:], *CONTENDERS[:start]):
            if contender.label in left_out:
                continue
            say(f"run {run + 1} of {wish.runs}: {contender.label}")
            try:
                runs[contender.label].append(heap(contender, model, wish.workshop, files))
            except (CannotMeasure, ServerFailed, OSError, httpx.HTTPError) as error:
                if issubclass(contender, (Bare, Ours)):
                    raise
                left_out[contender.label] = f"{error}"
    figures = ("clips_an_hour", "cpu_s_a_clip")
    return {
        "peers": {each.label: each.title for each in CONTENDERS if each.label in runs},
        "medians": {label: {name: _median(each, name) for name in figures} for label, each in runs.items()},
        "each": {label: [one["clips_an_hour"] for one in each] for label, each in runs.items()},
        CORES_TAKEN_BY_OTHERS: {
            label: [round(one[CORES_TAKEN_BY_OTHERS], 2) for one in each] for label, each in runs.items()
        },
        **_ratios(runs),
        "left_out": left_out,
    }


def heap(contender: type[Contender], model: Path, workshop: Path, files: Sequence[Path]) -> Figures:
    """Give a contender all clips at once, or as many as it is to have."""
    files = files[:: contender.one_in]
    with contender(model, workshop) as one:
        _timed(one, files[:WARM_UP])
        one.take(files)
        taken: Figures = {}
        before, began = _cpu_s(), time.monotonic()
        with note_cores_taken_by_others(taken):
            one.transcribe()
        seconds, cpu_s = time.monotonic() - began, _cpu_s() - before
    found = {"clips_an_hour": round(len(files) * 3600 / seconds), "cpu_s_a_clip": round(cpu_s / len(files), 2)}
    say(", ".join(f"{name} {figure:.2f}" for name, figure in {**found, **taken}.items()))
    return {**found, **taken}


def notes(model: Path, workshop: Path, said: Said, folder: Path) -> dict[str, Figures]:
    """Seconds until one waiting note has its words, on an idle engine: with one thread, and with one for each core."""
    files = {f"{seconds}_s": encoded(Said(said.excerpt(0, seconds), ""), folder) for seconds in NOTES_S}
    found: dict[str, Figures] = {}
    for contender in (Bare, OneJob):
        with contender(model, workshop) as one:
            _timed(one, list(files.values()))
            found[f"threads_{contender.threads}"] = {
                name: round(median(_timed(one, [file]) for _ in range(NOTES)), 2) for name, file in files.items()
            }
    return found


def _timed(one: Contender, files: Sequence[Path]) -> float:
    one.take(files)
    began = time.monotonic()
    one.transcribe()
    return time.monotonic() - began


def _cpu_s() -> float:
    """CPU seconds of the contender and of what it needs: all that this process has started and that runs."""
    times = [child.cpu_times() for child in psutil.Process().children(recursive=True)]
    return sum(each.user + each.system for each in times)


def _median(runs: Sequence[Figures], name: str) -> float:
    return round(median(run[name] for run in runs), 2)


def _ratios(runs: Mapping[str, Sequence[Figures]]) -> Figures:
    """Ours to each other one, in the same run: what changes between runs changes both."""
    ratios = {}
    for label, each in runs.items():
        if label != Ours.label:
            # A peer that failed in a later run has fewer.
            pairs = zip(runs[Ours.label], each, strict=False)
            ratios[f"ours_to_{label}"] = round(median(a["clips_an_hour"] / b["clips_an_hour"] for a, b in pairs), 3)
    return ratios


def missed(figures: Mapping[str, Any]) -> list[str]:
    """What was measured and is not as good as it is to be."""
    found = []
    for name, (least, most) in LIMITS.items():
        figure = figures.get(name)
        if figure is not None and ((least and figure < least) or (most and figure > most)):
            found.append(f"{name} is {figure}, and is to be {f'{least} at least' if least else f'{most} at most'}")
    return found


def of_model(name: str, wish: argparse.Namespace) -> dict[str, Any]:
    """All figures with one model."""
    model = folder_of(name)
    said = joined(wish.folder)
    figures: dict[str, Any] = {}
    with TemporaryDirectory() as folder_name:
        folder = Path(folder_name)
        with Ours(model, wish.workshop) as one:
            _timed(one, clips(said, WARM_UP, folder))
            say("word errors, starts, idleness")
            figures |= measure(one.worker, folder, wish.folder)
            if wish.large:
                say("an hour")
                figures["hour"] = hour(one.worker, folder, wish.folder)
        if not wish.alone:
            say("one waiting note")
            figures["a_waiting_note_s"] = notes(model, wish.workshop, said, folder)
            figures |= throughput(model, wish, said, folder)
    return {**figures, "missed": missed({**figures, **figures.get("hour", {})})}


def folder_of(name: str) -> Path:
    """The model's folder: found on this machine, or fetched."""
    fetch = ModelRegistry(ROOT / "var" / "models").request(str(Path(name).absolute()) if "/" in name else name)
    while not fetch.ready.wait(1):
        if fetch.sentence != DOWNLOADING:
            raise CannotMeasure(fetch.sentence)
    assert fetch.folder
    return fetch.folder


def say(what: str) -> None:
    print(f"bench-transcription: {what}", file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=ROOT / SPEECH, help="speech, with its texts.tsv")
    parser.add_argument("--model", action="append", help="names or folders; tiny.en, if none is given")
    parser.add_argument("--clips", type=int, default=30, help="of 30 s, in each run")
    parser.add_argument("--runs", type=int, default=3, help="of each contender, in turn")
    parser.add_argument("--large", action="store_true", help="an hour in one clip as well")
    parser.add_argument("--alone", action="store_true", help="our worker and nothing beside it")
    parser.add_argument("--workshop", type=Path, default=ROOT / "var" / "bench", help="where peers are installed")
    wish = parser.parse_args()
    wish.workshop.mkdir(parents=True, exist_ok=True)
    try:
        models = {name: of_model(name, wish) for name in wish.model or ["tiny.en"]}
    except (CannotMeasure, ServerFailed) as error:
        sys.exit(f"Transcription was not measured. {error}")
    machine = {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "date": datetime.now(UTC).date().isoformat(),
    }
    print(json.dumps({"machine": machine, **models}, indent=2))


if __name__ == "__main__":
    main()
