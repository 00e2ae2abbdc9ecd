"""`python -m services.realtime`."""

import sys

import uvloop

from services.realtime.server import Realtime
from services.realtime.settings import RealtimeSettings
from shared import logs
from shared.settings import load


def main() -> None:
    settings = load(RealtimeSettings)
    logs.configure("realtime", settings.log_level)
    try:
        uvloop.run(Realtime(settings).run())
    except OSError as error:
        sys.exit(f"Listening on {settings.host} port {settings.port} failed: {error}. Set HOST and PORT.")


if __name__ == "__main__":
    main()
