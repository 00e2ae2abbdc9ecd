"""The bounds of `prepare`: time, length, and the queue of long clips."""

import io
import time
from datetime import UTC, datetime
from typing import IO, Any

import pytest

from services.transcriber.audio import limits, segments
from services.transcriber.errors import WrongQueue
from services.transcriber.jobs import lease, prepare
from shared.clips.models import Clip, Status
from shared.db.engine import transaction
from shared.redis.jobs import LONG_PREPARATION, PREPARATION
from tests.recordings import streamed
from tests.services.transcriber import hostile
from tests.services.transcriber.audio.test_announced import made_of, tones
from tests.services.transcriber.audio.test_remux import FIRST
from tests.services.transcriber.jobs.test_prepare import (
    FIRST_S,
    PrepareHarness,
    assert_prepared,
    harness,
    sqlite_harness,
)
from tests.services.transcriber.library import cut

__all__ = ["harness", "sqlite_harness"]


def test_days_of_silence_in_a_few_bytes_are_refused_before_they_are_decoded(
    sqlite_harness: PrepareHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = hostile.silent_flac(127 * 3600)
    monkeypatch.setattr(prepare, "FileDecoder", lambda *_: pytest.fail("it was decoded"))
    id = sqlite_harness.put(content, "audio/flac")
    clip = sqlite_harness.prepare(id)
    assert (clip.status, clip.error, clip.tries) == (Status.FAILED, limits.IMPLAUSIBLE, 1)
    assert sqlite_harness.audio(id) == content


def test_a_clip_that_is_longer_than_the_limit_keeps_its_bytes_and_says_so(sqlite_harness: PrepareHarness) -> None:
    sqlite_harness.job._max_hours = FIRST_S / 2 / 3600
    content = streamed(FIRST)
    id = sqlite_harness.recorded(cut(content, 9_000))
    clip = sqlite_harness.prepare(id)
    assert clip.status is Status.FAILED
    assert (clip.error or "").startswith("The sound is longer than ")
    assert b"".join(b"".join(sqlite_harness.store.read(piece.key)) for _, piece in sqlite_harness.pieces(id)) == content
    # Whoever runs the server raises the limit, and somebody asks again.
    sqlite_harness.job._max_hours = 24
    with transaction(sqlite_harness.engine) as session:
        session.get_one(Clip, id).request_transcription(datetime.now(UTC))
    sqlite_harness.prepare(id)
    assert sqlite_harness.originals(id) == [content]


def test_each_track_may_take_its_time(sqlite_harness: PrepareHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    lengths_s = []

    class Budget(limits.TimeBudget):
        def __init__(self, decoded_s: float, *arguments: Any, **options: Any) -> None:
            lengths_s.append((round(decoded_s), round(options["encoded_s"])))
            super().__init__(decoded_s, *arguments, **options)

    monkeypatch.setattr(prepare, "TimeBudget", Budget)
    sqlite_harness.prepare(sqlite_harness.put(made_of("matroska", [tones(0, 2)] * 5)))
    content = streamed(FIRST)
    sqlite_harness.prepare(sqlite_harness.recorded([content], [content]))
    assert lengths_s == [(10, 0), (round(2 * FIRST_S), round(2 * FIRST_S))]


def test_sound_that_takes_too_long_to_decode_is_refused(
    sqlite_harness: PrepareHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MIN_CPU_S", 0)
    monkeypatch.setattr(limits, "MAX_CPU_RATIO", 0)
    clip = sqlite_harness.prepare(sqlite_harness.put(streamed(FIRST)))
    assert (clip.status, clip.error) == (Status.FAILED, limits.TOO_SLOW)


def test_to_store_for_long_is_progress(sqlite_harness: PrepareHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """The uplink of a home takes half an hour for what a disk takes in seconds."""
    monkeypatch.setattr(lease, "MIN_PATIENCE_S", 2)
    monkeypatch.setattr(lease, "MAX_RENEWAL_INTERVAL_S", 0.2)
    put = sqlite_harness.store.put

    def put_slowly(key: str, body: IO[bytes], size: int, content_type: str, sha256: str = "") -> None:
        sent = io.BytesIO()
        while block := body.read(size // 8 + 1):
            time.sleep(0.4)
            sent.write(block)
        sent.seek(0)
        put(key, sent, size, content_type, sha256)

    id = sqlite_harness.recorded(cut(streamed(FIRST), 7_000), duration_ms=int(FIRST_S * 1000))
    monkeypatch.setattr(sqlite_harness.store, "put", put_slowly)
    sqlite_harness.prepare(id)
    assert_prepared(sqlite_harness, id, FIRST_S)
    assert not sqlite_harness.job.has_stalled


def test_a_clip_that_turns_out_to_be_long_moves_to_the_queue_of_long_ones(harness: PrepareHarness) -> None:
    id = harness.put(hostile.silent_flac(40 * 60, rate_khz=8, block=4_608), "audio/flac")
    with pytest.raises(WrongQueue, match=LONG_PREPARATION):
        harness.job.run(id, PREPARATION)
    clip = harness.clip(id)
    assert (clip.status, clip.tries, clip.lease_until) == (Status.PENDING, 0, None)
    assert harness.job.run(id, LONG_PREPARATION) is None
    assert harness.clip(id).duration_ms == pytest.approx(40 * 60_000, rel=0.01)


def test_a_clip_that_is_known_to_be_long_moves_before_it_is_fetched(
    sqlite_harness: PrepareHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segments, "fetch_segment", lambda *_: pytest.fail("it was fetched"))
    id = sqlite_harness.recorded([streamed(FIRST)], duration_ms=3 * 3_600_000)
    clip = sqlite_harness.clip(id)
    with pytest.raises(WrongQueue):
        sqlite_harness.job.run(id, PREPARATION)
    assert sqlite_harness.clip(id).version == clip.version, "it was not claimed, and no page hears of it"


def test_the_length_that_a_browser_tells_of_a_file_is_no_proof_of_a_loss(sqlite_harness: PrepareHarness) -> None:
    id = sqlite_harness.put(streamed(FIRST))
    with transaction(sqlite_harness.engine) as session:
        session.get_one(Clip, id).duration_ms = 60_000  # of the pictures beside the sound
    assert sqlite_harness.prepare(id).gaps == []
