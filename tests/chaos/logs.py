"""What a service's log says that it must not, and what else it says of what happened."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.servers.stack import ROOT

STRAY_LINES = 30
"""Of what was written past the log, the last ones."""

MAX_LINE_CHARS = 300

OURS = (ROOT / "services", ROOT / "shared")

QUIET = {"info", "debug"}


def faults_in(log: str) -> Iterator[str]:
    """Tracebacks, and whatever was written past the log: an interpreter that complains, a process that aborts."""
    stray: list[str] = []
    for line in [*log.splitlines(), "{}"]:
        entry = _parsed(line)
        if entry is None:
            stray.append(line)
            continue
        if stray:
            yield "\n".join(stray[-STRAY_LINES:])
            stray = []
        if "exception" in entry:
            where = {name: entry.get(name) for name in ("level", "logger", "event")}
            yield "\n".join([json.dumps(where), *_trace(entry["exception"])])


def summary(log: str) -> str:
    """What is no routine, each line once: how often it came, when it came last, and what it said then."""
    counts: Counter[str] = Counter()
    last: dict[str, str] = {}
    for line in log.splitlines():
        entry = _parsed(line)
        if entry is not None and entry.get("level") not in QUIET:
            event = f"{entry.get('level')}: {str(entry.get('event')).strip()}"
            counts[event] += 1
            last[event] = f"{entry.get('timestamp')} {event} {entry.get('reason', '')}"[:MAX_LINE_CHARS]
    return "\n".join(f"{counts[event]:>5} × {line}" for event, line in last.items()) or "(nothing but routine)"


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None


def _trace(exception: Any) -> list[str]:
    """A logged exception, in lines, with our own frames alone: the same fault is the same text."""
    if not isinstance(exception, list):
        return str(exception).splitlines()
    lines = []
    for error in exception:
        for frame in error["frames"]:
            path = Path(frame["filename"])
            if any(path.is_relative_to(folder) for folder in OURS):
                lines.append(f"  {path.relative_to(ROOT)}:{frame['lineno']} {frame['name']}")
        lines.append(f"{error['exc_type']}: {error['exc_value']}")
    return lines
