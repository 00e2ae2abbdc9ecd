"""The job that makes one seekable, measured audio of what arrived, on a real database."""

import io
import itertools
import struct
import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import SecretStr
from sqlmodel import col, select

from services.transcriber.audio import remux
from services.transcriber.audio.seekable import is_seekable
from services.transcriber.errors import AudioRejected
from services.transcriber.jobs import prepare
from services.transcriber.jobs.prepare import PrepareJob
from services.transcriber.settings import TranscriberSettings
from shared.clips.gaps import LOST, new_gap
from shared.clips.models import Clip, Status
from shared.clips.schemas import PublicClip
from shared.db.engine import open_engine, transaction
from shared.outbox.models import EVENT, OutboxRow
from shared.storage.factory import open_store
from shared.storage.store import StoreUnavailable
from shared.uploads.models import Upload
from tests import speech
from tests.recordings import CONTAINERS, recording, streamed
from tests.services.transcriber import files
from tests.services.transcriber.audio.test_remux import FIRST, SECOND, heard
from tests.services.transcriber.library import Library, cut, sha256

FIRST_S, SECOND_S = len(FIRST) / speech.RATE, len(SECOND) / speech.RATE


class Workplace(Library):
    """A library and a worker who prepares its clips."""

    def __init__(self, database_url: str, folder: Path) -> None:
        self.settings = TranscriberSettings(data_dir=folder, database_url=SecretStr(database_url), lease_seconds=30)
        super().__init__(open_engine(self.settings), open_store(self.settings))
        self.preparer = PrepareJob(self.engine, self.store, self.settings, lambda: None)
        self.folder = folder

    def prepare(self, id: uuid.UUID) -> Clip:
        assert self.preparer.run(id) is None
        assert not list((self.folder / "work").iterdir()), "files of work have no names"
        return self.clip(id)

    def promises(self, id: uuid.UUID) -> list[str]:
        with transaction(self.engine) as session:
            found = select(OutboxRow.topic).where(OutboxRow.clip_id == id, OutboxRow.topic != EVENT)
            return list(session.exec(found.order_by(col(OutboxRow.id))))

    def objects(self, id: uuid.UUID) -> set[str]:
        return {path.name for path in (self.folder / "objects" / "home" / str(id)).iterdir()}


@pytest.fixture
def work(database_url: str, tmp_path: Path) -> Iterator[Workplace]:
    work = Workplace(database_url, tmp_path)
    yield work
    work.engine.dispose()


@pytest.fixture
def local(sqlite_url: str, tmp_path: Path) -> Iterator[Workplace]:
    """The same on SQLite alone, for what has nothing to do with the database."""
    work = Workplace(sqlite_url, tmp_path)
    yield work
    work.engine.dispose()


def is_as_it_should_be(work: Workplace, id: uuid.UUID, seconds: float) -> Clip:
    """What holds of every clip that is prepared."""
    clip, played = work.clip(id), work.audio(id)
    assert (clip.status, clip.error, clip.lease_until, clip.tries) == (Status.PENDING, None, None, 0)
    assert clip.prepared_at is not None
    assert (clip.sha256, clip.bytes) == (sha256(played), len(played))
    assert is_seekable(io.BytesIO(played), len(played))
    assert clip.duration_ms == pytest.approx(seconds * 1000, abs=100)
    peaks = work.peaks(id)
    assert 0 < len(peaks) <= 1000
    assert all(peak in range(256) for peak in peaks)
    assert work.promises(id) == ["prepare", "transcribe"]
    return clip


# -- recordings ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("container", ["webm", "mp4"])
def test_the_pieces_of_a_recording_become_one_audio(work: Workplace, container: str) -> None:
    content = streamed(SECOND, container)
    id = work.recorded(
        cut(content, 7_000), mime=f"audio/{container};codecs=something", duration_ms=int(SECOND_S * 1000)
    )
    work.prepare(id)
    clip = is_as_it_should_be(work, id, SECOND_S)
    assert (clip.mime, clip.gaps) == (f"audio/{container}", [])
    assert work.originals(id) == [content]
    assert np.array_equal(heard(work.audio(id)), heard(content))
    # Speech, and the pause before it.
    peaks = work.peaks(id)
    assert max(peaks) > 80
    assert max(peaks[: len(peaks) // 100]) < 20


def test_an_interrupted_recording_is_one_audio_and_all_of_its_originals_stay(work: Workplace) -> None:
    contents = [streamed(FIRST, channels=2), streamed(SECOND)]
    gap = {"at_ms": int(FIRST_S * 1000), "length_ms": 90_000, "cause": "interrupted"}
    told_ms = int((FIRST_S + SECOND_S) * 1000)
    id = work.recorded(*(cut(content, 9_999) for content in contents), duration_ms=told_ms, gaps=[gap])
    work.prepare(id)
    clip = is_as_it_should_be(work, id, FIRST_S + SECOND_S)
    assert clip.gaps == [gap]
    assert work.originals(id) == contents


def test_unlike_segments_are_one_audio_too(local: Workplace) -> None:
    contents = [streamed(FIRST, "mp4"), streamed(SECOND)]
    id = local.recorded(*(cut(content, 20_000) for content in contents))
    local.prepare(id)
    assert is_as_it_should_be(local, id, FIRST_S + SECOND_S).mime == "audio/webm"
    assert local.originals(id) == contents


@pytest.mark.parametrize("size", [1_000, 4_096, 30_001, 10**9])
def test_where_the_pieces_were_cut_makes_no_difference(local: Workplace, size: int) -> None:
    contents = [streamed(FIRST), streamed(SECOND)]
    whole = local.recorded(*([content] for content in contents))
    pieces = local.recorded(*(cut(content, size) for content in contents))
    assert local.prepare(whole).sha256 == local.prepare(pieces).sha256
    assert local.audio(whole) == local.audio(pieces)
    assert local.peaks(whole) == local.peaks(pieces)
    assert local.originals(pieces) == contents


def test_a_killed_tab_leaves_what_it_sent(local: Workplace) -> None:
    content = streamed(SECOND)
    content = content[: int(0.6 * len(content))]
    id = local.recorded(cut(content, 8_000), duration_ms=int(SECOND_S * 1000))
    clip = local.prepare(id)
    assert clip.duration_ms == pytest.approx(len(heard(content)) / 16, abs=100)
    [gap] = clip.gaps
    assert (gap["at_ms"], gap["cause"]) == (clip.duration_ms, "missing")
    assert clip.duration_ms + gap["length_ms"] == int(SECOND_S * 1000)
    assert local.originals(id) == [content]


def test_segments_without_sound_do_not_stop_the_others(local: Workplace) -> None:
    content = streamed(FIRST)
    header, nonsense = content[:200], b"this is no sound" * 100
    id = local.recorded([], [header], cut(content, 9_000), [nonsense], [content])
    local.prepare(id)
    clip = is_as_it_should_be(local, id, 2 * FIRST_S)
    middle_ms = pytest.approx(FIRST_S * 1000, abs=100)
    assert [(gap["at_ms"], gap["length_ms"], gap["cause"]) for gap in clip.gaps] == [
        (0, 0, "unheard"),
        (middle_ms, 0, "unheard"),
    ]
    assert [piece.end for _, piece in local.pieces(id)] == [200, len(content), len(nonsense), len(content)]


@pytest.mark.parametrize(
    ("pieces", "sentence"),
    [
        ([], "Nothing was recorded: not a byte of sound arrived here."),
        ([b""], "The file is empty: not a byte of sound was saved."),
        (["start"], "The file ends before its sound begins: it was cut off while it was saved."),
        ([b"just some text\n"] * 50, "This is not a sound file that can be read"),
    ],
    ids=["nothing", "empty", "start-alone", "text"],
)
def test_a_recording_without_sound_says_so_and_keeps_its_bytes(
    work: Workplace, pieces: list[bytes | str], sentence: str
) -> None:
    contents = [streamed(FIRST)[:410] if isinstance(piece, str) else piece for piece in pieces]
    id = work.recorded(contents)
    clip = work.prepare(id)
    assert clip.status is Status.FAILED
    assert (clip.error or "").startswith(sentence)
    assert [b"".join(work.store.read(piece.key)) for _, piece in work.pieces(id)] == contents
    assert work.promises(id) == ["prepare"]


# -- files --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("container", CONTAINERS)
def test_a_file_that_needs_nothing_is_played_as_it_is(local: Workplace, container: str) -> None:
    content, mime = recording(container=container), CONTAINERS[container][1]
    id = local.put(content, mime)
    key = local.clip(id).audio_key
    local.prepare(id)
    clip = is_as_it_should_be(local, id, 0.5)
    assert (clip.audio_key, clip.mime) == (key, mime)
    assert local.audio(id) == content
    assert local.pieces(id) == []
    assert len(local.objects(id)) == 1


@pytest.mark.parametrize("container", ["webm", "mp4"])
def test_a_file_that_was_put_whole_and_is_not_seekable_stays_as_the_original(work: Workplace, container: str) -> None:
    content = streamed(SECOND, container)
    id = work.put(content, f"audio/{container}")
    key = work.clip(id).audio_key
    work.prepare(id)
    clip = is_as_it_should_be(work, id, SECOND_S)
    assert clip.audio_key != key
    assert [piece.key for _, piece in work.pieces(id)] == [key]
    assert work.originals(id) == [content]
    with transaction(work.engine) as session:
        [upload] = session.exec(Upload.of_clip(id))
    assert (upload.is_recording, upload.length, upload.mime) == (False, len(content), f"audio/{container}")


def test_a_file_that_was_put_while_its_upload_stood_still_is_what_was_put(work: Workplace) -> None:
    content = streamed(SECOND)
    id = work.put(content)
    work.left(id, b"the beginning of something else")
    work.prepare(id)
    clip = is_as_it_should_be(work, id, SECOND_S)
    assert clip.sha256 != sha256(content), "it was not seekable"
    assert work.originals(id) == [content]


def test_an_uploaded_file_in_pieces_is_joined_and_played_as_it_came(local: Workplace) -> None:
    content = files.wav()
    id = local.recorded(cut(content, 100_000), mime="audio/wav")
    local.prepare(id)
    clip = is_as_it_should_be(local, id, len(speech.samples(files.SAID)) / speech.RATE)
    assert local.originals(id) == [content]
    assert clip.audio_key == local.pieces(id)[0][1].key


def test_half_a_file_says_how_much_is_missing(local: Workplace) -> None:
    id = local.put(files.half(files.wav()), "audio/wav")
    clip = local.prepare(id)
    whole_ms = len(speech.samples(files.SAID)) * 1000 // speech.RATE
    [gap] = clip.gaps
    assert gap == {"at_ms": clip.duration_ms, "length_ms": pytest.approx(whole_ms / 2, abs=200), "cause": "missing"}
    assert "the rest was lost" in (clip.error or "")


@pytest.mark.parametrize("error", [AudioRejected("no"), ValueError("no such codec in this container")])
def test_a_remux_that_fails_leaves_the_original_to_be_played(
    local: Workplace, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def broken(*_: Any) -> str:
        raise error

    monkeypatch.setattr(remux, "copy_packets", broken)
    content = streamed(FIRST)
    id = local.recorded(cut(content, 9_000))
    clip = local.prepare(id)
    assert local.audio(id) == content
    assert (clip.mime, clip.prepared_at is not None) == ("audio/webm;codecs=opus", True)
    # And where a join fails, encoding does it.
    id = local.recorded(cut(content, 9_000), [content])
    local.prepare(id)
    is_as_it_should_be(local, id, 2 * FIRST_S)


# -- meanwhile, again, and in trouble -----------------------------------------------------------------------------


def when_it_is_heard(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Something happens while the clip is being prepared, once."""
    original, once = prepare._decode_fully, itertools.count()

    def heard(*arguments: Any) -> Any:
        if next(once) == 0:
            act()
        return original(*arguments)

    monkeypatch.setattr(prepare, "_decode_fully", heard)


def test_bytes_that_come_late_reopen_the_recording_and_it_is_prepared_again(
    work: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = streamed(SECOND)
    id = work.recorded(cut(content[: len(content) // 2], 9_000))
    when_it_is_heard(monkeypatch, lambda: work.add(id, 0, content[len(content) // 2 :]))
    assert work.prepare(id).status is Status.RECORDING
    assert len(work.pieces(id)) > 2
    assert work.promises(id) == ["prepare"]
    with transaction(work.engine) as session:
        session.get_one(Clip, id).finish_recording(datetime.now(UTC), duration_ms=None, gaps=[])
    work.prepare(id)
    is_as_it_should_be(work, id, SECOND_S)
    assert work.originals(id) == [content]


def test_pieces_that_are_not_those_that_were_read_are_prepared_again(
    work: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = streamed(SECOND)
    id = work.recorded(cut(content[: len(content) // 2], 9_000))
    when_it_is_heard(monkeypatch, lambda: work.add(id, 0, content[len(content) // 2 :], reopens=False))
    assert work.prepare(id).prepared_at is None
    assert work.promises(id) == ["prepare", "prepare"]
    assert work.prepare(id).duration_ms == pytest.approx(SECOND_S * 1000, abs=100)
    assert work.originals(id) == [content]


def test_bytes_that_come_after_it_was_prepared_are_joined_to_the_rest(work: Workplace) -> None:
    content = streamed(SECOND)
    id = work.recorded(cut(content[: len(content) // 2], 9_000))
    half = work.prepare(id).duration_ms
    assert half == pytest.approx(SECOND_S * 500, rel=0.3)
    work.add(id, 0, content[len(content) // 2 :])
    with transaction(work.engine) as session:
        session.get_one(Clip, id).finish_recording(datetime.now(UTC), duration_ms=None, gaps=[])
    clip = work.prepare(id)
    assert clip.duration_ms == pytest.approx(SECOND_S * 1000, abs=100)
    assert work.originals(id) == [content]


def test_preparing_again_changes_nothing_that_is_heard(work: Workplace) -> None:
    id = work.recorded(cut(streamed(FIRST), 9_000), duration_ms=int(FIRST_S * 1000) + 5_000)
    first = work.prepare(id)
    peaks, audio = work.peaks(id), work.audio(id)
    assert work.prepare(id).version == first.version, "a message that comes again finds nothing to do"
    with transaction(work.engine) as session:
        session.get_one(Clip, id).prepared_at = None
    second = work.prepare(id)
    assert (second.sha256, second.duration_ms, second.gaps) == (first.sha256, first.duration_ms, first.gaps)
    assert (work.peaks(id), work.audio(id)) == (peaks, audio)
    assert len(second.gaps) == 1


def test_a_clip_that_goes_to_the_bin_meanwhile_is_prepared_when_it_comes_back(
    work: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = streamed(FIRST)
    id = work.recorded(cut(content, 9_000))

    def change(verb: Callable[[Clip, datetime], object]) -> None:
        with transaction(work.engine) as session:
            verb(session.get_one(Clip, id), datetime.now(UTC))

    when_it_is_heard(monkeypatch, lambda: change(Clip.move_to_bin))
    clip = work.prepare(id)
    assert (clip.prepared_at, clip.audio_key) == (None, "")
    change(Clip.restore)
    work.prepare(id)
    is_as_it_should_be(work, id, FIRST_S)
    assert work.originals(id) == [content]


def test_what_is_released_is_prepared_by_the_next(work: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    id = work.put(streamed(FIRST))
    when_it_is_heard(monkeypatch, work.preparer.release_all)
    clip = work.prepare(id)
    assert (clip.status, clip.tries, clip.prepared_at) == (Status.PENDING, 0, None)
    assert work.promises(id) == ["prepare", "prepare"]
    assert work.prepare(id).prepared_at is not None


def test_two_workers_do_not_prepare_one_clip(work: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    id = work.put(streamed(FIRST))
    when_it_is_heard(monkeypatch, lambda: work.preparer.run(id))
    assert work.prepare(id).attempt == 1
    is_as_it_should_be(work, id, FIRST_S)


def test_a_store_that_is_away_is_tried_again_and_so_is_one_without_the_object(work: Workplace) -> None:
    id = work.recorded(cut(streamed(FIRST), 9_000))
    away = threading.Event()
    read = work.store.read

    def refuse(*arguments: Any) -> Iterator[bytes]:
        if away.is_set():
            raise StoreUnavailable("secret address")
        return read(*arguments)

    work.store.read = refuse  # type: ignore[method-assign, assignment]
    away.set()
    pause = work.preparer.run(id)
    assert pause == pytest.approx(5, rel=0.2)
    assert work.clip(id).error == "The store of the audio does not answer. Trying again (2 of 8)."
    away.clear()
    work.store.delete(work.pieces(id)[1][1].key)
    assert work.preparer.run(id) is not None
    assert work.clip(id).error == "The sound of this clip is not in the store. Trying again (3 of 8)."


def test_what_a_recorder_explains_while_it_is_prepared_is_not_overwritten(
    local: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = local.recorded([streamed(SECOND)], gaps=[new_gap(0, 0, LOST)])
    muted, played = new_gap(1_000, 2_000, "muted"), prepare._make_played_audio

    def explained_meanwhile(*parts: Any) -> prepare.PlayedAudio:
        with transaction(local.engine) as session:
            assert session.get_one(Clip, id).reconcile_gaps(datetime.now(UTC), duration_ms=600_000, gaps=[muted])
        return played(*parts)

    monkeypatch.setattr(prepare, "_make_played_audio", explained_meanwhile)
    assert [known["cause"] for known in local.prepare(id).gaps] == ["muted", "missing"]


def test_a_recorder_that_fell_silent_did_so_at_the_end(local: Workplace) -> None:
    clip = local.prepare(local.recorded([streamed(SECOND)], gaps=[new_gap(0, 0, LOST)]))
    assert clip.gaps == [new_gap(clip.duration_ms or 0, 0, LOST)]


def test_lengths_that_files_claim_poison_nothing(local: Workplace) -> None:
    endless = with_duration(recording(), 1e11)
    clip = local.prepare(local.recorded([endless], [endless]))
    PublicClip.model_validate(clip)
    assert [known["cause"] for known in clip.gaps] == ["missing"]


def test_other_bytes_than_were_kept_are_noticed(local: Workplace) -> None:
    content = streamed(SECOND)
    id = local.recorded(cut(content, 4_000))
    _, damaged = local.pieces(id)[2]
    path = local.folder / "objects" / damaged.key
    path.write_bytes(bytes(4_000))
    assert local.preparer.run(id) is not None, "it may be well again"
    assert "gave other sound" in (local.clip(id).error or "")
    path.write_bytes(content[damaged.start : damaged.end])
    local.prepare(id)
    assert local.originals(id) == [content]


def test_a_piece_that_is_cut_short_in_the_store_is_not_taken_for_whole(local: Workplace) -> None:
    id = local.recorded(cut(streamed(FIRST), 9_000))
    key = local.pieces(id)[1][1].key
    local.store.put(key, io.BytesIO(b"short"), 5, "audio/webm")
    assert local.preparer.run(id) is not None
    assert local.clip(id).prepared_at is None


def with_duration(webm: bytes, milliseconds: float) -> bytes:
    """The same file, which says that it is so long (Matroska, 0x4489 of 8 bytes)."""
    at = webm.index(b"\x44\x89\x88") + 3
    return webm[:at] + struct.pack(">d", milliseconds) + webm[at + 8 :]
