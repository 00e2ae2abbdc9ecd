"""The job that makes one seekable, measured audio of what arrived, on a real database."""

import io
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
from services.transcriber.jobs.prepare import PrepareJob
from services.transcriber.settings import TranscriberSettings
from shared.clips.models import Clip, Status
from shared.db.engine import open_engine, transaction
from shared.libraries import HOME
from shared.outbox.models import EVENT, OutboxRow
from shared.storage.factory import open_store
from shared.uploads.models import Upload
from tests import speech
from tests.odd_files import encoded
from tests.recordings import CONTAINERS, recording, streamed
from tests.services.transcriber import files
from tests.services.transcriber.audio.test_announced import headless_mp3, late_pieces, made, made_of, tones
from tests.services.transcriber.audio.test_clock import two_channels
from tests.services.transcriber.audio.test_remux import FIRST, SECOND, decode
from tests.services.transcriber.library import Library, cut, sha256

FIRST_S, SECOND_S = len(FIRST) / speech.RATE, len(SECOND) / speech.RATE

CODECS = {"webm": "opus", "matroska": "opus", "ogg": "opus", "mp4": "mp4a.40.2", "wav": "1"}
"""Container → its codec in a media type; that of the others goes without saying."""


class PrepareHarness(Library):
    """A library and a worker who prepares its clips."""

    def __init__(self, database_url: str, folder: Path) -> None:
        self.settings = TranscriberSettings(data_dir=folder, database_url=SecretStr(database_url), lease_seconds=30)
        super().__init__(open_engine(self.settings), open_store(self.settings))
        self.job = PrepareJob(self.engine, self.store, self.settings, lambda: None)
        self.folder = folder

    def prepare(self, id: uuid.UUID) -> Clip:
        assert self.job.run(id) is None
        assert not list((self.folder / "work").glob("*")), "files of work have no names"
        return self.clip(id)

    def queued_jobs(self, id: uuid.UUID) -> list[str]:
        with transaction(self.engine) as session:
            found = select(OutboxRow.topic).where(OutboxRow.clip_id == id, OutboxRow.topic != EVENT)
            return list(session.exec(found.order_by(col(OutboxRow.id))))

    def objects(self, id: uuid.UUID) -> set[str]:
        return {path.name for path in (self.folder / "objects" / "home" / str(id)).iterdir()}


@pytest.fixture
def harness(database_url: str, tmp_path: Path) -> Iterator[PrepareHarness]:
    harness = PrepareHarness(database_url, tmp_path)
    yield harness
    harness.engine.dispose()


@pytest.fixture
def sqlite_harness(sqlite_url: str, tmp_path: Path) -> Iterator[PrepareHarness]:
    """The same on SQLite alone, for what has nothing to do with the database."""
    harness = PrepareHarness(sqlite_url, tmp_path)
    yield harness
    harness.engine.dispose()


def assert_prepared(harness: PrepareHarness, id: uuid.UUID, seconds: float) -> Clip:
    """What holds of every clip that is prepared."""
    clip, played = harness.clip(id), harness.audio(id)
    assert (clip.status, clip.error, clip.lease_until, clip.tries) == (Status.PENDING, None, None, 0)
    assert clip.prepared_at is not None
    assert (clip.sha256, clip.bytes) == (sha256(played), len(played))
    assert is_seekable(io.BytesIO(played), len(played))
    assert clip.duration_ms == pytest.approx(seconds * 1000, abs=100)
    peaks = harness.peaks(id)
    assert 0 < len(peaks) <= 1000
    assert all(peak in range(256) for peak in peaks)
    assert harness.queued_jobs(id)[:2] == ["prepare", "transcribe"]
    return clip


# -- recordings ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("container", ["webm", "mp4"])
def test_the_pieces_of_a_recording_become_one_audio(harness: PrepareHarness, container: str) -> None:
    content = streamed(SECOND, container)
    id = harness.recorded(
        cut(content, 7_000), mime=f"audio/{container};codecs=something", duration_ms=int(SECOND_S * 1000)
    )
    harness.prepare(id)
    clip = assert_prepared(harness, id, SECOND_S)
    assert (clip.mime, clip.gaps) == (f"audio/{container};codecs={CODECS[container]}", [])
    assert (clip.has_true_clock, clip.remarks) == (True, [])
    assert harness.originals(id) == [content]
    assert np.array_equal(decode(harness.audio(id)), decode(content))
    # Speech, and the pause before it.
    peaks = harness.peaks(id)
    assert max(peaks) > 80
    assert max(peaks[: len(peaks) // 100]) < 20


def test_an_interrupted_recording_is_one_audio_and_all_of_its_originals_stay(harness: PrepareHarness) -> None:
    contents = [streamed(FIRST, channels=2), streamed(SECOND)]
    gap = {"at_ms": int(FIRST_S * 1000), "length_ms": 90_000, "cause": "interrupted"}
    told_ms = int((FIRST_S + SECOND_S) * 1000)
    id = harness.recorded(*(cut(content, 9_999) for content in contents), duration_ms=told_ms, gaps=[gap])
    harness.prepare(id)
    clip = assert_prepared(harness, id, FIRST_S + SECOND_S)
    assert clip.gaps == [gap]
    assert harness.originals(id) == contents


def test_segments_of_different_formats_become_one_audio(sqlite_harness: PrepareHarness) -> None:
    contents = [streamed(FIRST, "mp4"), streamed(SECOND)]
    id = sqlite_harness.recorded(*(cut(content, 20_000) for content in contents))
    sqlite_harness.prepare(id)
    assert assert_prepared(sqlite_harness, id, FIRST_S + SECOND_S).mime == "audio/webm;codecs=opus"
    assert sqlite_harness.originals(id) == contents


def test_segments_of_safari_that_do_not_join_stay_aac(sqlite_harness: PrepareHarness) -> None:
    contents = [streamed(FIRST, "mp4", rate=44_100), streamed(SECOND, "mp4")]
    id = sqlite_harness.recorded(*(cut(content, 20_000) for content in contents), mime="audio/mp4")
    sqlite_harness.prepare(id)
    clip = assert_prepared(sqlite_harness, id, FIRST_S + SECOND_S)
    assert clip.mime.startswith("audio/mp4")
    assert remux.TrackFormat.of(io.BytesIO(sqlite_harness.audio(id))).codec == "aac"
    assert sqlite_harness.originals(id) == contents
    assert sqlite_harness.queued_jobs(id) == ["prepare", "transcribe"], "every device plays it as it is"


@pytest.mark.parametrize("size", [1_000, 4_096, 30_001, 10**9])
def test_the_sizes_of_the_pieces_make_no_difference(sqlite_harness: PrepareHarness, size: int) -> None:
    contents = [streamed(FIRST), streamed(SECOND)]
    whole = sqlite_harness.recorded(*([content] for content in contents))
    pieces = sqlite_harness.recorded(*(cut(content, size) for content in contents))
    assert sqlite_harness.prepare(whole).sha256 == sqlite_harness.prepare(pieces).sha256
    assert sqlite_harness.audio(whole) == sqlite_harness.audio(pieces)
    assert sqlite_harness.peaks(whole) == sqlite_harness.peaks(pieces)
    assert sqlite_harness.originals(pieces) == contents


def test_a_killed_tab_leaves_the_bytes_that_it_sent(sqlite_harness: PrepareHarness) -> None:
    content = streamed(SECOND)
    content = content[: int(0.6 * len(content))]
    id = sqlite_harness.recorded(cut(content, 8_000), duration_ms=int(SECOND_S * 1000))
    clip = sqlite_harness.prepare(id)
    assert clip.duration_ms == pytest.approx(len(decode(content)) / 16, abs=100)
    [gap] = clip.gaps
    assert (gap["at_ms"], gap["cause"]) == (clip.duration_ms, "missing")
    assert clip.duration_ms + gap["length_ms"] == int(SECOND_S * 1000)
    assert sqlite_harness.originals(id) == [content]


def test_segments_without_sound_do_not_stop_the_others(sqlite_harness: PrepareHarness) -> None:
    content = streamed(FIRST)
    header, nonsense = content[:200], b"this is no sound" * 100
    id = sqlite_harness.recorded([], [header], cut(content, 9_000), [nonsense], [content])
    sqlite_harness.prepare(id)
    clip = assert_prepared(sqlite_harness, id, 2 * FIRST_S)
    middle_ms = pytest.approx(FIRST_S * 1000, abs=100)
    assert [(gap["at_ms"], gap["length_ms"], gap["cause"]) for gap in clip.gaps] == [
        (0, 0, "unheard"),
        (middle_ms, 0, "unheard"),
    ]
    assert [piece.end for _, piece in sqlite_harness.pieces(id)] == [200, len(content), len(nonsense), len(content)]


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
    harness: PrepareHarness, pieces: list[bytes | str], sentence: str
) -> None:
    contents = [streamed(FIRST)[:410] if isinstance(piece, str) else piece for piece in pieces]
    id = harness.recorded(contents)
    clip = harness.prepare(id)
    assert clip.status is Status.FAILED
    assert (clip.error or "").startswith(sentence)
    assert [b"".join(harness.store.read(piece.key)) for _, piece in harness.pieces(id)] == contents
    assert harness.queued_jobs(id) == ["prepare"]


# -- files --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("container", CONTAINERS)
def test_a_seekable_file_is_played_unchanged(sqlite_harness: PrepareHarness, container: str) -> None:
    content, mime = recording(container=container), CONTAINERS[container][1]
    id = sqlite_harness.put(content, mime)
    key = sqlite_harness.clip(id).audio_key
    sqlite_harness.prepare(id)
    clip = assert_prepared(sqlite_harness, id, 0.5)
    codec = CODECS.get(container)
    assert (clip.audio_key, clip.mime) == (key, f"{mime};codecs={codec}" if codec else mime)
    assert clip.has_true_clock
    assert sqlite_harness.audio(id) == content
    assert sqlite_harness.pieces(id) == []
    assert len(sqlite_harness.objects(id)) == 1


@pytest.mark.parametrize("container", ["webm", "mp4"])
def test_a_file_that_was_put_whole_and_is_not_seekable_stays_as_the_original(
    harness: PrepareHarness, container: str
) -> None:
    content = streamed(SECOND, container)
    id = harness.put(content, f"audio/{container}")
    key = harness.clip(id).audio_key
    harness.prepare(id)
    clip = assert_prepared(harness, id, SECOND_S)
    assert clip.audio_key != key
    assert [piece.key for _, piece in harness.pieces(id)] == [key]
    assert harness.originals(id) == [content]
    with transaction(harness.engine) as session:
        [upload] = session.exec(Upload.of_clip(HOME, id))
    assert (upload.is_recording, upload.length, upload.mime) == (False, len(content), f"audio/{container}")


def test_an_imported_file_is_as_old_as_its_own_date_unless_somebody_said_another(
    sqlite_harness: PrepareHarness,
) -> None:
    body = encoded("mp4", "aac", metadata=(("creation_time", "2024-05-17T15:32:10Z"),))
    id = sqlite_harness.put(body, "audio/mp4")
    clip = sqlite_harness.prepare(id)
    assert (clip.created_at, clip.is_dated) == (datetime(2024, 5, 17, 15, 32, 10, tzinfo=UTC), True)
    said = datetime(2020, 1, 2, tzinfo=UTC)
    with transaction(sqlite_harness.engine) as session:
        clip = session.get_one(Clip, id)
        clip.created_at = said
        clip.set_track(1, datetime.now(UTC))
    assert sqlite_harness.prepare(id).created_at == said
    recorded = sqlite_harness.recorded([body], mime="audio/mp4")
    assert sqlite_harness.prepare(recorded).created_at.year > 2024


def test_a_put_replaces_an_incomplete_upload(harness: PrepareHarness) -> None:
    content = streamed(SECOND)
    id = harness.put(content)
    harness.left(id, b"the beginning of something else")
    harness.prepare(id)
    clip = assert_prepared(harness, id, SECOND_S)
    assert clip.sha256 != sha256(content), "it was not seekable"
    assert harness.originals(id) == [content]


def test_a_file_that_was_uploaded_in_pieces_is_played_unchanged(sqlite_harness: PrepareHarness) -> None:
    content = files.wav()
    id = sqlite_harness.recorded(cut(content, 100_000), mime="audio/wav")
    sqlite_harness.prepare(id)
    clip = assert_prepared(sqlite_harness, id, len(speech.samples(files.SAID)) / speech.RATE)
    assert sqlite_harness.originals(id) == [content]
    assert clip.audio_key == sqlite_harness.pieces(id)[0][1].key


@pytest.mark.parametrize(("factor", "kinds"), [(1, []), (0.003, ["quiet"])])
def test_a_quiet_file_says_so_and_shows_its_shape(
    sqlite_harness: PrepareHarness, factor: float, kinds: list[str]
) -> None:
    id = sqlite_harness.put(speech.wav((speech.samples(files.SAID[:1]) * factor).astype(np.int16)), "audio/wav")
    clip = sqlite_harness.prepare(id)
    assert [each["kind"] for each in clip.remarks] == kinds
    assert max(sqlite_harness.peaks(id)) >= 20


def test_half_a_file_says_how_much_is_missing(sqlite_harness: PrepareHarness) -> None:
    id = sqlite_harness.put(files.half(files.wav()), "audio/wav")
    clip = sqlite_harness.prepare(id)
    whole_ms = len(speech.samples(files.SAID)) * 1000 // speech.RATE
    [gap] = clip.gaps
    assert gap == {"at_ms": clip.duration_ms, "length_ms": pytest.approx(whole_ms / 2, abs=200), "cause": "missing"}
    assert "the rest was lost" in (clip.error or "")


@pytest.mark.parametrize("error", [AudioRejected("no"), ValueError("no such codec in this container")])
def test_a_remux_that_fails_leaves_the_original_to_be_played(
    sqlite_harness: PrepareHarness, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def broken(*_: Any) -> str:
        raise error

    monkeypatch.setattr(remux, "copy_packets", broken)
    content = streamed(FIRST)
    id = sqlite_harness.recorded(cut(content, 9_000))
    clip = sqlite_harness.prepare(id)
    assert sqlite_harness.audio(id) == content
    assert (clip.mime, clip.prepared_at is not None) == ("audio/webm;codecs=opus", True)
    # And where a join fails, encoding does it.
    id = sqlite_harness.recorded(cut(content, 9_000), [content])
    sqlite_harness.prepare(id)
    assert_prepared(sqlite_harness, id, 2 * FIRST_S)


# -- the clock of the player, tracks and channels ----------------------------------------------------------------


ODD: dict[str, tuple[Callable[[], bytes], float, list[dict[str, Any]]]] = {
    "sound after the picture": (lambda: made("mp4", picture_s=8, sounds={5: 2}), 7, []),
    "a clock that begins at 40 s": (lambda: late_pieces(40, "webm", "libopus"), 2, []),
    "a hole": (lambda: made_of("mp4", [tones(0, 1) + tones(91, 1)]), 92, []),
    "two files end to end": (lambda: 2 * speech.encode(FIRST), 2 * FIRST_S, []),
    "two recordings end to end": (lambda: 2 * streamed(FIRST, "mp4"), 2 * FIRST_S, []),
    "MP3 of variable bit rate without a header": (headless_mp3, 24.1, []),
    "zeros before MP3": (lambda: bytes(200_000) + speech.encode(FIRST, "mp3", "mp3"), FIRST_S, []),
    "a picture that is longer": (lambda: made("mp4", picture_s=8), 2, []),
    "the second track alone": (
        lambda: made_of("matroska", [tones(0, 2, 0), tones(0, 2)]),
        2,
        [{"kind": "tracks", "heard": [2], "silent": [1]}],
    ),
    "a second track of a codec that nobody knows": (
        lambda: b"apac".join(made("mp4", sounds={0: 2, 1: 1}, codec="ac3").rsplit(b"ac-3", 1)),
        2,
        [{"kind": "tracks", "heard": [1], "silent": []}],
    ),
    "two tracks": (
        lambda: made_of("matroska", [tones(0, 2), tones(0, 2)]),
        2,
        [{"kind": "tracks", "heard": [1, 2], "silent": []}],
    ),
    "opposite phase": (lambda: two_channels(-1), FIRST_S, [{"kind": "opposite-phase"}]),
}
"""What a player of the file would not play as it is heard here: the length of it, and the remarks."""


@pytest.mark.parametrize("name", ODD)
def test_where_players_would_differ_the_clip_says_so_and_its_bytes_stay(
    sqlite_harness: PrepareHarness, name: str
) -> None:
    make, seconds, remarks = ODD[name]
    content = make()
    clip = sqlite_harness.prepare(sqlite_harness.put(content))
    assert (clip.has_true_clock, clip.remarks) == (False, remarks)
    assert clip.duration_ms == pytest.approx(seconds * 1000, abs=150)
    assert sqlite_harness.audio(clip.id) == content


def test_a_silent_track_beside_the_first_one_makes_no_difference_to_players(sqlite_harness: PrepareHarness) -> None:
    clip = sqlite_harness.prepare(sqlite_harness.put(made_of("mp4", [tones(0, 2), tones(0, 2, 0)])))
    assert clip.has_true_clock
    assert clip.remarks == [{"kind": "tracks", "heard": [1], "silent": [2]}]


def test_the_track_that_a_person_chose_is_heard_alone(sqlite_harness: PrepareHarness) -> None:
    def prepared(track: int) -> Clip:
        id = sqlite_harness.put(made("mp4", sounds={0: 1, 3: 1}))
        with transaction(sqlite_harness.engine) as session:
            session.get_one(Clip, id).track_set = track
        return sqlite_harness.prepare(id)

    clip = prepared(2)
    assert clip.duration_ms == pytest.approx(4_000, abs=100)
    tracks = {"kind": "tracks", "heard": [2], "silent": [], "left_out": [1]}
    assert (clip.has_true_clock, clip.remarks) == (False, [tracks])
    assert prepared(3).error == "This file has no track 3: its tracks are numbered from 1 to 2."
