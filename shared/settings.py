"""Settings from the environment: one class for each resource. A service combines those that it may use."""

import os
import sys
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, TypeVar
from urllib.parse import SplitResult, urlsplit

from pydantic import (
    AliasChoices,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from shared.origins import SiteRules, split_authority

Port = Annotated[int, Field(ge=1, le=65535)]
Names = Annotated[frozenset[str], NoDecode]
"""A set that is written with commas."""

MIN_SECRET_KEY_CHARS = 32
"""Characters of a key that a person chooses. Shorter ones are words, and words are guessed."""

DEFAULT_PORTS = {"http": 80, "https": 443}
"""The port of a scheme, where an address names none."""


class ProcessSettings(BaseSettings):
    """The host to listen on, and the level of the log."""

    # An empty variable is not set: deploy tools pass empty strings for fields that are not filled in.
    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore", frozen=True)

    host: str = Field("127.0.0.1", description="Address to listen on; `0.0.0.0` for every interface.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Least severe level logged.")

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, level: object) -> object:
        return level.upper() if isinstance(level, str) else level


class DataSettings(ProcessSettings):
    """The folder of local files."""

    data_dir: Path = Field(Path("var"), description="Folder for the SQLite database, stored audio and working files.")


class SecretSettings(DataSettings):
    """The key that the servers of one installation share."""

    secret_key: SecretStr = Field(
        SecretStr(""),
        description="What this server signs with, 32 characters or more, the same for api and realtime: `openssl rand "
        "-hex 32`. Empty: a file `secret-key` in `DATA_DIR`, made once. Services that share no folder need the "
        "variable.",
    )

    @field_validator("secret_key")
    @classmethod
    def _is_long(cls, key: SecretStr) -> SecretStr:
        if 0 < len(key.get_secret_value()) < MIN_SECRET_KEY_CHARS:
            raise ValueError(f"needs {MIN_SECRET_KEY_CHARS} characters or more: openssl rand -hex 32 makes one")
        return key


class SignInSettings(ProcessSettings):
    """Whether people sign in."""

    sign_in: Literal["auto", "on", "off"] = Field(
        "auto",
        description="`auto`: nobody signs in where this server listens on loopback, has no public name (`PUBLIC_URL`, "
        "`ALLOWED_HOSTS`, `FLY_APP_NAME`) and no proxy stands before it; everybody does anywhere else. `off`: nobody, "
        "whoever reaches it.",
    )


class RedisSettings(ProcessSettings):
    """Redis, for jobs and events."""

    redis_url: SecretStr = Field(
        SecretStr("redis://127.0.0.1:6379/0"), description="Redis or Valkey: `redis://`, `rediss://` or `unix://`."
    )

    @field_validator("redis_url")
    @classmethod
    def _is_redis(cls, url: SecretStr) -> SecretStr:
        if _split_url(url).scheme not in {"redis", "rediss", "unix"}:
            raise ValueError("must begin with redis://, rediss:// or unix://")
        return url


class DatabaseSettings(DataSettings):
    """The database."""

    database_url: SecretStr = Field(
        SecretStr(""), description="`postgres://…` or `sqlite:///…`; empty: a SQLite file in `DATA_DIR`."
    )
    database_pooler: Literal["none", "transaction"] = Field(
        "none",
        description="`transaction`: `DATABASE_URL` leads to PgBouncer, or its like, in transaction mode, where nothing "
        "may outlive a transaction: no prepared statement, no setting of a session.",
    )
    database_pool_recycle_seconds: PositiveInt = Field(
        1800, description="Age at which a connection to Postgres is replaced; shorter than proxies keep one."
    )
    database_statement_timeout_seconds: NonNegativeInt = Field(
        60, description="Longest time for one statement on Postgres; 0: no limit. Migrations have none."
    )
    database_idle_transaction_timeout_seconds: NonNegativeInt = Field(
        60, description="Time after which Postgres ends a transaction in which nothing happens; 0: never."
    )

    @field_validator("database_url", "migrations_database_url", check_fields=False)
    @classmethod
    def _is_database(cls, url: SecretStr) -> SecretStr:
        if url and _split_url(url).scheme.partition("+")[0] not in {"postgres", "postgresql", "sqlite"}:
            raise ValueError("must begin with postgres:// or sqlite:///")
        return url


class MigrationSettings(DatabaseSettings):
    """The database, as `python -m shared.migrations` reaches it."""

    # In the environment: MIGRATIONS_DATABASE_URL.
    migrations_database_url: SecretStr = Field(
        SecretStr(""), description="The database itself, if `DATABASE_URL` leads to a pooler."
    )

    def direct(self) -> DatabaseSettings:
        """The settings for a migration: no pooler if there is a way around it, and no limit of time."""
        unlimited = {"database_statement_timeout_seconds": 0, "database_idle_transaction_timeout_seconds": 0}
        if not self.migrations_database_url.get_secret_value():
            return self.model_copy(update=unlimited)
        database = {"database_url": self.migrations_database_url, "database_pooler": "none"}
        return self.model_copy(update=unlimited | database)


class StoreSettings(DataSettings):
    """The object store."""

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
    def _is_set_with_bucket(cls, value: str | SecretStr, info: ValidationInfo) -> str | SecretStr:
        if info.data.get("bucket_name") and not value:
            raise ValueError("is needed beside BUCKET_NAME")
        return value


class CaptionSettings(ProcessSettings):
    """Live captions during a recording."""

    live_captions: bool = Field(
        True, description="`off`: no words while somebody speaks, and no work for them; the transcript comes as ever."
    )


class SoundSettings(ProcessSettings):
    """The sound that is taken."""

    # A day is more than anybody records in one go. The column of a clip's length, in milliseconds, ends at 596.5 hours.
    max_audio_hours: PositiveFloat = Field(
        24,
        le=596,
        description="Longest sound of a clip, in hours; the bytes of a longer one are kept, and it gets no words.",
    )


class OriginSettings(ProcessSettings):
    """The names of this server, and the origins of other sites that may call."""

    allowed_hosts: Names = Field(
        frozenset(),
        description="Names that this server is called by, comma-separated: `dictaphone.example.com`. `localhost`, IP "
        "addresses and the hosts of `PUBLIC_URL` and `ALLOWED_ORIGINS` need no mention; any other is refused (421).",
    )
    public_url: str = Field(
        "",
        description="Address of the page, with its port: `https://dictaphone.example.com:8443`. Needed behind a proxy "
        "that leaves the port out of `Host`.",
    )
    fly_app_name: str = Field(
        "",
        description="Set by Fly: `NAME.fly.dev`, `NAME.flycast` and `NAME.internal` are ours, and Fly's proxy names "
        "the browsers.",
    )
    allowed_origins: Names = Field(
        frozenset(), description="Further origins that may call, comma-separated: `https://app.example.com`."
    )

    @field_validator("allowed_hosts", mode="before")
    @classmethod
    def _split_hosts(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        hosts = frozenset(part.strip().lower() for part in value.split(",") if part.strip())
        for host in hosts:
            if not split_authority(host)[0] or "*" in host:
                raise ValueError(f"{host!r} is not a host name such as dictaphone.example.com")
        return hosts

    @field_validator("public_url")
    @classmethod
    def _is_origin(cls, url: str) -> str:
        if not url:
            return url
        origin = url.strip().rstrip("/").lower()
        parts = urlsplit(origin)
        if parts.scheme not in DEFAULT_PORTS or not split_authority(parts.netloc)[0] or parts.path or parts.query:
            raise ValueError("must be the address of the page, such as https://dictaphone.example.com")
        # Browsers leave the usual port out of Host and Origin.
        return origin.removesuffix(f":{DEFAULT_PORTS[parts.scheme]}")

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

    @cached_property
    def site_rules(self) -> SiteRules:
        """What these settings say about the headers of a request."""
        return SiteRules.of(
            listen_host=self.host,
            allowed_hosts=self.allowed_hosts,
            public_url=self.public_url,
            fly_app_name=self.fly_app_name,
            origins=self.allowed_origins,
        )


def _split_url(url: SecretStr) -> SplitResult:
    """Split a URL. Raises `ValueError` if it is malformed, without quoting it: it may hold a password."""
    try:
        parts = urlsplit(url.get_secret_value())
        _ = parts.port
    except ValueError:
        raise ValueError("is no URL: its host or port cannot be read") from None
    return parts


AnySettings = TypeVar("AnySettings", bound=ProcessSettings)


def load(settings: type[AnySettings]) -> AnySettings:
    """Read the settings from the environment. If any is invalid, print all errors and exit with status 2."""
    try:
        return settings()
    except ValidationError as error:
        for fault in error.errors():
            variable = ".".join(str(part) for part in fault["loc"]).upper()
            message = fault["msg"].removeprefix("Value error, ")
            # A URL may contain a password: its value is not printed, nor is that of a key or secret.
            is_secret = "SECRET" in variable or variable.endswith(("_URL", "_KEY"))
            value = f" (found {os.environ[variable]!r})" if variable in os.environ and not is_secret else ""
            sys.stderr.write(
                f"{variable}: {message}{value}. Set it in the environment and start again.\n"
                if variable
                else f"{message}.\n"
            )
        raise SystemExit(2) from None
