"""`python -m services.api`."""

import sys

import uvicorn

from services.api.app import create_app
from services.api.settings import ApiSettings
from shared import logs
from shared.settings import load

DRAIN_S = 20
"""Seconds that running requests have to end after SIGTERM; `kill_timeout` in fly.api.toml is longer."""

BACKLOG = 2048
"""Connections that may wait for being accepted: a whole class pressing Stop at once."""


SWITCH_S = 0.001
"""How long a thread may keep the interpreter from the others. Python's 5 ms is what an event could wait for at most."""


def main() -> None:
    settings = load(ApiSettings)
    logs.configure("api", settings.log_level)
    sys.setswitchinterval(SWITCH_S)
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http="httptools",
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_graceful_shutdown=DRAIN_S,
    )


if __name__ == "__main__":
    main()
