"""`python -m services.realtime`: one process, or `WORKERS` of them on one port."""

import sys

import uvloop

from services.realtime.figures import Figures
from services.realtime.server import Realtime
from services.realtime.settings import RealtimeSettings
from services.realtime.workers import run_workers
from shared import logs
from shared.settings import load


def main() -> None:
    settings = load(RealtimeSettings)
    logs.configure("realtime", settings.log_level)
    figures = Figures(settings.workers)

    def serve(process: int) -> None:
        figures.take_row(process)
        try:
            uvloop.run(Realtime(settings, figures).run())
        except OSError as error:
            sys.exit(f"Listening on {settings.host} port {settings.port} failed: {error}. Set HOST and PORT.")

    if settings.workers == 1:
        serve(0)
    else:
        run_workers(settings.workers, serve)


if __name__ == "__main__":
    main()
