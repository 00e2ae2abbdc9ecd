"""Admission: which handshakes are accepted, by the page they come from and by the number of open connections."""

import resource
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import structlog
from websockets.http11 import Response

from services.realtime.http_answers import problem
from services.realtime.settings import RealtimeSettings
from shared.open_files import raise_open_files_limit
from shared.origins import SiteRules, hosts_of

log = structlog.get_logger(__name__)

RESERVED_FILES = 64
"""Open files for anything but admitted connections: Redis, the log, probes."""

MAX_CONNECTIONS_WITHOUT_LIMIT = 1_000_000
"""Connections of a process that may have any number of open files."""


@dataclass(frozen=True)
class HandshakeSite:
    """What the headers of a handshake say about the page that it comes from, and about the server that it goes to.

    Browsers always send Host, and Origin with a handshake. No page can change them or the X-Forwarded headers
    (RFC 6455, 10.2).
    """

    hosts: Sequence[str]
    """Host, and X-Forwarded-Host of a proxy."""
    origins: Sequence[str]
    forwarded_port: str = ""

    @classmethod
    def of(cls, headers: Sequence[tuple[str, str]]) -> Self:
        """Read the headers. One that comes twice counts twice."""
        values: dict[str, list[str]] = {}
        for name, value in headers:
            values.setdefault(name.lower(), []).append(value)
        return cls(
            hosts_of(values.get("host", ()), values.get("x-forwarded-host", ())),
            values.get("origin", ()),
            values.get("x-forwarded-port", [""])[-1],
        )

    def is_allowed(self, rules: SiteRules) -> bool:
        """Whether the page is our own or that of an allowed origin, or the client is no browser."""
        if not self.origins:
            return True
        return len(self.origins) == 1 and rules.is_same_site(self.origins[0], self.hosts, self.forwarded_port)


class Admission:
    """The connections that are open, in all and for each client address, and whether one more is admitted."""

    def __init__(self, settings: RealtimeSettings) -> None:
        self._settings = settings
        self.max_connections = max_connections(settings.max_connections)
        self.is_stopping = False
        """Set when the server stops: nobody is admitted any more."""
        self._open_connections = 0
        self._by_address: Counter[str] = Counter()

    def refusal(self, site: HandshakeSite, address: str) -> Response | None:
        """Return the answer that refuses a handshake, or None if it is admitted."""
        settings = self._settings
        if not settings.site_rules.are_known_hosts(site.hosts):
            return problem(421, "This server does not know the name that it was called by. Put it into ALLOWED_HOSTS.")
        if not site.is_allowed(settings.site_rules):
            return problem(
                403,
                "This request comes from another site. ALLOWED_ORIGINS names those that may; PUBLIC_URL names the "
                "page's own address, if a proxy leaves its port out of Host.",
            )
        if self.is_stopping or self._open_connections >= self.max_connections:
            return too_many_connections()
        if 0 < settings.max_connections_per_address <= self._by_address[address]:
            return problem(429, "Your address has as many connections as it may have. Close some pages.")
        return None

    def is_flooded(self, sockets: int) -> bool:
        """Whether so many sockets are open, with a handshake or without, that one more gets no time for a request."""
        return sockets > self.max_connections + RESERVED_FILES // 2

    def add(self, address: str) -> None:
        self._open_connections += 1
        self._by_address[address] += 1

    def remove(self, address: str) -> None:
        self._open_connections -= 1
        self._by_address[address] -= 1
        if not self._by_address[address]:
            del self._by_address[address]


def too_many_connections() -> Response:
    return problem(503, "This server has as many connections as it can hold. Try again later.")


def max_connections(configured: int) -> int:
    """Return how many connections this process can hold. Raise the soft limit of open files to the hard one."""
    files = raise_open_files_limit()
    possible = MAX_CONNECTIONS_WITHOUT_LIMIT if files == resource.RLIM_INFINITY else max(files - RESERVED_FILES, 1)
    if configured > possible:
        log.warning("MAX_CONNECTIONS is above the limit of open files", open_files=files, max_connections=possible)
    return min(configured or possible, possible)
