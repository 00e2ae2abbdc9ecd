"""The end of the process: soon, with its clips given back, and without tearing native code down under its threads."""

import time
from collections.abc import Iterator
from contextlib import closing
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest

from services.transcriber.jobs import lease
from services.transcriber.jobs.verdict import STALLED
from services.transcriber.models.registry import BUNDLED_MODEL
from services.transcriber.recognizers.embedded import EmbeddedRecognizer
from services.transcriber.recognizers.streaming import ShortWindowRecognizer
from shared.clips.models import Status
from shared.threads import EXIT_UNFIT
from tests.conftest import Parts
from tests.servers.valkey import Valkey
from tests.services.transcriber import files
from tests.services.transcriber.captions.test_captioner import PIECES, LiveRecordings
from tests.services.transcriber.test_runtime import ApiStandIn, wait_until
from tests.services.transcriber.worker_library import WorkerLibrary

MAX_EXIT_S = 8
"""After SIGTERM. `make local-up` and Docker kill after 10 s."""


def hang(what: str) -> Any:
    """A function that says so, and does not return."""

    def hang(*_: object, **__: object) -> None:
        print(f"{what} hangs", flush=True)
        time.sleep(600)

    return hang


def hang_in_captions() -> None:
    ShortWindowRecognizer.load = lambda self: None  # type: ignore[method-assign]
    ShortWindowRecognizer.detect_speech = hang("a caption")  # type: ignore[method-assign]


def hang_in_recognizer() -> None:
    EmbeddedRecognizer.transcribe = hang("a job")  # type: ignore[method-assign]


def hang_and_lose_patience() -> None:
    hang_in_recognizer()
    lease.MIN_PATIENCE_S = 2


@pytest.fixture
def library(local_parts: Parts, tmp_path: Path) -> Iterator[WorkerLibrary]:
    with closing(
        WorkerLibrary(local_parts, tmp_path / "log", WHISPER_MODEL=BUNDLED_MODEL, LEASE_SECONDS="6")
    ) as library:
        yield library


def seconds_to_end(process: BaseProcess) -> float:
    began = time.monotonic()
    process.terminate()
    process.join(30)
    return time.monotonic() - began


def test_a_caption_that_does_not_end_neither_delays_the_exit_nor_spoils_it(
    library: WorkerLibrary, local_parts: Parts
) -> None:
    with closing(LiveRecordings(local_parts)) as recordings, library.worker(hang_in_captions) as process:
        recordings.add(recordings.begin(), 0, b"".join(PIECES[:3]))
        wait_until(lambda: "a caption hangs" in library.log_tail(), library.log_tail)
        assert seconds_to_end(process) < MAX_EXIT_S
        assert process.exitcode == 0
    # Its end would tear native code down, which aborts if a thread is still inside.
    assert "the interpreter ends" not in library.log_tail()


def test_a_job_and_a_redis_that_hang_do_not_delay_the_exit_and_the_clip_is_given_back(
    library: WorkerLibrary, local_parts: Parts, valkey: Valkey
) -> None:
    with closing(ApiStandIn(local_parts)) as api, library.worker(hang_in_recognizer) as process:
        id = api.put(files.silence(1), "audio/wav")
        wait_until(lambda: "a job hangs" in library.log_tail(), library.log_tail)
        valkey.pause()
        try:
            assert seconds_to_end(process) < MAX_EXIT_S
        finally:
            valkey.resume()
        assert process.exitcode == 0
        clip = api.clip(id)
        assert (clip.status, clip.tries, clip.lease_until) == (Status.PENDING, 0, None)


def test_a_job_that_is_stuck_ends_its_process_and_the_next_one_does_it(
    library: WorkerLibrary, local_parts: Parts
) -> None:
    with closing(ApiStandIn(local_parts)) as api:
        with library.worker(hang_and_lose_patience) as process:
            id = api.put(files.silence(1), "audio/wav")
            process.join(30)
            assert process.exitcode == EXIT_UNFIT
        assert (api.clip(id).error or "").startswith(STALLED)
        assert "time.sleep(600)" in library.log.read_text()  # where it was stuck
        with library.worker():
            assert api.wait(id, Status.DONE).error is None
