"""The fan-out servers that are measured: ours, and what others would use. Each takes a core of its own."""

import http.client
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

import psutil
import redis

from shared.libraries import HOME
from shared.redis.streams import append_event, stream_key
from tests.servers.server import Server
from tests.servers.stack import PYTHON, ROOT

PEERS = Path(__file__).with_name("peers")

MISSED_EVENTS = 20
"""Events that a dropped browser is sent when it is back."""

UNLIMITED_SOCKETS = 1_000_000

READ_DELAY_S = 0.5
"""Longest from an event's publication until a server, otherwise idle, can replay it."""

WS = ("ws@8.23.0", "ioredis@5.8.2")
CHANNELS = ("django==5.2.19", "channels==4.3.2", "channels_redis==4.3.0", "daphne==4.2.3")
CHANNELS_CLIENT = "redis==5.2.1"
"""Later ones refuse the hundredth connection, and channels_redis opens one for each socket."""


class CannotMeasure(Exception):
    """Something is missing or failed; the message says what, and what to do."""


class Contender(Server):
    """A fan-out server on `core`; ready when `GET ready_path` is answered with 200."""

    label: ClassVar[str]
    title: ClassVar[str]
    max_sockets: ClassVar[int] = UNLIMITED_SOCKETS
    replays: ClassVar[bool] = True
    """Whether it can send what a browser missed."""
    path: ClassVar[str] = "/websocket"
    ready_path: ClassVar[str] = "/ready"

    def __init__(self, redis_url: str, build_folder: Path, core: int) -> None:
        """`build_folder` is where `prepare` put what this server needs."""
        self.name = f"bench-{self.label}"
        super().__init__()
        self.redis_url, self.build_folder, self._core = redis_url, build_folder, core

    @classmethod
    def prepare(cls, build_folder: Path) -> None:
        """Install or find what it needs; raises `CannotMeasure` with the reason why it is left out."""

    @property
    def publish_to(self) -> str:
        """Where the generator sends events, in its spelling: an entry of our stream, unless the peer reads none."""
        return f"{self.redis_url.rpartition('/')[0]}/XADD/{stream_key(HOME)}/data"

    def publish_missed_events(self) -> str:
        """Publish `MISSED_EVENTS` events and return the path for a browser that saw all before them."""
        with redis.Redis.from_url(self.redis_url, decode_responses=True) as client:
            cursor, *_ = [append_event(client, HOME, event(number)) for number in range(1 + MISSED_EVENTS)]
        time.sleep(READ_DELAY_S)
        return f"{self.path}?since={cursor}"

    def launch(self) -> None:
        with _run_on_core(self._core):
            super().launch()

    def check(self) -> None:
        answer = self.ask("GET", self.ready_path)
        if answer != 200:
            raise CannotMeasure(f"GET {self.ready_path} was answered with {answer}.")

    def ask(self, method: str, path: str, body: bytes | None = None) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request(method, path, body)
            response = connection.getresponse()
            response.read()
            return response.status
        finally:
            connection.close()

    def pids(self) -> list[int]:
        """All its processes: their CPU time and memory are summed."""
        return [self.pid, *(child.pid for child in psutil.Process(self.pid).children(recursive=True))]


class Ours(Contender):
    label = "ours"
    title = "services.realtime, one process"
    ready_path = "/readyz"

    def command(self) -> list[str]:
        return [sys.executable, "-m", "services.realtime"]

    def working_folder(self) -> Path:
        return ROOT

    def environment(self) -> Mapping[str, str]:
        return {
            **super().environment(),
            **PYTHON,
            "REDIS_URL": self.redis_url,
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "WORKERS": "1",
            "MAX_CONNECTIONS_PER_ADDRESS": "0",  # all browsers of this measurement have one address
            "LOG_LEVEL": "WARNING",
        }


class Nchan(Contender):
    """Has no reader of Redis streams: events are posted to it over HTTP, in one connection."""

    label = "nchan"
    title = "nginx with nchan, one worker, its memory store; events are posted to it"

    MODULE_FOLDERS = ("/usr/lib/nginx/modules", "/usr/lib64/nginx/modules", "/usr/local/lib/nginx/modules")

    @classmethod
    def prepare(cls, build_folder: Path) -> None:
        found = [Path(folder, "ngx_nchan_module.so") for folder in cls.MODULE_FOLDERS]
        module = next((each for each in found if each.exists()), None)
        if _nginx() is None or module is None:
            raise CannotMeasure("nginx with nchan is not installed. On Debian: apt install nginx libnginx-mod-nchan")
        (build_folder / "nchan.so").symlink_to(module)

    @property
    def publish_to(self) -> str:
        return f"http://127.0.0.1:{self.port}/publish"

    def command(self) -> list[str]:
        config = self.folder / "nginx.conf"
        template = (PEERS / "nchan.conf").read_text()
        values = {
            "FOLDER": str(self.folder),
            "MODULE": str(self.build_folder / "nchan.so"),
            "PORT": str(self.port),
            "MISSED": str(MISSED_EVENTS),
            "USER": "user root;" if os.geteuid() == 0 else "",
        }
        for name, value in values.items():
            template = template.replace(f"${name}", value)
        config.write_text(template)
        return [_nginx() or "nginx", "-p", str(self.folder), "-c", str(config), "-e", str(self.folder / "log")]

    def publish_missed_events(self) -> str:
        for number in range(1 + MISSED_EVENTS):
            self.ask("POST", "/publish", str(event(number)).encode())
        return "/replay"


def _nginx() -> str | None:
    return shutil.which("nginx") or shutil.which("/usr/sbin/nginx")


class Ws(Contender):
    label = "ws"
    title = f"Node with {' and '.join(WS)}, one process, each event encoded once"

    @classmethod
    def prepare(cls, build_folder: Path) -> None:
        if shutil.which("node") is None or shutil.which("npm") is None:
            raise CannotMeasure("There is no node or no npm on the PATH; install Node.js 20 or newer with npm.")
        folder = build_folder / cls.label
        folder.mkdir()
        shutil.copy(PEERS / "ws.mjs", folder)
        _install("npm", "install", "--prefix", str(folder), "--no-audit", "--no-fund", "--ignore-scripts", *WS)

    def command(self) -> list[str]:
        return ["node", str(self.build_folder / self.label / "ws.mjs")]

    def environment(self) -> Mapping[str, str]:
        addresses = {"REDIS_URL": self.redis_url, "PORT": str(self.port), "STREAM": stream_key(HOME)}
        return {**super().environment(), **addresses, "NODE_ENV": "production"}


class Floor(Contender):
    """Tells what the machine gives to whoever does not batch: no work but one `send` for each event and socket."""

    label = "floor"
    title = "peers/floor.c: one send() for each event and socket, and nothing else"
    replays = False

    @classmethod
    def prepare(cls, build_folder: Path) -> None:
        compile_c(PEERS / "floor.c", build_folder / cls.label)

    def command(self) -> list[str]:
        return [
            str(self.build_folder / self.label),
            str(self.port),
            str(urlsplit(self.redis_url).port),
            stream_key(HOME),
        ]


class Channels(Contender):
    """What the seed used. It keeps no events, so that a browser that was away misses them."""

    label = "channels"
    title = f"{', '.join(CHANNELS)}, one process; events are posted to it and sent to a group"
    max_sockets = 100
    replays = False

    @classmethod
    def prepare(cls, build_folder: Path) -> None:
        folder = build_folder / cls.label
        _install(sys.executable, "-m", "venv", str(folder))
        _install(
            str(folder / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", *CHANNELS, CHANNELS_CLIENT
        )

    @property
    def publish_to(self) -> str:
        return f"http://127.0.0.1:{self.port}/publish"

    def command(self) -> list[str]:
        python = str(self.build_folder / self.label / "bin" / "python")
        return [python, "-m", "daphne", "-b", "127.0.0.1", "-p", str(self.port), "-v", "0", "channels_app:application"]

    def working_folder(self) -> Path:
        return PEERS

    def environment(self) -> Mapping[str, str]:
        return {**super().environment(), "REDIS_URL": self.redis_url, "PYTHONDONTWRITEBYTECODE": "1"}


CONTENDERS: tuple[type[Contender], ...] = (Ours, Floor, Nchan, Ws, Channels)


def event(number: int) -> dict[str, Any]:
    """A change of a clip, of 300 bytes."""
    return {"type": "clip", "clip": {"id": f"{number:036}", "version": number, "text": "dictated " * 24}}


def compile_c(source: Path, program: Path) -> None:
    """Raises `CannotMeasure` where the source or a compiler is missing."""
    compiler = shutil.which("cc")
    if not source.is_file():
        raise CannotMeasure(f"There is no C source at {source}.")
    if compiler is None:
        raise CannotMeasure("There is no cc on the PATH, and it compiles what loads the servers; install gcc or clang.")
    done = subprocess.run(
        [compiler, "-O2", "-o", str(program), str(source)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise CannotMeasure(f"cc ended with {done.returncode} when it compiled {source}:\n{done.stderr}")


def _install(*command: str) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        output_end = "\n".join(done.stdout.splitlines()[-5:])
        raise CannotMeasure(
            f"`{Path(command[0]).name} {' '.join(command[1:3])}` ended with {done.returncode}: {output_end}"
        )


@contextmanager
def _run_on_core(core: int) -> Iterator[None]:
    """What is started here runs on this core."""
    here = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, here)
