"""What the transcriber makes of its environment."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from services.transcriber.recognizers import embedded, factory, voice_activity
from services.transcriber.recognizers.cog import CogRecognizer
from services.transcriber.recognizers.fallback import FallbackRecognizer
from services.transcriber.recognizers.openai import OpenAIRecognizer
from services.transcriber.settings import TranscriberSettings, _check_model
from tests.servers.server import free_port
from tests.servers.stack import ROOT


def test_the_default_concurrency_depends_on_cores_and_server() -> None:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert TranscriberSettings().concurrent_clips() == cores
    assert TranscriberSettings(whisper_url="http://x/v1/audio/transcriptions").concurrent_clips() == 4
    assert TranscriberSettings(whisper_url="http://x/predictions").concurrent_clips() == 1
    assert TranscriberSettings(concurrency=3).concurrent_clips() == 3
    # Of several, as many as the one takes that takes most: the others have limits of their own.
    assert TranscriberSettings(whisper_url="http://x/predictions http://y/predictions").concurrent_clips() == 1
    assert TranscriberSettings(whisper_url="http://x/predictions http://y/audio/transcriptions").concurrent_clips() == 4
    assert TranscriberSettings(whisper_url="http://x/a http://x/b embedded").concurrent_clips() == cores
    assert TranscriberSettings(whisper_url="http://x/a http://x/b", concurrency=3).concurrent_clips() == 3


def test_the_address_selects_the_contract(monkeypatch: pytest.MonkeyPatch) -> None:
    def chosen(**values: str) -> object:
        return factory.open_recognizer(TranscriberSettings(**values))  # type: ignore[arg-type]

    assert isinstance(chosen(whisper_url="https://api.example.com/v1/audio/transcriptions/"), OpenAIRecognizer)
    assert isinstance(chosen(whisper_url="http://whisper:5000/predictions/dictaphone"), CogRecognizer)
    assert isinstance(chosen(), embedded.EmbeddedRecognizer)
    assert isinstance(chosen(whisper_url="embedded"), embedded.EmbeddedRecognizer)
    several = chosen(whisper_url="http://x:5000, https://y/v1/audio/transcriptions embedded", whisper_model="small")
    assert isinstance(several, FallbackRecognizer)
    assert several.name == "whisper at x, else small at y, else faster-whisper base"
    monkeypatch.setattr(voice_activity, "find_spec", lambda name: None)
    assert chosen() is None
    assert isinstance(chosen(whisper_url="http://whisper:5000 embedded"), CogRecognizer)


URLS = "http://x/predictions, https://y/v1/audio/transcriptions/,embedded"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, [("", ""), ("", ""), ("", "")]),
        ({"whisper_api_key": "k", "whisper_model": "small"}, [("k", "small"), ("k", "small"), ("k", "")]),
        ({"whisper_api_key": "- k -", "whisper_model": "-, turbo, base"}, [("", ""), ("k", "turbo"), ("", "base")]),
    ],
)
def test_each_recognizer_has_its_address_key_and_model(given: dict[str, str], expected: list[tuple[str, str]]) -> None:
    settings = TranscriberSettings.model_validate({"whisper_url": URLS, **given})
    each = settings.for_each_recognizer()
    assert [one.whisper_url for one in each] == ["http://x/predictions", "https://y/v1/audio/transcriptions", ""]
    assert [(one.whisper_api_key.get_secret_value(), one.whisper_model) for one in each] == expected
    # The engine in this process is the only one whose model is fetched.
    assert settings.embedded_models() == [expected[-1][1] or "base"]


def test_a_single_server_keeps_its_settings() -> None:
    settings = TranscriberSettings(whisper_url=" http://x/predictions/ ", whisper_model="a model, with spaces")
    assert settings.for_each_recognizer() == [settings]
    assert (settings.whisper_url, settings.whisper_model) == ("http://x/predictions", "a model, with spaces")
    assert settings.embedded_models() == []


def test_a_relative_folder_is_no_name_on_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "model.bin").touch()
    monkeypatch.chdir(tmp_path)
    assert _check_model("./mine") == str(tmp_path / "mine")


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("WHISPER_URL", "whisper:5000", "WHISPER_URL: must begin with http:// or https://"),
        ("WHISPER_URL", "http://x whisper:5000", "WHISPER_URL: address 2 of 2 must begin with http:// or https://"),
        ("WHISPER_URL", "embedded http://x", "WHISPER_URL: address 1 of 2 must begin with http:// or https://"),
        ("WHISPER_URL", "http://:5000", "WHISPER_URL: is no URL: its host or port cannot be read"),
        ("WHISPER_URL", "http://x:port", "WHISPER_URL: is no URL: its host or port cannot be read"),
        ("WHISPER_API_KEY", "schlüssel", "WHISPER_API_KEY: must be plain ASCII characters. Set"),
        ("WHISPER_MAX_BYTES", "1000", "WHISPER_MAX_BYTES: must be 0, or at least 1000000"),
        ("WHISPER_MODEL", "./no-such-model", "WHISPER_MODEL: must be a name, or a folder"),
        ("LEASE_SECONDS", "0", "LEASE_SECONDS:"),
        ("CONCURRENCY", "many", "CONCURRENCY:"),
    ],
)
def test_a_wrong_setting_is_one_sentence(tmp_path: Path, variable: str, value: str, sentence: str) -> None:
    done = _run({variable: value, "DATA_DIR": str(tmp_path)})
    assert done.returncode == 2
    assert done.stderr.startswith(sentence)
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(("variable", "value"), [("WHISPER_API_KEY", "a b c"), ("WHISPER_MODEL", "tiny.en,base,small")])
def test_a_list_of_another_length_is_one_sentence(tmp_path: Path, variable: str, value: str) -> None:
    done = _run({"WHISPER_URL": "http://x http://y", variable: value, "DATA_DIR": str(tmp_path)})
    assert done.returncode == 2
    assert done.stderr.startswith(f"{variable}: lists 3 for 2 addresses: give one for each, in their order, or one for")
    assert "a b c" not in done.stderr


def test_all_wrong_settings_are_reported_at_once(tmp_path: Path) -> None:
    done = _run({"WHISPER_URL": "x", "LEASE_SECONDS": "-1", "DATA_DIR": str(tmp_path)})
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 2


def test_a_taken_port_is_one_sentence(tmp_path: Path) -> None:
    import socket

    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        done = _run({"PORT": str(port), "DATA_DIR": str(tmp_path)})
    assert done.returncode == 1
    assert f"PORT: cannot listen on 127.0.0.1:{port}: Address already in use" in done.stderr


def _run(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "services.transcriber"],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
