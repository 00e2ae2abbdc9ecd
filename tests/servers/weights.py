"""Where speech models come from, for faults that must be staged: one server that is a hub and a package index."""

import hashlib
import io
import json
import re
import threading
import zipfile
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

from services.transcriber.models.download import ModelSource

BLOCK_BYTES = 65_536
"""Sent at once: what fits before the place where it stops."""


class Source:
    """`with Source(files) as source:` serves a model; the environments `hub` and `index` lead there.

    `stop_at` is the byte of a large file at which it falls silent until `go_on`.
    """

    def __init__(self, files: Mapping[str, bytes], repository: str = "somebody/faster-whisper-staged") -> None:
        self.repository = repository
        self.revision = "0123456789abcdef0123456789abcdef01234567"
        self.files = files
        self.wheels = wheels_of(files)
        self.asked: list[str] = []
        """Method, path and range of each request, in order."""
        self.stop_at: int | None = None
        self.stopped = threading.Event()
        self.go_on = threading.Event()

        class Handler(_Handler):
            source = self

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.go_on.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def hub(self) -> dict[str, str]:
        return {"HF_ENDPOINT": self.url, "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}

    @property
    def index(self) -> dict[str, str]:
        return {"PIP_INDEX_URL": f"{self.url}/simple", "PIP_NO_INDEX": ""}

    @property
    def weights(self) -> ModelSource:
        """What is known of this model by those who know it."""
        return ModelSource(
            self.repository,
            self.revision,
            {name: hashlib.sha256(content).hexdigest() for name, content in self.files.items()},
            sum(map(len, self.files.values())),
            ("staged-part1==1.0.0", "staged-part2==1.0.0"),
        )

    def downloads(self, of: str) -> list[str]:
        """What was asked for of one kind of file."""
        return [asked for asked in self.asked if of in asked and asked.startswith("GET")]

    def answer(self, path: str) -> bytes | None:
        if found := re.fullmatch(r"/simple/(staged-part\d)/", path):
            name = next(name for name in self.wheels if name.startswith(found[1].replace("-", "_")))
            return f'<!doctype html><a href="/{name}">{name}</a>'.encode()
        if path.startswith(f"/api/models/{self.repository}/tree/{self.revision}"):
            return json.dumps([self._entry(name) for name in self.files]).encode()
        if path in {f"/api/models/{self.repository}{of}" for of in ("", f"/revision/{self.revision}")}:
            siblings = [{"rfilename": name, "size": len(content)} for name, content in self.files.items()]
            return json.dumps({"id": self.repository, "sha": self.revision, "siblings": siblings}).encode()
        prefix = f"/{self.repository}/resolve/{self.revision}/"
        return self.files.get(path.removeprefix(prefix)) if path.startswith(prefix) else self.wheels.get(path[1:])

    def _entry(self, name: str) -> dict[str, object]:
        large = {"lfs": {"oid": self.weights.sha256[name], "size": len(self.files[name]), "pointerSize": 1}}
        entry = {"type": "file", "path": name, "size": len(self.files[name]), "oid": "0" * 40}
        return entry | (large if name == "model.bin" else {})


def wheels_of(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Two wheels that carry a model, as those on the package index do: its large file in two parts."""
    model, others = files["model.bin"], {name: content for name, content in files.items() if name != "model.bin"}
    half = len(model) // 2
    return {
        "staged_part1-1.0.0-py3-none-any.whl": _wheel("staged_part1", {"model.bin.part1": model[:half], **others}),
        "staged_part2-1.0.0-py3-none-any.whl": _wheel("staged_part2", {"model.bin.part2": model[half:]}),
    }


def _wheel(name: str, files: Mapping[str, bytes]) -> bytes:
    about = f"{name}-1.0.0.dist-info"
    members = {
        f"{name}/__init__.py": b"raise SystemExit('this must never run')",
        **{f"{name}/data/{file}": content for file, content in files.items()},
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: 1.0.0\n".encode(),
        f"{about}/WHEEL": b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{about}/RECORD": b"",
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path, content in members.items():
            archive.writestr(path, content)
    return packed.getvalue()


class _Handler(BaseHTTPRequestHandler):
    source: Source
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        source, path = self.source, self.path.partition("?")[0]
        source.asked.append(f"{self.command} {path} {self.headers.get('Range', '')}".strip())
        body = source.answer(path)
        first = int((re.match(r"bytes=(\d+)-", self.headers.get("Range", "")) or [0, 0])[1])
        self.send_response(404 if body is None else 206 if first else 200)
        content = body or b""
        if first:
            self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Type", "text/html" if path.startswith("/simple/") else "application/octet-stream")
        self.send_header("Content-Length", str(len(content) - first))
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", source.revision)
        self.end_headers()
        if self.command == "GET":
            self._send(content, first)

    def _send(self, content: bytes, first: int) -> None:
        for at in range(first, len(content), BLOCK_BYTES):
            if self.source.stop_at is not None and at >= self.source.stop_at:
                self.wfile.flush()
                self.source.stopped.set()
                self.source.go_on.wait()
            self.wfile.write(content[at : at + BLOCK_BYTES])

    def log_message(self, format: str, *args: object) -> None:
        pass
