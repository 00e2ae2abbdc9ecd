"""The key that this server signs with."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from shared.people.secret_key import FILE_NAME, read_secret_key, secret_key
from shared.settings import SecretSettings, load

CONFIGURED = "c" * 32


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SECRET_KEY", raising=False)


def test_a_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    settings = SecretSettings(data_dir=tmp_path / "new")
    assert read_secret_key(settings) is None
    with ThreadPoolExecutor(8) as pool:
        keys = {*pool.map(lambda _: secret_key(settings), range(32))}
    assert len(keys) == 1
    assert len(*keys) >= 32
    assert read_secret_key(settings) in keys
    [file] = settings.data_dir.iterdir()
    assert file.name == FILE_NAME
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_file_that_holds_no_key_is_said_by_its_name(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text("\n")
    with pytest.raises(OSError, match=f"{FILE_NAME} holds no key"):
        secret_key(SecretSettings(data_dir=tmp_path))


def test_a_configured_key_wins_and_makes_no_file(tmp_path: Path) -> None:
    settings = SecretSettings(data_dir=tmp_path, secret_key=CONFIGURED)
    assert secret_key(settings) == read_secret_key(settings) == CONFIGURED.encode()
    assert not list(tmp_path.iterdir())


def test_a_short_key_is_refused_and_not_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SECRET_KEY", "hunter2")
    with pytest.raises(SystemExit):
        load(SecretSettings)
    said = capsys.readouterr().err
    assert "SECRET_KEY: needs 32 characters" in said
    assert "hunter2" not in said
