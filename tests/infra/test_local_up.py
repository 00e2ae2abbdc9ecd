"""`make local-up`: real processes, real signals, and the printed lines."""

import asyncio
import contextlib
import os
import re
import shutil
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path

import httpx
import psutil
import pytest

from infra import local_up
from tests.servers.server import free_port

MAX_START_S = 8.0
"""Seconds that a second start may take on a quiet machine."""

STAND_IN = """
import http.server, os

class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass

http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Answer).serve_forever()
"""
"""A service that is ready and does nothing. A test puts the fault that it stages in front of it."""


class LocalUp:
    """One launcher, on ports and a folder of its own."""

    def __init__(self, root: Path, folder: Path, **env: str) -> None:
        self.port, self.realtime_port = free_port(), free_port()
        self.folder = folder
        self.lines: list[str] = []
        self._root = root
        self._seen: set[psutil.Process] = set()
        self._env = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "PORT": str(self.port),
            "REALTIME_PORT": str(self.realtime_port),
            "DATA_DIR": str(folder / "data"),
            "WHISPER_MODEL": "tiny.en",  # it comes along
            "BUNDLE_DIR": "",
            **env,
        }

    async def start(self) -> None:
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "infra.local_up",
            cwd=self._root,
            env=self._env,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            limit=2**20,
        )

    async def wait_until_ready(self) -> None:
        await self.wait_for_line(re.escape(f"http://127.0.0.1:{self.port}"))

    async def wait_for_line(self, pattern: str) -> str:
        """Wait for a whole line that matches; fail with everything that was printed if there is none."""
        assert self.process.stdout
        async with asyncio.timeout(30):
            async for line in self.process.stdout:
                self.lines.append(line.decode().rstrip("\n"))
                if re.fullmatch(pattern, self.lines[-1]):
                    return self.lines[-1]
        raise AssertionError(f"{pattern!r} is not in:\n" + "\n".join(self.lines))

    async def output_to_end(self) -> str:
        """Wait for the end, and return everything that was printed."""
        assert self.process.stdout
        async with asyncio.timeout(30):
            self.lines += (await self.process.stdout.read()).decode().splitlines()
            await self.process.wait()
        return "\n".join(self.lines)

    def processes(self) -> dict[str, psutil.Process]:
        """Every process of this launcher that was seen and still lives, itself included, by module or program."""
        with contextlib.suppress(psutil.NoSuchProcess):
            launcher = psutil.Process(self.process.pid)
            self._seen |= {launcher, *launcher.children(recursive=True)}
        alive = {}
        for process in self._seen:
            with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                if command := process.cmdline() if process.is_running() else []:  # a zombie has no command
                    module = "-m" in command[1:2]
                    alive[command[2] if module else Path(command[0]).name.partition(" ")[0]] = process
        return alive

    def is_replaced(self, name: str, process: psutil.Process) -> bool:
        return self.processes().get(name, process) != process


Launch = Callable[..., LocalUp]


@pytest.fixture
async def launch(tmp_path: Path) -> AsyncIterator[Launch]:
    """Make launchers, of this tree unless told otherwise, and leave none of their processes behind."""
    root = Path(local_up.__file__).parent.parent
    made: list[LocalUp] = []

    def make(name: str = "one", root: Path = root, **env: str) -> LocalUp:
        (tmp_path / name).mkdir(exist_ok=True)
        made.append(LocalUp(root, tmp_path / name, **env))
        return made[-1]

    yield make
    for one in made:
        left = one.processes()
        for name in sorted(left, key="infra.local_up".__ne__):  # the launcher first, or it would start them again
            with contextlib.suppress(psutil.NoSuchProcess):
                left[name].kill()
        await one.output_to_end()


@pytest.fixture
def stand_ins(tmp_path: Path) -> Path:
    """A tree with this launcher, and with stand-ins for services, since the real ones have no faults to show."""
    root = tmp_path / "tree"
    for folder in ("infra", "services", "shared"):
        (root / folder).mkdir(parents=True)
    for module in ("build_page", "local_up", "launch_plan", "supervisor"):
        (root / f"infra/{module}.py").write_text(Path(local_up.__file__).with_name(f"{module}.py").read_text())
    (root / "shared/migrations.py").touch()
    for service in ("api", "realtime", "transcriber"):
        (root / f"services/{service}.py").write_text(STAND_IN)
    return root


async def test_two_run_side_by_side_and_stop_without_a_trace(launch: Launch) -> None:
    one, two = launch("one"), launch("two")
    await asyncio.gather(one.start(), two.start())
    await asyncio.gather(one.wait_until_ready(), two.wait_until_ready())
    async with httpx.AsyncClient() as http:
        for address in (f"http://127.0.0.1:{one.port}/api/clips", f"http://127.0.0.1:{two.realtime_port}/readyz"):
            assert (await http.get(address)).status_code == 200
    for each in (one, two):
        assert set(each.processes()) >= {"infra.local_up", "services.api", "services.realtime", "services.transcriber"}

    one.process.send_signal(signal.SIGTERM)
    await one.output_to_end()
    assert one.process.returncode == 0
    assert not one.processes()
    async with httpx.AsyncClient() as http:
        assert (await http.get(f"http://127.0.0.1:{two.port}/readyz")).status_code == 200

    began = time.monotonic()
    await one.start()
    await one.wait_until_ready()
    assert time.monotonic() - began < MAX_START_S


async def test_a_killed_service_and_a_killed_redis_are_restarted(launch: Launch) -> None:
    up = launch()
    await up.start()
    await up.wait_until_ready()
    for name, module in (("redis", "valkey-server"), ("realtime", "services.realtime"), ("api", "services.api")):
        killed = up.processes()[module]
        killed.kill()
        await up.wait_for_line(rf"local-up    \| {name} was ended by signal 9; starting it again in 0.5 s")
        await wait_until(partial(up.is_replaced, module, killed))
    async with httpx.AsyncClient() as http:
        await wait_for_answer(http, f"http://127.0.0.1:{up.port}/readyz")
        await wait_for_answer(http, f"http://127.0.0.1:{up.realtime_port}/readyz")


if sys.platform == "linux":  # elsewhere the kernel does not tell a process that its parent has died

    async def test_kill_9_of_the_launcher_leaves_no_process(launch: Launch) -> None:
        up = launch()
        await up.start()
        await up.wait_until_ready()
        assert len(up.processes()) == 5
        up.process.kill()
        await wait_until(lambda: not up.processes())


async def test_a_closed_terminal_or_pipe_stops_everything(launch: Launch, stand_ins: Path) -> None:
    up = launch(root=stand_ins)
    await up.start()
    await up.wait_until_ready()
    up.process.send_signal(signal.SIGHUP)
    await up.output_to_end()
    assert up.process.returncode == 0
    assert not up.processes()

    (stand_ins / "services/api.py").write_text("while True: print('and so on')")
    await up.start()
    await up.wait_for_line(r"api         \| and so on")
    up.process._transport.get_pipe_transport(1).close()  # type: ignore[attr-defined]  # as `| head -1` does
    await wait_until(lambda: not up.processes())


async def test_a_second_ctrl_c_does_not_wait_for_a_service_that_will_not_stop(launch: Launch, stand_ins: Path) -> None:
    ignore_sigterm = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    (stand_ins / "services/api.py").write_text(ignore_sigterm + STAND_IN)
    up = launch(root=stand_ins)
    await up.start()
    await up.wait_until_ready()
    up.process.send_signal(signal.SIGINT)
    await wait_until(lambda: set(up.processes()) == {"infra.local_up", "services.api", "valkey-server"})
    up.process.send_signal(signal.SIGINT)
    assert "did not stop within" not in await up.output_to_end()
    assert not up.processes()


async def test_pauses_between_restarts_double(launch: Launch, stand_ins: Path) -> None:
    (stand_ins / "services/realtime.py").write_text("raise SystemExit('a fault at every start')")
    up = launch(root=stand_ins)
    await up.start()
    for pause in ("0.5", "1", "2"):
        await up.wait_for_line(r"realtime    \| a fault at every start")
        await up.wait_for_line(rf"local-up    \| realtime ended with status 1; starting it again in {pause} s")


async def test_settings_faults_are_printed_once_and_end_everything(launch: Launch) -> None:
    for name, subject in (("LOG_LEVEL", "The database"), ("MAX_UPLOAD_BYTES", "api")):
        up = launch(**{name: "loud"})
        await up.start()
        output = await up.output_to_end()
        assert up.process.returncode == 2
        assert output.count(f"{name}: ") == 1
        assert up.lines[-1].startswith(subject)
        assert up.lines[-1].endswith("see the lines above.")
        assert not up.processes()


async def test_a_reason_not_to_start_is_one_sentence(launch: Launch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = str(other.getsockname()[1])
        for env, sentence in (
            ({"PORT": taken}, f"Port {taken} is taken by another program. Stop it, or set PORT to a free port."),
            (
                {"REALTIME_PORT": taken},
                f"Port {taken} is taken by another program. Stop it, or set REALTIME_PORT to a free port.",
            ),
            ({"PORT": "http"}, "PORT is 'http', and a port is a number from 1 to 65535. Set PORT."),
            (
                {"PORT": "8123", "REALTIME_PORT": "8123"},
                "PORT and REALTIME_PORT are both 8123. Set one of them to another number.",
            ),
            (
                {"HOST": "192.0.2.1"},
                "HOST is '192.0.2.1', which is no address of this machine. Set HOST, or leave it out.",
            ),
            (
                {"DATA_DIR": str(tmp_path / "file/data")},
                f"{tmp_path / 'file/data'}, where recordings would be kept, cannot be written to (Not a directory). "
                "Set DATA_DIR to a folder of yours.",
            ),
        ):
            up = launch(**env)
            await up.start()
            assert await up.output_to_end() == sentence
            assert up.process.returncode == 1


async def wait_until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.02)


async def wait_for_answer(http: httpx.AsyncClient, address: str) -> None:
    async with asyncio.timeout(20):
        while True:
            with contextlib.suppress(httpx.TransportError):
                if (await http.get(address)).status_code == 200:
                    return
            await asyncio.sleep(0.02)


async def test_the_page_is_bundled_where_node_is_and_comes_as_plain_modules_elsewhere(
    launch: Launch, stand_ins: Path, tmp_path: Path
) -> None:
    without = launch("without", root=stand_ins, BUNDLE_DIR="bundle", PATH=str(tmp_path))
    await without.start()
    await without.wait_for_line(r"local-up    \| the page comes as plain modules: there is no Node.js .*")
    await without.wait_until_ready()
    if not shutil.which("npm"):
        return
    folder = tmp_path / "made"
    bundled = launch("bundled", BUNDLE_DIR=str(folder))
    await bundled.start()
    await bundled.wait_until_ready()
    async with httpx.AsyncClient() as client:
        assert "/static/bundle/" in (await client.get(f"http://127.0.0.1:{bundled.port}/")).text
