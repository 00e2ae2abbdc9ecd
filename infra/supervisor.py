"""The supervisor of `make local-up`: starts the programs of a plan, restarts them, and stops them in order."""

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import NoReturn

from infra.launch_plan import LOOPBACK, ROOT, Plan, Program, StartError

STOP_TIMEOUT = timedelta(seconds=10)
"""How long a process may take to stop: it finishes its requests, and returns the clip that it was transcribing."""

MIN_RESTART_PAUSE, MAX_RESTART_PAUSE = timedelta(seconds=0.5), timedelta(seconds=30)
"""Pause before a restart, doubled each time: short after a crash, and no busy loop for a program that cannot start."""

MIN_UPTIME = timedelta(seconds=30)
"""A process that ran for so long was well: its next restart comes after the shortest pause again."""

WAIT_REPORT_INTERVAL = timedelta(seconds=10)
"""How often to print what is still being waited for."""

POLL_INTERVAL = timedelta(milliseconds=50)
"""Between two checks whether a service is ready: too short to be noticed, and still cheap."""

REQUEST_TIMEOUT = timedelta(seconds=5)
"""For the answer of a service, which takes milliseconds."""

SETTINGS_FAULT_STATUS = 2
"""A process that ends with this status has printed what is wrong with its settings. A restart would not help."""

IGNORED_WARNING = "Memory overcommit must be enabled"
"""Redis prints this at every start. It concerns saving to disk, which our Redis never does."""


class Supervisor:
    """Keeps programs running until it is cancelled, then stops them in the reverse order of their start."""

    def __init__(self, plan: Plan, say: Callable[[str, str], None], on_ready: Callable[[], None]) -> None:
        """`say` prints a line behind the name of a program; `on_ready` is called once everything is ready."""
        self._plan = plan
        self._say = say
        self._on_ready = on_ready
        self._pids: set[int] = set()

    async def run(self) -> NoReturn:
        """Start everything and keep it running. Raise `StartError`, perhaps inside an `ExceptionGroup`."""
        # The services' group is inside that of Redis, so leaving both stops the services first and Redis last.
        async with asyncio.TaskGroup() as servers:
            if self._plan.redis:
                servers.create_task(self._keep_running(self._plan.redis))
                await self._wait_until_ready("redis", self._check_redis)
            await self._migrate()
            async with asyncio.TaskGroup() as services:
                for service in self._plan.services:
                    services.create_task(self._keep_running(service))
                await asyncio.gather(
                    *(
                        self._wait_until_ready(service.name, partial(self._check_service, service))
                        for service in self._plan.services
                    )
                )
                self._on_ready()
        raise AssertionError("the tasks of both groups never end by themselves")

    def kill(self) -> None:
        """Kill every process now."""
        for pid in self._pids:
            _signal_group(pid, signal.SIGKILL)

    # -- processes ---------------------------------------------------------------------------------------------

    async def _migrate(self) -> None:
        status = await self._run_once(self._plan.migrations)
        if status:
            raise StartError("The database could not be brought to the newest schema: see the lines above.", status)

    async def _keep_running(self, program: Program) -> NoReturn:
        pause, clock = MIN_RESTART_PAUSE, asyncio.get_running_loop().time
        while True:
            started = clock()
            status = await self._run_once(program)
            if status == SETTINGS_FAULT_STATUS:
                raise StartError(f"{program.name} cannot start with these settings: see the lines above.", status)
            if clock() - started >= MIN_UPTIME.total_seconds():
                pause = MIN_RESTART_PAUSE
            end = f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"
            self._say("local-up", f"{program.name} {end}; starting it again in {pause.total_seconds():g} s")
            await asyncio.sleep(pause.total_seconds())
            pause = min(pause * 2, MAX_RESTART_PAUSE)

    async def _run_once(self, program: Program) -> int:
        """Run a program to its end and return its status. When cancelled, stop it and all that it has started."""
        process = await asyncio.create_subprocess_exec(
            *program.command,
            env=program.env,
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches the supervisor only, which stops the programs in order
            preexec_fn=_die_with_parent(os.getpid()),
        )
        assert process.stdin
        assert process.stdout
        self._pids.add(process.pid)
        output = asyncio.create_task(self._print_output(program.name, process.stdout))
        try:
            process.stdin.write(program.stdin)
            process.stdin.close()
            return await process.wait()
        finally:
            await self._stop(process, program.name)
            await output
            self._pids.discard(process.pid)

    async def _stop(self, process: asyncio.subprocess.Process, name: str) -> None:
        if process.returncode is None:
            process.terminate()
            try:
                async with asyncio.timeout(STOP_TIMEOUT.total_seconds()):
                    await process.wait()
            except TimeoutError:
                self._say("local-up", f"{name} did not stop within {STOP_TIMEOUT.total_seconds():g} s, and is killed")
        # The whole group: a program may have left children.
        _signal_group(process.pid, signal.SIGKILL)
        await process.wait()

    async def _print_output(self, name: str, output: asyncio.StreamReader) -> None:
        rest = b""
        # Not `readline`: it fails at a line that is longer than its buffer.
        while block := await output.read(65536):
            *lines, rest = (rest + block).split(b"\n")
            for line in lines:
                text = line.decode(errors="replace").rstrip("\r")
                if IGNORED_WARNING not in text:
                    self._say(name, text)
        if rest:
            self._say(name, rest.decode(errors="replace"))

    # -- readiness ---------------------------------------------------------------------------------------------

    async def _wait_until_ready(self, name: str, check: Callable[[], Awaitable[str]]) -> None:
        """Return once `check` returns an empty string. Until then, print now and then what it returns."""
        clock = asyncio.get_running_loop().time
        next_report = clock() + WAIT_REPORT_INTERVAL.total_seconds()
        while problem := await check():
            if clock() >= next_report:
                self._say("local-up", f"still waiting for {name}: {problem}")
                next_report += WAIT_REPORT_INTERVAL.total_seconds()
            await asyncio.sleep(POLL_INTERVAL.total_seconds())

    async def _check_service(self, service: Program) -> str:
        host = self._plan.host
        request = f"GET /readyz HTTP/1.1\r\nHost: {host}:{service.port}\r\nConnection: close\r\n\r\n"
        head, _, body = (await _exchange(host.strip("[]"), service.port, request)).partition("\r\n\r\n")
        status = head.partition("\r\n")[0]
        return "" if " 200" in status else f"/readyz answers {status} {body.strip()}" if status else "no answer yet"

    async def _check_redis(self) -> str:
        assert self._plan.redis
        # Without the password the answer is -NOAUTH, and that proves that the server is up.
        return "" if await _exchange(LOOPBACK, self._plan.redis.port, "PING\r\nQUIT\r\n") else "no answer yet"


async def _exchange(host: str, port: int, request: str) -> str:
    """Send one request and return the answer; empty if nobody listens."""
    try:
        async with asyncio.timeout(REQUEST_TIMEOUT.total_seconds()):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(request.encode())
                return (await reader.read(65536)).decode(errors="replace")
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return ""


def _signal_group(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):  # macOS raises the latter for a group of zombies
        os.killpg(pid, number)


def _die_with_parent(parent_pid: int) -> Callable[[], None] | None:
    """Return what a child calls before its program starts: kill -9 of the parent then ends it, too (Linux, prctl)."""
    if sys.platform != "linux":
        return None
    libc, set_death_signal = ctypes.CDLL(None), 1

    def bind() -> None:
        libc.prctl(set_death_signal, ctypes.c_ulong(signal.SIGKILL))
        # The parent may have died before the call above: then no signal will come.
        if os.getppid() != parent_pid:
            os._exit(1)

    return bind
