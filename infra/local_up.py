"""Run everything on this machine: Redis, the three services, their logs and their restarts (`make local-up`).

It imports no service: it starts them as any other host would, by command and environment.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from infra.build_page import BuildError, build_page
from infra.launch_plan import ROOT, Plan, StartError
from infra.supervisor import Supervisor

ANSI_COLOURS = {"redis": 35, "migrations": 34, "api": 36, "realtime": 32, "transcriber": 33, "local-up": 1}
"""Colour of each program's name on a terminal."""


async def main() -> int:
    """Run until a signal or a fault; return the exit status."""
    loop = asyncio.get_running_loop()
    try:
        plan = Plan.from_environment(os.environ)
        await _build_page(os.environ)
        supervisor = Supervisor(plan, say, on_ready=lambda: _print(f"http://{plan.host}:{plan.port}"))
        task = loop.create_task(supervisor.run())

        def stop(number: signal.Signals) -> None:
            if not task.cancelling():
                say("local-up", "stopping")
                task.cancel()
            elif number == signal.SIGINT:
                # Ctrl-C again. A second SIGTERM is not a person's: `make` passes on the signal that we got already.
                supervisor.kill()

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, stop, number)
        await task
    except asyncio.CancelledError:
        return 0
    except (StartError, ExceptionGroup) as error:
        first_error: BaseException = error
        while isinstance(first_error, ExceptionGroup):
            first_error = first_error.exceptions[0]
        if not isinstance(first_error, StartError):
            raise
        sys.stderr.write(f"{first_error}\n")
        return first_error.exit_status
    raise AssertionError("run() ends with an exception only")


async def _build_page(environ: Mapping[str, str]) -> None:
    """Make the page's bundle, unless it would not be served; without one, the page is sent as plain modules."""
    folder = environ.get("BUNDLE_DIR", "bundle")
    if environ.get("RELOAD_PAGE") == "on" or not folder:
        return
    try:
        await asyncio.to_thread(build_page, ROOT / folder)
    except BuildError as error:
        say("local-up", f"the page comes as plain modules: {error}")


def say(name: str, line: str) -> None:
    """Print a line behind the name of the program that it comes from."""
    prefix = f"{name:<11} |"
    _print(f"\x1b[{ANSI_COLOURS[name]}m{prefix}\x1b[0m {line}" if sys.stdout.isatty() else f"{prefix} {line}")


def _print(line: str) -> None:
    try:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of our output is gone (`| head -1`), so stop as if the terminal was closed.
        with Path(os.devnull).open("w") as null:
            os.dup2(null.fileno(), sys.stdout.fileno())
        signal.raise_signal(signal.SIGHUP)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
