"""Import one of our services once, then fork off a process of it for each line that asks for one.

`python -m tests.servers.fork_server services.NAME`; `preloaded.py` is at the other end of its pipes. A fork goes on as
`python -m services.NAME` would, with its own environment, session and log, and leaves through the interpreter's own
exit. This module imports the standard library only: the services' interpreter may have nothing else of the tests.
"""

import importlib
import json
import os
import runpy
import sys
import warnings
from typing import Any


def main(service: str) -> None:
    _preload(service)
    for line in sys.stdin:
        request = json.loads(line)
        if "poll" in request:
            _answer(_exit_status(request["poll"]))
            continue
        pid = _fork()
        if pid == 0:
            _become(request)
            runpy.run_module(service, run_name="__main__", alter_sys=True)
            return
        _answer(pid)


def _preload(service: str) -> None:
    main_module = f"{service}.__main__"
    importlib.import_module(main_module)
    # A fork runs this one itself, under its proper name; what it imports is here already.
    del sys.modules[main_module]


def _fork() -> int:
    with warnings.catch_warnings():
        # From Python 3.12 on, for the idle threads of numpy's linear algebra, which takes care of forks itself.
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _become(request: dict[str, Any]) -> None:
    os.setsid()
    log = os.open(request["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    os.close(nothing)
    os.close(log)
    os.environ.clear()
    os.environ.update(request["environment"])


def _exit_status(pid: int) -> int | None:
    ended, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if ended else None


def _answer(value: int | None) -> None:
    print(json.dumps(value), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
