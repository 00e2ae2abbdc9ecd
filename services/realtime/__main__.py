"""`python -m services.realtime`: one process, or `WORKERS` processes on one port."""

import socket
import sys

import structlog
import uvloop

from services.realtime.metrics import Metrics
from services.realtime.server import RealtimeServer
from services.realtime.settings import RealtimeSettings
from services.realtime.workers import run_processes
from shared import logs
from shared.settings import load

log = structlog.get_logger(__name__)

WORKERS_DEPRECATED = "WORKERS will be removed in the next release; start a second container behind a proxy instead"


def main() -> None:
    settings = load(RealtimeSettings)
    logs.configure("realtime", settings.log_level)
    metrics = Metrics(settings.workers)

    def serve(process: int) -> None:
        metrics.use_row(process)
        try:
            uvloop.run(RealtimeServer(settings, metrics).run())
        except OSError as error:
            sys.exit(_port_fault(settings, error))

    if settings.workers == 1:
        serve(0)
    else:
        log.warning(WORKERS_DEPRECATED, workers=settings.workers)
        _check_port(settings)
        run_processes(settings.workers, serve)


def _check_port(settings: RealtimeSettings) -> None:
    """Exit if the port is taken. Each process would share it: SO_REUSEPORT does with any process that sets it too."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            sys.exit(_port_fault(settings, error))


def _port_fault(settings: RealtimeSettings, error: OSError) -> str:
    return f"Listening on {settings.host} port {settings.port} failed: {error}. Set HOST and PORT."


if __name__ == "__main__":
    main()
