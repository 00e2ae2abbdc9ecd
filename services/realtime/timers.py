"""Deadlines and pings of many connections, without a timer for each."""

from collections.abc import Iterator

from services.realtime.connection import Connection


class Deadlines:
    """Connections that have the same number of seconds for something, in the order in which they began."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._started: dict[Connection, float] = {}

    def __contains__(self, connection: Connection) -> bool:
        return connection in self._started

    def add(self, connection: Connection, now: float) -> None:
        self._started[connection] = now

    def remove(self, connection: Connection) -> None:
        self._started.pop(connection, None)

    def pop_expired(self, now: float) -> list[Connection]:
        """Remove and return the connections whose time is over."""
        expired = []
        for connection, started in self._started.items():
            if started + self._seconds > now:
                break
            expired.append(connection)
        for connection in expired:
            del self._started[connection]
        return expired


class PingRounds:
    """Connections spread over the seconds of the ping interval, so that not all are pinged at once."""

    def __init__(self, interval_s: int) -> None:
        self._rounds: list[set[Connection]] = [set() for _ in range(interval_s)]
        self._next_round = 0
        self._second = 0

    def __iter__(self) -> Iterator[Connection]:
        return (connection for connections in self._rounds for connection in connections)

    def add(self, connection: Connection) -> None:
        connection.ping_round = self._next_round
        self._rounds[connection.ping_round].add(connection)
        self._next_round = (self._next_round + 1) % len(self._rounds)

    def remove(self, connection: Connection) -> None:
        self._rounds[connection.ping_round].discard(connection)

    def next_second(self) -> list[Connection]:
        """Go on by one second, and return the connections to ping in it."""
        self._second = (self._second + 1) % len(self._rounds)
        return list(self._rounds[self._second])
