"""A joined clip gets its sound from the job that prepares: exactly, of any formats, once, whoever is killed."""

import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from sqlmodel import select

from services.transcriber.audio.decode import SAMPLE_RATE
from shared.clips.models import Clip, Status
from shared.db.engine import transaction
from shared.libraries import HOME
from shared.outbox.writer import save_and_announce
from shared.redis.jobs import PREPARE
from shared.uploads.metadata import format_metadata
from shared.uploads.models import Upload
from tests import speech
from tests.conftest import Parts
from tests.recordings import streamed
from tests.services.transcriber.audio.test_announced import made_of, tones
from tests.services.transcriber.audio.test_remux import decode
from tests.services.transcriber.jobs.test_prepare import PrepareHarness, sqlite_harness
from tests.services.transcriber.jobs.test_prepare_killed import PrepareLibrary
from tests.services.transcriber.library import Library

__all__ = ["sqlite_harness"]

WORDS = "One two.\n\nThree four."


def joined(library: Library, contents: Sequence[bytes], words: str | None = WORDS) -> uuid.UUID:
    """What the API leaves behind: a recording with these segments, and with words if the joined clips had any."""
    id = library.recorded(*([content] for content in contents))
    with transaction(library.engine) as session:
        clip = session.get_one(Clip, id)
        clip.joined_from, clip.text = [str(uuid.uuid4()) for _ in contents], words
        save_and_announce(session, clip, PREPARE, now=datetime.now(UTC))
    return id


def tone(hz: int, seconds: float = 1.0) -> speech.Samples:
    times = np.arange(int(seconds * speech.RATE)) / speech.RATE
    return (9_000 * np.sin(2 * np.pi * hz * times)).astype(np.int16)


def loudest_hz(sound: np.ndarray, at_s: float) -> float:
    window = sound[int(at_s * SAMPLE_RATE) :][: SAMPLE_RATE // 10]
    return float(np.abs(np.fft.rfft(window * np.hanning(len(window)))).argmax() * 10)


def test_each_part_begins_where_the_one_before_ends_and_the_words_stay(sqlite_harness: PrepareHarness) -> None:
    """Twenty parts of three formats: no more than a millisecond of each is lost between the words and the sound."""
    made = [
        speech.encode(tone(500, 0.9), "mp4", "aac"),
        speech.wav(tone(1_000, 0.9)),
        streamed(tone(1_500, 0.9)),
    ]
    id = joined(sqlite_harness, [made[at % 3] for at in range(20)])
    lengths_s = [len(decode(content)) / SAMPLE_RATE for content in made]
    clip = sqlite_harness.prepare(id)
    assert (clip.status, clip.text) == (Status.DONE, WORDS)
    assert "transcribe" not in sqlite_harness.queued_jobs(id)
    sound = decode(sqlite_harness.audio(id))
    starts_s = [sum(lengths_s[other % 3] for other in range(at)) for at in range(21)]
    assert len(sound) / SAMPLE_RATE == pytest.approx(starts_s[-1], abs=0.03)
    for at in range(20):
        for edge_s in (starts_s[at] + 0.05, starts_s[at + 1] - 0.15):
            assert loudest_hz(sound, edge_s) == pytest.approx((500, 1_000, 1_500)[at % 3], abs=20), (at, edge_s)
    assert sqlite_harness.originals(id) == [made[at % 3] for at in range(20)]


def test_a_joined_clip_without_words_is_heard(sqlite_harness: PrepareHarness) -> None:
    id = joined(sqlite_harness, [speech.wav(tone(500)), speech.wav(tone(1_000))], words=None)
    assert sqlite_harness.prepare(id).status is Status.PENDING
    assert "transcribe" in sqlite_harness.queued_jobs(id)


def test_the_track_that_was_heard_is_joined(sqlite_harness: PrepareHarness) -> None:
    two_tracks = made_of("matroska", [tones(0, 2.0), tones(0, 1.0)], codec="libopus")
    id = joined(sqlite_harness, [two_tracks, speech.wav(tone(1_000))])
    with transaction(sqlite_harness.engine) as session:
        upload = session.exec(select(Upload).where(Upload.clip_id == id, Upload.segment == 0)).one()
        upload.tags = format_metadata({"track": "2"})
    assert sqlite_harness.prepare(id).duration_ms == pytest.approx(2_000, abs=40)


def test_a_join_that_is_too_long_says_so_and_keeps_all(sqlite_harness: PrepareHarness) -> None:
    sqlite_harness.job._max_hours = 1.5 / 3600
    id = joined(sqlite_harness, [speech.wav(tone(500)), speech.wav(tone(1_000))])
    clip = sqlite_harness.prepare(id)
    assert clip.status is Status.FAILED
    assert "MAX_AUDIO_HOURS" in (clip.error or "")
    assert (clip.text, len(sqlite_harness.originals(id))) == (WORDS, 2)


def test_a_worker_that_is_killed_while_it_joins_joins_once(local_parts: Parts, tmp_path: Path) -> None:
    library = PrepareLibrary(local_parts, tmp_path / "transcriber.log")
    try:
        parts = [speech.wav(np.tile(speech.samples(speech.ALL[:2]), 6)) for _ in range(3)]
        id = joined(library, parts)
        library.ids.append(id)
        for pause_s in (0, 0.1, 0.3):
            with library.worker() as process:
                library.send_jobs_until(library.in_hand)
                time.sleep(pause_s)
                process.kill()
        with library.worker():
            library.send_jobs_until(lambda: not library.unprepared())
        clip = library.clip(id)
        assert (clip.status, clip.text) == (Status.DONE, WORDS)
        assert clip.attempt > 1
        assert library.originals(id) == parts
        assert not library.promised(), "it is not heard again"
        assert clip.duration_ms == pytest.approx(sum(len(part) - 44 for part in parts) / 96, abs=50)
        assert [upload.segment for upload in _uploads(library, id)] == [0, 1, 2]
    finally:
        library.close()


def _uploads(library: Library, id: uuid.UUID) -> list[Upload]:
    with transaction(library.engine) as session:
        return list(session.exec(Upload.of_clip(HOME, id)))
