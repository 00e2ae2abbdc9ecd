"""The story of a job on a real database, with a recognizer that does what the test says."""

import errno
import io
import re
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY
from psycopg.errors import UndefinedColumn
from pydantic import SecretStr
from sqlalchemy import Engine, event
from sqlalchemy.exc import ProgrammingError
from sqlmodel import col, select

from services.transcriber.audio.fetch import FetchedAudio
from services.transcriber.errors import AudioRejected, CancellationCheck, LeaseLost
from services.transcriber.jobs import base, clip_job, lease, transcribe
from services.transcriber.jobs.lease import Claim
from services.transcriber.jobs.progress import MAX_EXCERPT_CHARS, Progress, last_words
from services.transcriber.jobs.retry import retry_delay
from services.transcriber.jobs.transcribe import TranscribeJob
from services.transcriber.jobs.verdict import DISK_FULL_RETRY_S, NO_ROOM, STALLED
from services.transcriber.models.registry import ModelDownload, ModelNotReady
from services.transcriber.recognizers.recognizer import (
    OnProgress,
    Passage,
    Recognition,
    RecognizerBusy,
    RecognizerMisconfigured,
    RecognizerUnavailable,
    ignore_progress,
)
from services.transcriber.settings import TranscriberSettings
from shared.clips.models import MAX_TRIES, Clip, NameOrigin, Status
from shared.clips.remarks import remark
from shared.db.engine import open_engine, transaction
from shared.libraries import HOME
from shared.outbox.models import EVENT, OutboxRow
from shared.redis.jobs import TRANSCRIBE
from shared.storage.factory import open_store
from shared.storage.store import Store, StoreFull, StoreUnavailable
from shared.transcripts.models import Transcript
from tests.servers.postgres import Postgres
from tests.services.transcriber import files

KEY = "clips/one"
WORDS = Recognition("hello there", "en", [Passage(0, 900, "hello there")])


class ScriptedRecognizer:
    """Says what it was given; a function is called first, while the clip is ours."""

    name = "scripted"

    def __init__(self) -> None:
        self.during_transcription: Callable[[], object] = lambda: None
        self.attempts: list[str] = []
        self.languages: list[str | None] = []
        self.is_plain = True
        self.words = WORDS

    def transcribe(
        self,
        audio: FetchedAudio,
        *,
        attempt_id: str,
        check_cancelled: CancellationCheck,
        on_progress: OnProgress = ignore_progress,
        language: str | None = None,
    ) -> Recognition:
        self.attempts.append(attempt_id)
        self.languages.append(language)
        self.is_plain = audio.is_plain
        self.during_transcription()
        return self.words


class JobHarness:
    """One clip in a database and a store, and a transcriber for it."""

    def __init__(self, database_url: str, folder: Path, recognizer: ScriptedRecognizer | None) -> None:
        self.settings = TranscriberSettings(data_dir=folder, database_url=SecretStr(database_url), lease_seconds=1)
        self.engine: Engine = open_engine(self.settings)
        self.store: Store = open_store(self.settings)
        self.commits = 0
        self.hints: list[Mapping[str, Any]] = []
        self.job = TranscribeJob(
            self.engine, self.store, recognizer, self.settings, self._count_commit, self._collect_hint
        )
        content = files.webm()
        self.store.put(KEY, io.BytesIO(content), len(content), "audio/webm")
        self.id = uuid.uuid4()
        now = datetime.now(UTC)
        with transaction(self.engine) as session:
            clip = Clip.new_upload(
                self.id,
                name="a",
                mime="audio/webm",
                bytes=len(content),
                sha256="0" * 64,
                audio_key=KEY,
                now=now,
                library_id=HOME,
            )
            clip.prepared_at = now
            session.add(clip)

    def _count_commit(self) -> None:
        self.commits += 1

    def _collect_hint(self, library_id: str, payload: Mapping[str, Any]) -> None:
        assert library_id == HOME
        self.hints.append(payload)

    def run(self) -> float | None:
        return self.job.run(self.id)

    def change(self, verb: Callable[[Clip, datetime], object]) -> None:
        with transaction(self.engine) as session:
            clip = session.get_one(Clip, self.id)
            verb(clip, datetime.now(UTC))
            session.add(clip)

    def clip(self) -> Clip:
        with transaction(self.engine) as session:
            return session.get_one(Clip, self.id)

    def topics(self) -> list[str]:
        with transaction(self.engine) as session:
            return list(session.exec(select(OutboxRow.topic).order_by(col(OutboxRow.id))))

    def revisions(self) -> list[Transcript]:
        with transaction(self.engine) as session:
            return list(session.exec(select(Transcript).order_by(col(Transcript.id))))


@pytest.fixture
def recognizer() -> ScriptedRecognizer:
    return ScriptedRecognizer()


@pytest.fixture
def harness(database_url: str, tmp_path: Path, recognizer: ScriptedRecognizer) -> Iterator[JobHarness]:
    harness = JobHarness(database_url, tmp_path, recognizer)
    yield harness
    harness.engine.dispose()


def raising(error: Exception) -> Callable[[], None]:
    def do() -> None:
        raise error

    return do


def test_a_clip_gets_its_words_and_every_step_is_sent(harness: JobHarness) -> None:
    assert harness.run() is None
    clip = harness.clip()
    assert (clip.status, clip.text, clip.language, clip.recognizer) == (Status.DONE, "hello there", "en", "scripted")
    assert (clip.error, clip.lease_until, clip.tries, clip.attempt) == (None, None, 0, 1)
    assert clip.duration_ms == pytest.approx(17_000, rel=0.2)
    assert harness.topics() == [EVENT, EVENT]  # transcribing, done
    assert harness.commits == 2
    [revision] = harness.revisions()
    assert revision.passages == [{"start_ms": 0, "end_ms": 900, "text": "hello there", "words": []}]


def test_a_clip_names_the_recognizer_that_did_it(harness: JobHarness, recognizer: ScriptedRecognizer) -> None:
    recognizer.words = replace(WORDS, recognizer="the one behind it")
    harness.run()
    assert harness.clip().recognizer == "the one behind it"


def test_a_message_that_comes_again_does_nothing(harness: JobHarness, recognizer: ScriptedRecognizer) -> None:
    harness.run()
    version = harness.clip().version
    assert harness.run() is None
    assert harness.clip().version == version
    assert len(recognizer.attempts) == 1
    assert harness.job.run(uuid.uuid4()) is None


def test_two_workers_do_not_have_one_clip(harness: JobHarness, recognizer: ScriptedRecognizer) -> None:
    recognizer.during_transcription = harness.run
    harness.run()
    assert recognizer.attempts == [f"{harness.id}-1"]
    assert len(harness.revisions()) == 1


def test_a_clip_deleted_meanwhile_stays_deleted_and_gets_no_words(
    harness: JobHarness, recognizer: ScriptedRecognizer
) -> None:
    recognizer.during_transcription = lambda: harness.change(Clip.move_to_bin)
    assert harness.run() is None
    clip = harness.clip()
    assert clip.deleted_at is not None
    assert (clip.text, clip.status) == (None, Status.PENDING)
    assert harness.revisions() == []


def test_a_clip_deleted_and_restored_meanwhile_waits_for_its_next_job(
    harness: JobHarness, recognizer: ScriptedRecognizer
) -> None:
    def bin_and_back() -> None:
        harness.change(Clip.move_to_bin)
        harness.change(Clip.restore)

    recognizer.during_transcription = bin_and_back
    harness.run()
    assert harness.clip().status is Status.PENDING
    recognizer.during_transcription = lambda: None
    harness.run()
    assert harness.clip().status is Status.DONE
    assert recognizer.attempts == [f"{harness.id}-1", f"{harness.id}-2"]


def test_an_edit_meanwhile_is_not_overwritten(harness: JobHarness, recognizer: ScriptedRecognizer) -> None:
    recognizer.during_transcription = lambda: harness.change(lambda clip, now: clip.edit("my own words", now))
    harness.run()
    assert (harness.clip().text, harness.clip().status) == ("my own words", Status.DONE)
    assert [revision.text for revision in harness.revisions()] == ["hello there"]


def test_a_rename_meanwhile_is_kept(harness: JobHarness, recognizer: ScriptedRecognizer) -> None:
    recognizer.during_transcription = lambda: harness.change(lambda clip, now: clip.rename("b", now))
    harness.run()
    assert (harness.clip().name, harness.clip().status) == ("b", Status.DONE)


SPOKEN = "Okay. The garden fence is broken again."


def test_the_words_name_a_clip_that_nobody_named(harness: JobHarness, recognizer: ScriptedRecognizer) -> None:
    recognizer.words = Recognition(SPOKEN, "en", [Passage(0, 900, SPOKEN)])
    harness.change(lambda clip, now: setattr(clip, "name_origin", NameOrigin.DEFAULT))
    harness.run()
    clip = harness.clip()
    assert (clip.name, clip.name_origin) == ("The garden fence is broken again", NameOrigin.WORDS)
    assert clip.sort_name == "the garden fence is broken again"


def test_a_rename_meanwhile_is_not_replaced_by_a_title(harness: JobHarness, recognizer: ScriptedRecognizer) -> None:
    recognizer.words = Recognition(SPOKEN, "en", [Passage(0, 900, SPOKEN)])
    harness.change(lambda clip, now: setattr(clip, "name_origin", NameOrigin.DEFAULT))
    recognizer.during_transcription = lambda: harness.change(lambda clip, now: clip.rename(clip.name, now))
    harness.run()
    assert (harness.clip().name_origin, harness.clip().text) == (NameOrigin.PERSON, SPOKEN)


def test_a_late_result_is_dropped(harness: JobHarness, recognizer: ScriptedRecognizer) -> None:
    """Our lease ran out, another worker has claimed the clip: what we heard is worth nothing, what it hears counts."""

    def taken_over() -> None:
        later = datetime.now(UTC) + timedelta(hours=1)
        harness.change(lambda clip, now: clip.claim(TRANSCRIBE, later, timedelta(hours=1)))

    recognizer.during_transcription = taken_over
    harness.run()
    clip = harness.clip()
    assert (clip.status, clip.attempt, clip.text) == (Status.TRANSCRIBING, 2, None)
    assert harness.revisions() == []


def test_the_lease_is_renewed_and_its_loss_is_noticed(harness: JobHarness, recognizer: ScriptedRecognizer) -> None:
    noticed = False

    def work(
        audio: FetchedAudio,
        *,
        attempt_id: str,
        check_cancelled: CancellationCheck,
        on_progress: OnProgress = ignore_progress,
        language: str | None = None,
    ) -> Recognition:
        def has_lost() -> bool:
            nonlocal noticed
            try:
                check_cancelled()
            except LeaseLost:
                noticed = True
            return noticed

        first = harness.clip().lease_until
        assert first is not None
        _wait_for(lambda: (harness.clip().lease_until or first) > first + timedelta(seconds=1))
        check_cancelled()
        harness.change(Clip.move_to_bin)
        _wait_for(has_lost)
        check_cancelled()
        return WORDS

    recognizer.transcribe = work  # type: ignore[method-assign]
    assert harness.run() is None
    assert noticed


def test_a_server_error_is_retried_and_shown(harness: JobHarness, recognizer: ScriptedRecognizer) -> None:
    recognizer.during_transcription = raising(RecognizerBusy("The Whisper server is busy."))
    pause = harness.run()
    clip = harness.clip()
    assert pause is not None
    assert 4 <= pause <= 6
    assert (clip.status, clip.error) == (Status.PENDING, "The Whisper server is busy. Trying again (2 of 8).")
    assert clip.queued_at > datetime.now(UTC) + timedelta(seconds=3)
    recognizer.during_transcription = lambda: None
    assert harness.run() is None
    assert (harness.clip().status, harness.clip().error) == (Status.DONE, None)


def test_a_server_chooses_the_delay(harness: JobHarness, recognizer: ScriptedRecognizer) -> None:
    recognizer.during_transcription = raising(RecognizerUnavailable("The Whisper server rests.", retry_after_s=90))
    assert harness.run() == 90


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (RecognizerUnavailable("The Whisper server is in trouble (it answered 500)."), "it answered 500"),
        (StoreUnavailable("secret address"), "The store of the audio does not answer."),
        (ZeroDivisionError("secret detail"), r"failed at this clip \(ZeroDivisionError\)"),
    ],
)
def test_an_error_that_lasts_is_given_up_with_a_sentence(
    harness: JobHarness, recognizer: ScriptedRecognizer, error: Exception, sentence: str
) -> None:
    recognizer.during_transcription = raising(error)
    pauses = [harness.run() for _ in range(MAX_TRIES)]
    assert None not in pauses[:-1]
    assert pauses[-1] is None
    clip = harness.clip()
    assert clip.status is Status.FAILED
    assert clip.error is not None
    assert "secret" not in clip.error
    assert clip.error.endswith("It was tried 8 times; the sound is kept, ask again later.")
    assert re.search(sentence, clip.error)
    harness.change(Clip.request_transcription)
    recognizer.during_transcription = lambda: None
    harness.run()
    assert harness.clip().status is Status.DONE


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        StoreFull("the bucket is full"),
        StoreUnavailable("home/a could not be written: No space left on device"),
    ],
)
def test_a_full_disk_has_a_sentence_of_its_own_and_costs_no_try(
    harness: JobHarness, recognizer: ScriptedRecognizer, error: Exception
) -> None:
    if type(error) is StoreUnavailable:
        error.__cause__ = OSError(errno.ENOSPC, "No space left on device")
    recognizer.during_transcription = raising(error)
    for _ in range(MAX_TRIES + 1):
        assert harness.run() == DISK_FULL_RETRY_S
    clip = harness.clip()
    assert (clip.status, clip.tries, clip.error) == (Status.PENDING, 0, NO_ROOM)
    recognizer.during_transcription = lambda: None
    harness.run()
    assert harness.clip().status is Status.DONE


def test_a_result_waits_for_room_on_the_disk(
    sqlite_url: str, tmp_path: Path, recognizer: ScriptedRecognizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness = JobHarness(sqlite_url, tmp_path, recognizer)
    monkeypatch.setattr(clip_job.ClipJob.settle, "__defaults__", (0.1,))
    monkeypatch.setattr(base, "SETTLE_RETRY_S", 0.05)
    room = threading.Timer(1, lambda: set_max_pages(harness.engine, 1_000_000))

    def fill_disk() -> None:
        set_max_pages(harness.engine, 1)
        room.start()

    recognizer.words = replace(WORDS, text="many words " * 20_000)
    recognizer.during_transcription = fill_disk
    harness.run()
    room.join()
    assert harness.clip().status is Status.DONE
    assert not room.is_alive()
    harness.engine.dispose()


def set_max_pages(engine: Engine, pages: int) -> None:
    """Let SQLite's file grow no more, as on a full disk: the limit belongs to each connection."""
    engine.dispose()
    event.listen(
        engine, "connect", lambda connection, _: connection.execute(f"PRAGMA max_page_count = {pages}").fetchall()
    )


def test_a_decoder_that_hangs_is_noticed_and_the_clip_goes_to_another_process(
    harness: JobHarness, recognizer: ScriptedRecognizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "MIN_PATIENCE_S", 1)
    goes_on = threading.Event()
    recognizer.during_transcription = goes_on.wait
    job = threading.Thread(target=harness.run)
    job.start()
    try:
        _wait_for(lambda: harness.clip().error is not None)
        clip = harness.clip()
        assert harness.job.has_stalled
        assert (clip.status, clip.lease_until, clip.tries) == (Status.PENDING, None, 1)
        assert clip.error == f"{STALLED} Trying again (2 of 8)."
        assert harness.topics()[-1] == TRANSCRIBE
        # Another process has it at once, and what the stuck one finds late is worth nothing.
        other = TranscribeJob(
            harness.engine, harness.store, ScriptedRecognizer(), harness.settings, lambda: None, harness._collect_hint
        )
        other.run(harness.id)
        assert harness.clip().status is Status.DONE
    finally:
        goes_on.set()
        job.join()
    assert len(harness.revisions()) == 1


def test_work_that_goes_on_keeps_its_clip(
    harness: JobHarness, recognizer: ScriptedRecognizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "MIN_PATIENCE_S", 0.7)

    def work(audio: FetchedAudio, *, check_cancelled: CancellationCheck, **others: Any) -> Recognition:
        for _ in range(20):
            time.sleep(0.1)
            check_cancelled()
        return WORDS

    recognizer.transcribe = work  # type: ignore[method-assign]
    harness.run()
    assert (harness.clip().status, harness.clip().attempt) == (Status.DONE, 1)
    assert not harness.job.has_stalled


def test_a_slow_bucket_is_progress(harness: JobHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "MIN_PATIENCE_S", 0.7)
    content = b"".join(harness.store.read(KEY))

    def read_slowly(_key: str) -> Iterator[bytes]:
        for at in range(20):
            time.sleep(0.1)
            yield content[at * len(content) // 20 : (at + 1) * len(content) // 20]

    monkeypatch.setattr(harness.store, "read", read_slowly)
    harness.run()
    assert (harness.clip().status, harness.clip().attempt) == (Status.DONE, 1)
    assert not harness.job.has_stalled


def test_the_patience_with_a_clip_grows_with_it(harness: JobHarness) -> None:
    clip = harness.clip()
    clip.duration_ms = 10 * 60_000
    clip.bytes = 1_000_000
    assert Claim(clip.id, 1, clip).patience_s == 120
    clip.duration_ms = 3_600_000
    assert Claim(clip.id, 1, clip).patience_s == 360
    clip.bytes = 2_000_000_000
    assert Claim(clip.id, 1, clip).patience_s == 2_000


def test_rejected_audio_is_not_retried(harness: JobHarness, recognizer: ScriptedRecognizer) -> None:
    recognizer.during_transcription = raising(AudioRejected("There is no sound in this file."))
    assert harness.run() is None
    assert (harness.clip().status, harness.clip().error) == (Status.FAILED, "There is no sound in this file.")


@pytest.mark.parametrize("error", [TypeError, AttributeError, NameError, AssertionError])
def test_a_programming_error_fails_at_once_and_says_whose_fault_it_is(
    harness: JobHarness, recognizer: ScriptedRecognizer, error: type[Exception]
) -> None:
    counted = {"job": TRANSCRIBE, "error": error.__name__}
    before = REGISTRY.get_sample_value("dictaphone_job_programming_errors_total", counted) or 0
    recognizer.during_transcription = raising(error("secret detail"))
    assert harness.run() is None
    clip = harness.clip()
    assert (clip.status, clip.tries) == (Status.FAILED, 1)
    assert clip.error is not None
    assert clip.error.startswith(f"This is a fault of Dictaphone and not of your recording ({error.__name__}).")
    assert "secret" not in clip.error
    assert REGISTRY.get_sample_value("dictaphone_job_programming_errors_total", counted) == before + 1
    # The next release has no such fault: a person asks again.
    recognizer.during_transcription = lambda: None
    harness.change(Clip.request_transcription)
    harness.run()
    assert harness.clip().status is Status.DONE


def test_missing_audio_may_come_back(harness: JobHarness) -> None:
    """A disk that is mounted late, a bucket that is behind."""
    harness.store.delete(KEY)
    assert harness.run() is not None
    assert harness.clip().error == "The sound of this clip is not in the store. Trying again (2 of 8)."
    for _ in range(MAX_TRIES - 1):
        harness.run()
    assert harness.clip().status is Status.FAILED
    assert harness.clip().error == "The sound of this clip is not in the store. It was tried 8 times; ask again later."


def test_a_misconfigured_recognizer_is_retried_and_then_waits_for_a_restart(
    harness: JobHarness, recognizer: ScriptedRecognizer
) -> None:
    recognizer.during_transcription = raising(RecognizerMisconfigured("The Whisper server does not let us in (401)."))
    pauses = [harness.run() for _ in range(MAX_TRIES)]
    assert None not in pauses[:-1]
    clip = harness.clip()
    assert (pauses[-1], clip.status) == (None, Status.OFF)
    assert clip.error is not None
    assert clip.error.startswith("The Whisper server does not let us in (401). It was tried 8 times")
    # The key is mended, and the worker is started.
    recognizer.during_transcription = lambda: None
    harness.job.requeue_without_recognizer(threading.Event())
    assert harness.clip().status is Status.PENDING
    harness.run()
    assert harness.clip().status is Status.DONE


def test_clips_without_a_recognizer_wait_for_the_migration(
    harness: JobHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that is deployed before the api finds the tables of the release before. Postgres has this error."""
    monkeypatch.setattr(transcribe, "DATABASE_RETRY_S", 0.01)
    errors = iter([ProgrammingError("SELECT clip.found_at", {}, UndefinedColumn("it does not exist"))])
    requeue_batch = harness.job._requeue_batch

    def requeue(before: datetime) -> int:
        for error in errors:
            raise error
        return requeue_batch(before)

    monkeypatch.setattr(harness.job, "_requeue_batch", requeue)
    harness.change(lambda clip, now: clip.switch_off("No recognizer.", now))
    harness.job.requeue_without_recognizer(threading.Event())
    assert harness.clip().status is Status.PENDING


def test_half_a_file_gets_a_note_about_the_rest(harness: JobHarness) -> None:
    half = files.half(files.webm())
    harness.store.put(KEY, io.BytesIO(half), len(half), "audio/webm")
    harness.run()
    clip = harness.clip()
    assert (clip.status, clip.text) == (Status.DONE, "hello there")
    assert clip.error is not None
    assert "the rest was lost" in clip.error


def test_without_a_recognizer_the_clip_names_the_setting(database_url: str, tmp_path: Path) -> None:
    harness = JobHarness(database_url, tmp_path, None)
    assert harness.run() is None
    clip = harness.clip()
    assert clip.status is Status.OFF
    assert clip.error is not None
    assert "set WHISPER_URL" in clip.error
    assert harness.topics() == [EVENT]
    harness.engine.dispose()


def test_a_clip_is_transcribed_in_the_chosen_language(harness: JobHarness, recognizer: ScriptedRecognizer) -> None:
    harness.run()
    harness.change(lambda clip, now: clip.set_language("de", now))
    harness.run()
    assert recognizer.languages == [None, "de"]


def test_speech_that_was_not_understood_is_named_and_counted(
    harness: JobHarness, recognizer: ScriptedRecognizer
) -> None:
    name = "dictaphone_not_understood_audio_seconds_total"
    before = REGISTRY.get_sample_value(name) or 0
    recognizer.words = replace(WORDS, not_understood=[(12_000, 20_000), (30_000, 33_000)])
    harness.run()
    assert harness.clip().remarks == [
        {"kind": "not-understood", "at_ms": 12_000, "length_ms": 8_000},
        {"kind": "not-understood", "at_ms": 30_000, "length_ms": 3_000},
    ]
    assert REGISTRY.get_sample_value(name) == before + 11
    harness.change(lambda clip, now: clip.request_transcription(now))
    recognizer.words = WORDS
    harness.run()
    assert harness.clip().remarks == []


@pytest.mark.parametrize(
    ("kind", "has_true_clock", "is_plain"),
    [("not-understood", True, True), ("quiet", True, False), ("tracks", True, False), ("not-understood", False, False)],
)
def test_a_file_in_which_others_hear_less_is_not_plain(
    harness: JobHarness, recognizer: ScriptedRecognizer, kind: str, has_true_clock: bool, is_plain: bool
) -> None:
    def mark(clip: Clip, now: datetime) -> None:
        clip.remarks, clip.has_true_clock = [remark(kind)], has_true_clock

    harness.change(mark)
    harness.run()
    assert recognizer.is_plain is is_plain


def test_clips_without_a_recognizer_are_queued_once_there_is_one(
    database_url: str, tmp_path: Path, recognizer: ScriptedRecognizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.transcriber.jobs.transcribe.REQUEUE_BATCH", 2)
    without_recognizer = JobHarness(database_url, tmp_path, None)
    with transaction(without_recognizer.engine) as session:
        first = session.get_one(Clip, without_recognizer.id)
        more = [Clip(**{**first.model_dump(), "id": uuid.uuid4()}) for _ in range(4)]
        binned = more[-1].id
        session.add_all(more)
    for id in [without_recognizer.id, *(clip.id for clip in more)]:
        without_recognizer.job.run(id)
    without_recognizer.job.requeue_without_recognizer(threading.Event())
    assert without_recognizer.clip().status is Status.OFF
    with transaction(without_recognizer.engine) as session:
        session.get_one(Clip, binned).move_to_bin(datetime.now(UTC))
    job = TranscribeJob(
        without_recognizer.engine,
        without_recognizer.store,
        recognizer,
        without_recognizer.settings,
        without_recognizer._count_commit,
        without_recognizer._collect_hint,
    )
    job.requeue_without_recognizer(threading.Event())
    with transaction(without_recognizer.engine) as session:
        found = {clip.id: clip.status for clip in session.exec(select(Clip))}
        queued = session.exec(select(OutboxRow.clip_id).where(OutboxRow.topic == TRANSCRIBE)).all()
    assert found.pop(binned) is Status.OFF
    assert set(found.values()) == {Status.PENDING}
    assert sorted(queued) == sorted(found)
    job.run(without_recognizer.id)
    assert without_recognizer.clip().status is Status.DONE
    without_recognizer.engine.dispose()


# -- a model that is not here yet --------------------------------------------------------------------------------------


def test_a_clip_waits_for_the_model_visibly_and_without_an_attempt(
    harness: JobHarness, recognizer: ScriptedRecognizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.transcriber.jobs.transcribe.CANCEL_CHECK_INTERVAL_S", 0.02)
    download = ModelDownload("base")
    download.set_percent(40)
    recognizer.during_transcription = raising(ModelNotReady(download))
    job = threading.Thread(target=harness.run)
    job.start()
    _wait_for(lambda: bool(harness.hints))
    clip = harness.clip()
    assert (clip.status, clip.error, clip.tries) == (Status.TRANSCRIBING, "Fetching the speech model …", 1)
    assert harness.hints[-1]["percent"] == 40
    version = clip.version
    download.set_percent(41)
    _wait_for(lambda: harness.hints[-1]["percent"] == 41)
    assert harness.clip().version == version  # a hint is enough
    download.sentence = "Put it there."
    _wait_for(lambda: harness.clip().error == "Put it there.")
    recognizer.during_transcription = lambda: _wait_for(lambda: harness.clip().error is None)
    download.ready.set()
    job.join()
    clip = harness.clip()
    assert (clip.status, clip.text, clip.attempt, clip.tries) == (Status.DONE, "hello there", 1, 0)


def test_a_deleted_clip_does_not_wait_for_the_model(
    harness: JobHarness, recognizer: ScriptedRecognizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.transcriber.jobs.transcribe.CANCEL_CHECK_INTERVAL_S", 0.02)
    recognizer.during_transcription = raising(ModelNotReady(ModelDownload("base")))
    job = threading.Thread(target=harness.run)
    job.start()
    _wait_for(lambda: harness.clip().error is not None)
    harness.change(Clip.move_to_bin)
    job.join(timeout=10)
    assert not job.is_alive()
    assert harness.clip().text is None


def test_a_clip_that_kills_its_workers_is_given_up(harness: JobHarness) -> None:
    began = datetime.now(UTC) - timedelta(days=1)
    for number in range(MAX_TRIES):
        then = began + timedelta(hours=number)
        harness.change(lambda clip, now, then=then: clip.claim(TRANSCRIBE, then, timedelta(seconds=1)))  # type: ignore[misc]
    assert harness.run() is None
    assert harness.clip().error == f"The transcriber stopped {MAX_TRIES} times while it worked on this clip."
    assert harness.topics() == [EVENT]


def test_a_released_clip_is_claimed_at_once_and_loses_no_attempt(
    harness: JobHarness, recognizer: ScriptedRecognizer
) -> None:
    recognizer.during_transcription = harness.job.release_all
    assert harness.run() is None
    clip = harness.clip()
    assert (clip.status, clip.tries, clip.text, clip.lease_until) == (Status.PENDING, 0, None, None)
    assert harness.topics() == [EVENT, EVENT, "transcribe"]


def test_retry_delays_grow_to_an_hour_in_all() -> None:
    pauses = [retry_delay(number, 5) for number in range(2, MAX_TRIES + 1)]
    assert pauses == sorted(pauses)
    assert 3600 * 0.75 < sum(pauses) < 3600 * 1.3


def test_a_result_outlives_a_restart_of_the_database(
    postgres: Postgres, postgres_url: str, tmp_path: Path, recognizer: ScriptedRecognizer
) -> None:
    harness = JobHarness(postgres_url, tmp_path, recognizer)
    back: list[threading.Timer] = []

    def restart() -> None:
        postgres.kill()
        back.append(threading.Timer(1.5, postgres.start))
        back[0].start()

    recognizer.during_transcription = restart
    try:
        assert harness.run() is None
    finally:
        back[0].join()
    assert harness.clip().text == "hello there"
    harness.engine.dispose()


def _wait_for(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = datetime.now(UTC) + timedelta(seconds=seconds)
    pause = threading.Event()
    while not condition():
        assert datetime.now(UTC) < deadline
        pause.wait(0.02)


# -- what the pages are told meanwhile ---------------------------------------------------------------------------------


def test_progress_is_sent_once_a_second(monkeypatch: pytest.MonkeyPatch, harness: JobHarness) -> None:
    now = 100.0
    monkeypatch.setattr("services.transcriber.jobs.progress.time.monotonic", lambda: now)
    progress = Progress(harness.clip(), 10_000, harness._collect_hint)
    for second, words in enumerate(["one", "two", "three", "four"]):
        now = 100 + second * 0.6
        progress.update(second * 3_000, words)
    assert [(hint["percent"], hint["text"]) for hint in harness.hints] == [(60, "one two three")]
    now += 1
    progress.update(10_400, "")
    assert harness.hints[-1] == {
        "type": "progress", "clip": {"id": str(harness.id)}, "percent": 99, "text": "one two three four",
    }  # fmt: skip


def test_progress_has_the_newest_words() -> None:
    assert last_words("a few words") == "a few words"
    tail = last_words(" ".join(f"word{number}" for number in range(1_000)))
    assert tail.startswith("… word9")
    assert tail.endswith(" word999")
    assert len(tail) <= MAX_EXCERPT_CHARS + 2
