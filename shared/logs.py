"""One chain for every log line: JSON for machines, colours for a terminal."""

import logging
import os
import sys
from typing import Any

import structlog
from structlog.tracebacks import ExceptionDictTransformer

TRACEBACKS = structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False))
"""Without the frames' variables, among which are passwords: a database driver has its own in each of them."""


def configure(service: str, level: str) -> None:
    """Send structlog and the standard library's logging through one chain to stderr.

    Values bound with `structlog.contextvars` (`clip_id`, `request_id`) stand on every line, libraries' lines too.
    """
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    # The launcher reads our lines through a pipe and says so when it shows them on a terminal.
    terminal = sys.stderr.isatty() or bool(os.environ.get("FORCE_COLOR"))
    last: list[Any] = (
        [structlog.dev.ConsoleRenderer(pad_event_to=0)]
        if terminal
        else [TRACEBACKS, structlog.processors.JSONRenderer(ensure_ascii=False)]
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _finished(service), *last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # These libraries log every request or frame at INFO; what they did is in our own lines already.
    for noisy in ("httpx", "httpcore", "botocore", "boto3", "urllib3", "websockets", "faster_whisper", "alembic"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, logging.getLevelNamesMapping()[level]))


def _finished(service: str) -> Any:
    def finish(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
        event["service"] = service
        event.pop("color_message", None)  # uvicorn says the same twice
        return event

    return finish
