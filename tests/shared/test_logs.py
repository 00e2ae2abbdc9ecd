"""Log lines of a process: one JSON object each, from our code and from libraries, without secrets."""

import json
import subprocess
import sys
from typing import Any

from tests.servers.stack import PYTHON

PROGRAM = """
import logging
import structlog
from shared import logs

def connect(password):
    raise ConnectionError(f"refused after {len(password)} letters")

logs.configure("api", "INFO")
with structlog.contextvars.bound_contextvars(clip_id="c1"):
    structlog.get_logger("services.api").info("stored", bytes=3)
    logging.getLogger("uvicorn").warning("%s went", "something")
    logging.getLogger("uvicorn").debug("chatter")
try:
    connect("hunter2")
except ConnectionError:
    structlog.get_logger("ours").exception("could not connect")
    logging.getLogger("theirs").exception("could not connect")
"""


def test_every_line_is_an_object_without_the_variables_of_frames() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, env=PYTHON, check=True)
    assert done.stdout == ""
    lines: list[dict[str, Any]] = [json.loads(line) for line in done.stderr.splitlines()]
    stored, went, ours, theirs = lines
    assert (stored["event"], stored["bytes"], stored["logger"], stored["level"]) == (
        "stored",
        3,
        "services.api",
        "info",
    )
    assert (went["event"], went["level"]) == ("something went", "warning")
    assert {line["clip_id"] for line in (stored, went)} == {"c1"}
    assert {line["service"] for line in lines} == {"api"}
    for line in (ours, theirs):
        assert line["exception"][0]["exc_type"] == "ConnectionError"
        assert line["exception"][0]["frames"][-1]["name"] == "connect"
    assert done.stderr.count("hunter2") == 0
