"""The environment, read once at start: a piece for each thing that a service may touch."""

import os
import sys
from pathlib import Path
from typing import Annotated, Literal, TypeVar
from urllib.parse import SplitResult, urlsplit

from pydantic import AliasChoices, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

Port = Annotated[int, Field(ge=1, le=65535)]
Origins = Annotated[frozenset[str], NoDecode]


class ProcessSettings(BaseSettings):
    """Where a process listens and how much it says."""

    # An empty variable means "not set": deploy tools pass empty strings for what nobody filled in.
    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore", frozen=True)

    host: str = Field("127.0.0.1", description="Address to listen on; `0.0.0.0` for every interface.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Least severe level logged.")

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, level: object) -> object:
        return level.upper() if isinstance(level, str) else level


class DataSettings(ProcessSettings):
    """Where local files go."""

    data_dir: Path = Field(Path("var"), description="Folder for the SQLite database, stored audio and working files.")


class RedisSettings(ProcessSettings):
    """Where jobs and events travel."""

    redis_url: SecretStr = Field(
        SecretStr("redis://127.0.0.1:6379/0"), description="Redis or Valkey: `redis://`, `rediss://` or `unix://`."
    )

    @field_validator("redis_url")
    @classmethod
    def _is_redis(cls, url: SecretStr) -> SecretStr:
        if _parts(url).scheme not in {"redis", "rediss", "unix"}:
            raise ValueError("must begin with redis://, rediss:// or unix://")
        return url


class DatabaseSettings(DataSettings):
    """Where the truth is kept."""

    database_url: SecretStr = Field(
        SecretStr(""), description="`postgres://…` or `sqlite:///…`; empty: a SQLite file in `DATA_DIR`."
    )

    @field_validator("database_url")
    @classmethod
    def _is_database(cls, url: SecretStr) -> SecretStr:
        if url and _parts(url).scheme.partition("+")[0] not in {"postgres", "postgresql", "sqlite"}:
            raise ValueError("must begin with postgres:// or sqlite:///")
        return url


class StoreSettings(DataSettings):
    """Where the bytes are kept."""

    bucket_name: str = Field("", description="S3 bucket for audio; empty: files under `DATA_DIR`.")
    aws_access_key_id: str = Field("", description="Key of the bucket.")
    aws_secret_access_key: SecretStr = Field(SecretStr(""), description="Secret of the bucket.")
    aws_endpoint_url_s3: str = Field("", description="S3 endpoint; empty: Amazon's own.")
    # boto3 itself reads only AWS_DEFAULT_REGION; Tigris and Fly set AWS_REGION.
    aws_region: str = Field(
        "auto",
        validation_alias=AliasChoices("AWS_REGION", "AWS_DEFAULT_REGION"),
        description="Region of the bucket (`auto` for Tigris).",
    )

    @field_validator("aws_access_key_id", "aws_secret_access_key")
    @classmethod
    def _goes_with_the_bucket(cls, given: str | SecretStr, info: ValidationInfo) -> str | SecretStr:
        if info.data.get("bucket_name") and not given:
            raise ValueError("is needed beside BUCKET_NAME")
        return given


class CaptionSettings(ProcessSettings):
    """Whether words appear while somebody speaks."""

    live_captions: bool = Field(
        True, description="`off`: no words while somebody speaks, and no work for them; the transcript comes as ever."
    )


class OriginSettings(ProcessSettings):
    """Who may call from another site."""

    allowed_origins: Origins = Field(
        frozenset(),
        description="Further origins that may call, comma-separated: `https://app.example.com`. "
        "A proxy that passes its own name to a server on loopback needs that name here.",
    )

    @field_validator("allowed_origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        origins = frozenset(part.strip().rstrip("/").lower() for part in value.split(",") if part.strip())
        for origin in origins:
            parts = urlsplit(origin)
            if parts.scheme not in {"http", "https"} or not parts.netloc or parts.path or parts.query:
                raise ValueError(f"{origin!r} is not an origin such as https://app.example.com")
        return origins


def _parts(url: SecretStr) -> SplitResult:
    """Take a URL apart. Raises `ValueError` if that cannot be done, and says nothing of what was in it."""
    try:
        parts = urlsplit(url.get_secret_value())
        _ = parts.port
    except ValueError:
        raise ValueError("is no URL: its host or port cannot be read") from None
    return parts


AnySettings = TypeVar("AnySettings", bound=ProcessSettings)


def load(settings: type[AnySettings]) -> AnySettings:
    """Build the settings from the environment, or name every fault and leave with status 2."""
    try:
        return settings()
    except ValidationError as error:
        for fault in error.errors():
            where = ".".join(str(part) for part in fault["loc"]).upper()
            words = fault["msg"].removeprefix("Value error, ")
            found = f" (found {os.environ[where]!r})" if where in os.environ and "SECRET" not in where else ""
            # A URL may carry a password, so what was found in one is not repeated, nor a key.
            found = "" if where.endswith(("_URL", "_KEY")) else found
            sys.stderr.write(
                f"{where}: {words}{found}. Set it in the environment and start again.\n" if where else f"{words}.\n"
            )
        raise SystemExit(2) from None
