"""kill -9 of the transcriber, and Redis wiped, at random moments while clips get their words: each gets its own, once.

Who sends lost jobs again is the api's own relay, which only looks around more often here than it does in earnest.
"""

import io
import random
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, func, select

from services.api.background import outbox_relay
from services.api.background.outbox_relay import OutboxRelay
from services.transcriber.models.registry import BUNDLED_MODEL
from shared.clips.models import MAX_TRIES, Clip, Status
from shared.db.engine import read_session, transaction
from shared.libraries import HOME
from shared.outbox.models import OutboxRow
from shared.outbox.publisher import OutboxPublisher
from shared.outbox.writer import save_and_announce
from shared.redis.jobs import TRANSCRIBE
from shared.transcripts.models import Transcript
from tests import speech
from tests.conftest import Parts
from tests.servers import whisper as whisper_server
from tests.servers.valkey import Valkey
from tests.servers.whisper import API_KEY, Whisper
from tests.services.transcriber import tone_clips
from tests.services.transcriber.library import sha256
from tests.services.transcriber.test_runtime import wait_until
from tests.services.transcriber.worker_library import WorkerLibrary

CLIPS = 100
"""At the server of the tests, whose answer takes no work."""

SPOKEN = speech.ALL * 2
"""Real speech for the embedded model, which takes half a second for each."""

MAX_LIFE_S = 0.6
"""A worker hears some clips in that time."""

WIPE_S = 3
"""Longest time between two wipes: lost jobs come back after one, and are done soon after."""

ANSWER_S = 0.1
"""Longest that the server of the tests takes for a clip: long enough that some are always being heard."""

KILLS, MANY_KILLS = 4, MAX_TRIES - 1
"""On each kind of parts, many with `--slow`. One more could hit a clip too often, which is then given up."""

ENOUGH = 8
"""Clips that wait: with fewer there is no reason to wipe Redis once more."""

COMMIT_S = 0.1
"""A transaction that Postgres had when its client was killed is over by then."""


class TranscribeLibrary(WorkerLibrary):
    """Clips that wait for their words, at one time, while workers die and Redis is wiped."""

    def __init__(self, parts: Parts, log: Path, **environment: str) -> None:
        super().__init__(parts, log, **environment)
        self.hits: defaultdict[uuid.UUID, set[int]] = defaultdict(set)
        """The attempts at each clip during which a worker was killed."""
        self._relay = OutboxRelay(self.engine, OutboxPublisher(self.redis_url), "")
        self._relay.start()

    def close(self) -> None:
        self._relay.stop()
        super().close()

    def add_clips(self, contents: Sequence[bytes]) -> list[uuid.UUID]:
        """Clips that are prepared already."""
        ids, now = [uuid.uuid4() for _ in contents], datetime.now(UTC)
        with transaction(self.engine) as session:
            for id, content in zip(ids, contents, strict=True):
                key = f"{HOME}/{id}/audio"
                self.store.put(key, io.BytesIO(content), len(content), "audio/wav")
                clip = Clip.new_upload(
                    id,
                    name="a",
                    mime="audio/wav",
                    bytes=len(content),
                    sha256=sha256(content),
                    audio_key=key,
                    now=now,
                    library_id=HOME,
                )
                clip.prepared_at = now
                save_and_announce(session, clip, TRANSCRIBE, now=now)
        self._relay.wake()
        return ids

    def number(self, *statuses: Status) -> int:
        with read_session(self.engine) as session:
            found = select(func.count()).select_from(Clip).where(col(Clip.status).in_(statuses))
            return session.exec(found).one()

    def attempts(self) -> int:
        with read_session(self.engine) as session:
            return session.exec(select(func.sum(Clip.attempt))).one() or 0

    def waiting(self) -> int:
        return self.number(Status.PENDING, Status.TRANSCRIBING)

    def kill_a_worker(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        """Let one work for a while, kill it, and note what it had in its hands."""
        before = self.attempts()
        with self.worker() as process:
            wait_until(lambda: self.attempts() > before, self.log_tail)
            done = self.number(Status.DONE)
            if random.random() < 0.5:  # at any moment, or in the one when a clip has just got its words
                time.sleep(random.uniform(0, MAX_LIFE_S))
            else:
                wait_until(lambda: self.number(Status.DONE) > done, self.log_tail)
            meanwhile()
            process.kill()
        time.sleep(COMMIT_S)
        with read_session(self.engine) as session:
            for clip in session.exec(select(Clip).where(col(Clip.status) == Status.TRANSCRIBING)):
                self.hits[clip.id].add(clip.attempt)

    def wait_for_words(self) -> None:
        wait_until(lambda: not self.waiting(), self.log_tail)

    def words(self, id: uuid.UUID) -> str:
        """The clip's words, if it has them by rights: from one attempt, all others of which ended with a kill."""
        clip = self.clip(id)
        with read_session(self.engine) as session:
            [revision] = session.exec(select(Transcript).where(col(Transcript.clip_id) == id))
        assert (clip.status, clip.tries, clip.lease_until, clip.error) == (Status.DONE, 0, None, None)
        assert (revision.attempt, revision.text) == (clip.attempt, clip.text)
        assert self.hits[id] == set(range(1, clip.attempt))
        return revision.text

    def unsent(self) -> int:
        with read_session(self.engine) as session:
            return session.exec(select(func.count()).select_from(OutboxRow)).one()


@pytest.fixture(autouse=True)
def hasty_relay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox_relay, "SWEEP_INTERVAL_S", 0.3)
    monkeypatch.setattr(outbox_relay, "POLL_S", 0.3)
    monkeypatch.setattr(outbox_relay, "EMPTY_QUEUE_PATIENCE", timedelta(seconds=1))


@pytest.fixture
def library(
    parts: Parts, tmp_path: Path, whisper: Whisper, monkeypatch: pytest.MonkeyPatch
) -> Iterator[TranscribeLibrary]:
    """One that asks a server, which hears tones."""
    monkeypatch.setattr(whisper_server, "_transcribe", heard)
    environment = {"WHISPER_URL": whisper.openai_url, "WHISPER_API_KEY": API_KEY, "RETRY_SECONDS": "0.1"}
    with closing(TranscribeLibrary(parts, tmp_path / "transcriber.log", **environment)) as library:
        yield library


def heard(audio: bytes) -> dict[str, Any]:
    time.sleep(random.uniform(0, ANSWER_S))
    return tone_clips.heard(audio)


def test_a_worker_that_is_killed_again_and_again_gives_every_clip_its_own_words_once(
    library: TranscribeLibrary, full_length: bool
) -> None:
    kills = MANY_KILLS if full_length else KILLS
    ids = library.add_clips([tone_clips.tone(number) for number in range(CLIPS)])
    began = time.monotonic()
    for _ in range(kills):
        library.kill_a_worker()
    with library.worker():
        library.wait_for_words()
    print(f"{sum(map(len, library.hits.values()))} hits in {time.monotonic() - began:.0f} s")
    assert [library.words(id) for id in ids] == [tone_clips.said(number) for number in range(CLIPS)]
    assert sum(map(len, library.hits.values())) > kills / 2
    wait_until(lambda: not library.unsent())


def test_a_redis_that_is_wiped_again_and_again_costs_no_clip_and_no_attempt(
    library: TranscribeLibrary, whisper: Whisper, valkey: Valkey
) -> None:
    ids = library.add_clips([tone_clips.tone(number) for number in range(CLIPS)])
    wiped, began = 0, time.monotonic()
    with library.worker(), valkey.client() as client:
        while library.waiting() > ENOUGH:
            time.sleep(random.uniform(0, WIPE_S))
            client.flushall()
            wiped += 1
        library.wait_for_words()
    print(f"wiped {wiped} times in {time.monotonic() - began:.0f} s")
    assert [library.words(id) for id in ids] == [tone_clips.said(number) for number in range(CLIPS)]
    assert len(whisper.requests) == CLIPS
    assert wiped > 1


def test_real_words_survive_both(server_parts: Parts, tmp_path: Path, valkey: Valkey) -> None:
    environment = {"WHISPER_MODEL": BUNDLED_MODEL, "CONCURRENCY": "2"}
    with closing(TranscribeLibrary(server_parts, tmp_path / "transcriber.log", **environment)) as library:
        ids = library.add_clips([(speech.DATA / name).read_bytes() for name in SPOKEN])
        with valkey.client() as client:
            for _ in range(3):
                library.kill_a_worker(meanwhile=client.flushall)
        with library.worker():
            library.wait_for_words()
        for id, name in zip(ids, SPOKEN, strict=True):
            assert speech.word_errors(library.words(id), speech.TEXTS[name]) <= 0.3
