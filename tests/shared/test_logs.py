"""Log lines of a process: one JSON object each, from our code and from libraries, without secrets."""

import json
import re
import subprocess
import sys
from typing import Any

import pytest

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


HOSTILE = """
import logging
import structlog
from shared import logs

logs.configure("api", "INFO")
EVIL = "a\\x1b[2Jb\\nc\\x9bd\\u202ee\\u2028f\\x00g\\u2066h"
structlog.get_logger("ours").info("request", path=EVIL, nested={"names": [EVIL, EVIL.encode()]})
logging.getLogger("theirs").warning("refused %s", EVIL)
try:
    raise ValueError(EVIL)
except ValueError:
    structlog.get_logger("ours").exception("failed")
"""


@pytest.mark.parametrize("on_a_terminal", [False, True])
def test_what_a_stranger_sends_cannot_forge_lines_or_command_a_terminal(*, on_a_terminal: bool) -> None:
    environment = {**PYTHON, "FORCE_COLOR": "1"} if on_a_terminal else PYTHON
    done = subprocess.run([sys.executable, "-c", HOSTILE], capture_output=True, env=environment, check=True)
    lines = re.sub(r"\x1b\[[0-9;]*m", "", done.stderr.decode())  # our own colours
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u202e\u2066]", lines)
    assert "a\\x1b[2Jb" in lines.replace("\\\\", "\\")
    if not on_a_terminal:
        assert len(lines.splitlines()) == 3
        assert json.loads(lines.splitlines()[0])["path"].startswith("a\\x1b[2Jb\\nc\\x9bd\\u202ee")
    assert not re.search(r"^c", lines, re.MULTILINE), "no line begins with what a stranger wrote"


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
