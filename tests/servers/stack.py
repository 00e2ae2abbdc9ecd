"""Our own services as real processes, started as in production: migrations first, then `python -m services.NAME`."""

import http.client
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Self

import psutil

from services.transcriber.models.registry import BUNDLED_MODEL
from tests.servers.preloaded import ForkedProcess, ForkServer
from tests.servers.server import Server, ServerFailed

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("api", "realtime", "transcriber")

INTERPRETER = os.environ.get("SERVICES_PYTHON") or sys.executable
"""What runs our processes: the Python of the tests, unless another one is to be tried (`make test-newest`)."""

MEASURING = "COVERAGE_PROCESS_CONFIG"
"""By this variable coverage.py measures the processes that a measured one starts."""

BUNDLE = "DICTAPHONE_TEST_BUNDLE"
"""By this variable the processes of a run with `--bundle` find the bundle."""

PYTHON = {
    "PYTHONPATH": str(ROOT),
    "PYTHONUNBUFFERED": "1",
    **({MEASURING: os.environ[MEASURING]} if MEASURING in os.environ else {}),
}
"""The root is the import path; unbuffered, so that what a process wrote last before a kill -9 is in its log."""


@cache
def fork_server(module: str) -> ForkServer:
    """One for each service and test process, from the first start on."""
    return ForkServer(module, INTERPRETER, ROOT, {"PATH": os.environ.get("PATH", ""), **PYTHON})


class Service(Server):
    """One of our processes; ready when `/readyz` says so."""

    def __init__(self, name: str, environment: Mapping[str, str]) -> None:
        self.name = name
        super().__init__()
        self._environment = environment

    def command(self) -> list[str]:
        return [INTERPRETER, "-m", self.module]

    @property
    def module(self) -> str:
        return f"services.{self.name.partition('-')[0]}"

    def spawn(self) -> psutil.Popen | ForkedProcess:
        return fork_server(self.module).fork(self.environment(), self.log_path)

    def working_folder(self) -> Path:
        return ROOT

    def environment(self) -> Mapping[str, str]:
        return {**super().environment(), **PYTHON, **self._environment, "PORT": str(self.port)}

    def check(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", "/readyz")
            response = connection.getresponse()
            body = response.read().decode(errors="replace")
        finally:
            connection.close()
        if response.status != 200:
            raise ServerFailed(f"GET /readyz was answered with {response.status}: {body[:500]}")


class Stack:
    """Some or all services on free ports, wired to each other; `with` starts them and takes them away.

    A name may carry a number, for a second process of the same service: `Stack(parts, ["api", "transcriber",
    "transcriber-2"])`. `environment` names the parts (database, Redis, store) and wins over the wiring; `DATA_DIR`
    must be in it.
    """

    def __init__(
        self, environment: Mapping[str, str], services: Iterable[str] = SERVICES, *, migrate: bool = True
    ) -> None:
        # The model that comes along, unless a server has its own: no test waits for a hundred megabytes.
        wiring = {} if environment.get("WHISPER_URL") else {"WHISPER_MODEL": BUNDLED_MODEL}
        # The page as plain modules, unless the whole run tries the bundle (`--bundle`), or this test does.
        wiring["BUNDLE_DIR"] = os.environ.get(BUNDLE, "")
        self._servers = {name: Service(name, wiring) for name in services}
        if "realtime" in self._servers:
            wiring["REALTIME_UPSTREAM"] = f"ws://127.0.0.1:{self._servers['realtime'].port}/websocket"
        if "transcriber" in self._servers:
            wiring["WAKE_URL"] = f"http://127.0.0.1:{self._servers['transcriber'].port}/wake"
        wiring.update(environment)
        self.environment: Mapping[str, str] = wiring
        self._migrate = migrate

    def __enter__(self) -> Self:
        try:
            if self._migrate:
                migrate(self.environment)
            for server in self._servers.values():
                server.launch()
            for server in self._servers.values():
                server.wait_until_ready()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Take everything away. What a process does wrong while it ends is a fault too, told after all have ended."""
        faults = []
        for server in self._servers.values():
            try:
                server.close()
            except ServerFailed as error:
                faults.append(str(error))
        if faults:
            raise ServerFailed("\n\n".join(faults))

    @property
    def api_url(self) -> str:
        return self.url("api")

    @property
    def realtime_url(self) -> str:
        """The realtime service's own WebSocket; browsers reach the same one through the api's `/websocket`."""
        return f"ws://127.0.0.1:{self['realtime'].port}/websocket"

    def url(self, name: str) -> str:
        """`http://127.0.0.1:PORT` of a service, without a slash at the end."""
        return f"http://127.0.0.1:{self[name].port}"

    def __getitem__(self, name: str) -> Service:
        if name not in self._servers:
            raise ServerFailed(f"this stack has no {name}; it was made with {', '.join(self._servers)}")
        return self._servers[name]

    def start(self, name: str) -> None:
        self[name].start()

    def stop(self, name: str) -> None:
        self[name].stop()

    def kill(self, name: str) -> None:
        self[name].kill()

    def restart(self, name: str) -> None:
        self[name].restart()

    def pid(self, name: str) -> int:
        return self[name].pid

    def log(self, name: str) -> str:
        return self[name].log()


def migrate(environment: Mapping[str, str]) -> None:
    """Bring the database of this environment to head."""
    done = subprocess.run(
        [INTERPRETER, "-m", "shared.migrations"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=ROOT,
        env={"PATH": os.environ.get("PATH", ""), **PYTHON, **environment},
        check=False,
    )
    if done.returncode:
        raise ServerFailed(f"`python -m shared.migrations` ended with {done.returncode} and wrote:\n{done.stdout}")
