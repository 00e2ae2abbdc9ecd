"""kill -9 of the transcriber while it makes a form of a clip: the sweep sends the job again, and another makes it."""

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from services.api.background.outbox_relay import OutboxRelay
from shared.clips.renditions import Form, Rendition
from shared.db.engine import transaction
from shared.outbox.publisher import OutboxPublisher
from tests import speech
from tests.conftest import Parts
from tests.servers.server import free_port
from tests.services.transcriber.test_runtime import wait_until
from tests.services.transcriber.worker_library import WorkerLibrary

KILLS = 3
"""One more than it takes to see that a second kill harms as little as the first."""


@pytest.fixture
def library(parts: Parts, tmp_path: Path) -> Iterator[WorkerLibrary]:
    nobody = f"http://127.0.0.1:{free_port()}/v1/audio/transcriptions"
    library = WorkerLibrary(parts, tmp_path / "transcriber.log", WHISPER_URL=nobody, RETRY_SECONDS="1000")
    yield library
    library.close()


def test_a_worker_that_is_killed_while_it_renders_is_replaced(library: WorkerLibrary, full_length: bool) -> None:
    rng = np.random.default_rng(1)
    minutes = rng.normal(0, 3_000, 180 * speech.RATE).astype(np.int16)
    id = library.put(speech.encode(minutes, "ipod", "alac"), "audio/mp4")
    relay = OutboxRelay(library.engine, OutboxPublisher(library.redis_url), "")

    def rendition() -> Rendition | None:
        with transaction(library.engine) as session:
            return session.get(Rendition, (id, Form.M4A))

    def tries() -> int:
        found = rendition()
        return found.tries if found else 0

    relay.start()
    try:
        for kill in range(1, (KILLS if full_length else 1) + 1):
            with library.worker() as process:
                wait_until(lambda kill=kill: tries() == kill, library.log_tail)  # type: ignore[misc]
                time.sleep(0.1)
                process.kill()
            assert (found := rendition())
            assert found.is_wanted
        with library.worker():
            wait_until(lambda: bool((found := rendition()) and found.made_at), library.log_tail)
    finally:
        relay.stop()
    assert (found := rendition())
    assert sum(len(block) for block in library.store.read(found.key)) == found.bytes > 1_000_000
    assert not list(Path(library.settings.data_dir, "work").glob("*")), "files of work have no names"
