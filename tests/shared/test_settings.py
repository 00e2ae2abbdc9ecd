"""Settings from the environment, and the sentences about invalid ones."""

import os
from pathlib import Path

import pytest

from services.api.settings import ApiSettings
from shared.settings import DatabaseSettings, MigrationSettings, StoreSettings, load

SECRET = "hunter2"


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the variables of the machine that runs the tests."""
    for name in list(os.environ):
        monkeypatch.delenv(name)


@pytest.fixture
def fault_sentences(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> "FaultSentences":
    return FaultSentences(monkeypatch, capsys)


class FaultSentences:
    """Load the API's settings from an invalid environment; return the printed sentences."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def __call__(self, **environment: str) -> list[str]:
        for name, value in environment.items():
            self._monkeypatch.setenv(name, value)
        with pytest.raises(SystemExit) as left:
            load(ApiSettings)
        assert left.value.code == 2
        return self._capsys.readouterr().err.splitlines()


def test_an_empty_environment_is_a_laptop() -> None:
    settings = load(ApiSettings)
    assert (settings.host, settings.port, settings.data_dir) == ("127.0.0.1", 8080, Path("var"))
    assert settings.redis_url.get_secret_value() == "redis://127.0.0.1:6379/0"
    assert (settings.bucket_name, settings.database_url.get_secret_value()) == ("", "")


def test_an_empty_variable_is_no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PORT", "LOG_LEVEL", "REDIS_URL", "MAX_UPLOAD_BYTES", "ALLOWED_ORIGINS", "AUDIO_DELIVERY"):
        monkeypatch.setenv(name, "")
    assert load(ApiSettings).port == 8080


def test_origins_are_a_list_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOWED_ORIGINS", "https://App.example.com/, http://localhost:3000")
    assert load(ApiSettings).allowed_origins == {"https://app.example.com", "http://localhost:3000"}


def test_the_public_address_is_an_origin_as_browsers_write_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for given in ("https://A.example", "https://a.example:443/", "https://a.example/"):
        monkeypatch.setenv("PUBLIC_URL", given)
        assert load(ApiSettings).public_url == "https://a.example"


def test_log_levels_come_in_any_case(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_LEVEL", "debug")
    assert load(ApiSettings).log_level == "DEBUG"


@pytest.mark.parametrize("name", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_the_region_has_two_names(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "eu-west-1")
    assert load(StoreSettings).aws_region == "eu-west-1"


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"PORT": "99999"}, "PORT: Input should be less than or equal to 65535 (found '99999'). Set it in "),
        ({"PORT": "http"}, "PORT: Input should be a valid integer"),
        ({"LOG_LEVEL": "loud"}, "LOG_LEVEL: Input should be 'DEBUG', 'INFO', 'WARNING' or 'ERROR' (found 'loud')."),
        ({"MAX_UPLOAD_BYTES": "0"}, "MAX_UPLOAD_BYTES: Input should be greater than 0"),
        ({"AUDIO_DELIVERY": "pigeon"}, "AUDIO_DELIVERY: Input should be 'redirect' or 'stream' (found 'pigeon')."),
        ({"ALLOWED_ORIGINS": "example.com"}, "ALLOWED_ORIGINS: 'example.com' is not an origin such as https://"),
        ({"ALLOWED_HOSTS": "https://a.example"}, "ALLOWED_HOSTS: 'https://a.example' is not a host name such as dic"),
        ({"ALLOWED_HOSTS": "*.a.example"}, "ALLOWED_HOSTS: '*.a.example' is not a host name such as dictaphone"),
        ({"PUBLIC_URL": "a.example"}, "PUBLIC_URL: must be the address of the page, such as https://dictaphone."),
        ({"PUBLIC_URL": "https://a.example/page"}, "PUBLIC_URL: must be the address of the page, such as https://di"),
        ({"REDIS_URL": f"http://:{SECRET}@h"}, "REDIS_URL: must begin with redis://, rediss:// or unix://."),
        ({"DATABASE_URL": f"mysql://u:{SECRET}@h/d"}, "DATABASE_URL: must begin with postgres:// or sqlite:///."),
        ({"DATABASE_URL": f"postgres://u:{SECRET}@h:port/d"}, "DATABASE_URL: is no URL: its host or port cannot be"),
        ({"REDIS_URL": f"redis://:{SECRET}@[h/0"}, "REDIS_URL: is no URL: its host or port cannot be read."),
        ({"REALTIME_URL": "https://example.com"}, "REALTIME_URL: must begin with ws:// or wss://."),
        ({"WAKE_URL": "transcriber:8082"}, "WAKE_URL: must begin with http:// or https://."),
        (
            {"BUCKET_NAME": "clips", "AWS_ACCESS_KEY_ID": "key"},
            "AWS_SECRET_ACCESS_KEY: is needed beside BUCKET_NAME. Set it",
        ),
    ],
    ids=lambda value: next(iter(value)) + "=" + next(iter(value.values())) if isinstance(value, dict) else "",
)
def test_a_fault_is_a_sentence(environment: dict[str, str], sentence: str, fault_sentences: FaultSentences) -> None:
    (line,) = fault_sentences(**environment)
    assert line.startswith(sentence)
    assert line.endswith(".")
    assert SECRET not in line


def test_all_faults_are_named_at_once(fault_sentences: FaultSentences) -> None:
    lines = fault_sentences(PORT="0", LOG_LEVEL="loud", REDIS_URL="nowhere", BUCKET_NAME="clips")
    variables = {"PORT", "LOG_LEVEL", "REDIS_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
    assert {line.partition(":")[0] for line in lines} == variables
    assert len(lines) == len(variables)


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", f"postgres://u:{SECRET}@h/d")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    assert SECRET not in f"{load(DatabaseSettings)!r} {load(StoreSettings)!r}"


def test_a_migration_goes_around_the_pooler_and_has_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://pooler/clips")
    monkeypatch.setenv("DATABASE_POOLER", "transaction")
    pooled = load(MigrationSettings).direct()
    assert (pooled.database_url.get_secret_value(), pooled.database_pooler) == (
        "postgres://pooler/clips",
        "transaction",
    )
    assert pooled.database_statement_timeout_seconds == pooled.database_idle_transaction_timeout_seconds == 0
    monkeypatch.setenv("MIGRATIONS_DATABASE_URL", "postgres://database/clips")
    direct = load(MigrationSettings).direct()
    assert (direct.database_url.get_secret_value(), direct.database_pooler) == ("postgres://database/clips", "none")
    monkeypatch.setenv("MIGRATIONS_DATABASE_URL", "mysql://database/clips")
    with pytest.raises(SystemExit):
        load(MigrationSettings)
