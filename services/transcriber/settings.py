"""What the transcriber reads from the environment."""

import os
import re
from pathlib import Path
from typing import Self

import httpx
from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, SecretStr, ValidationInfo, field_validator

from shared.redis.jobs import LONG_TRANSCRIPTION, TRANSCRIPTION
from shared.settings import CaptionSettings, DatabaseSettings, Port, RedisSettings, StoreSettings

DEFAULT_MODEL = "base"
"""2 % word errors, a hundred languages, 148 MB; the tiny ones make half as many errors again."""

EMBEDDED = "embedded"
"""Stands in WHISPER_URL for the engine in this process."""

DEFAULT = "-"
"""Stands in a list for no key, or for the model that is used when none is named."""

LEAST_MAX_BYTES = 1_000_000
"""Half a minute of plain sound. Shorter pieces cost Whisper as much, and more of them cut a sentence."""


class TranscriberSettings(DatabaseSettings, StoreSettings, RedisSettings, CaptionSettings):
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
        "empty: `base`, or `whisper-1` at a server. For several: one for all servers, or one for each in their order, "
        "`-` for the default.",
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
    def _are_addresses(cls, given: str) -> str:
        urls = [url.rstrip("/") for url in _listed(given)]
        if urls == [EMBEDDED]:
            return ""
        for number, url in enumerate(urls, 1):
            which = f"address {number} of {len(urls)} " if len(urls) > 1 else ""
            if url != EMBEDDED or number < len(urls):
                _check_address(url, which)
        return " ".join(urls)

    @field_validator("whisper_api_key")
    @classmethod
    def _are_keys(cls, given: SecretStr, info: ValidationInfo) -> SecretStr:
        if not given.get_secret_value().isascii():
            raise ValueError("must be plain ASCII characters")
        _check_number(given.get_secret_value(), info)
        return given

    @field_validator("whisper_model")
    @classmethod
    def _are_names_or_models(cls, given: str, info: ValidationInfo) -> str:
        if " " not in info.data.get("whisper_url", ""):
            return _checked_model(given)
        _check_number(given, info)
        return " ".join(_checked_model(model) for model in _listed(given))

    @field_validator("whisper_max_bytes")
    @classmethod
    def _is_enough(cls, given: int) -> int:
        if 0 < given < LEAST_MAX_BYTES:
            raise ValueError(f"must be 0, or at least {LEAST_MAX_BYTES}: half a minute of plain sound")
        return given

    def each(self) -> list[Self]:
        """These settings for each recognizer by itself, the preferred one first; an empty address: the embedded one."""
        urls = self.whisper_url.split()
        if len(urls) < 2:
            return [self]
        keys, models = _for_each(self.whisper_api_key.get_secret_value(), urls), _for_each(self.whisper_model, urls)
        if len(_listed(self.whisper_model)) == 1 and urls[-1] == EMBEDDED:
            models[-1] = ""  # what a server calls its model is no name of ours
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

    def models(self) -> list[str]:
        """The models that this process itself hears with; the first is the one for what is recorded."""
        return [each.whisper_model or DEFAULT_MODEL for each in self.each() if not each.whisper_url]

    def lanes(self) -> dict[str, int]:
        """Queue → clips of it at a time. Long ones have threads of their own, and notes are never all behind them."""
        at_once = self.jobs_at_once()
        return {TRANSCRIPTION: at_once, LONG_TRANSCRIPTION: max(1, at_once // 2)}

    def jobs_at_once(self) -> int:
        if self.concurrency:
            return self.concurrency
        several = self.each()
        if len(several) > 1:
            return max(each.jobs_at_once() for each in several)
        if not self.whisper_url:
            # One thread for each of as many clips as there are cores does 1.6 times what all cores do for one clip.
            return cores()
        return 4 if self.whisper_url.endswith("/audio/transcriptions") else 1


def cores() -> int:
    """As many as this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _listed(given: str) -> list[str]:
    """The words of a list, which commas or spaces separate."""
    return re.split(r"[\s,]+", given.strip(" ,")) if given.strip(" ,") else []


def _for_each(given: str, urls: list[str]) -> list[str]:
    """A word for each address; an empty one where the list has none for it."""
    words = _listed(given) or [DEFAULT]
    return ["" if word == DEFAULT else word for word in (words if len(words) > 1 else words * len(urls))]


def _check_address(url: str, which: str) -> None:
    if not url.startswith(("http://", "https://")):
        raise ValueError(f"{which}must begin with http:// or https://")
    try:
        host = httpx.URL(url).host
    except httpx.InvalidURL:
        host = ""
    if not host:
        raise ValueError(f"{which}is no URL: its host or port cannot be read")


def _check_number(given: str, info: ValidationInfo) -> None:
    """Whether there are as many as there are servers, or one for all."""
    servers, found = len(info.data.get("whisper_url", "").split()), len(_listed(given))
    if servers > 1 and found not in {0, 1, servers}:
        raise ValueError(f"lists {found} for {servers} addresses: give one for each, in their order, or one for all")


def _checked_model(model: str) -> str:
    # A hub's name has a slash too (`Systran/faster-whisper-small`), so only what must be a path is taken for one.
    if not model.startswith(("/", ".", "~")):
        return model
    folder = Path(model).expanduser()
    if not (folder / "model.bin").is_file():
        raise ValueError("must be a name, or a folder with a CTranslate2 Whisper model (no model.bin is in it)")
    return str(folder.absolute())  # `m` would be looked for on the hub
