"""Who transcribes a heap of clips: the bare engine, our worker, and a server that others would use."""

import os
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import httpx

from services.transcriber.settings import TranscriberSettings
from shared.database import open_engine
from shared.models import Clip, Status
from shared.outbox import Outlet, flush
from shared.storage import open_store
from tests.bench.realtime_peers import CannotMeasure
from tests.servers.server import Server
from tests.servers.stack import PYTHON, ROOT, Stack, migrate
from tests.servers.valkey import Valkey
from tests.services.transcriber.library import Library

FWS = ("faster-whisper-server==0.0.3", "faster-whisper==1.2.1")
"""The same engine as ours; what it needs is resolved by pip."""

JOBS = 2
"""Clips at a time: one thread for each, and two cores."""

POLL_S = 0.02

PATIENCE_S = 900


class Contender(ABC):
    """Has its model loaded from `__enter__` to `__exit__`."""

    label: ClassVar[str]

    def __init__(self, model: Path, workshop: Path) -> None:
        self.model, self.workshop = model, workshop
        self._held = ExitStack()

    @abstractmethod
    def __enter__(self) -> "Contender": ...

    def __exit__(self, *_: object) -> None:
        self._held.close()

    @abstractmethod
    def transcribe(self, clips: Sequence[Path]) -> float:
        """Give each its words, as many at a time as it likes; return the seconds that took."""


class Bare(Contender):
    """faster-whisper in a process of its own, with our options: what the machine gives."""

    label = "bare"

    def __enter__(self) -> "Bare":
        command = [sys.executable, "-m", "tests.bench.transcription_bare", str(self.model), str(JOBS)]
        process = subprocess.Popen(  # our own module
            command, cwd=ROOT, env={**os.environ, **PYTHON}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._held.callback(process.wait)
        self._held.callback(process.kill)
        assert process.stdin
        assert process.stdout
        self._stdin, self._stdout = process.stdin, process.stdout
        self._stdout.readline()
        return self

    def transcribe(self, clips: Sequence[Path]) -> float:
        self._stdin.write(" ".join(map(str, clips)) + "\n")
        self._stdin.flush()
        return float(self._stdout.readline())


class Worker(Library):
    """Our worker with its database, its store and its queue, as the api would use them."""

    def __init__(self, environment: Mapping[str, str], stack: Stack) -> None:
        self.settings = TranscriberSettings.model_validate({name.lower(): value for name, value in environment.items()})
        super().__init__(open_engine(self.settings), open_store(self.settings))
        self.stack = stack
        self.outlet = Outlet(self.settings.redis_url.get_secret_value())

    def put_all(self, clips: Sequence[Path]) -> list[Any]:
        ids = [self.put(clip.read_bytes()) for clip in clips]
        flush(self.engine, self.outlet)
        return ids

    def wait(self, ids: Sequence[Any]) -> list[Clip]:
        """Until all have their words."""
        deadline = time.monotonic() + PATIENCE_S
        clips = [self.clip(id) for id in ids]
        while any(clip.status is not Status.DONE for clip in clips):
            if time.monotonic() > deadline or any(clip.status is Status.FAILED for clip in clips):
                raise CannotMeasure(f"not all clips have their words: {[clip.error for clip in clips]}")
            time.sleep(POLL_S)
            clips = [clip if clip.status is Status.DONE else self.clip(clip.id) for clip in clips]
        return clips


class Ours(Contender):
    """The whole way: clips in the database, jobs in Redis, prepared, transcribed, written."""

    label = "ours"
    worker: Worker

    def __enter__(self) -> "Ours":
        valkey = self._held.enter_context(Valkey())
        folder = self._held.enter_context(TemporaryDirectory())
        environment = {
            "DATA_DIR": folder,
            "REDIS_URL": valkey.url(),
            "WHISPER_MODEL": str(self.model),
            "CONCURRENCY": str(JOBS),
            "LOG_LEVEL": "WARNING",
        }
        migrate({**os.environ, **environment})
        stack = self._held.enter_context(Stack(environment, ["transcriber"], migrate=False))
        self.worker = Worker(environment, stack)
        self._held.callback(self.worker.engine.dispose)
        self._held.callback(self.worker.outlet.close)
        return self

    def transcribe(self, clips: Sequence[Path]) -> float:
        began = time.monotonic()
        self.worker.wait(self.worker.put_all(clips))
        return time.monotonic() - began


class _FasterWhisperServer(Server):
    name = "faster-whisper-server"

    def __init__(self, python: Path, model: Path) -> None:
        super().__init__()
        self._command = [str(python), "-m", "faster_whisper_server", str(model), "--host", "127.0.0.1"]

    def command(self) -> list[str]:
        return [*self._command, "--port", str(self.port)]

    def check(self) -> None:
        httpx.get(f"http://127.0.0.1:{self.port}/health").raise_for_status()


class FasterWhisperServer(Contender):
    """As it is shipped, asked by as many clients at a time as our worker has threads."""

    label = "faster-whisper-server"

    def __enter__(self) -> "FasterWhisperServer":
        folder = self.workshop / self.label
        if not folder.exists():
            for command in (["-m", "venv", str(folder)], ["-m", "pip", "install", "--quiet", *FWS]):
                python = sys.executable if "venv" in command else str(folder / "bin" / "python")
                done = subprocess.run([python, *command], capture_output=True, text=True, check=False)
                if done.returncode:
                    raise CannotMeasure(f"It could not be installed: {done.stderr.strip()[-300:]}")
        self._server = self._held.enter_context(_FasterWhisperServer(folder / "bin" / "python", self.model))
        return self

    def transcribe(self, clips: Sequence[Path]) -> float:
        def ask(clip: Path) -> None:
            with clip.open("rb") as file:
                answer = httpx.post(
                    f"http://127.0.0.1:{self._server.port}/v1/audio/transcriptions",
                    files={"file": file},
                    data={"model_name": "whisper-1", "response_format": "verbose_json"},
                    timeout=PATIENCE_S,
                )
            answer.raise_for_status()

        began = time.monotonic()
        with ThreadPoolExecutor(JOBS) as pool:
            list(pool.map(ask, clips))
        return time.monotonic() - began
