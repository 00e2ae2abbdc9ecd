"""`python -m tests.bench.realtime_variants`: variants of our fan-out alternate on this machine; prints JSON.

A variant is a checkout, and perhaps a number of workers: `--variant old=../before --variant new=. --variant two=.,2`.
Figures are medians of all runs, each on a server that was just started; the ratios are over the first variant. Other
programs may use the same cores: then CPU per handshake and per delivery say more than what was done in a second.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench.realtime import GENERATOR, Figures, rounded
from tests.bench.realtime_load import (
    FAULT_COUNTS,
    SETTLE_S,
    WARM_UP_SOCKETS,
    Generator,
    Load,
    fan_out,
    idle,
    note_cores_taken_by_others,
)
from tests.bench.realtime_peers import CannotMeasure, Ours
from tests.servers.server import Server, ServerFailed
from tests.servers.stack import ROOT
from tests.servers.valkey import Valkey

LATENCY_S = 2
"""Seconds of ten events each."""


@dataclass(frozen=True)
class Variant:
    label: str
    tree: Path
    workers: int

    @classmethod
    def parse(cls, text: str) -> "Variant":
        label, _, rest = text.partition("=")
        tree, _, workers = rest.partition(",")
        if not (ROOT / tree / "services/realtime").is_dir():
            raise argparse.ArgumentTypeError(f"{text!r} is not LABEL=CHECKOUT or LABEL=CHECKOUT,WORKERS")
        return cls(label, (ROOT / tree).resolve(), int(workers or 1))


class VariantServer(Ours):
    """Our server from another checkout, on one core or on all."""

    def __init__(self, variant: Variant, redis_url: str, folder: Path, core: int | None) -> None:
        super().__init__(redis_url, folder, core or 0)
        self._variant, self._is_pinned = variant, core is not None

    def working_folder(self) -> Path:
        return self._variant.tree

    def environment(self) -> Mapping[str, str]:
        variant = self._variant
        return {**super().environment(), "PYTHONPATH": str(variant.tree), "WORKERS": str(variant.workers)}

    def launch(self) -> None:
        if self._is_pinned:
            super().launch()
        else:
            Server.launch(self)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--variant", action="append", type=Variant.parse, required=True, help="LABEL=CHECKOUT[,WORKERS]"
    )
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--sockets", type=int, default=1_000, help="that receive events")
    parser.add_argument("--handshakes", type=int, default=4_000)
    parser.add_argument("--seconds", type=float, default=1, help="of load, for each number of events outstanding")
    parser.add_argument("--all-cores", action="store_true", help="let server and load share all cores; else one each")
    parser.add_argument("--generator", default=GENERATOR, help="source of the load generator")
    arguments = parser.parse_args()
    runs: dict[str, list[Figures]] = {variant.label: [] for variant in arguments.variant}
    cores = os.sched_getaffinity(0)
    try:
        with tempfile.TemporaryDirectory() as folder, Valkey() as valkey:
            generator = Generator(ROOT / arguments.generator, Path(folder))
            with valkey.client() as client:
                client.config_set("requirepass", "")  # the generator knows no password
            if not arguments.all_cores:
                os.sched_setaffinity(0, {min(cores)})
            for run in range(arguments.runs):
                # Turn the order around each time, so that none always comes after the same.
                for variant in arguments.variant[:: -1 if run % 2 else 1]:
                    print(f"run {run + 1} of {arguments.runs}: {variant.label}", file=sys.stderr, flush=True)
                    with valkey.client() as client:
                        client.flushall()
                    core = None if arguments.all_cores else max(cores)
                    url = f"redis://127.0.0.1:{valkey.port}/0"
                    with VariantServer(variant, url, Path(folder), core) as server:
                        runs[variant.label].append(_measure(server, generator, arguments))
    except (CannotMeasure, ServerFailed) as error:
        sys.exit(f"The variants were not measured. {error}")
    finally:
        os.sched_setaffinity(0, cores)
    print(json.dumps(_report(runs), indent=2))


def _measure(server: VariantServer, generator: Generator, arguments: argparse.Namespace) -> Figures:
    generator.run(server, WARM_UP_SOCKETS, duration=0.1)
    time.sleep(SETTLE_S)
    figures: Figures = {}
    with note_cores_taken_by_others(figures):
        figures |= idle(server, generator, arguments.handshakes)
        time.sleep(SETTLE_S)
        load = Load(arguments.sockets, seconds=arguments.seconds, latency_seconds=LATENCY_S, large=False)
        figures |= fan_out(server, generator, load)
    return figures


def _report(runs: Mapping[str, list[Figures]]) -> dict[str, Any]:
    medians = {
        label: {name: rounded(median(run[name] for run in figures)) for name in figures[0] if name not in FAULT_COUNTS}
        for label, figures in runs.items()
    }
    first = next(iter(medians.values()))
    return {
        "medians": medians,
        "ratios": {
            label: {name: rounded(value / first[name]) for name, value in each.items() if first[name]}
            for label, each in medians.items()
            if each is not first
        },
        "faults": {
            label: {name: sum(run[name] for run in each) for name in FAULT_COUNTS} for label, each in runs.items()
        },
        "each": runs,
    }


if __name__ == "__main__":
    main()
