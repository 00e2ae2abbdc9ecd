"""`make bench-captions`: how soon words appear while somebody speaks, as JSON.

Recordings are sent at the speed of speech to the real services, in pieces as a page sends them, and a WebSocket hears
what pages are told. A word's delay is counted from the moment at which it has been spoken, by the transcript's own
times, to the moment at which it is told as settled: its piece's two seconds are part of it.
"""

import argparse
import asyncio
import json
import tempfile
import time
import uuid
from difflib import SequenceMatcher
from itertools import pairwise
from pathlib import Path
from statistics import quantiles
from typing import Any

import httpx
import psutil
from websockets.asyncio.client import connect

from tests import speech
from tests.bench.said import FOLDER, joined
from tests.recordings import streamed
from tests.servers.stack import Stack
from tests.servers.valkey import Valkey
from tests.tus import Upload

FINISHED_S = 30
"""Length of the finished clips that want their words at the same time."""

DONE_S = 300
"""Longest wait for the transcripts."""


class Recording:
    """One that goes on, and what was told of it."""

    def __init__(self, client: httpx.AsyncClient, content: bytes, seconds: float, piece_s: float) -> None:
        self._client, self._content, self._seconds, self._piece_s = client, content, seconds, piece_s
        self.id = str(uuid.uuid4())
        self.began = 0.0
        self.first_s: float | None = None
        self.settled = ""
        self.told: list[tuple[float, int]] = []
        """When so many characters were settled."""

    async def speak(self, after_s: float) -> None:
        await asyncio.sleep(after_s)
        upload = await Upload.begun(self._client, clip_id=self.id)
        size = int(len(self._content) / self._seconds * self._piece_s) + 1
        self.began = time.monotonic()
        for number, start in enumerate(range(0, len(self._content), size), start=1):
            await asyncio.sleep(max(0.0, self.began + number * self._piece_s - time.monotonic()))
            await upload.sent(start, self._content[start : start + size])
        # Whoever stops has said nothing for a moment.
        await asyncio.sleep(2 * self._piece_s)
        await upload.sent(len(self._content), Upload_Length=str(len(self._content)))
        answer = await upload.finish(duration_ms=int(self._seconds * 1000))
        answer.raise_for_status()

    def hear(self, frame: dict[str, Any]) -> None:
        now = time.monotonic() - self.began
        if self.first_s is None:
            self.first_s = now
        self.settled = self.settled[: frame["from"]] + frame["committed"]
        self.told.append((now, len(self.settled)))

    async def figures(self, said: str) -> dict[str, Any]:
        words = await self._transcript()
        marks = [(0.0, 0), *self.told]
        told_at = [now for (_, before), (now, until) in pairwise(marks) for _ in self.settled[before:until].split()]
        plain = [[_plain(word) for word in text] for text in (self.settled.split(), [word["text"] for word in words])]
        delays = [
            told_at[block.a + n] - words[block.b + n]["end_ms"] / 1000
            for block in SequenceMatcher(None, plain[0], plain[1], autojunk=False).get_matching_blocks()
            for n in range(block.size)
        ]
        cuts = quantiles(delays, n=100, method="inclusive")
        return {
            # From the moment at which somebody begins to speak, by the transcript.
            "first_word_s": round((self.first_s or 0.0) - words[0]["start_ms"] / 1000, 2),
            "settled_p50_s": round(cuts[49], 2),
            "settled_p95_s": round(cuts[94], 2),
            "words_compared": len(delays),
            "word_errors": round(speech.word_errors(self.settled, said), 4),
            "behind_at_the_end_s": round(self.told[-1][0] - self._seconds, 2),
        }

    async def _transcript(self) -> list[dict[str, Any]]:
        deadline = time.monotonic() + DONE_S
        while (clip := (await self._client.get(f"/api/clips/{self.id}")).json())["status"] != "done":
            if time.monotonic() > deadline:
                raise RuntimeError(f"no transcript came: {clip}")
            await asyncio.sleep(0.2)
        passages = (await self._client.get(f"/api/clips/{self.id}/transcript.json")).json()["passages"]
        return [word for passage in passages for word in passage["words"]]


def _plain(word: str) -> str:
    return "".join(filter(str.isalnum, word.casefold()))


async def backlog(client: httpx.AsyncClient, content: bytes, clips: int) -> float | None:
    """Put so many clips at one moment; return the clips an hour, once all have their words."""
    began, ids = time.monotonic(), [str(uuid.uuid4()) for _ in range(clips)]
    for id in ids:
        answer = await client.put(
            f"/api/clips/{id}?name=Finished", content=content, headers={"Content-Type": "audio/webm"}
        )
        answer.raise_for_status()
    while ids:
        await asyncio.sleep(0.5)
        ids = [id for id in ids if (await client.get(f"/api/clips/{id}")).json()["status"] != "done"]
    return round(clips / (time.monotonic() - began) * 3600) if clips else None


async def measure(stack: Stack, wish: argparse.Namespace) -> dict[str, Any]:
    said = joined(wish.folder)
    content = streamed(said.samples)
    finished = streamed(said.excerpt(0, FINISHED_S))
    worker = psutil.Process(stack.pid("transcriber"))
    async with (
        httpx.AsyncClient(base_url=stack.api_url, timeout=30) as client,
        connect(f"{stack.realtime_url}?since=") as line,
    ):
        recordings = [Recording(client, content, said.seconds, wish.piece) for _ in range(wish.recordings)]
        known = {recording.id: recording for recording in recordings}

        async def listen() -> None:
            async for message in line:
                frame = json.loads(message)
                if frame["type"] == "caption":
                    known[frame["clip"]["id"]].hear(frame)

        listening = asyncio.create_task(listen())
        before, began = _cpu(worker), time.monotonic()
        # Not all at one moment: their pieces would always wait for each other.
        speaking = (one.speak(n * wish.piece / wish.recordings) for n, one in enumerate(recordings))
        per_hour, *_ = await asyncio.gather(backlog(client, finished, wish.backlog), *speaking)
        cores = (_cpu(worker) - before) / (time.monotonic() - began)
        figures = [await one.figures(said.text) for one in recordings]
        listening.cancel()
    return {"recordings": wish.recordings, "seconds": round(said.seconds, 1), "piece_s": wish.piece,
            "cores_of_transcriber": round(cores, 3), "finished_clips_per_hour": per_hour, "each": figures}  # fmt: skip


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="speech, with its texts.tsv")
    parser.add_argument("--recordings", type=int, default=2, help="how many at once")
    parser.add_argument("--piece", type=float, default=2.0, help="seconds that a page sends at a time")
    parser.add_argument("--backlog", type=int, default=0, help="finished clips of 30 s that wait meanwhile")
    wish = parser.parse_args()
    with (
        Valkey() as valkey,
        tempfile.TemporaryDirectory() as folder,
        Stack({"DATA_DIR": folder, "REDIS_URL": valkey.url(), "LOG_LEVEL": "WARNING"}) as stack,
    ):
        print(json.dumps(asyncio.run(measure(stack, wish)), indent=2))


if __name__ == "__main__":
    main()
