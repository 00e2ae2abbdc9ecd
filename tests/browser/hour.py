"""A clip of an hour with words and times that a recognizer wrote: a short clip, exported, repeated, imported."""

import hashlib
import io
import json
import random
import uuid
import zipfile
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import av
import httpx
import numpy as np

from services.api.archive.manifest import DESCRIPTION, MANIFEST
from tests import speech

HOUR_MS = 3_600_000

GAINS = (1.0, 0.7, 0.5, 0.35)
"""How loud a repetition may be: somebody turns away, another one speaks."""


async def put_hour(api: httpx.AsyncClient, id: str, sound: speech.Samples, name: str, ago: timedelta) -> str:
    """Store an hour that repeats a clip, whose words are there and whose sound this is. Return the hour's id."""
    exported = (await api.get("/api/library.zip", params={"id": id})).content
    hour, library = repeated(exported, sound, name, datetime.now(UTC) - ago)
    result = (await api.post("/api/library", content=library)).json()
    assert result["taken"] == 1, result
    return hour


def repeated(library: bytes, sound: speech.Samples, name: str, at: datetime) -> tuple[str, bytes]:
    """Return the id and the library of a clip that repeats the one clip of `library` for about an hour."""
    with zipfile.ZipFile(io.BytesIO(library)) as source:
        files = {entry: source.read(entry) for entry in source.namelist()}
    [path] = [entry for entry in files if entry.endswith(DESCRIPTION)]
    clip = json.loads(files[path])
    once_ms = round(1000 * len(sound) / speech.RATE)
    gains = random.Random(1811).choices(GAINS, k=round(HOUR_MS / once_ms))
    audio = _repeated_sound(sound, gains)
    file = {
        "file": "audio.webm", "mime": "audio/webm", "bytes": len(audio), "sha256": hashlib.sha256(audio).hexdigest(),
    }  # fmt: skip
    [revision] = clip["revisions"]
    passages = [_later(passage, number * once_ms) for number in range(len(gains)) for passage in revision["passages"]]
    text = " ".join([revision["text"]] * len(gains))
    hour = clip | {
        "id": str(uuid.uuid4()), "name": name, "name_origin": "person", "created_at": at.isoformat(), "audio": file,
        "duration_ms": len(gains) * once_ms, "text": text, "originals": [], "has_true_clock": True,
        "peaks": _repeated_peaks(clip["peaks"], gains),
        "revisions": [revision | {"text": text, "passages": passages}],
    }  # fmt: skip
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as target:
        target.writestr(f"hour/{file['file']}", audio)
        target.writestr(f"hour/{DESCRIPTION}", json.dumps(hour))
        target.writestr(MANIFEST, files[MANIFEST])
    return str(hour["id"]), made.getvalue()


def _later(timed: dict[str, Any], by_ms: int) -> dict[str, Any]:
    """A passage with its words, or a word, said so much later."""
    moved = timed | {name: timed[name] + by_ms for name in ("start_ms", "end_ms")}
    return moved | ({"words": [_later(word, by_ms) for word in timed["words"]]} if timed.get("words") else {})


def _repeated_peaks(once: list[int], gains: list[float]) -> list[int]:
    """The loudest of each stretch: a clip of any length has so many."""
    every = [round(peak * gain) for gain in gains for peak in once]
    step = len(every) // len(once)
    return [max(every[start : start + step]) for start in range(0, step * len(once), step)]


def _repeated_sound(once: speech.Samples, gains: list[float]) -> bytes:
    """The same packets again and again: each loudness is encoded once, an hour would take minutes."""
    made = io.BytesIO()
    packets = {gain: _packets(speech.encode((once * gain).astype(np.int16))) for gain in set(gains)}
    with av.open(made, "w", format="webm") as target:
        stream = target.add_stream("libopus", rate=speech.RATE, layout="mono")
        for number, gain in enumerate(gains):
            for at_s, data in packets[gain]:
                packet = av.Packet(data)
                packet.stream, packet.time_base = stream, Fraction(1, speech.RATE)
                packet.pts = packet.dts = number * len(once) + round(at_s * speech.RATE)
                target.mux(packet)
    return made.getvalue()


def _packets(sound: bytes) -> list[tuple[float, bytes]]:
    """Each packet of a sound, and at which second it begins."""
    with av.open(io.BytesIO(sound), "r") as source:
        stream = source.streams.audio[0]
        assert stream.time_base is not None
        return [
            (float((packet.pts or 0) * stream.time_base), bytes(packet))
            for packet in source.demux(stream)
            if packet.size
        ]
