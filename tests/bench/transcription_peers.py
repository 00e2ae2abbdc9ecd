"""Who transcribes a heap of clips: the bare engine, our worker, and servers that others would use."""

import json
import os
import shutil
import socket
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO, ClassVar

import httpx
import numpy as np

from services.transcriber.audio.decode import SAMPLE_RATE, decode_file
from tests.bench.realtime_peers import CannotMeasure
from tests.bench.transcription_worker import JOBS, PATIENCE_S, Worker
from tests.servers.server import Server
from tests.servers.stack import PYTHON, ROOT, Stack, migrate
from tests.servers.valkey import Valkey

FWS = ("faster-whisper-server==0.0.3", "faster-whisper==1.2.1")
WYOMING = ("wyoming-faster-whisper==3.8.1", "faster-whisper==1.2.1")
"""Both with the same engine as ours; what it needs is resolved by pip."""


class Contender(ABC):
    """Has its model loaded from `__enter__` to `__exit__`."""

    label: ClassVar[str]
    title: ClassVar[str]
    one_in: ClassVar[int] = 1
    """It is given every so manieth clip: who answers slowly, one after another, is measured in less time as well."""

    def __init__(self, model: Path, workshop: Path) -> None:
        """`workshop` is where it is installed, and found the next time."""
        self.model, self.workshop = model, workshop
        self._held = ExitStack()

    @abstractmethod
    def __enter__(self) -> "Contender": ...

    def __exit__(self, *_: object) -> None:
        self._held.close()

    def take(self, clips: Sequence[Path]) -> None:
        """Do with the clips what is no part of the measured time."""
        self.clips = clips

    @abstractmethod
    def transcribe(self) -> None:
        """Give each of the clips its words, as many at a time as it likes."""


class Bare(Contender):
    """What the machine gives."""

    label = "bare"
    title = "faster-whisper in a process of its own, with our options: as many clips at a time, one thread for each"
    jobs, threads = JOBS, 1

    def __enter__(self) -> "Bare":
        arguments = [str(self.model), str(self.jobs), str(self.threads)]
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.transcription_bare", *arguments],
            cwd=ROOT,
            env={**os.environ, **PYTHON},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._held.callback(process.wait)
        self._held.callback(process.kill)
        assert process.stdin
        assert process.stdout
        self._stdin, self._stdout = process.stdin, process.stdout
        self._hear()
        return self

    def transcribe(self) -> None:
        self._stdin.write(" ".join(map(str, self.clips)) + "\n")
        self._stdin.flush()
        self._hear()

    def _hear(self) -> None:
        if not self._stdout.readline():
            raise CannotMeasure("The bare engine ended; what it wrote is above.")


class OneJob(Bare):
    """The other use of the cores: all of them for whoever waits."""

    label = "bare, one job"
    title = "the same, but one clip at a time, and all threads for it"
    jobs, threads = 1, JOBS
    one_in = 2


class Ours(Contender):
    """The whole way: clips in the database, jobs in Redis, prepared, transcribed, written."""

    label = "ours"
    title = "our worker, from the commit of the first clip to the last one's words in the database"
    worker: Worker

    def __enter__(self) -> "Ours":
        valkey = self._held.enter_context(Valkey())
        environment = {
            "DATA_DIR": self._held.enter_context(TemporaryDirectory()),
            "REDIS_URL": valkey.url(),
            "WHISPER_MODEL": str(self.model),
            "CONCURRENCY": str(JOBS),
            "LOG_LEVEL": "WARNING",
        }
        migrate({**os.environ, **environment})
        stack = self._held.enter_context(Stack(environment, ["transcriber"], migrate=False))
        self.worker = Worker(environment, stack)
        self._held.callback(self.worker.close)
        return self

    def transcribe(self) -> None:
        self.worker.wait(self.worker.put_all(self.clips))


class Prepared(Ours):
    """Without the share of preparation, which no peer does."""

    label = "ours, prepared"
    title = "the same worker and clips, asked for their words again: they are prepared already"

    def take(self, clips: Sequence[Path]) -> None:
        self._ids = self.worker.put_all(clips)
        self.worker.wait(self._ids)

    def transcribe(self) -> None:
        self.worker.ask_again(self._ids)
        self.worker.wait(self._ids)


class PeerServer(Server):
    """A server with a Python of its own."""

    def __init__(self, name: str, command: Sequence[str | Path]) -> None:
        self.name = name
        super().__init__()
        self._command = [str(word) for word in command]

    def command(self) -> list[str]:
        return [word.format(port=self.port, folder=self.folder) for word in self._command]

    def check(self) -> None:
        socket.create_connection(("127.0.0.1", self.port), timeout=2).close()


class Peer(Contender):
    """A server that is asked by as many clients at a time as our worker has jobs."""

    packages: ClassVar[Sequence[str]]
    one_in = 3
    server: PeerServer

    def __enter__(self) -> "Peer":
        python = installed(self.workshop, self.packages)
        self.server = self._held.enter_context(PeerServer(self.label, [python, *self.arguments()]))
        return self

    @abstractmethod
    def arguments(self) -> Sequence[str | Path]:
        """Of its Python; `{port}` and `{folder}` are filled in."""

    @abstractmethod
    def ask(self, content: bytes) -> None:
        """Wait for the words of one clip."""

    def read(self, clip: Path) -> bytes:
        """What a client sends of a clip."""
        return clip.read_bytes()

    def take(self, clips: Sequence[Path]) -> None:
        self._contents = [self.read(clip) for clip in clips]

    def transcribe(self) -> None:
        with ThreadPoolExecutor(JOBS) as pool:
            list(pool.map(self.ask, self._contents))


class FasterWhisperServer(Peer):
    label = "faster-whisper-server"
    title = f"{FWS[0]}, as it comes"
    packages = FWS

    def arguments(self) -> Sequence[str | Path]:
        return ["-m", "faster_whisper_server", self.model, "--host", "127.0.0.1", "--port", "{port}"]

    def ask(self, content: bytes) -> None:
        answer = httpx.post(
            f"http://127.0.0.1:{self.server.port}/v1/audio/transcriptions",
            files={"file": content},
            data={"model_name": "whisper-1", "response_format": "verbose_json"},
            timeout=PATIENCE_S,
        )
        answer.raise_for_status()


class Wyoming(Peer):
    """Takes samples only, so its clips are decoded before the clock starts."""

    label = "wyoming-faster-whisper"
    title = f"{WYOMING[0]}, told to work in int8; clips are decoded for it"
    packages = WYOMING

    def arguments(self) -> Sequence[str | Path]:
        where = ["--uri", "tcp://127.0.0.1:{port}", "--data-dir", "{folder}", "--local-files-only"]
        how = ["--stt-library", "faster-whisper", "--language", "en", "--compute-type", "int8"]
        return ["-m", "wyoming_faster_whisper", "--model", self.model, *where, *how]

    def read(self, clip: Path) -> bytes:
        with clip.open("rb") as file:
            return (np.concatenate(list(decode_file(file))) * 32767).astype("<i2").tobytes()

    def ask(self, content: bytes) -> None:
        sound = {"rate": SAMPLE_RATE, "width": 2, "channels": 1}
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=PATIENCE_S) as line:
            line.sendall(_event("transcribe", {}) + _event("audio-start", sound))
            line.sendall(_event("audio-chunk", sound, content) + _event("audio-stop", {}))
            with line.makefile("rb") as answers:
                while _next_event(answers) != "transcript":
                    pass


def _event(type: str, data: Mapping[str, Any], payload: bytes = b"") -> bytes:
    """One event of the Wyoming protocol: a line of JSON, and bytes behind it."""
    return json.dumps({"type": type, "data": data, "payload_length": len(payload)}).encode() + b"\n" + payload


def _next_event(answers: BinaryIO) -> str:
    if not (line := answers.readline()):
        raise CannotMeasure("It hung up without an answer.")
    event = json.loads(line)
    answers.read(event.get("data_length") or 0)
    answers.read(event.get("payload_length") or 0)
    return str(event["type"])


def installed(workshop: Path, packages: Sequence[str]) -> Path:
    """The Python of a virtual environment that has these packages, made if it is not there."""
    folder = workshop / packages[0].replace("==", "-")
    python = folder / "bin" / "python"
    if not folder.exists():
        for command in (
            [sys.executable, "-m", "venv", str(folder)],
            [str(python), "-m", "pip", "install", "--quiet", *packages],
        ):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                shutil.rmtree(folder, ignore_errors=True)
                raise CannotMeasure(f"{packages[0]} could not be installed: {done.stderr.strip()[-300:]}")
    return python


CONTENDERS: Sequence[type[Contender]] = (Bare, Ours, Prepared, OneJob, FasterWhisperServer, Wyoming)
