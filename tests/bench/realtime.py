"""`make bench-realtime`: the fan-out beside its peers on the same machine, alternating, as JSON.

The server has a core of its own; the load generator and Redis share another. Figures are medians of all runs, each on
a server that was just started; the ratios are ours over the peer's.
"""

import argparse
import contextlib
import json
import os
import platform
import resource
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench.realtime_load import (
    CORES_TAKEN_BY_OTHERS,
    FAULT_COUNTS,
    IDLE_FACTOR,
    RECONNECTING_SOCKETS,
    Generator,
    Load,
    measure,
)
from tests.bench.realtime_peers import CONTENDERS, CannotMeasure, Contender, Ours
from tests.servers.server import ServerFailed
from tests.servers.stack import ROOT
from tests.servers.valkey import Valkey

GENERATOR = os.environ.get("FANOUT_GEN_C", "../shared/bench/fanout_gen.c")

SPARE_FILES = 200
"""Open files that a process needs beside its sockets, by far."""

Figures = dict[str, float]

SOCKET_DEPENDENT_PREFIXES = ("latency_", "back_")
"""Figures that say nothing beside those of a peer that was given fewer sockets."""


def main() -> None:
    arguments = _arguments()
    try:
        with _cores() as (server_core, load_core), tempfile.TemporaryDirectory() as folder:
            _raise_file_limit(max(IDLE_FACTOR * arguments.sockets, RECONNECTING_SOCKETS if arguments.large else 0))
            generator = Generator(ROOT / arguments.generator, Path(folder))
            os.sched_setaffinity(0, {load_core})  # the generator and Redis inherit it
            chosen = [each for each in CONTENDERS if each is Ours or not arguments.peer or each.label in arguments.peer]
            with Valkey() as valkey:
                with valkey.client() as client:
                    client.config_set("requirepass", "")  # the generator knows no password
                runs, left_out = _alternate(chosen, generator, valkey, arguments, server_core, Path(folder))
    except (CannotMeasure, ServerFailed) as error:
        sys.exit(f"The fan-out was not measured. {error}")
    print(json.dumps(_report(runs, left_out, arguments), indent=2, ensure_ascii=False))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    labels = [each.label for each in CONTENDERS if each is not Ours]
    parser.add_argument("--runs", type=int, default=5, help="of each server; figures are their medians")
    parser.add_argument("--sockets", type=int, default=1_000, help="open browsers")
    parser.add_argument("--seconds", type=float, default=3, help="of load, for each number of events outstanding")
    parser.add_argument("--latency-seconds", type=float, default=10, help="of ten events a second")
    parser.add_argument("--large", action="store_true", help=f"drop {RECONNECTING_SOCKETS:,} browsers as well")
    parser.add_argument("--peer", action="append", choices=labels, help="all, if none is named")
    parser.add_argument("--alone", action="store_true", help="our server and no peer")
    parser.add_argument("--each", action="store_true", help="print every run's figures too")
    parser.add_argument(
        "--generator", default=GENERATOR, help="source of the load generator, from the root; else FANOUT_GEN_C"
    )
    return parser.parse_args()


@contextlib.contextmanager
def _cores() -> Iterator[tuple[int, int]]:
    """One core for the server, another for the load; back to all of them at the end."""
    if not hasattr(os, "sched_setaffinity"):
        raise CannotMeasure("Servers are pinned to a core, which needs Linux.")
    allowed = os.sched_getaffinity(0)
    if len(allowed) < 2:
        raise CannotMeasure("It needs two cores, one for the server and one for the load, and may use only one.")
    try:
        yield max(allowed), min(allowed)
    finally:
        os.sched_setaffinity(0, allowed)


def _raise_file_limit(sockets: int) -> None:
    """Servers and generator inherit it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < sockets + SPARE_FILES:
        raise CannotMeasure(
            f"{sockets} sockets at once were asked for, and a process may have {hard} files (ulimit -Hn)."
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _alternate(
    contenders: Sequence[type[Contender]],
    generator: Generator,
    valkey: Valkey,
    arguments: argparse.Namespace,
    core: int,
    folder: Path,
) -> tuple[dict[str, list[Figures]], dict[str, str]]:
    """Measure one after another, `runs` times. A peer that cannot be had or fails is left out, ours must not fail."""
    runs: dict[str, list[Figures]] = defaultdict(list)
    left_out: dict[str, str] = {}
    ready: list[type[Contender]] = []
    for contender in contenders:
        if arguments.alone and contender is not Ours:
            continue
        _print_progress(f"preparing {contender.label}")
        try:
            contender.prepare(folder)
            ready.append(contender)
        except CannotMeasure as error:
            left_out[contender.label] = str(error)
    for run in range(arguments.runs):
        # Another one begins each time, so that none always comes after the same.
        start = run % len(ready)
        for contender in [*ready[start:], *ready[:start]]:
            if contender.label in left_out:
                continue
            _print_progress(f"run {run + 1} of {arguments.runs}: {contender.label}")
            with valkey.client() as client:
                client.flushall()
            load = Load(
                sockets=min(arguments.sockets, contender.max_sockets),
                seconds=arguments.seconds,
                latency_seconds=arguments.latency_seconds,
                large=arguments.large,
            )
            try:
                with contender(f"redis://127.0.0.1:{valkey.port}/0", folder, core) as server:
                    figures = measure(server, generator, load)
            except (CannotMeasure, ServerFailed) as error:
                if contender is Ours:
                    raise
                left_out[contender.label] = f"It failed in run {run + 1}, and that run does not count. {error}"
            else:
                runs[contender.label].append(figures)
    return runs, left_out


def _print_progress(text: str) -> None:
    print(f"bench-realtime: {text}", file=sys.stderr, flush=True)


def _report(
    runs: Mapping[str, list[Figures]], left_out: Mapping[str, str], arguments: argparse.Namespace
) -> dict[str, Any]:
    medians = {label: _medians(figures) for label, figures in runs.items()}
    ours = medians[Ours.label]
    report: dict[str, Any] = {
        "machine": {
            "cores": os.cpu_count(),
            "processor": _processor(),
            "python": platform.python_version(),
            "date": datetime.now(UTC).date().isoformat(),
        },
        "runs": {label: len(figures) for label, figures in runs.items()},
        "peers": {each.label: each.title for each in CONTENDERS if each.label in runs},
        "medians": medians,
        "faults": {
            label: {name: sum(run[name] for run in each) for name in FAULT_COUNTS} for label, each in runs.items()
        },
        CORES_TAKEN_BY_OTHERS: {
            label: [rounded(run[CORES_TAKEN_BY_OTHERS]) for run in each] for label, each in runs.items()
        },
        "ours_to": {label: _ratios(ours, theirs) for label, theirs in medians.items() if label != Ours.label},
        "left_out": left_out,
    }
    if arguments.each:
        report["each"] = runs
    return report


def _medians(runs: Sequence[Figures]) -> Figures:
    return {
        name: rounded(median(run[name] for run in runs))
        for name in runs[0]
        if name not in {*FAULT_COUNTS, CORES_TAKEN_BY_OTHERS}
    }


def _ratios(ours: Figures, theirs: Figures) -> Figures:
    """Ours over theirs, of all figures that both have and that mean the same."""
    has_same_sockets = ours["sockets"] == theirs["sockets"]
    return {
        name: rounded(ours[name] / figure)
        for name, figure in theirs.items()
        if figure
        and name in ours
        and name != "sockets"
        and (has_same_sockets or not name.startswith(SOCKET_DEPENDENT_PREFIXES))
    }


def rounded(figure: float) -> float:
    """Three digits are more than two runs agree on."""
    return round(figure) if figure >= 1_000 else float(f"{figure:.3g}")


def _processor() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


if __name__ == "__main__":
    main()
