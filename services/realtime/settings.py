"""Settings of the realtime server, read from the environment."""

from pydantic import Field, NonNegativeInt, PositiveInt

from shared.settings import OriginSettings, Port, RedisSettings, SecretSettings, SignInSettings


class RealtimeSettings(RedisSettings, OriginSettings, SecretSettings, SignInSettings):
    """Settings of the realtime server. `docs/configuration.md` has the descriptions, too."""

    port: Port = Field(8081, description="Port of the WebSocket.")
    workers: PositiveInt = Field(
        1, description="Deprecated, ends with the next release: processes that share the port; one fills a core."
    )
    max_connections: NonNegativeInt = Field(
        0, description="Most browsers for each process; 0: as many as it may have open files."
    )
    max_connections_per_address: NonNegativeInt = Field(
        1000, description="Most browsers of one address, for each process; 0: no limit."
    )
