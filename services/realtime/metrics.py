"""The counts of all processes that share a port: whichever is asked by Prometheus answers for all of them."""

import mmap
from collections.abc import Iterator, Mapping, Sequence

from prometheus_client import ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

GAUGES = {
    "connections": "Browsers that listen",
    "redis_up": "1 while the feed reads, in each process",
}
COUNTERS = {
    "events": "Events read from Redis",
    "deliveries": "Frames sent to listeners, replays left out",
    "replayed": "Frames sent to those who came back",
    "resyncs": "Listeners that were told to fetch again",
    "redis_failures": "Times that the feed lost Redis",
    "behind": "Listeners that fell behind for a while",
    "too_slow": "Listeners that did not read at all and were sent away",
    "refused": "Handshakes that were refused",
}
NAMES = (*GAUGES, *COUNTERS)


class Figures(Collector):
    """A table in memory that forked processes share, a row for each."""

    def __init__(self, processes: int) -> None:
        table = memoryview(mmap.mmap(-1, processes * len(NAMES) * 8)).cast("d")
        self._rows = [table[at : at + len(NAMES)] for at in range(0, len(table), len(NAMES))]
        self._own = self._rows[0]
        self._before: Sequence[float] = [0.0] * len(NAMES)
        self._process = ProcessCollector(registry=None)

    def take_row(self, process: int) -> None:
        """Write for this process from now on. What its predecessor counted stays counted."""
        self._own = self._rows[process]
        for place in range(len(GAUGES)):
            self._own[place] = 0
        self._before = [0.0 if name in GAUGES else self._own[place] for place, name in enumerate(NAMES)]

    def write(self, values: Mapping[str, float]) -> None:
        for place, name in enumerate(NAMES):
            self._own[place] = self._before[place] + values[name]

    def collect(self) -> Iterator[Metric]:
        """All processes together; CPU and memory are those of the process that answers."""
        for place, (name, what) in enumerate((GAUGES | COUNTERS).items()):
            family = GaugeMetricFamily if name in GAUGES else CounterMetricFamily
            yield family(f"dictaphone_realtime_{name}", what, sum(row[place] for row in self._rows))
        yield from self._process.collect()
