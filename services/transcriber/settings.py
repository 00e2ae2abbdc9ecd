"""What the transcriber reads from the environment."""

import os
from pathlib import Path

from pydantic import Field, NonNegativeInt, PositiveFloat, SecretStr, field_validator

from shared.jobs import LONG_TRANSCRIPTION, TRANSCRIPTION
from shared.settings import CaptionSettings, DatabaseSettings, Port, PositiveInt, RedisSettings, StoreSettings

DEFAULT_MODEL = "base"
"""2 % word errors, a hundred languages, 148 MB; the tiny ones make half as many errors again."""

LEAST_MAX_BYTES = 1_000_000
"""Half a minute of plain sound. Shorter pieces cost Whisper as much, and more of them cut a sentence."""


class TranscriberSettings(DatabaseSettings, StoreSettings, RedisSettings, CaptionSettings):
    """The transcriber's settings."""

    port: Port = Field(8082, description="Port of `/healthz`, `/readyz`, `/metrics` and `POST /wake`.")
    whisper_url: str = Field(
        "",
        description="Whisper server: the OpenAI contract if it ends in `/audio/transcriptions`, otherwise cog; "
        "empty: the embedded engine.",
    )
    whisper_api_key: SecretStr = Field(SecretStr(""), description="Bearer key of that server.")
    whisper_model: str = Field(
        "",
        description="Model: for the embedded engine a name (`small`, fetched once) or a folder; "
        "empty: `base`, or `whisper-1` at a server.",
    )
    # OpenAI's limit of 25 MiB is one for the whole request: this leaves room for the form around the file.
    whisper_max_bytes: NonNegativeInt = Field(
        25_000_000,
        description="Largest file that is sent to a server; a larger one is cut at pauses and sent in pieces, "
        "as plain sound. 0: no limit.",
    )
    whisper_prompt: str = Field(
        "", description="Names and words of the trade that are often said here, in a sentence: helps to spell them."
    )
    # Twice the length covers a server that is slower than speech; what remains is the wait for its other clients.
    whisper_timeout_seconds: PositiveFloat = Field(
        120, description="Longest wait for that server's answer, on top of twice the audio's length."
    )
    concurrency: NonNegativeInt = Field(
        0,
        description="Clips at a time; 0: one a core with the embedded engine, 4 at an OpenAI server, 1 at cog.",
    )
    # Three renewals fit in; a killed worker's clip waits no longer than this and a sweep.
    lease_seconds: PositiveInt = Field(
        30, description="How long a clip stays with a worker that does not say that it is alive."
    )
    # Seven growing pauses from 5 s span an hour: as long as a server is away for an upgrade or a cold start.
    retry_seconds: PositiveFloat = Field(5, description="Pause after the first fault of a server; later ones grow.")
    # A short note is finished in that time, and container platforms kill no sooner than after 10 s.
    stop_grace_seconds: PositiveInt = Field(
        5, description="How long running clips may go on after SIGTERM before they are handed to another worker."
    )
    idle_exit_seconds: NonNegativeInt = Field(0, description="Exit with 0 after so long without work; 0: never.")

    @field_validator("whisper_url")
    @classmethod
    def _is_http(cls, url: str) -> str:
        if url and not url.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        return url.rstrip("/")

    @field_validator("whisper_model")
    @classmethod
    def _is_name_or_model(cls, model: str) -> str:
        # A hub's name has a slash too (`Systran/faster-whisper-small`), so only what must be a path is taken for one.
        if not model.startswith(("/", ".", "~")):
            return model
        folder = Path(model).expanduser()
        if not (folder / "model.bin").is_file():
            raise ValueError("must be a name, or a folder with a CTranslate2 Whisper model (no model.bin is in it)")
        return str(folder)

    @field_validator("whisper_max_bytes")
    @classmethod
    def _is_enough(cls, given: int) -> int:
        if 0 < given < LEAST_MAX_BYTES:
            raise ValueError(f"must be 0, or at least {LEAST_MAX_BYTES}: half a minute of plain sound")
        return given

    def models(self) -> list[str]:
        """The models that this process itself hears with; the first is the one for what is recorded."""
        return [] if self.whisper_url else [self.whisper_model or DEFAULT_MODEL]

    def lanes(self) -> dict[str, int]:
        """Queue → clips of it at a time. Long ones have threads of their own, and notes are never all behind them."""
        at_once = self.jobs_at_once()
        return {TRANSCRIPTION: at_once, LONG_TRANSCRIPTION: max(1, at_once // 2)}

    def jobs_at_once(self) -> int:
        if self.concurrency:
            return self.concurrency
        if not self.whisper_url:
            # One thread for each of as many clips as there are cores does 1.6 times what all cores do for one clip.
            return cores()
        return 4 if self.whisper_url.endswith("/audio/transcriptions") else 1


def cores() -> int:
    """As many as this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
