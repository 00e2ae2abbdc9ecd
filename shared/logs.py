"""One chain of processors for every log line: JSON for machines, colours for a terminal."""

import logging
import os
import sys
from typing import Any

import structlog
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import EventDict

RENDER_EXCEPTIONS = structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False))
"""Exceptions without the variables of their frames: a database driver has its password there."""


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
        [structlog.dev.ConsoleRenderer(pad_event_to=0)]
        if is_terminal
        else [RENDER_EXCEPTIONS, structlog.processors.JSONRenderer(ensure_ascii=False)]
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
    for noisy in ("httpx", "httpcore", "botocore", "boto3", "urllib3", "websockets", "faster_whisper", "alembic"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, logging.getLevelNamesMapping()[level]))
