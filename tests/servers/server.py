"""A server process of the tests: ready when it answers, stopped, killed or frozen at will, gone with the test run."""

import atexit
import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Self

import psutil

from tests.servers.preloaded import ForkedProcess

READY_S = 30.0
"""Seconds to become ready. The slowest needs 2 on an idle machine; a loaded one may take ten times as long."""

STOP_S = 15.0
"""Seconds to end when asked politely; a server that takes longer is killed, and that is an error."""

PORTS = range(12_000, 32_000)
"""Below the ephemeral range (Linux 32768, macOS 49152): otherwise a client that retries a dead server's port may be
given this very port as its own and connect to itself (TCP's simultaneous open)."""

running: list["Server"] = []
"""Every server that was started and not closed, so that a failing test can show what they wrote."""


class ServerFailed(Exception):
    """A server did not do what the test run needs of it."""


class Server(ABC):
    """One process in a process group and a folder of its own.

    `start` and `stop` may be called twice. `kill` is kill -9 of the whole tree; `pause` freezes it (SIGSTOP), so that
    connections stay open and nobody answers. After `stop` or `kill`, `start` finds the same folder and port again.
    """

    name: str
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM

    def __init__(self) -> None:
        self.folder = new_folder(self.name)
        self.port = free_port()
        self._process: psutil.Popen | ForkedProcess | None = None

    # -- what each server says about itself ---------------------------------------------------------------------

    @abstractmethod
    def command(self) -> list[str]:
        """What starts it."""

    @abstractmethod
    def check(self) -> None:
        """Raise anything as long as the server is not ready for work; called again and again during `start`."""

    def environment(self) -> Mapping[str, str]:
        """Few variables: a developer's own AWS_, PG or PYTHON settings change no result."""
        return {"PATH": os.environ.get("PATH", ""), "HOME": str(self.folder), "TMPDIR": str(self.folder)}

    def working_folder(self) -> Path:
        return self.folder

    def identity(self) -> dict[str, Any]:
        """Arguments of `subprocess` that say who runs it; none: whoever runs the tests."""
        return {}

    def spawn(self) -> psutil.Popen | ForkedProcess:
        """Start its process, the leader of a session of its own, which writes to the end of `log_path`."""
        with self.log_path.open("ab") as log:
            return psutil.Popen(
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=dict(self.environment()),
                cwd=self.working_folder(),
                start_new_session=True,
                **self.identity(),
            )

    # -- what can be done with it -------------------------------------------------------------------------------

    def start(self) -> Self:
        """Start and wait until it is ready; wake it up if it is paused; do nothing if it runs."""
        self.launch()
        self.wait_until_ready()
        return self

    def launch(self) -> None:
        """`start` without the waiting, so that several can start side by side."""
        if self.is_running():
            self.resume()
            return
        self._process = self.spawn()
        tell_reaper(f"process {self._process.pid} {int(self.stop_signal)}")
        if self not in running:
            running.append(self)

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_S
        while True:
            try:
                self.check()
                return
            except Exception as error:
                ended = self.exit_status
                if ended is not None or time.monotonic() > deadline:
                    found = f"ended with {ended}" if ended is not None else f"was not ready after {READY_S:.0f} s"
                    self.kill()
                    raise ServerFailed(
                        f"{self.name} was started on port {self.port} and {found}; the last answer was: {error!r}. "
                        f"The end of its log, {self.log_path}:\n{self.log_tail()}"
                    ) from error
                time.sleep(0.02)

    def stop(self) -> None:
        """Ask it to end, and wait for that."""
        if self._process is None:
            return
        tree = self._tree()
        self.resume()
        with contextlib.suppress(psutil.NoSuchProcess):
            self._process.send_signal(self.stop_signal)
        if not _wait_until_gone(tree):
            self.kill()
            raise ServerFailed(
                f"{self.name} was sent {self.stop_signal.name}, still ran {STOP_S:.0f} s later, and was killed. "
                f"The end of its log:\n{self.log_tail()}"
            )
        self._forget()

    def terminate(self, within_s: float) -> int:
        """Ask it to end, and return its exit status, negative for a signal. Raises `psutil.TimeoutExpired`."""
        assert self._process is not None
        self.resume()
        with contextlib.suppress(psutil.NoSuchProcess):
            self._process.send_signal(self.stop_signal)
        status = self._process.wait(within_s)
        self._forget()
        return status

    def kill(self) -> None:
        """End the whole tree at once, as a power cut would."""
        tree = self._tree()
        for process in tree:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        _wait_until_gone(tree)
        self._forget()

    def restart(self) -> None:
        self.stop()
        self.start()

    def pause(self) -> None:
        """Freeze it: what is connected stays connected, what connects is accepted by the kernel, nobody answers."""
        for process in self._tree():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.suspend()

    def resume(self) -> None:
        for process in self._tree():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()

    def close(self) -> None:
        """Stop for good and remove the folder."""
        try:
            self.stop()
        finally:
            if self in running:
                running.remove(self)
            remove(self.folder)

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- what can be asked --------------------------------------------------------------------------------------

    @property
    def pid(self) -> int:
        if self._process is None:
            raise ServerFailed(f"{self.name} does not run, so it has no process id; start it first")
        return int(self._process.pid)

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def exit_status(self) -> int | None:
        """How it ended by itself, negative for a signal; None while it runs, and after `stop` or `kill`."""
        return None if self._process is None else self._process.poll()

    @property
    def log_path(self) -> Path:
        return self.folder / "log"

    def log(self) -> str:
        """All that it has written so far, restarts included."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def log_tail(self, lines: int = 40) -> str:
        return "\n".join(self.log().splitlines()[-lines:]) or "(it wrote nothing)"

    # -- inside -------------------------------------------------------------------------------------------------

    def _tree(self) -> list[psutil.Process]:
        # Postgres gives each backend a session of its own, so a signal to the group would miss them.
        if self._process is None:
            return []
        with contextlib.suppress(psutil.NoSuchProcess):
            return [self._process, *self._process.children(recursive=True)]
        return [self._process]

    def _forget(self) -> None:
        if self._process is not None:
            self._process.wait()
            tell_reaper(f"ended {self._process.pid}")
            self._process = None


def _wait_until_gone(processes: list[psutil.Process]) -> bool:
    """Wait for processes that may be nobody's children any more: a zombie that init has yet to reap is gone."""
    deadline = time.monotonic() + STOP_S
    while time.monotonic() < deadline:
        processes = [each for each in processes if _is_alive(each)]
        if not processes:
            return True
        time.sleep(0.01)
    return False


def _is_alive(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def free_port() -> int:
    """A port of the loopback that nobody listens on now. Not given out twice in one run."""
    while True:
        port = _random.choice(PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            # As servers do it: a port whose last connections are still in TIME_WAIT is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            if port not in _given:
                _given.add(port)
                return port


# Of its own: whoever seeds the common generator for a test shall not make two runs choose the same ports.
_random = random.SystemRandom()
_given: set[int] = set()


def new_folder(name: str) -> Path:
    """A new folder that goes with the test run. Its path is short: Unix sockets allow 104 bytes (macOS)."""
    folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=_temporary()))
    remove_later(folder)
    return folder


def remove_later(path: Path) -> None:
    """Have a file or folder removed at the end of the run, however it ends."""
    tell_reaper(f"made {path}")


def remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
    tell_reaper(f"removed {path}")


def _temporary() -> Path:
    """Where folders go: a server that runs as another user than root must be able to walk to its folder."""
    candidates = [Path(tempfile.gettempdir()).resolve(), Path("/tmp"), Path("/var/tmp")]
    for candidate in candidates:
        if os.geteuid() != 0 or all(folder.stat().st_mode & 0o001 for folder in (candidate, *candidate.parents)):
            return candidate
    raise ServerFailed(
        f"No temporary folder was found that an ordinary user can reach; tried {', '.join(map(str, candidates))}. "
        "Point TMPDIR to a folder whose parents all have mode o+x, or run the tests as an ordinary user."
    )


def tell_reaper(line: str) -> None:
    reaper = _process_reaper()
    assert reaper.stdin is not None
    reaper.stdin.write(f"{line}\n")
    reaper.stdin.flush()


@cache
def _process_reaper() -> subprocess.Popen[str]:
    script = Path(__file__).with_name("process_reaper.py")
    reaper = subprocess.Popen(
        [sys.executable, "-I", str(script)], stdin=subprocess.PIPE, text=True, start_new_session=True, cwd="/"
    )
    atexit.register(reaper.communicate)  # closes the pipe and waits
    return reaper
