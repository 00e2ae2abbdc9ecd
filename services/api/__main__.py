"""Start the clip API: `python -m services.api`."""

import uvicorn

from services.api.app import create_app
from services.api.http.protocol import BoundedProtocol, WebSocketProtocol, max_connections
from services.api.settings import ApiSettings
from shared import logs
from shared.settings import load

DRAIN_TIMEOUT_S = 20
"""Seconds that running requests have to finish after SIGTERM; `kill_timeout` in fly.api.toml is longer."""

BACKLOG = 2048
"""Connections that may wait to be accepted: a whole class presses Stop at once."""


def main() -> None:
    settings = load(ApiSettings)
    logs.configure("api", settings.log_level)
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=BoundedProtocol,
        ws=WebSocketProtocol,
        ws_per_message_deflate=False,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # who asks, and from where, is read from the real peer (services.api.people.modes)
        backlog=BACKLOG,
        limit_concurrency=max_connections(),
        timeout_graceful_shutdown=DRAIN_TIMEOUT_S,
    )


if __name__ == "__main__":
    main()
