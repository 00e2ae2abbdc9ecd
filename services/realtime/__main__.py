"""`python -m services.realtime`: one process, or `WORKERS` of them on one port."""

import socket
import sys

import uvloop

from services.realtime.metrics import Figures
from services.realtime.server import Realtime
from services.realtime.settings import RealtimeSettings
from services.realtime.workers import run_workers
from shared import logs
from shared.settings import load


def _claim(settings: RealtimeSettings) -> None:
    """Make sure that nobody has the port: processes that share one do not hear of others that share it, too."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            sys.exit(_taken(settings, error))


def _taken(settings: RealtimeSettings, error: OSError) -> str:
    return f"Listening on {settings.host} port {settings.port} failed: {error}. Set HOST and PORT."


def main() -> None:
    settings = load(RealtimeSettings)
    logs.configure("realtime", settings.log_level)
    figures = Figures(settings.workers)

    def serve(process: int) -> None:
        figures.take_row(process)
        try:
            uvloop.run(Realtime(settings, figures).run())
        except OSError as error:
            sys.exit(_taken(settings, error))

    if settings.workers == 1:
        serve(0)
    else:
        _claim(settings)
        run_workers(settings.workers, serve)


if __name__ == "__main__":
    main()
