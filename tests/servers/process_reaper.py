"""Clean up after a test run that was killed: a process outside its group, told what to end and what to remove.

The run holds the other end of standard input. However the run ends, kill -9 included, the pipe closes and the reaper
does its work; PR_SET_PDEATHSIG would do half of it, on Linux alone, and would leave the folders. It imports the
standard library only, since it runs with `python -I` from anywhere.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

GRACE_S = 5
"""Seconds for a server to end by itself: Postgres needs them to give its shared memory back."""


def main() -> None:
    # Ctrl-C and a closing terminal are meant for the run; the reaper outlives it.
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    processes: dict[int, int] = {}
    made: set[str] = set()
    for line in sys.stdin:
        verb, what = line.rstrip("\n").split(" ", 1)
        if verb == "process":
            pid, stop_signal = map(int, what.split())
            processes[pid] = stop_signal
        elif verb == "ended":
            processes.pop(int(what), None)
        elif verb == "made":
            made.add(what)
        elif verb == "removed":
            made.discard(what)
    for pid, stop_signal in processes.items():
        for each in (signal.SIGCONT, stop_signal):
            _signal_group(pid, each)
    deadline = time.monotonic() + GRACE_S
    while processes and time.monotonic() < deadline:
        processes = {pid: stop for pid, stop in processes.items() if _signal_group(pid, 0)}
        time.sleep(0.05)
    for pid in processes:
        _signal_group(pid, signal.SIGKILL)
    for path in made:
        if os.path.ismount(path):  # a disk of its own, which would outlive the folder
            subprocess.run(["umount", "--lazy", path], check=False, stderr=subprocess.DEVNULL)
        shutil.rmtree(path, ignore_errors=True)
        with contextlib.suppress(OSError):
            Path(path).unlink()


def _signal_group(pid: int, number: int) -> bool:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)
        return True
    return False


if __name__ == "__main__":
    main()
