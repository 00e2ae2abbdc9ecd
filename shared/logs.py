"""One chain of processors for every log line: JSON for machines, colours for a terminal."""

import logging
import os
import re
import sys
from typing import Any

import structlog
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import EventDict

RENDER_EXCEPTIONS = structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False))
"""Exceptions without the variables of their frames: a database driver has its password there."""


_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""Characters by which a stranger's text forges a line, commands a terminal, or turns a line around."""


def _escape(value: Any) -> Any:
    match value:
        case str():
            return _CONTROLS.sub(lambda control: control[0].encode("unicode_escape").decode(), value)
        case dict():
            return {key: _escape(item) for key, item in value.items()}
        case list() | tuple():
            return [_escape(item) for item in value]
    return value


def _escape_controls(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Escape what would be more than text in each value of a line."""
    # A traceback on a terminal has lines; each is indented, so that none of them looks like a line of the log.
    traceback = event.get("exception")
    lines = traceback.split("\n") if isinstance(traceback, str) else None
    event = {key: _escape(value) for key, value in event.items()}
    if lines:
        event["exception"] = "\n".join(f"  {_escape(line)}" for line in lines)
    return event


_HTTP_LIBRARIES = ("httpx", "httpcore", "botocore", "boto3", "urllib3")


def configure(service: str, level: str) -> None:
    """Send the lines of structlog and of the standard library's logging through one chain to stderr.

    Values bound with `structlog.contextvars` (`clip_id`, `request_id`) are on every line, also on those of libraries.
    """
    processors: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    # The launcher reads the lines through a pipe; it sets FORCE_COLOR if it shows them on a terminal.
    is_terminal = sys.stderr.isatty() or bool(os.environ.get("FORCE_COLOR"))
    renderers: list[Any] = (
        [
            structlog.processors.format_exc_info,
            _escape_controls,
            structlog.dev.ConsoleRenderer(pad_event_to=0, exception_formatter=structlog.dev.plain_traceback),
        ]
        if is_terminal
        else [RENDER_EXCEPTIONS, _escape_controls, structlog.processors.JSONRenderer(ensure_ascii=False)]
    )
    structlog.configure(
        processors=[*processors, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        cache_logger_on_first_use=True,
    )

    def add_service(_logger: Any, _method: str, event: EventDict) -> EventDict:
        event["service"] = service
        event.pop("color_message", None)  # uvicorn repeats its message there, with colours
        return event

    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=processors,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, add_service, *renderers],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # These libraries log every request or frame at INFO; our own lines say the same.
    for noisy in (*_HTTP_LIBRARIES, "websockets", "faster_whisper", "alembic", "fido2"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, logging.getLevelNamesMapping()[level]))
