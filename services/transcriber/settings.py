"""The transcriber's settings, from the environment."""

import re
from pathlib import Path
from typing import Self

import httpx
from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, SecretStr, ValidationInfo, field_validator

from services.transcriber.hardware import Device, available_cores, wants_gpu
from shared.redis.jobs import LONG_TRANSCRIPTION, TRANSCRIPTION
from shared.settings import CaptionSettings, DatabaseSettings, Port, RedisSettings, SoundSettings, StoreSettings

DEFAULT_MODEL = "base"
"""2 % word errors, a hundred languages, 148 MB. The tiny models make 1.5 times as many errors."""

GPU_MODEL = "large-v3-turbo"
"""The default on a GPU: nearly as right as `large-v3`, with a decoder of 4 layers instead of 32. Its 809 million
weights are too many for a CPU; `base` has 74 million."""

MAX_GPU_THREADS = 4
"""Blocks of sound on a GPU at a time by default: one alone leaves it idle between the steps of the decoder. The blocks
share the weights; each wants memory of its own, and a core for spectrogram and detection of speech. Not measured."""

EMBEDDED = "embedded"
"""The value of WHISPER_URL that means the engine in this process."""

USE_DEFAULT = "-"
"""The entry of a list that means no key, or the default model."""

MIN_WHISPER_MAX_BYTES = 1_000_000
"""Half a minute of WAV. Whisper takes as long for less, and more cuts would fall into a sentence."""


class TranscriberSettings(DatabaseSettings, StoreSettings, RedisSettings, CaptionSettings, SoundSettings):
    """The transcriber's settings."""

    port: Port = Field(8082, description="Port of `/healthz`, `/readyz`, `/metrics` and `POST /wake`.")
    whisper_url: str = Field(
        "",
        description="Whisper server: the OpenAI contract if it ends in `/audio/transcriptions`, otherwise cog; "
        "empty: the embedded engine. Several, the preferred one first: when one is down or busy, the next is asked; "
        "`embedded` may be the last.",
    )
    whisper_api_key: SecretStr = Field(
        SecretStr(""),
        description="Bearer key of that server. Of several: one for all, or one for each in their order, `-` for none.",
    )
    whisper_model: str = Field(
        "",
        description="Model: for the embedded engine a name (`small`, fetched once) or a folder; "
        "empty: `base`, `large-v3-turbo` on a GPU, or `whisper-1` at a server. For several: one for all servers, or "
        "one for each in their order, `-` for the default.",
    )
    whisper_device: Device = Field(
        "auto",
        description="Where the embedded engine computes: `cuda` on an NVIDIA GPU, `cpu` on the processor; "
        "`auto`: on the GPU if one can be used.",
    )
    whisper_threads: NonNegativeInt = Field(
        0,
        description="Threads of the embedded engine, which fill a core each; "
        "0: one for each core that this process may use, on a GPU at most 4.",
    )
    # OpenAI's limit of 25 MiB is for the whole request: this leaves room for the form around the file.
    whisper_max_bytes: NonNegativeInt = Field(
        25_000_000,
        description="Largest file that is sent to a server; a larger one is cut at pauses and sent in pieces, "
        "as plain sound. 0: no limit.",
    )
    whisper_prompt: str = Field(
        "", description="Names and words of the trade that are often said here, in a sentence: helps to spell them."
    )
    # Twice the length covers a server that is slower than speech; the rest is the wait for its other clients.
    whisper_timeout_seconds: PositiveFloat = Field(
        120, description="Longest wait for that server's answer, on top of twice the audio's length."
    )
    concurrency: NonNegativeInt = Field(
        0,
        description="Clips at a time; 0: one a thread of the embedded engine, 4 at an OpenAI server, 1 at cog.",
    )
    # Three renewals fit in. A killed worker's clip waits no longer than this and one sweep.
    lease_seconds: PositiveInt = Field(
        30, description="How long a clip stays with a worker that does not say that it is alive."
    )
    # Seven growing delays from 5 s span an hour, the time of a server's upgrade or cold start.
    retry_seconds: PositiveFloat = Field(5, description="Pause after the first fault of a server; later ones grow.")
    # A short note is finished in this time, and container platforms kill after 10 s at the earliest.
    stop_grace_seconds: PositiveInt = Field(
        5, description="How long running clips may go on after SIGTERM before they are handed to another worker."
    )
    idle_exit_seconds: NonNegativeInt = Field(0, description="Exit with 0 after so long without work; 0: never.")

    @field_validator("whisper_url")
    @classmethod
    def _check_addresses(cls, value: str) -> str:
        urls = [url.rstrip("/") for url in _split_list(value)]
        if urls == [EMBEDDED]:
            return ""
        for number, url in enumerate(urls, 1):
            prefix = f"address {number} of {len(urls)} " if len(urls) > 1 else ""
            if url != EMBEDDED or number < len(urls):
                _check_address(url, prefix)
        return " ".join(urls)

    @field_validator("whisper_api_key")
    @classmethod
    def _check_keys(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        if not value.get_secret_value().isascii():
            raise ValueError("must be plain ASCII characters")
        _check_count(value.get_secret_value(), info)
        return value

    @field_validator("whisper_model")
    @classmethod
    def _check_models(cls, value: str, info: ValidationInfo) -> str:
        if " " not in info.data.get("whisper_url", ""):
            return _check_model(value)
        _check_count(value, info)
        return " ".join(_check_model(model) for model in _split_list(value))

    @field_validator("whisper_max_bytes")
    @classmethod
    def _check_max_bytes(cls, value: int) -> int:
        if 0 < value < MIN_WHISPER_MAX_BYTES:
            raise ValueError(f"must be 0, or at least {MIN_WHISPER_MAX_BYTES}: half a minute of plain sound")
        return value

    def for_each_recognizer(self) -> list[Self]:
        """One copy of the settings for each recognizer, the preferred one first. An empty address: the embedded one."""
        urls = self.whisper_url.split()
        if len(urls) < 2:
            return [self]
        keys, models = (
            _value_for_each(self.whisper_api_key.get_secret_value(), urls),
            _value_for_each(self.whisper_model, urls),
        )
        if len(_split_list(self.whisper_model)) == 1 and urls[-1] == EMBEDDED:
            models[-1] = ""  # a server's name of its model is not one of ours
        return [
            self.model_copy(
                update={
                    "whisper_url": "" if url == EMBEDDED else url,
                    "whisper_api_key": SecretStr(key),
                    "whisper_model": model,
                }
            )
            for url, key, model in zip(urls, keys, models, strict=True)
        ]

    def embedded_models(self) -> list[str]:
        """The models that the embedded recognizer loads."""
        default_model = GPU_MODEL if wants_gpu(self.whisper_device) else DEFAULT_MODEL
        return [
            settings.whisper_model or default_model
            for settings in self.for_each_recognizer()
            if not settings.whisper_url
        ]

    def queue_concurrency(self) -> dict[str, int]:
        """Queue → clips at a time. Long clips have threads of their own, so that they never block all short ones."""
        concurrent_clips = self.concurrent_clips()
        return {TRANSCRIPTION: concurrent_clips, LONG_TRANSCRIPTION: max(1, concurrent_clips // 2)}

    def concurrent_clips(self) -> int:
        """Clips at a time, over both queues."""
        if self.concurrency:
            return self.concurrency
        each = self.for_each_recognizer()
        if len(each) > 1:
            return max(settings.concurrent_clips() for settings in each)
        if not self.whisper_url:
            # One clip on each core is 1.6 times as fast as one clip after another on all cores.
            return self.engine_threads()
        return 4 if self.whisper_url.endswith("/audio/transcriptions") else 1

    def engine_threads(self) -> int:
        """Threads of the embedded engine: each works on one block of sound at a time."""
        cores = available_cores()
        return self.whisper_threads or (min(cores, MAX_GPU_THREADS) if wants_gpu(self.whisper_device) else cores)


def _split_list(value: str) -> list[str]:
    """The entries of a list, which commas or spaces separate."""
    return re.split(r"[\s,]+", value.strip(" ,")) if value.strip(" ,") else []


def _value_for_each(value: str, urls: list[str]) -> list[str]:
    """One entry for each address; an empty one for the default."""
    entries = _split_list(value) or [USE_DEFAULT]
    return ["" if entry == USE_DEFAULT else entry for entry in (entries if len(entries) > 1 else entries * len(urls))]


def _check_address(url: str, prefix: str) -> None:
    if not url.startswith(("http://", "https://")):
        raise ValueError(f"{prefix}must begin with http:// or https://")
    try:
        host = httpx.URL(url).host
    except httpx.InvalidURL:
        host = ""
    if not host:
        raise ValueError(f"{prefix}is no URL: its host or port cannot be read")


def _check_count(value: str, info: ValidationInfo) -> None:
    """Raise `ValueError` unless there is one entry for each server, or one for all."""
    servers, entries = len(info.data.get("whisper_url", "").split()), len(_split_list(value))
    if servers > 1 and entries not in {0, 1, servers}:
        raise ValueError(f"lists {entries} for {servers} addresses: give one for each, in their order, or one for all")


def _check_model(model: str) -> str:
    # A name on the hub may have a slash too (`Systran/faster-whisper-small`), so a path must begin like one.
    if not model.startswith(("/", ".", "~")):
        return model
    folder = Path(model).expanduser()
    if not (folder / "model.bin").is_file():
        raise ValueError("must be a name, or a folder with a CTranslate2 Whisper model (no model.bin is in it)")
    return str(folder.absolute())  # a relative `m` would be a name on the hub
