"""Start our services by fork from a process that has imported them: that saves the second which the imports take."""

import atexit
import json
import subprocess
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import psutil

POLL_S = 0.01
"""Seconds between two questions whether a process has ended."""


class ForkedProcess(psutil.Process):
    """A process that a `ForkServer` has forked, with the methods of `psutil.Popen`: its parent knows how it ended."""

    def __init__(self, parent: "ForkServer", pid: int) -> None:
        super().__init__(pid)
        self._parent = parent
        self._exit_status: int | None = None

    def poll(self) -> int | None:
        """Return the exit status, negative for a signal, or None while the process runs."""
        if self._exit_status is None:
            self._exit_status = self._parent.ask(poll=self.pid)
        return self._exit_status

    def wait(self, timeout: float | None = None) -> int:
        began = time.monotonic()
        while (status := self.poll()) is None:
            if timeout is not None and time.monotonic() - began > timeout:
                raise psutil.TimeoutExpired(timeout, self.pid)
            time.sleep(POLL_S)
        return status


class ForkServer:
    """`python -m tests.servers.fork_server`. It ends with the test run, when the pipe to it closes."""

    def __init__(self, service: str, interpreter: str, folder: Path, environment: Mapping[str, str]) -> None:
        self._command = [interpreter, "-m", "tests.servers.fork_server", service]
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=folder,
            env=dict(environment),
            start_new_session=True,
        )
        self._lock = threading.Lock()
        atexit.register(self._process.communicate)  # closes the pipe and waits

    def fork(self, environment: Mapping[str, str], log: Path) -> ForkedProcess:
        """Start a process of the service with this environment alone; it writes to the end of `log`."""
        pid = self.ask(environment=dict(environment), log=str(log))
        assert pid is not None
        return ForkedProcess(self, pid)

    def ask(self, **request: object) -> int | None:
        assert self._process.stdin
        assert self._process.stdout
        with self._lock:
            self._process.stdin.write(f"{json.dumps(request)}\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"`{' '.join(self._command)}` ended with {self._process.wait()} instead of an answer.")
        answer: int | None = json.loads(line)
        return answer
