"""`make bench-api`: the clip API on Postgres, Redis and S3, as JSON. No transcriber runs: it would share the cores."""

import asyncio
import json
import os
import platform
import sys
import tempfile
import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
from playwright.async_api import async_playwright
from websockets.asyncio.client import connect

from tests.bench.load import Connection, in_turn, percentiles
from tests.servers.chromium import launch
from tests.servers.postgres import Postgres
from tests.servers.seaweedfs import SeaweedFS
from tests.servers.stack import Stack
from tests.servers.valkey import Valkey

CONCURRENCY = 16

COLUMNS = (
    "id, library_id, name, mime, bytes, sha256, audio_key, status, text, "
    "attempt, tries, queued_at, version, created_at, updated_at"
)

HEAD = b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\xf7\x81\x01\x42\xf2\x81\x04\x42\xf3\x81\x08\x42\x82\x84webm"
"""The beginning of a WebM file: all that the API looks at."""


def audio(size: int, number: int) -> bytes:
    """A body that is no other body, as recordings are."""
    return HEAD + number.to_bytes(8) + bytes(size - len(HEAD) - 8)


async def puts(url: str, size: int, count: int) -> dict[str, float]:
    run = uuid.uuid4().hex[:8]

    async def put(connection: Connection, number: int) -> None:
        answer = await connection.ask("PUT", f"/clips/{run}-{number}", audio(size, number))
        if answer.status != 201:
            raise RuntimeError(f"PUT was answered with {answer.status}: {answer.body!r}")

    return await in_turn(url, CONCURRENCY, count, put)


async def gets(url: str, count: int) -> dict[str, Any]:
    """GET of 50 KB: the redirect alone, and followed to the last byte, as a player does."""
    connection = await Connection.open(url)
    for number in range(CONCURRENCY):
        await connection.ask("PUT", f"/clips/get-{number}", audio(50_000, number))
    connection.close()
    to_bucket: dict[int, Connection] = {}

    async def redirect(connection: Connection, number: int) -> None:
        answer = await connection.ask("GET", f"/clips/get-{number % CONCURRENCY}")
        if answer.status not in {200, 307}:
            raise RuntimeError(f"GET was answered with {answer.status}")

    async def follow(connection: Connection, number: int) -> None:
        answer = await connection.ask("GET", f"/clips/get-{number % CONCURRENCY}")
        if answer.status == 307:
            parts = urlsplit(answer.headers["location"])
            bucket = to_bucket.get(id(connection)) or await Connection.open(answer.headers["location"])
            to_bucket[id(connection)] = bucket
            answer = await bucket.ask("GET", f"{parts.path}?{parts.query}")
        if len(answer.body) != 50_000:
            raise RuntimeError(f"GET gave {len(answer.body)} bytes with {answer.status}")

    answered = await in_turn(url, CONCURRENCY, count, redirect)
    followed = await in_turn(url, CONCURRENCY, count, follow)
    return {"answered": answered, "to_the_last_byte": followed}


async def lists(url: str, database_url: str, clips: int, count: int) -> dict[str, float]:
    """The first page of a library of so many clips, each with a transcript of 20 words."""
    fill(database_url, clips)

    async def page(connection: Connection, _number: int) -> None:
        answer = await connection.ask("GET", "/api/clips")
        if answer.status != 200:
            raise RuntimeError(f"the list was answered with {answer.status}")

    return await in_turn(url, CONCURRENCY, count, page)


def fill(database_url: str, clips: int) -> None:
    """Bring the library to exactly so many clips."""
    now = datetime.now(UTC)
    with psycopg.connect(database_url) as connection, connection.cursor() as cursor:
        cursor.execute("DELETE FROM clip")
        with cursor.copy(f"COPY clip ({COLUMNS}) FROM STDIN") as copy:
            for number in range(clips):
                at = now - timedelta(seconds=number)
                text = " ".join(["dictated"] * 20)
                told = (uuid.uuid4(), "home", f"Clip {number}", "audio/webm", 50_000, "0" * 64, "-", "done", text)
                copy.write_row((*told, 1, 1, at, 3, at, at))
        connection.commit()
        connection.autocommit = True
        cursor.execute("ANALYZE clip")


async def put_to_event(url: str, realtime_url: str, count: int) -> dict[str, Any]:
    """From the start of a PUT of 50 KB to its answer, and to its event at another socket; one at a time."""
    answered, seen = [], []
    connection = await Connection.open(url)
    async with connect(realtime_url, compression=None) as socket:
        for number in range(count):
            name = f"event-{uuid.uuid4().hex}"
            body = audio(50_000, number)
            began = time.perf_counter()
            waiting = asyncio.create_task(_event_of(socket, name))
            await connection.ask("PUT", f"/clips/{name}", body)
            answered.append(time.perf_counter() - began)
            seen.append(await waiting - began)
            await asyncio.sleep(0.02)
    connection.close()
    return {"answered": percentiles(answered), "event_at_another_socket": percentiles(seen)}


async def _event_of(socket: Any, name: str) -> float:
    async for frame in socket:
        if name in frame:
            return time.perf_counter()
    raise RuntimeError("the socket was closed before the event")


WATCH = """() => {
    window.rows = {};
    const look = () => {
        for (const row of document.querySelectorAll("[data-clip-id]")) window.rows[row.dataset.clipId] ??= Date.now();
    };
    new MutationObserver(look).observe(document.body, { childList: true, subtree: true });
}"""
"""Notes when each clip's row is first in the page."""


async def shown(url: str, count: int) -> dict[str, float]:
    """From the start of a PUT to the clip's row in the page of a second Chromium."""
    times = []
    async with async_playwright() as playwright:
        browser = await launch(playwright)
        page = await browser.new_page()
        await page.goto(url)
        await page.wait_for_load_state("networkidle")
        await page.evaluate(WATCH)
        connection = await Connection.open(url)
        began: dict[str, float] = {}
        for number in range(count):
            at = time.time()
            answer = await connection.ask("PUT", f"/clips/shown-{number}", audio(50_000, number))
            began[json.loads(answer.body)["id"]] = at
            await asyncio.sleep(0.2)
        await page.wait_for_function(f"() => Object.keys(window.rows).length >= {count}")
        rows: dict[str, float] = await page.evaluate("() => window.rows")
        times = [rows[clip] / 1000 - at for clip, at in began.items()]
        connection.close()
        await browser.close()
    return percentiles(times)


async def measure(parts: Mapping[str, str], repeat: int) -> dict[str, Any]:
    """All figures once, with `repeat` times the requests."""
    with Stack(parts, ["api", "realtime"]) as stack:
        url, realtime, database_url = stack.api_url, stack.realtime_url, parts["DATABASE_URL"]
        await puts(url, 50_000, 100)  # connections, prepared statements and S3 sessions are made here
        return {
            "put_50kb": await puts(url, 50_000, 600 * repeat),
            "put_1mb": await puts(url, 1_000_000, 200 * repeat),
            "get_50kb": await gets(url, 1000 * repeat),
            **{f"list_{n}": await lists(url, database_url, n, 500 * repeat) for n in (10, 1_000, 10_000)},
            "put_to_event": await put_to_event(url, realtime, 200 * repeat),
            "shown_in_second_chromium": await shown(url, 40 * repeat),
        }


def main() -> None:
    repeat = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    with Postgres() as postgres, Valkey() as valkey, SeaweedFS() as seaweedfs, tempfile.TemporaryDirectory() as folder:
        parts = {
            "DATABASE_URL": postgres.url(postgres.create_database()),
            "REDIS_URL": valkey.url(),
            "DATA_DIR": str(Path(folder)),
            "LOG_LEVEL": "WARNING",
            **seaweedfs.settings(seaweedfs.create_bucket()),
        }
        figures = asyncio.run(measure(parts, repeat))
    machine = {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "date": datetime.now(UTC).date().isoformat(),
    }
    print(json.dumps({"machine": machine, **figures}, indent=2))


if __name__ == "__main__":
    main()
