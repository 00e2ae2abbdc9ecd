"""What happens while `prepare` works, what is prepared again, and what it does in trouble."""

import io
import itertools
import struct
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from services.transcriber.jobs import prepare
from shared.clips.gaps import LOST, new_gap
from shared.clips.models import Clip, Status
from shared.clips.schemas import PublicClip
from shared.db.engine import transaction
from shared.storage.store import StoreUnavailable
from tests.recordings import recording, streamed
from tests.services.transcriber.audio.test_remux import FIRST, SECOND
from tests.services.transcriber.jobs.test_prepare import (
    FIRST_S,
    SECOND_S,
    PrepareHarness,
    assert_prepared,
    harness,
    sqlite_harness,
)
from tests.services.transcriber.library import cut

__all__ = ["harness", "sqlite_harness"]


def during_preparation(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Something happens while the clip is being prepared, once."""
    original, once = prepare._decode_fully, itertools.count()

    def decode(*arguments: Any) -> Any:
        if next(once) == 0:
            act()
        return original(*arguments)

    monkeypatch.setattr(prepare, "_decode_fully", decode)


def test_bytes_that_come_late_reopen_the_recording_and_it_is_prepared_again(
    harness: PrepareHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = streamed(SECOND)
    id = harness.recorded(cut(content[: len(content) // 2], 9_000))
    during_preparation(monkeypatch, lambda: harness.add(id, 0, content[len(content) // 2 :]))
    assert harness.prepare(id).status is Status.RECORDING
    assert len(harness.pieces(id)) > 2
    assert harness.queued_jobs(id) == ["prepare"]
    with transaction(harness.engine) as session:
        session.get_one(Clip, id).finish_recording(datetime.now(UTC), duration_ms=None, gaps=[])
    harness.prepare(id)
    assert_prepared(harness, id, SECOND_S)
    assert harness.originals(id) == [content]


def test_a_clip_whose_pieces_changed_is_prepared_again(
    harness: PrepareHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = streamed(SECOND)
    id = harness.recorded(cut(content[: len(content) // 2], 9_000))
    during_preparation(monkeypatch, lambda: harness.add(id, 0, content[len(content) // 2 :], reopens=False))
    assert harness.prepare(id).prepared_at is None
    assert harness.queued_jobs(id) == ["prepare", "prepare"]
    assert harness.prepare(id).duration_ms == pytest.approx(SECOND_S * 1000, abs=100)
    assert harness.originals(id) == [content]


def test_bytes_that_come_after_it_was_prepared_are_joined_to_the_rest(harness: PrepareHarness) -> None:
    content = streamed(SECOND)
    id = harness.recorded(cut(content[: len(content) // 2], 9_000))
    half = harness.prepare(id).duration_ms
    assert half == pytest.approx(SECOND_S * 500, rel=0.3)
    harness.add(id, 0, content[len(content) // 2 :])
    with transaction(harness.engine) as session:
        session.get_one(Clip, id).finish_recording(datetime.now(UTC), duration_ms=None, gaps=[])
    clip = harness.prepare(id)
    assert clip.duration_ms == pytest.approx(SECOND_S * 1000, abs=100)
    assert harness.originals(id) == [content]


def test_a_second_preparation_changes_no_sample(harness: PrepareHarness) -> None:
    id = harness.recorded(cut(streamed(FIRST), 9_000), duration_ms=int(FIRST_S * 1000) + 5_000)
    first = harness.prepare(id)
    peaks, audio = harness.peaks(id), harness.audio(id)
    assert harness.prepare(id).version == first.version, "a message that comes again finds nothing to do"
    with transaction(harness.engine) as session:
        session.get_one(Clip, id).prepared_at = None
    second = harness.prepare(id)
    assert (second.sha256, second.duration_ms, second.gaps) == (first.sha256, first.duration_ms, first.gaps)
    assert (harness.peaks(id), harness.audio(id)) == (peaks, audio)
    assert len(second.gaps) == 1


def test_a_clip_that_goes_to_the_bin_meanwhile_is_prepared_when_it_comes_back(
    harness: PrepareHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = streamed(FIRST)
    id = harness.recorded(cut(content, 9_000))

    def change(verb: Callable[[Clip, datetime], object]) -> None:
        with transaction(harness.engine) as session:
            verb(session.get_one(Clip, id), datetime.now(UTC))

    during_preparation(monkeypatch, lambda: change(Clip.move_to_bin))
    clip = harness.prepare(id)
    assert (clip.prepared_at, clip.audio_key) == (None, "")
    change(Clip.restore)
    harness.prepare(id)
    assert_prepared(harness, id, FIRST_S)
    assert harness.originals(id) == [content]


def test_a_released_clip_is_prepared_by_the_next_worker(
    harness: PrepareHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = harness.put(streamed(FIRST))
    during_preparation(monkeypatch, harness.job.release_all)
    clip = harness.prepare(id)
    assert (clip.status, clip.tries, clip.prepared_at) == (Status.PENDING, 0, None)
    assert harness.queued_jobs(id) == ["prepare", "prepare"]
    assert harness.prepare(id).prepared_at is not None


def test_two_workers_do_not_prepare_one_clip(harness: PrepareHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    id = harness.put(streamed(FIRST))
    during_preparation(monkeypatch, lambda: harness.job.run(id))
    assert harness.prepare(id).attempt == 1
    assert_prepared(harness, id, FIRST_S)


def test_an_unavailable_store_and_a_missing_object_are_retried(harness: PrepareHarness) -> None:
    id = harness.recorded(cut(streamed(FIRST), 9_000))
    away = threading.Event()
    read = harness.store.read

    def refuse(*arguments: Any) -> Iterator[bytes]:
        if away.is_set():
            raise StoreUnavailable("secret address")
        return read(*arguments)

    harness.store.read = refuse  # type: ignore[method-assign, assignment]
    away.set()
    pause = harness.job.run(id)
    assert pause == pytest.approx(5, rel=0.2)
    assert harness.clip(id).error == "The store of the audio does not answer. Trying again (2 of 8)."
    away.clear()
    harness.store.delete(harness.pieces(id)[1][1].key)
    assert harness.job.run(id) is not None
    assert harness.clip(id).error == "The sound of this clip is not in the store. Trying again (3 of 8)."


def test_gaps_that_are_reported_during_the_preparation_are_kept(
    sqlite_harness: PrepareHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = sqlite_harness.recorded([streamed(SECOND)], gaps=[new_gap(0, 0, LOST)])
    muted, played = new_gap(1_000, 2_000, "muted"), prepare._make_played_audio

    def explained_meanwhile(*parts: Any, **options: Any) -> prepare.PlayedAudio:
        with transaction(sqlite_harness.engine) as session:
            assert session.get_one(Clip, id).reconcile_gaps(datetime.now(UTC), duration_ms=600_000, gaps=[muted])
        return played(*parts, **options)

    monkeypatch.setattr(prepare, "_make_played_audio", explained_meanwhile)
    assert [known["cause"] for known in sqlite_harness.prepare(id).gaps] == ["muted", "missing"]


def test_the_gap_of_a_lost_recorder_is_at_the_end(sqlite_harness: PrepareHarness) -> None:
    clip = sqlite_harness.prepare(sqlite_harness.recorded([streamed(SECOND)], gaps=[new_gap(0, 0, LOST)]))
    assert clip.gaps == [new_gap(clip.duration_ms or 0, 0, LOST)]


def test_announced_lengths_do_not_spread(sqlite_harness: PrepareHarness) -> None:
    endless = with_duration(recording(), 1e11)
    clip = sqlite_harness.prepare(sqlite_harness.recorded([endless], [endless]))
    PublicClip.model_validate(clip)
    assert [known["cause"] for known in clip.gaps] == ["missing"]


def test_changed_bytes_are_noticed(sqlite_harness: PrepareHarness) -> None:
    content = streamed(SECOND)
    id = sqlite_harness.recorded(cut(content, 4_000))
    _, damaged = sqlite_harness.pieces(id)[2]
    path = sqlite_harness.folder / "objects" / damaged.key
    path.write_bytes(bytes(4_000))
    assert sqlite_harness.job.run(id) is not None, "it may be well again"
    assert "gave other sound" in (sqlite_harness.clip(id).error or "")
    path.write_bytes(content[damaged.start : damaged.end])
    sqlite_harness.prepare(id)
    assert sqlite_harness.originals(id) == [content]


def test_a_truncated_piece_is_noticed(sqlite_harness: PrepareHarness) -> None:
    id = sqlite_harness.recorded(cut(streamed(FIRST), 9_000))
    key = sqlite_harness.pieces(id)[1][1].key
    sqlite_harness.store.put(key, io.BytesIO(b"short"), 5, "audio/webm")
    assert sqlite_harness.job.run(id) is not None
    assert sqlite_harness.clip(id).prepared_at is None


def with_duration(webm: bytes, milliseconds: float) -> bytes:
    """The same file, which says that it is so long (Matroska, 0x4489 of 8 bytes)."""
    at = webm.index(b"\x44\x89\x88") + 3
    return webm[:at] + struct.pack(">d", milliseconds) + webm[at + 8 :]
