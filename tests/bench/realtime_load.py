"""What is done to one fan-out server, by a load generator in C: one in Python would be slower than what it measures."""

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from tests.bench.realtime_peers import MISSED_EVENTS, CannotMeasure, Contender, compile_c

EVENT_BYTES = 300
OUTSTANDING = (1, 2, 64)
"""Events that are on the way at once: one by one, and in bursts."""

FAULT_COUNTS = ("deliveries_lost", "gaps", "deliveries_twice", "sockets_lost")
"""What a server did wrong; of these the sum of all runs counts."""

RECONNECTING_SOCKETS = 10_000
"""Browsers that a deploy drops on a busy day."""

CORES_TAKEN_BY_OTHERS = "cores_taken_by_others"

BUSY_CPU_TIMES = ("user", "nice", "system", "irq", "softirq", "steal")
"""Linux counts the work of the loopback as softirq, and to the process in whose time it was done as well."""

EVENTS_PER_S = 10
"""While latency is measured: people change clips, at most."""

IDLE_FACTOR = 5
"""Times the other measurements' sockets, so that handshakes take more than an instant and memory has pages to count."""

WARM_UP_SOCKETS = 20
"""What a process loads with its first browsers is no cost of an idle one."""

SETTLE_S = 1.0
"""After thousands of sockets went away at once, until the server has noticed."""

RUN_TIMEOUT_S = 240
"""Longest for one call of the generator, whose own deadlines are a minute for each part."""


@dataclass(frozen=True)
class Load:
    sockets: int
    seconds: float
    """For each number of events outstanding."""
    latency_seconds: float
    large: bool
    """Whether `RECONNECTING_SOCKETS` browsers are dropped as well."""


class Generator:
    """The compiled load generator."""

    def __init__(self, source: Path, folder: Path) -> None:
        """Compile it into `folder`. Raises `CannotMeasure` where source or compiler are missing."""
        self._program = folder / "fanout_gen"
        if not source.is_file():
            raise CannotMeasure(
                f"There is no load generator at {source}. Say where its source, fanout_gen.c, is: by --generator or by "
                "FANOUT_GEN_C in the environment."
            )
        compile_c(source, self._program)

    def run(self, server: Contender, sockets: int, **options: object) -> dict[str, Any]:
        """Open so many sockets, do what the options say, and return its result."""
        arguments = {
            "url": f"ws://127.0.0.1:{server.port}{server.path}",
            "conns": sockets,
            "server_pid": ",".join(map(str, server.pids())),
            **options,
        }
        words = [word for name, value in arguments.items() for word in (f"--{name.replace('_', '-')}", str(value))]
        try:
            done = subprocess.run(
                [str(self._program), *words], capture_output=True, text=True, check=False, timeout=RUN_TIMEOUT_S
            )
        except subprocess.TimeoutExpired as error:
            raise CannotMeasure(f"The load generator did not end within {RUN_TIMEOUT_S} s.") from error
        if done.returncode:
            raise CannotMeasure(f"The load generator ended with {done.returncode}: {done.stderr}{done.stdout[-500:]}")
        result: dict[str, Any] = json.loads(done.stdout)
        if result["opened"] < sockets:
            raise CannotMeasure(
                f"Of {sockets} sockets {result['opened']} were opened; its log ends:\n{server.log_tail(5)}"
            )
        return result


def measure(server: Contender, generator: Generator, load: Load) -> dict[str, float]:
    """All figures of a server that was just started."""
    generator.run(server, WARM_UP_SOCKETS, duration=0.1)
    time.sleep(SETTLE_S)
    figures = {"sockets": float(load.sockets)}
    with note_cores_taken_by_others(figures):
        _measure(server, generator, load, figures)
    return figures


def _measure(server: Contender, generator: Generator, load: Load, figures: dict[str, float]) -> None:
    figures |= idle(server, generator, min(IDLE_FACTOR * load.sockets, server.max_sockets))
    time.sleep(SETTLE_S)
    figures |= fan_out(server, generator, load)
    if server.replays:
        for sockets in [load.sockets, *([RECONNECTING_SOCKETS] if load.large else [])]:
            time.sleep(SETTLE_S)
            figures[f"back_{sockets}_s"] = reconnect_all(server, generator, sockets)


@contextmanager
def note_cores_taken_by_others(figures: dict[str, float]) -> Iterator[None]:
    """Note how many cores were taken by what does not belong to the measurement: above 0.1, measure again."""
    began, busy, own = time.monotonic(), _busy_s(), _own_s()
    yield
    figures[CORES_TAKEN_BY_OTHERS] = max(_busy_s() - busy - (_own_s() - own), 0) / (time.monotonic() - began)


def _busy_s() -> float:
    """CPU seconds of the whole machine, and those that its host gave to another one."""
    times = psutil.cpu_times()
    return float(sum(getattr(times, name, 0) for name in BUSY_CPU_TIMES))


def _own_s() -> float:
    """CPU seconds of this process, of its children that ended (the generator), and of those that run."""
    own = psutil.Process()
    ended = own.cpu_times()
    alive = [process.cpu_times() for process in own.children(recursive=True)]
    spent = sum(times.user + times.system for times in [ended, *alive])
    return float(spent + ended.children_user + ended.children_system)


def idle(server: Contender, generator: Generator, sockets: int) -> dict[str, float]:
    """What it costs to come, and to be there."""
    result = generator.run(server, sockets, duration=0.1, warm=SETTLE_S)
    return {
        "handshakes_per_s": result["handshakes_per_s"],
        "cpu_us_per_handshake": result["handshake_cpu_us"],
        "kb_per_idle_socket": result["rss_per_conn_kb"],
    }


def fan_out(server: Contender, generator: Generator, load: Load) -> dict[str, float]:
    """Latency at a quiet pace, then deliveries at full speed with a fixed number of events outstanding."""
    result = generator.run(
        server,
        load.sockets,
        pub=server.publish_to,
        payload=EVENT_BYTES,
        lat_rate=EVENTS_PER_S,
        lat_secs=load.latency_seconds,
        window=",".join(map(str, OUTSTANDING)),
        duration=load.seconds,
    )
    figures = {f"latency_{name}_ms": result[f"lat_{name}_ms"] for name in ("p50", "p99", "p999")}
    for index, outstanding in enumerate(OUTSTANDING):
        figures[f"deliveries_per_s_{outstanding}"] = result[f"flood{index}_deliveries_per_s"]
        figures[f"cpu_us_per_delivery_{outstanding}"] = result[f"flood{index}_cpu_us_per_delivery"]
    lost = result["lat_lost"] + sum(result[f"flood{index}_lost"] for index in range(len(OUTSTANDING)))
    return figures | dict(zip(FAULT_COUNTS, (lost, result["gaps"], result["dups"], result["dead"]), strict=True))


def reconnect_all(server: Contender, generator: Generator, sockets: int) -> float:
    """Seconds from the loss of all lines until every browser is back and was sent each event that it missed."""
    path = server.publish_missed_events()
    result = generator.run(server, sockets, duration=0.1, storm=MISSED_EVENTS, storm_path=path)
    if result["storm_replayed_conns"] < sockets:
        raise CannotMeasure(f"Of {sockets} dropped browsers {result['storm_replayed_conns']} got what they had missed.")
    return float(result["storm_total_s"])
