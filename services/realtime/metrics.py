"""Metrics of all processes that share the port: any of them answers Prometheus for all."""

import mmap
from collections.abc import Iterator, Mapping, Sequence

from prometheus_client import ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

GAUGES = {
    "connections": "Open WebSockets",
    "redis_up": "1 for each process that reads from Redis",
}
COUNTERS = {
    "events": "Events read from Redis",
    "deliveries": "Frames sent to connected clients, without replays",
    "replayed": "Frames sent to clients that reconnected",
    "resyncs": "Clients that were asked to fetch everything again",
    "redis_failures": "Times that reading from Redis failed",
    "behind": "Times that a client's send buffer was full",
    "too_slow": "Clients that were disconnected because they did not read",
    "refused": "Handshakes that were refused",
}
NAMES = (*GAUGES, *COUNTERS)


class Metrics(Collector):
    """A table in memory that forked processes share: a row for each process, a column for each metric."""

    def __init__(self, processes: int) -> None:
        table = memoryview(mmap.mmap(-1, processes * len(NAMES) * 8)).cast("d")
        self._rows = [table[start : start + len(NAMES)] for start in range(0, len(table), len(NAMES))]
        self._own_row = self._rows[0]
        self._initial_values: Sequence[float] = [0.0] * len(NAMES)
        self._process_collector = ProcessCollector(registry=None)

    def use_row(self, process: int) -> None:
        """Write to the row of this process from now on. Counters go on from where its predecessor ended."""
        self._own_row = self._rows[process]
        for column in range(len(GAUGES)):
            self._own_row[column] = 0
        self._initial_values = [0.0 if name in GAUGES else self._own_row[column] for column, name in enumerate(NAMES)]

    def update(self, values: Mapping[str, float]) -> None:
        for column, name in enumerate(NAMES):
            self._own_row[column] = self._initial_values[column] + values[name]

    def collect(self) -> Iterator[Metric]:
        """Return the sums over all processes. CPU and memory are those of the process that answers."""
        for column, (name, help_text) in enumerate((GAUGES | COUNTERS).items()):
            family = GaugeMetricFamily if name in GAUGES else CounterMetricFamily
            yield family(f"dictaphone_realtime_{name}", help_text, sum(row[column] for row in self._rows))
        yield from self._process_collector.collect()
