"""Environment variables of the clip API."""

from pathlib import Path
from typing import Literal

from pydantic import Field, PositiveInt, field_validator

from shared.settings import (
    CaptionSettings,
    DatabaseSettings,
    OriginSettings,
    Port,
    RedisSettings,
    SecretSettings,
    SignInSettings,
    SoundSettings,
    StoreSettings,
)

ROOT = Path(__file__).parents[2]
"""The program's own folder."""


class ApiSettings(
    DatabaseSettings,
    StoreSettings,
    RedisSettings,
    OriginSettings,
    CaptionSettings,
    SoundSettings,
    SecretSettings,
    SignInSettings,
):
    """Settings of the clip API."""

    port: Port = Field(8080, description="Port of the page and the API.")
    max_upload_bytes: PositiveInt = Field(
        2 * 1024**3, description="Largest audio that is taken, in bytes; 2 GiB is about three days of Opus speech."
    )
    recording_timeout_minutes: PositiveInt = Field(
        15, description="Minutes after which a recording is finished whose recorder is not heard of any more."
    )
    bin_days: PositiveInt = Field(
        30, description="Days that a deleted clip stays in the bin, and replaced audio in the store."
    )
    audio_delivery: Literal["redirect", "stream"] = Field(
        "redirect", description="How a bucket's audio is given out: `redirect` to it, or `stream` through the API."
    )
    realtime_url: str = Field(
        "", description="`ws://` or `wss://` address that browsers connect to; empty: `/websocket` beside the page."
    )
    realtime_app: str = Field("", description="On Fly: the app that answers `/websocket`, reached by `fly-replay`.")
    realtime_upstream: str = Field(
        "ws://127.0.0.1:8081/websocket", description="Elsewhere: where the API passes its own `/websocket` on to."
    )
    service_worker: Literal["on", "off"] = Field(
        "on", description="`off`: browsers forget the page that they keep for when there is no network."
    )
    bundle_dir: str = Field(
        "bundle",
        description="Folder of the page's bundle, from the program's own; where there is none, plain modules are sent.",
    )
    reload_page: bool | Literal["auto"] = Field(
        False,
        description="`on`: plain modules are sent, and changed files count at once, for those who change them; "
        "`auto`: the same from the first change on.",
    )
    wake_url: str = Field("", description="POSTed after a job was sent, to wake a transcriber that sleeps.")

    @property
    def bundle_folder(self) -> Path | None:
        return ROOT / self.bundle_dir if self.bundle_dir else None

    @field_validator("realtime_url", "realtime_upstream")
    @classmethod
    def _is_websocket(cls, url: str) -> str:
        if url and not url.startswith(("ws://", "wss://")):
            raise ValueError("must begin with ws:// or wss://")
        return url

    @field_validator("wake_url")
    @classmethod
    def _is_http(cls, url: str) -> str:
        if url and not url.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        return url
