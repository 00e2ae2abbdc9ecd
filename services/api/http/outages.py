"""Parts that are away: one log line when an outage begins, one when it ends, and a count in between."""

import threading
import time
from dataclasses import dataclass

import structlog
from prometheus_client import Counter

log = structlog.get_logger(__name__)

QUIET_S = 60.0
"""Seconds without a failure after which the next one is another outage, where no success has ended the first."""

FAILURES = Counter("dictaphone_failures_total", "Requests and checks that failed because a part was away", ["part"])


@dataclass
class _Outage:
    began_at: float
    last_failure_at: float
    failures: int = 1


class Outages:
    """The outages of this process, by part: `database`, `store`, `disk` and `realtime`. Any thread may call."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._outages: dict[str, _Outage] = {}

    def record_failure(self, part: str, reason: object) -> None:
        """Count a failure, and log the first one of an outage."""
        FAILURES.labels(part).inc()
        now = time.monotonic()
        with self._lock:
            outage = self._outages.get(part)
            if outage and now - outage.last_failure_at < QUIET_S:
                outage.last_failure_at = now
                outage.failures += 1
                return
            self._outages[part] = _Outage(now, now)
        log.warning("unavailable", part=part, reason=f"{type(reason).__name__}: {reason}")

    def record_success(self, part: str) -> None:
        """End the outage of a part, if there is one."""
        if part not in self._outages:
            return
        with self._lock:
            outage = self._outages.pop(part, None)
        if outage:
            seconds = round(time.monotonic() - outage.began_at, 1)
            log.info("available again", part=part, failures=outage.failures, seconds=seconds)


outages = Outages()
"""Of this process, as its log and its metrics are."""
