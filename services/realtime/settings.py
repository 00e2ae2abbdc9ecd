"""What the realtime server reads from the environment."""

from pydantic import Field

from shared.settings import OriginSettings, Port, RedisSettings


class RealtimeSettings(RedisSettings, OriginSettings):
    """The realtime server's settings."""

    port: Port = Field(8081, description="Port of the WebSocket.")
