"""PgBouncer in transaction mode before the tests' Postgres, as Debian packages it."""

import os
import pwd
import shutil
from typing import Any
from urllib.parse import urlsplit

import psycopg

from tests.servers import debian
from tests.servers.postgres import PASSWORD, UNPRIVILEGED, Postgres
from tests.servers.server import Server

POOL_SIZE = 3
"""Connections to Postgres: fewer than a service has, so that transactions of one client meet several sessions."""

SETTINGS = """
[databases]
* = host=127.0.0.1 port={postgres_port}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {users}
pool_mode = transaction
default_pool_size = {pool_size}
max_client_conn = 200
log_connections = 0
log_disconnections = 0
"""


class PgBouncer(Server):
    """A pooler that gives each transaction whichever of its few connections is free."""

    name = "pgbouncer"

    def __init__(self, postgres: Postgres) -> None:
        super().__init__()
        self._postgres = postgres
        users = self.folder / "users.txt"
        users.write_text(f'"postgres" "{PASSWORD}"\n')
        settings = SETTINGS.format(postgres_port=postgres.port, port=self.port, users=users, pool_size=POOL_SIZE)
        (self.folder / "pgbouncer.ini").write_text(settings)
        if os.geteuid() == 0:
            for path in (self.folder, *self.folder.iterdir()):
                shutil.chown(path, UNPRIVILEGED)

    def identity(self) -> dict[str, Any]:
        """PgBouncer refuses to run as root, as Postgres does."""
        if os.geteuid() != 0:
            return {}
        return {"user": UNPRIVILEGED, "group": pwd.getpwnam(UNPRIVILEGED).pw_gid, "extra_groups": []}

    def command(self) -> list[str]:
        return [str(debian.program("pgbouncer")), str(self.folder / "pgbouncer.ini")]

    def check(self) -> None:
        with psycopg.connect(self.url(self._postgres.url()), connect_timeout=2, prepare_threshold=None) as connection:
            connection.execute("SELECT 1")

    def url(self, direct: str) -> str:
        """The URL of a database, by way of the pooler."""
        parts = urlsplit(direct)
        return parts._replace(netloc=parts.netloc.replace(f":{self._postgres.port}", f":{self.port}")).geturl()
