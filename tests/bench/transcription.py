"""`make bench-transcription`: clips an hour beside the bare engine and a peer, word errors, holes, starts, as JSON.

Contenders take turns with the same clips, so that what else happens on the machine happens to all; medians are told.
"""

import argparse
import json
import os
import platform
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import psutil
import redis
import structlog
from sqlmodel import Session

from services.transcriber.models import Models
from services.transcriber.recognizers.embedded import VAD
from services.transcriber.sound import RATE
from shared.outbox import flush
from shared.transcripts import Transcript
from tests import speech
from tests.bench.realtime_peers import CannotMeasure
from tests.bench.said import FOLDER, Said, joined, utterances
from tests.bench.transcription_peers import Bare, Contender, FasterWhisperServer, Ours, Worker
from tests.bench.uploads import MIB, peak
from tests.servers.stack import ROOT

CONTENDERS: Sequence[type[Contender]] = (Bare, Ours, FasterWhisperServer)

CLIP_S = 30
STEP_S = 7
"""Each clip begins so much later in the speech than the one before: no two are the same."""

STARTS = 20
IDLE_S = 30
HOUR_S = 3600


def clips(said: Said, number: int, folder: Path) -> list[Path]:
    """So many different ones, as a browser records them."""
    found = []
    for place in range(number):
        found.append(folder / f"{place}.webm")
        found[-1].write_bytes(speech.encode(said.excerpt(place * STEP_S, CLIP_S)))
    return found


def throughput(model: Path, wish: argparse.Namespace, workshop: Path) -> dict[str, Any]:
    """Clips of 30 s an hour, of each contender in turn."""
    with TemporaryDirectory() as folder:
        files = clips(joined(wish.folder), wish.clips, Path(folder))
        per_hour: dict[str, list[float]] = defaultdict(list)
        left_out: dict[str, str] = {}
        for run in range(wish.runs):
            start = run % len(CONTENDERS)
            for contender in (*CONTENDERS[start:], *CONTENDERS[:start]):
                if contender.label in left_out:
                    continue
                say(f"run {run + 1} of {wish.runs}: {contender.label}")
                try:
                    with contender(model, workshop) as one:
                        one.transcribe(files[:2])  # the model is loaded by the first
                        others = _busy()
                        seconds = one.transcribe(files)
                        say(f"{wish.clips * 3600 / seconds:.0f} clips an hour, {_busy(others):.2f} cores busy")
                except CannotMeasure as error:
                    left_out[contender.label] = str(error)
                else:
                    per_hour[contender.label].append(wish.clips * 3600 / seconds)
    medians = {label: round(median(each)) for label, each in per_hour.items()}
    return {
        "clips_per_hour": medians,
        "each": {label: [round(one) for one in each] for label, each in per_hour.items()},
        "ours_to": {label: round(medians["ours"] / one, 2) for label, one in medians.items() if label != "ours"},
        "left_out": left_out,
    }


def accuracy(worker: Worker, folder: Path, wish: argparse.Namespace) -> dict[str, Any]:
    """Word errors of all speech in a row and by utterance, and the longest stretch of speech without words."""
    whole = joined(wish.folder)
    single = utterances(wish.folder)
    files = []
    for name, said in {"all": whole, **single}.items():
        files.append(folder / f"{name}.webm")
        files[-1].write_bytes(speech.encode(said.samples))
    first, *others = worker.wait(worker.put_all(files))
    heard, right = " ".join(clip.text or "" for clip in others), " ".join(each.text for each in single.values())
    return {
        "word_errors_joined": round(speech.word_errors(first.text or "", whole.text), 4),
        "word_errors_by_utterance": round(speech.word_errors(heard, right), 4),
        "longest_hole_s": round(_longest_hole(worker, first.id, whole), 2),
    }


def _longest_hole(worker: Worker, id: Any, said: Said) -> float:
    """The most speech, by the detector, in a stretch between two words."""
    from faster_whisper.vad import VadOptions, get_speech_timestamps

    with Session(worker.engine) as session:
        revision = session.exec(Transcript.timed(id)).one()
    words = [word for passage in revision.passages or () for word in passage["words"]]
    edges = [0.0, *(at / 1000 for word in words for at in (word["start_ms"], word["end_ms"])), said.seconds]
    sound = (said.samples[::3] / 32768).astype(np.float32)
    spoken = get_speech_timestamps(sound, VadOptions(**VAD, speech_pad_ms=0))
    holes = [
        sum(max(0.0, min(end, span["end"] / RATE) - max(start, span["start"] / RATE)) for span in spoken)
        for start, end in zip(edges[::2], edges[1::2], strict=True)
    ]
    return float(max(holes))


def starts(worker: Worker, file: Path) -> dict[str, float]:
    """Seconds from the commit of a clip to its first attempt, and to the attempt at its words, on an idle worker."""
    first: list[float] = []
    words: list[float] = []
    for _ in range(STARTS):
        id = worker.put(file.read_bytes())
        began = time.monotonic()
        flush(worker.engine, worker.outlet)
        for attempt, found in ((1, first), (2, words)):
            while worker.clip(id).attempt < attempt:
                time.sleep(0.002)
            found.append(time.monotonic() - began)
        worker.wait([id])
        time.sleep(0.3)
    return {
        "first_attempt_median_s": round(median(first), 3),
        "first_attempt_most_s": round(max(first), 3),
        "words_median_s": round(median(words), 3),
        "words_most_s": round(max(words), 3),
    }


def idle(worker: Worker) -> float:
    """Commands a minute that an idle worker sends to Redis."""
    with redis.Redis.from_url(worker.settings.redis_url.get_secret_value()) as client:
        before: Any = client.info("stats")
        time.sleep(IDLE_S)
        after: Any = client.info("stats")
    # The last one that asked counts itself.
    return float((after["total_commands_processed"] - before["total_commands_processed"] - 1) * 60 / IDLE_S)


def hour(worker: Worker, folder: Path, wish: argparse.Namespace) -> dict[str, Any]:
    """An hour of speech: memory above the loaded model, time, and word errors."""
    said = joined(wish.folder)
    file = folder / "hour.webm"
    file.write_bytes(speech.encode(said.excerpt(0, HOUR_S)))
    pid = worker.stack.pid("transcriber")
    before = peak(pid, reset=True)
    began = time.monotonic()
    (clip,) = worker.wait(worker.put_all([file]))
    seconds = time.monotonic() - began
    times, rest = divmod(HOUR_S, said.seconds)
    text = " ".join([said.text] * int(times + (rest > 0)))
    return {
        "above_the_loaded_model_mib": round((peak(pid) - before) / MIB),
        "loaded_mib": round(before / MIB),
        "of_real_time": round(seconds / HOUR_S, 3),
        "words": len((clip.text or "").split()),
        "words_said": round(len(text.split()) * HOUR_S / (said.seconds * int(times + (rest > 0)))),
    }


def ours(model: Path, wish: argparse.Namespace, workshop: Path) -> dict[str, Any]:
    with TemporaryDirectory() as name, Ours(model, workshop) as one:
        folder = Path(name)
        (note,) = clips(joined(wish.folder), 1, folder)
        one.transcribe([note])
        say("word errors")
        figures: dict[str, Any] = accuracy(one.worker, folder, wish)
        say("starts")
        figures["start"] = starts(one.worker, note)
        say("idleness")
        figures["redis_commands_a_minute"] = idle(one.worker)
        if wish.large:
            say("an hour")
            figures["hour"] = hour(one.worker, folder, wish)
    return figures


def _busy(before: Any = None) -> Any:
    """All cores' time now; or, since `before`, how many of them were busy, with whatever."""
    times = psutil.cpu_times()
    now = (sum(times) - times.idle - times.iowait - times.guest - times.guest_nice, time.monotonic())
    return now if before is None else (now[0] - before[0]) / (now[1] - before[1])


def say(what: str) -> None:
    print(f"bench-transcription: {what}", file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="speech, with its texts.tsv")
    parser.add_argument("--model", action="append", help="names or folders; tiny.en, if none is given")
    parser.add_argument("--clips", type=int, default=16, help="of 30 s, in each run")
    parser.add_argument("--runs", type=int, default=3, help="of each contender, in turn")
    parser.add_argument("--large", action="store_true", help="an hour in one clip as well")
    parser.add_argument("--accuracy-only", action="store_true", help="no contenders but ours")
    parser.add_argument("--workshop", type=Path, default=ROOT / "var" / "bench", help="where the peer is installed")
    wish = parser.parse_args()
    wish.workshop.mkdir(parents=True, exist_ok=True)
    report: dict[str, Any] = {
        "machine": {
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "date": datetime.now(UTC).date().isoformat(),
        }
    }
    # What is printed is JSON and nothing else.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    models = Models(ROOT / "var" / "models")
    for name in wish.model or ["tiny.en"]:
        fetch = models.want(str(Path(name).absolute()) if "/" in name else name)
        say(f"waiting for the model {name}")
        fetch.ready.wait()
        assert fetch.folder
        figures = ours(fetch.folder, wish, wish.workshop)
        if not wish.accuracy_only:
            figures |= throughput(fetch.folder, wish, wish.workshop)
        report[name] = figures
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
