"""Our worker by itself: what it hears and misses, how soon it begins, what it costs while idle and in an hour."""

import math
import time
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import redis
from sqlmodel import Session, col, select

from services.transcriber.audio.decode import SAMPLE_RATE
from services.transcriber.recognizers.voice_activity import MIN_SILENCE_MS
from services.transcriber.settings import TranscriberSettings
from shared.clips.models import Clip, Status
from shared.db.engine import open_engine, read_session, transaction
from shared.outbox.publisher import OutboxPublisher, publish_batch
from shared.outbox.writer import save_and_announce
from shared.redis.jobs import TRANSCRIBE
from shared.storage.factory import open_store
from shared.transcripts.models import Transcript
from tests import speech
from tests.bench.realtime_peers import CannotMeasure
from tests.bench.said import Said, joined, utterances
from tests.bench.uploads import MIB, peak
from tests.servers.stack import Stack
from tests.services.transcriber.library import Library

JOBS = 2
"""Clips at a time: one thread for each, and two cores."""

POLL_S = 0.05
"""How often it is asked for what is done, in one statement: each costs the cores a millisecond."""

PATIENCE_S = 900

STARTS = 20
IDLE_S = 30
HOUR_S = 3600

SETTLE_S = 0.3
"""Between two notes, so that the worker is idle when one comes."""


class Worker(Library):
    """Our worker with its database, its store and its queue, as the api would use them."""

    def __init__(self, environment: Mapping[str, str], stack: Stack) -> None:
        self.settings = TranscriberSettings.model_validate({name.lower(): value for name, value in environment.items()})
        super().__init__(open_engine(self.settings), open_store(self.settings))
        self.stack = stack
        self._publisher = OutboxPublisher(self.settings.redis_url.get_secret_value())

    def close(self) -> None:
        self._publisher.close()
        self.engine.dispose()

    def put_all(self, clips: Sequence[Path]) -> list[uuid.UUID]:
        """Commit them one after another, each with its job."""
        return [self.begin(clip.read_bytes()) for clip in clips]

    def begin(self, content: bytes) -> uuid.UUID:
        id = self.put(content)
        self._send()
        return id

    def ask_again(self, ids: Sequence[uuid.UUID]) -> None:
        """Have clips transcribed once more."""
        for id in ids:
            now = datetime.now(UTC)
            with transaction(self.engine) as session:
                clip = session.get_one(Clip, id)
                clip.request_transcription(now)
                save_and_announce(session, clip, TRANSCRIBE, now=now)
            self._send()

    def wait(self, ids: Sequence[uuid.UUID]) -> None:
        """Until all have their words."""
        deadline = time.monotonic() + PATIENCE_S
        asked = select(Clip.status, Clip.error).where(col(Clip.id).in_(ids), col(Clip.status) != Status.DONE)
        while True:
            with read_session(self.engine) as session:
                missing = session.exec(asked).all()
            if not missing:
                return
            if time.monotonic() > deadline or any(status is Status.FAILED for status, _ in missing):
                raise CannotMeasure(f"{len(missing)} clips have no words: {[error for _, error in missing]}")
            time.sleep(POLL_S)

    def _send(self) -> None:
        while publish_batch(self.engine, self._publisher):
            pass


def measure(worker: Worker, folder: Path, speech_in: Path) -> dict[str, Any]:
    """Word errors of all speech in a row and by utterance, the longest stretch without words, starts, idleness."""
    whole, single = joined(speech_in), utterances(speech_in)
    ids = worker.put_all([encoded(said, folder) for said in (whole, *single.values())])
    worker.wait(ids)
    heard, *others = (worker.clip(id).text or "" for id in ids)
    said = " ".join(each.text for each in single.values())
    note = encoded(Said(whole.excerpt(0, 3), ""), folder).read_bytes()
    return {
        "word_errors_joined": round(speech.word_errors(heard, whole.text), 4),
        "word_errors_by_utterance": round(speech.word_errors(" ".join(others), said), 4),
        "longest_hole_s": round(_longest_hole(worker, ids[0], whole), 2),
        **starts(worker, note),
        "idle_redis_commands_a_minute": _idle(worker),
    }


def encoded(said: Said, folder: Path) -> Path:
    """A file with this speech, as a browser records it."""
    file = folder / f"{uuid.uuid4()}.webm"
    file.write_bytes(speech.encode(said.samples))
    return file


def _longest_hole(worker: Worker, id: uuid.UUID, said: Said) -> float:
    """The most speech, by the detector, in a stretch between two words."""
    from faster_whisper.vad import VadOptions, get_speech_timestamps

    with Session(worker.engine) as session:
        revision = session.exec(Transcript.newest_with_times(id)).one()
    words = [word for passage in revision.passages or () for word in passage["words"]]
    edges = [0.0, *(at / 1000 for word in words for at in (word["start_ms"], word["end_ms"])), said.seconds]
    sound = (said.samples[::3] / 32768).astype(np.float32)
    spoken = get_speech_timestamps(sound, VadOptions(min_silence_duration_ms=MIN_SILENCE_MS, speech_pad_ms=0))
    holes = [
        sum(max(0.0, min(end, span["end"] / SAMPLE_RATE) - max(start, span["start"] / SAMPLE_RATE)) for span in spoken)
        for start, end in zip(edges[::2], edges[1::2], strict=True)
    ]
    return float(max(holes))


def starts(worker: Worker, note: bytes) -> dict[str, float]:
    """Seconds from the commit of a clip to its first attempt, to that at its words, and to these, on an idle worker."""
    waits: dict[str, list[float]] = {"start": [], "start_of_words": [], "done": []}
    for _ in range(STARTS):
        time.sleep(SETTLE_S)
        began = time.monotonic()
        id = worker.begin(note)
        for attempt, place in ((1, "start"), (2, "start_of_words")):
            while worker.clip(id).attempt < attempt:
                time.sleep(0.005)
            waits[place].append(time.monotonic() - began)
        worker.wait([id])
        waits["done"].append(time.monotonic() - began)
    return {
        f"{place}_{name}_s": round(of(each), 3)
        for place, each in waits.items()
        for name, of in (("median", median), ("most", max))
    }


def _idle(worker: Worker) -> float:
    """Commands a minute that the idle worker, one process, sends to Redis."""
    with redis.Redis.from_url(worker.settings.redis_url.get_secret_value()) as client:
        before: Any = client.info("stats")
        time.sleep(IDLE_S)
        after: Any = client.info("stats")
    # The last one that asked counts itself.
    return float((after["total_commands_processed"] - before["total_commands_processed"] - 1) * 60 / IDLE_S)


def hour(worker: Worker, folder: Path, speech_in: Path) -> dict[str, Any]:
    """An hour of speech in one clip, all of it several times over: memory above the loaded model, time, word errors."""
    once = joined(speech_in)
    times = math.ceil(HOUR_S / once.seconds)
    said = Said(once.excerpt(0, once.seconds * times), " ".join([once.text] * times))
    content = encoded(said, folder).read_bytes()
    pid = worker.stack.pid("transcriber")
    before = peak(pid, reset=True)
    began = time.monotonic()
    id = worker.begin(content)
    worker.wait([id])
    seconds = time.monotonic() - began
    return {
        "seconds": round(said.seconds),
        "loaded_mib": round(before / MIB),
        "above_the_loaded_model_mib": round((peak(pid) - before) / MIB),
        "of_real_time": round(seconds / said.seconds, 3),
        "word_errors": round(speech.word_errors(worker.clip(id).text or "", said.text), 4),
    }
