"""kill -9 of the transcriber while it prepares clips, at random moments: each is prepared once."""

import random
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlmodel import col, func, select, text

from shared.clips.models import MAX_TRIES, Clip
from shared.db.engine import read_session, transaction
from shared.outbox.publisher import publish_batch
from shared.redis import jobs
from tests import speech
from tests.conftest import Parts
from tests.recordings import streamed
from tests.servers.server import free_port
from tests.services.transcriber import files
from tests.services.transcriber.library import cut, sha256
from tests.services.transcriber.worker_library import WorkerLibrary

KILLS, MANY_KILLS = 5, 25
"""On each kind of parts, of which there are two; many with `--slow`."""

BACKLOG = 16
"""Clips that wait at any time, so that there is always something to be killed at."""

MAX_LIFE_S = 0.5
"""A worker prepares some clips in that time."""

JOBS_S = 0.3
"""How often jobs are sent again."""

PATIENCE_S = 30
"""For what takes a second on an idle machine."""

SEGMENTS = [streamed(speech.repeated(speech.samples(files.SAID), seconds)) for seconds in (6, 3)]
"""Short ones: what takes time is to fetch, to put and to write, which is where a kill may do harm."""

PROMISES = {
    "sqlite": """CREATE TRIGGER promise AFTER INSERT ON outbox WHEN NEW.topic = 'transcribe'
        BEGIN INSERT INTO promised VALUES (NEW.clip_id); END""",
    "postgresql": """CREATE FUNCTION promise() RETURNS trigger AS
        'BEGIN INSERT INTO promised VALUES (NEW.clip_id); RETURN NEW; END' LANGUAGE plpgsql;
        CREATE TRIGGER promise AFTER INSERT ON outbox FOR EACH ROW WHEN (NEW.topic = 'transcribe')
        EXECUTE FUNCTION promise()""",
}
"""The outbox forgets what was sent; these remember each promise of a transcript, in the same transaction."""


class PrepareLibrary(WorkerLibrary):
    """Clips that are to be prepared, by a worker that dies again and again."""

    def __init__(self, parts: Parts, log: Path) -> None:
        # Nothing answers there, and nobody asks twice: transcripts are not what this is about.
        nobody = f"http://127.0.0.1:{free_port()}/v1/audio/transcriptions"
        super().__init__(parts, log, WHISPER_URL=nobody, RETRY_SECONDS="1000")
        self.ids: list[uuid.UUID] = []
        self._broker = jobs.JobBroker(self.redis_url)
        with transaction(self.engine) as session:
            session.connection().execute(text("CREATE TABLE promised (clip_id TEXT)"))
            session.connection().execute(text(PROMISES[self.engine.dialect.name]))

    def close(self) -> None:
        self._broker.client.close()
        super().close()

    def fill(self) -> None:
        while len(self.unprepared()) < BACKLOG:
            self.ids.append(self.recorded(*(cut(content, 8_000) for content in SEGMENTS)))

    def send_jobs_until(self, condition: Callable[[], object]) -> None:
        """What the API's sweep does in its time: whatever is not prepared gets a job, again and again."""
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, self.log_tail()
            publish_batch(self.engine, self.publisher)
            for id in self.unprepared():
                self._broker.enqueue(jobs.job_message(jobs.PREPARE, id, jobs.PREPARATION))
            pause_until = time.monotonic() + JOBS_S
            while not condition() and time.monotonic() < pause_until:
                time.sleep(0.001)

    def unprepared(self) -> list[uuid.UUID]:
        with read_session(self.engine) as session:
            return list(session.exec(select(Clip.id).where(col(Clip.prepared_at).is_(None))))

    def prepared(self) -> int:
        return len(self.ids) - len(self.unprepared())

    def in_hand(self) -> int:
        """Clips that are being prepared: their lease has not run out."""
        with read_session(self.engine) as session:
            held = col(Clip.prepared_at).is_(None), col(Clip.lease_until) > datetime.now(UTC)
            return session.exec(select(func.count()).select_from(Clip).where(*held)).one()

    def max_tries(self) -> int:
        with read_session(self.engine) as session:
            return session.exec(select(func.max(Clip.tries))).one() or 0

    def promised(self) -> Counter[uuid.UUID]:
        with read_session(self.engine) as session:
            return Counter(
                uuid.UUID(id) for (id,) in session.connection().execute(text("SELECT clip_id FROM promised"))
            )


@pytest.fixture
def library(parts: Parts, tmp_path: Path) -> Iterator[PrepareLibrary]:
    library = PrepareLibrary(parts, tmp_path / "transcriber.log")
    yield library
    library.close()


def test_a_worker_that_is_killed_again_and_again_prepares_every_clip_once(
    library: PrepareLibrary, full_length: bool
) -> None:
    enough = MANY_KILLS if full_length else KILLS
    kills, began = 0, time.monotonic()
    while kills < enough:
        library.fill()
        with library.worker() as process:
            library.send_jobs_until(library.in_hand)
            # A clip that was killed at too often is given up, as it should be: that is not what is tested here.
            library.send_jobs_until(lambda: library.max_tries() < MAX_TRIES - 1)
            time.sleep(random.uniform(0, MAX_LIFE_S))
            if kills % 2:  # at any moment, or in the one when a clip has just been prepared
                done = library.prepared()
                library.send_jobs_until(lambda done=done: library.prepared() > done)  # type: ignore[misc]
            process.kill()
            kills += bool(library.in_hand())
    with library.worker():
        library.send_jobs_until(lambda: not library.unprepared())
    print(f"{kills} kills, {len(library.ids)} clips, {time.monotonic() - began:.0f} s")

    clips = [library.clip(id) for id in library.ids]
    assert library.promised() == Counter(library.ids), "one promise of a transcript for each clip"
    assert sum(clip.attempt for clip in clips) > len(clips), "some were killed at"
    for id in library.ids:
        clip, played = library.clip(id), library.audio(id)
        assert clip.prepared_at is not None
        assert (clip.sha256, clip.bytes) == (sha256(played), len(played))
        assert library.originals(id) == SEGMENTS
        assert library.peaks(id)
        assert clip.duration_ms == pytest.approx(9_000, abs=100)
    assert len({clip.sha256 for clip in clips}) == 1, "the same pieces make the same file, however often it was begun"
