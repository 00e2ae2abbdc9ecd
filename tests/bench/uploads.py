"""`make bench-uploads`: what one very long upload costs in memory, and many recordings at once in time, as JSON.

Both on SQLite and files and on Postgres and S3, each with one api process. Memory is the kernel's own record of the
process's peak (Linux: `VmHWM`), so none is missed between two looks.
"""

import argparse
import asyncio
import contextlib
import hashlib
import json
import random
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil

from tests.bench.load import Connection, percentiles
from tests.servers.postgres import Postgres
from tests.servers.seaweedfs import SeaweedFS
from tests.servers.stack import Stack
from tests.servers.valkey import Valkey
from tests.tus import BODY, DEFERRED, FETCH, SPOKEN, metadata

MIB = 1024**2
MAX_GROWTH_MIB = 32
"""What an upload or a download of any size may add to the process."""

BLOCK = random.Random(1).randbytes(MIB)
PIECE_BYTES = 16_384
"""What one recording sends each second: Opus at 128 kbit/s."""


# -- one long upload -----------------------------------------------------------------------------------------------


def memory(url: str, pid: int, mebibytes: int) -> dict[str, Any]:
    """Peak growth of the api during the upload and during the download of so much, each in one request."""
    transfer(url, 1)  # threads and connections are made here
    return {"bytes": mebibytes * MIB, **transfer(url, mebibytes, pid), "limit_mib": MAX_GROWTH_MIB}


def transfer(url: str, mebibytes: int, pid: int | None = None) -> dict[str, Any]:
    """Upload and download so much, and compare."""
    clip_id, sent, heard = uuid.uuid4(), hashlib.sha256(), hashlib.sha256()
    created = {**SPOKEN, "Upload-Length": str(mebibytes * MIB), "Upload-Metadata": metadata(clip_id=clip_id)}
    address = asked(url, "POST", "/api/uploads", created, 201).headers["Location"]

    def body() -> Iterator[bytes]:
        for number in range(mebibytes):
            block = number.to_bytes(8) + BLOCK[8:]
            sent.update(block)
            yield block

    def upload() -> None:
        length = {"Content-Length": str(mebibytes * MIB), "Upload-Offset": "0"}
        asked(url, "PATCH", address, {**BODY, **length}, 204, body())

    def download() -> None:
        response = asked(url, "GET", f"/api/clips/{clip_id}/audio", FETCH, 200)
        while block := response.read(MIB):
            heard.update(block)

    figures = {"upload": measured(upload, mebibytes, pid), "download": measured(download, mebibytes, pid)}
    if heard.digest() != sent.digest():
        raise RuntimeError("what came back is not what was sent")
    return figures


def measured(does: Callable[[], None], mebibytes: int, pid: int | None) -> dict[str, float]:
    before = peak(pid, reset=True) if pid else 0
    began = time.perf_counter()
    does()
    seconds = time.perf_counter() - began
    after = peak(pid) if pid else 0
    return {
        "before_mib": round(before / MIB, 1),
        "growth_mib": round((after - before) / MIB, 1),
        "mib_per_s": round(mebibytes / seconds, 1),
    }


def peak(pid: int, *, reset: bool = False) -> int:
    """The most memory that the process has had, in bytes, since the last reset (proc(5): clear_refs, VmHWM)."""
    if reset:
        Path(f"/proc/{pid}/clear_refs").write_text("5")
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def asked(
    url: str, method: str, path: str, headers: Mapping[str, str], status: int, body: Iterator[bytes] | None = None
) -> HTTPResponse:
    connection = HTTPConnection(urlsplit(url).netloc, timeout=600, blocksize=MIB)
    connection.request(method, path, body=body, headers=dict(headers))
    response = connection.getresponse()
    if response.status != status:
        raise RuntimeError(f"{method} {path} was answered with {response.status}: {response.read(500)!r}")
    return response


# -- many recordings -----------------------------------------------------------------------------------------------


async def crowd(url: str, pid: int, recordings: int, seconds: int) -> dict[str, Any]:
    """So many recordings at once, each sending a piece every second; then every byte of each is compared."""
    connections = [await Connection.open(url) for _ in range(recordings)]
    times: list[float] = []
    errors: list[str] = []
    api, load = psutil.Process(pid), psutil.Process()

    async def begin(number: int) -> tuple[str, str]:
        clip_id = str(uuid.uuid4())
        said = metadata(clip_id=clip_id, segment=0, name=f"Recording {number}", filetype="audio/webm")
        created = await connections[number].ask("POST", "/api/uploads", b"", {**DEFERRED, "Upload-Metadata": said})
        return clip_id, created.headers["location"]

    begun = await asyncio.gather(*(begin(number) for number in range(recordings)))
    before = _cpu(api), _cpu(load)
    start = time.perf_counter()

    async def record(number: int) -> None:
        connection, (_, address), offset = connections[number], begun[number], 0
        for second in range(seconds):
            # From the moment at which it is due: whoever is late because the one before was slow, is late.
            due = start + second + number / recordings
            await asyncio.sleep(max(0, due - time.perf_counter()))
            headers = {**BODY, "Upload-Offset": str(offset), "Recorded-Ms": str(second * 1000)}
            answer = await connection.ask("PATCH", address, piece(number, second), headers)
            times.append(time.perf_counter() - due)
            if answer.status == 204:
                offset = int(answer.headers["upload-offset"])
            else:
                errors.append(f"{answer.status}: {answer.body[:200]!r}")

    await asyncio.gather(*(record(number) for number in range(recordings)))
    took = time.perf_counter() - start
    cpu = [round((now - then) / took, 2) for now, then in zip((_cpu(api), _cpu(load)), before, strict=True)]
    lost = 0
    for connection in connections:
        connection.close()
    reader = await Connection.open(url)
    for number, (clip_id, _) in enumerate(begun):
        answer = await reader.ask("GET", f"/api/clips/{clip_id}/audio", b"", FETCH)
        wanted = b"".join(piece(number, second) for second in range(seconds))
        heard = answer.body.ljust(len(wanted), b"\xff")
        lost += sum(there != here for there, here in zip(wanted, heard, strict=False)) if heard != wanted else 0
    reader.close()
    return {
        "recordings": recordings,
        "seconds": round(took, 1),
        "patches_per_s": round(len(times) / took, 1),
        "patch": percentiles(times) | {"most_ms": round(max(times) * 1000, 1)},
        "cores_of_api": cpu[0],
        "cores_of_load": cpu[1],
        "errors": len(errors),
        "first_error": errors[0] if errors else None,
        "lost_bytes": lost,
    }


def piece(number: int, second: int) -> bytes:
    """What recording `number` says in this second; no two are the same."""
    return number.to_bytes(4) + second.to_bytes(4) + BLOCK[8:PIECE_BYTES]


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


# -- all of it -----------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def parts(kind: str) -> Iterator[Mapping[str, str]]:
    """`local`: SQLite and files. `servers`: Postgres and S3."""
    with contextlib.ExitStack() as held:
        common = {
            "REDIS_URL": held.enter_context(Valkey()).url(),
            "DATA_DIR": held.enter_context(tempfile.TemporaryDirectory()),
            "LOG_LEVEL": "WARNING",
        }
        if kind == "local":
            yield common
        else:
            postgres, seaweedfs = held.enter_context(Postgres()), held.enter_context(SeaweedFS())
            bucket = seaweedfs.settings(seaweedfs.create_bucket())
            yield {**common, **bucket, "DATABASE_URL": postgres.url(postgres.create_database())}


def measure(kind: str, wish: argparse.Namespace) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    for name in wish.only or ("memory", "crowd"):
        with parts(kind) as environment, Stack(environment, ["api"]) as stack:
            url, pid = stack.api_url, stack.pid("api")
            if name == "memory":
                figures[name] = memory(url, pid, wish.mebibytes)
            else:
                figures[name] = asyncio.run(crowd(url, pid, wish.recordings, wish.seconds))
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mebibytes", type=int, default=2048, help="size of the one long upload")
    parser.add_argument("--recordings", type=int, default=200, help="how many at once")
    parser.add_argument("--seconds", type=int, default=120, help="how long they record")
    parser.add_argument("--parts", action="append", choices=("local", "servers"), help="both, if none is named")
    parser.add_argument("--only", action="append", choices=("memory", "crowd"), help="both, if none is named")
    wish = parser.parse_args()
    figures = {kind: measure(kind, wish) for kind in wish.parts or ("local", "servers")}
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
