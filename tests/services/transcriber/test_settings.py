"""What the transcriber makes of its environment."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from services.transcriber import recognizers
from services.transcriber.recognizers import embedded
from services.transcriber.recognizers.cog import CogRecognizer
from services.transcriber.recognizers.openai import OpenAIRecognizer
from services.transcriber.settings import TranscriberSettings
from tests.servers.server import free_port
from tests.servers.stack import ROOT


def test_defaults_go_by_cores_and_by_server() -> None:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert TranscriberSettings().jobs_at_once() == cores
    assert TranscriberSettings(whisper_url="http://x/v1/audio/transcriptions").jobs_at_once() == 4
    assert TranscriberSettings(whisper_url="http://x/predictions").jobs_at_once() == 1
    assert TranscriberSettings(concurrency=3).jobs_at_once() == 3


def test_the_address_tells_the_contract(monkeypatch: pytest.MonkeyPatch) -> None:
    def chosen(**values: str) -> object:
        return recognizers.open_recognizer(TranscriberSettings(**values))  # type: ignore[arg-type]

    assert isinstance(chosen(whisper_url="https://api.example.com/v1/audio/transcriptions/"), OpenAIRecognizer)
    assert isinstance(chosen(whisper_url="http://whisper:5000/predictions/dictaphone"), CogRecognizer)
    assert isinstance(chosen(), embedded.EmbeddedRecognizer)
    monkeypatch.setattr(embedded, "find_spec", lambda name: None)
    assert chosen() is None


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("WHISPER_URL", "whisper:5000", "WHISPER_URL: must begin with http:// or https://"),
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


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
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
