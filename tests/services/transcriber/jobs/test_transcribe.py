"""The story of a job on a real database, with a recognizer that does what the test says."""

import io
import re
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY
from pydantic import SecretStr
from sqlalchemy import Engine
from sqlmodel import col, select

from services.transcriber.audio.fetch import FetchedAudio
from services.transcriber.errors import AudioRejected, CancellationCheck, LeaseLost
from services.transcriber.jobs.progress import MAX_EXCERPT_CHARS, Progress, last_words
from services.transcriber.jobs.retry import retry_delay
from services.transcriber.jobs.transcribe import TranscribeJob
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
from shared.clips.models import HOME, MAX_TRIES, Clip, Status
from shared.db.engine import open_engine, transaction
from shared.outbox.models import EVENT, OutboxRow
from shared.redis.jobs import TRANSCRIBE
from shared.storage.factory import open_store
from shared.storage.store import Store, StoreUnavailable
from shared.transcripts.models import Transcript
from tests.servers.postgres import Postgres
from tests.services.transcriber import files

KEY = "clips/one"
WORDS = Recognition("hello there", "en", [Passage(0, 900, "hello there")])


class Scripted:
    """Says what it was given; a function is called first, while the clip is ours."""

    name = "scripted"

    def __init__(self) -> None:
        self.meanwhile: Callable[[], object] = lambda: None
        self.attempts: list[str] = []
        self.languages: list[str | None] = []
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
        self.meanwhile()
        return self.words


class Desk:
    """One clip in a database and a store, and a transcriber for it."""

    def __init__(self, database_url: str, folder: Path, recognizer: Scripted | None) -> None:
        self.settings = TranscriberSettings(data_dir=folder, database_url=SecretStr(database_url), lease_seconds=1)
        self.engine: Engine = open_engine(self.settings)
        self.store: Store = open_store(self.settings)
        self.told = 0
        self.hints: list[Mapping[str, Any]] = []
        self.transcriber = TranscribeJob(self.engine, self.store, recognizer, self.settings, self._tell, self._hear)
        content = files.webm()
        self.store.put(KEY, io.BytesIO(content), len(content), "audio/webm")
        self.id = uuid.uuid4()
        now = datetime.now(UTC)
        with transaction(self.engine) as session:
            clip = Clip.new_upload(
                self.id, name="a", mime="audio/webm", bytes=len(content), sha256="0" * 64, audio_key=KEY, now=now
            )
            clip.prepared_at = now
            session.add(clip)

    def _tell(self) -> None:
        self.told += 1

    def _hear(self, library_id: str, payload: Mapping[str, Any]) -> None:
        assert library_id == HOME
        self.hints.append(payload)

    def run(self) -> float | None:
        return self.transcriber.run(self.id)

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
def recognizer() -> Scripted:
    return Scripted()


@pytest.fixture
def desk(database_url: str, tmp_path: Path, recognizer: Scripted) -> Iterator[Desk]:
    desk = Desk(database_url, tmp_path, recognizer)
    yield desk
    desk.engine.dispose()


def raising(error: Exception) -> Callable[[], None]:
    def do() -> None:
        raise error

    return do


def test_a_clip_gets_its_words_and_every_step_is_told(desk: Desk) -> None:
    assert desk.run() is None
    clip = desk.clip()
    assert (clip.status, clip.text, clip.language, clip.recognizer) == (Status.DONE, "hello there", "en", "scripted")
    assert (clip.error, clip.lease_until, clip.tries, clip.attempt) == (None, None, 0, 1)
    assert clip.duration_ms == pytest.approx(17_000, rel=0.2)
    assert desk.topics() == [EVENT, EVENT]  # transcribing, done
    assert desk.told == 2
    [revision] = desk.revisions()
    assert revision.passages == [{"start_ms": 0, "end_ms": 900, "text": "hello there", "words": []}]


def test_the_words_are_those_of_who_heard_them(desk: Desk, recognizer: Scripted) -> None:
    recognizer.words = replace(WORDS, recognizer="the one behind it")
    desk.run()
    assert desk.clip().recognizer == "the one behind it"


def test_a_message_that_comes_again_does_nothing(desk: Desk, recognizer: Scripted) -> None:
    desk.run()
    version = desk.clip().version
    assert desk.run() is None
    assert desk.clip().version == version
    assert len(recognizer.attempts) == 1
    assert desk.transcriber.run(uuid.uuid4()) is None


def test_two_workers_do_not_have_one_clip(desk: Desk, recognizer: Scripted) -> None:
    recognizer.meanwhile = desk.run
    desk.run()
    assert recognizer.attempts == [f"{desk.id}-1"]
    assert len(desk.revisions()) == 1


def test_a_clip_deleted_meanwhile_stays_deleted_and_gets_no_words(desk: Desk, recognizer: Scripted) -> None:
    recognizer.meanwhile = lambda: desk.change(Clip.move_to_bin)
    assert desk.run() is None
    clip = desk.clip()
    assert clip.deleted_at is not None
    assert (clip.text, clip.status) == (None, Status.PENDING)
    assert desk.revisions() == []


def test_a_clip_deleted_and_restored_meanwhile_waits_for_its_next_job(desk: Desk, recognizer: Scripted) -> None:
    def bin_and_back() -> None:
        desk.change(Clip.move_to_bin)
        desk.change(Clip.restore)

    recognizer.meanwhile = bin_and_back
    desk.run()
    assert desk.clip().status is Status.PENDING
    recognizer.meanwhile = lambda: None
    desk.run()
    assert desk.clip().status is Status.DONE
    assert recognizer.attempts == [f"{desk.id}-1", f"{desk.id}-2"]


def test_an_edit_meanwhile_is_not_overwritten(desk: Desk, recognizer: Scripted) -> None:
    recognizer.meanwhile = lambda: desk.change(lambda clip, now: clip.edit("my own words", now))
    desk.run()
    assert (desk.clip().text, desk.clip().status) == ("my own words", Status.DONE)
    assert [revision.text for revision in desk.revisions()] == ["hello there"]


def test_a_rename_meanwhile_is_kept(desk: Desk, recognizer: Scripted) -> None:
    recognizer.meanwhile = lambda: desk.change(lambda clip, now: clip.rename("b", now))
    desk.run()
    assert (desk.clip().name, desk.clip().status) == ("b", Status.DONE)


def test_a_late_result_finds_no_taker(desk: Desk, recognizer: Scripted) -> None:
    """Our lease ran out, another worker has claimed the clip: what we heard is worth nothing, what it hears counts."""

    def taken_over() -> None:
        later = datetime.now(UTC) + timedelta(hours=1)
        desk.change(lambda clip, now: clip.claim(TRANSCRIBE, later, timedelta(hours=1)))

    recognizer.meanwhile = taken_over
    desk.run()
    clip = desk.clip()
    assert (clip.status, clip.attempt, clip.text) == (Status.TRANSCRIBING, 2, None)
    assert desk.revisions() == []


def test_the_lease_is_renewed_and_its_loss_is_noticed(desk: Desk, recognizer: Scripted) -> None:
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

        first = desk.clip().lease_until
        assert first is not None
        _wait_for(lambda: (desk.clip().lease_until or first) > first + timedelta(seconds=1))
        check_cancelled()
        desk.change(Clip.move_to_bin)
        _wait_for(has_lost)
        check_cancelled()
        return WORDS

    recognizer.transcribe = work  # type: ignore[method-assign]
    assert desk.run() is None
    assert noticed


def test_a_fault_of_the_server_is_tried_again_and_says_so(desk: Desk, recognizer: Scripted) -> None:
    recognizer.meanwhile = raising(RecognizerBusy("The Whisper server is busy."))
    pause = desk.run()
    clip = desk.clip()
    assert pause is not None
    assert 4 <= pause <= 6
    assert (clip.status, clip.error) == (Status.PENDING, "The Whisper server is busy. Trying again (2 of 8).")
    assert clip.queued_at > datetime.now(UTC) + timedelta(seconds=3)
    recognizer.meanwhile = lambda: None
    assert desk.run() is None
    assert (desk.clip().status, desk.clip().error) == (Status.DONE, None)


def test_the_wish_of_the_server_is_honoured(desk: Desk, recognizer: Scripted) -> None:
    recognizer.meanwhile = raising(RecognizerUnavailable("The Whisper server rests.", retry_after_s=90))
    assert desk.run() == 90


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (RecognizerUnavailable("The Whisper server is in trouble (it answered 500)."), "it answered 500"),
        (StoreUnavailable("secret address"), "The store of the audio does not answer."),
        (ZeroDivisionError("secret detail"), r"failed at this clip \(ZeroDivisionError\)"),
    ],
)
def test_what_never_gets_better_is_given_up_in_words(
    desk: Desk, recognizer: Scripted, error: Exception, sentence: str
) -> None:
    recognizer.meanwhile = raising(error)
    pauses = [desk.run() for _ in range(MAX_TRIES)]
    assert None not in pauses[:-1]
    assert pauses[-1] is None
    clip = desk.clip()
    assert clip.status is Status.FAILED
    assert clip.error is not None
    assert "secret" not in clip.error
    assert clip.error.endswith("It was tried 8 times; the sound is kept, ask again later.")
    assert re.search(sentence, clip.error)
    desk.change(Clip.request_transcription)
    recognizer.meanwhile = lambda: None
    desk.run()
    assert desk.clip().status is Status.DONE


def test_a_fault_of_the_audio_is_not_tried_again(desk: Desk, recognizer: Scripted) -> None:
    recognizer.meanwhile = raising(AudioRejected("There is no sound in this file."))
    assert desk.run() is None
    assert (desk.clip().status, desk.clip().error) == (Status.FAILED, "There is no sound in this file.")


@pytest.mark.parametrize("error", [TypeError, AttributeError, NameError, ModuleNotFoundError, AssertionError])
def test_a_programming_error_fails_at_once_and_says_whose_fault_it_is(
    desk: Desk, recognizer: Scripted, error: type[Exception]
) -> None:
    counted = {"job": TRANSCRIBE, "error": error.__name__}
    before = REGISTRY.get_sample_value("dictaphone_job_programming_errors_total", counted) or 0
    recognizer.meanwhile = raising(error("secret detail"))
    assert desk.run() is None
    clip = desk.clip()
    assert (clip.status, clip.tries) == (Status.FAILED, 1)
    assert clip.error is not None
    assert clip.error.startswith(f"This is a fault of Dictaphone and not of your recording ({error.__name__}).")
    assert "secret" not in clip.error
    assert REGISTRY.get_sample_value("dictaphone_job_programming_errors_total", counted) == before + 1
    # The next release has no such fault: a person asks again.
    recognizer.meanwhile = lambda: None
    desk.change(Clip.request_transcription)
    desk.run()
    assert desk.clip().status is Status.DONE


def test_audio_that_is_not_there_may_come_back(desk: Desk) -> None:
    """A disk that is mounted late, a bucket that is behind."""
    desk.store.delete(KEY)
    assert desk.run() is not None
    assert desk.clip().error == "The sound of this clip is not in the store. Trying again (2 of 8)."
    for _ in range(MAX_TRIES - 1):
        desk.run()
    assert desk.clip().status is Status.FAILED
    assert desk.clip().error == "The sound of this clip is not in the store. It was tried 8 times; ask again later."


def test_what_is_wrongly_set_is_tried_and_then_waits_for_the_next_start(desk: Desk, recognizer: Scripted) -> None:
    recognizer.meanwhile = raising(RecognizerMisconfigured("The Whisper server does not let us in (401)."))
    pauses = [desk.run() for _ in range(MAX_TRIES)]
    assert None not in pauses[:-1]
    clip = desk.clip()
    assert (pauses[-1], clip.status) == (None, Status.OFF)
    assert clip.error is not None
    assert clip.error.startswith("The Whisper server does not let us in (401). It was tried 8 times")
    # The key is mended, and the worker is started.
    recognizer.meanwhile = lambda: None
    desk.transcriber.requeue_without_recognizer(threading.Event())
    assert desk.clip().status is Status.PENDING
    desk.run()
    assert desk.clip().status is Status.DONE


def test_words_of_half_a_file_say_what_is_missing(desk: Desk) -> None:
    half = files.half(files.webm())
    desk.store.put(KEY, io.BytesIO(half), len(half), "audio/webm")
    desk.run()
    clip = desk.clip()
    assert (clip.status, clip.text) == (Status.DONE, "hello there")
    assert clip.error is not None
    assert "the rest was lost" in clip.error


def test_without_a_recognizer_the_clip_says_what_to_set(database_url: str, tmp_path: Path) -> None:
    desk = Desk(database_url, tmp_path, None)
    assert desk.run() is None
    clip = desk.clip()
    assert clip.status is Status.OFF
    assert clip.error is not None
    assert "set WHISPER_URL" in clip.error
    assert desk.topics() == [EVENT]
    desk.engine.dispose()


def test_it_is_heard_in_the_language_that_a_person_says(desk: Desk, recognizer: Scripted) -> None:
    desk.run()
    desk.change(lambda clip, now: clip.set_language("de", now))
    desk.run()
    assert recognizer.languages == [None, "de"]


def test_clips_that_nobody_could_transcribe_are_queued_when_somebody_can(
    database_url: str, tmp_path: Path, recognizer: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.transcriber.jobs.transcribe.REQUEUE_BATCH", 2)
    nobody = Desk(database_url, tmp_path, None)
    with transaction(nobody.engine) as session:
        first = session.get_one(Clip, nobody.id)
        more = [Clip(**{**first.model_dump(), "id": uuid.uuid4()}) for _ in range(4)]
        binned = more[-1].id
        session.add_all(more)
    for id in [nobody.id, *(clip.id for clip in more)]:
        nobody.transcriber.run(id)
    nobody.transcriber.requeue_without_recognizer(threading.Event())
    assert nobody.clip().status is Status.OFF
    with transaction(nobody.engine) as session:
        session.get_one(Clip, binned).move_to_bin(datetime.now(UTC))
    somebody = TranscribeJob(nobody.engine, nobody.store, recognizer, nobody.settings, nobody._tell, nobody._hear)
    somebody.requeue_without_recognizer(threading.Event())
    with transaction(nobody.engine) as session:
        found = {clip.id: clip.status for clip in session.exec(select(Clip))}
        queued = session.exec(select(OutboxRow.clip_id).where(OutboxRow.topic == TRANSCRIBE)).all()
    assert found.pop(binned) is Status.OFF
    assert set(found.values()) == {Status.PENDING}
    assert sorted(queued) == sorted(found)
    somebody.run(nobody.id)
    assert nobody.clip().status is Status.DONE
    nobody.engine.dispose()


# -- a model that is not here yet --------------------------------------------------------------------------------------


def test_a_clip_waits_for_the_model_says_so_and_loses_no_try(
    desk: Desk, recognizer: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.transcriber.jobs.transcribe.CANCEL_CHECK_INTERVAL_S", 0.02)
    download = ModelDownload("base")
    download.set_percent(40)
    recognizer.meanwhile = raising(ModelNotReady(download))
    job = threading.Thread(target=desk.run)
    job.start()
    _wait_for(lambda: bool(desk.hints))
    clip = desk.clip()
    assert (clip.status, clip.error, clip.tries) == (Status.TRANSCRIBING, "Fetching the speech model …", 1)
    assert desk.hints[-1]["percent"] == 40
    version = clip.version
    download.set_percent(41)
    _wait_for(lambda: desk.hints[-1]["percent"] == 41)
    assert desk.clip().version == version  # a hint is enough
    download.sentence = "Put it there."
    _wait_for(lambda: desk.clip().error == "Put it there.")
    recognizer.meanwhile = lambda: _wait_for(lambda: desk.clip().error is None)
    download.ready.set()
    job.join()
    clip = desk.clip()
    assert (clip.status, clip.text, clip.attempt, clip.tries) == (Status.DONE, "hello there", 1, 0)


def test_a_clip_that_is_deleted_while_it_waits_for_the_model_waits_no_more(
    desk: Desk, recognizer: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.transcriber.jobs.transcribe.CANCEL_CHECK_INTERVAL_S", 0.02)
    recognizer.meanwhile = raising(ModelNotReady(ModelDownload("base")))
    job = threading.Thread(target=desk.run)
    job.start()
    _wait_for(lambda: desk.clip().error is not None)
    desk.change(Clip.move_to_bin)
    job.join(timeout=10)
    assert not job.is_alive()
    assert desk.clip().text is None


def test_a_clip_that_kills_its_workers_is_given_up(desk: Desk) -> None:
    began = datetime.now(UTC) - timedelta(days=1)
    for number in range(MAX_TRIES):
        then = began + timedelta(hours=number)
        desk.change(lambda clip, now, then=then: clip.claim(TRANSCRIBE, then, timedelta(seconds=1)))  # type: ignore[misc]
    assert desk.run() is None
    assert desk.clip().error == f"The transcriber stopped {MAX_TRIES} times while it worked on this clip."
    assert desk.topics() == [EVENT]


def test_what_is_released_is_had_at_once_and_costs_no_try(desk: Desk, recognizer: Scripted) -> None:
    recognizer.meanwhile = desk.transcriber.release_all
    assert desk.run() is None
    clip = desk.clip()
    assert (clip.status, clip.tries, clip.text, clip.lease_until) == (Status.PENDING, 0, None, None)
    assert desk.topics() == [EVENT, EVENT, "transcribe"]


def test_pauses_grow_to_an_hour_in_all() -> None:
    pauses = [retry_delay(number, 5) for number in range(2, MAX_TRIES + 1)]
    assert pauses == sorted(pauses)
    assert 3600 * 0.75 < sum(pauses) < 3600 * 1.3


def test_a_result_outlives_a_restart_of_the_database(
    postgres: Postgres, postgres_url: str, tmp_path: Path, recognizer: Scripted
) -> None:
    desk = Desk(postgres_url, tmp_path, recognizer)
    back: list[threading.Timer] = []

    def restart() -> None:
        postgres.kill()
        back.append(threading.Timer(1.5, postgres.start))
        back[0].start()

    recognizer.meanwhile = restart
    try:
        assert desk.run() is None
    finally:
        back[0].join()
    assert desk.clip().text == "hello there"
    desk.engine.dispose()


def _wait_for(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = datetime.now(UTC) + timedelta(seconds=seconds)
    pause = threading.Event()
    while not condition():
        assert datetime.now(UTC) < deadline
        pause.wait(0.02)


# -- what the pages are told meanwhile ---------------------------------------------------------------------------------


def test_pages_are_told_each_second_how_far_it_is(monkeypatch: pytest.MonkeyPatch, desk: Desk) -> None:
    now = 100.0
    monkeypatch.setattr("services.transcriber.jobs.progress.time.monotonic", lambda: now)
    progress = Progress(desk.clip(), 10_000, desk._hear)
    for second, words in enumerate(["one", "two", "three", "four"]):
        now = 100 + second * 0.6
        progress.update(second * 3_000, words)
    assert [(hint["percent"], hint["text"]) for hint in desk.hints] == [(60, "one two three")]
    now += 1
    progress.update(10_400, "")
    assert desk.hints[-1] == {
        "type": "progress", "clip": {"id": str(desk.id)}, "percent": 99, "text": "one two three four",
    }  # fmt: skip


def test_of_many_words_the_newest_are_told() -> None:
    assert last_words("a few words") == "a few words"
    tail = last_words(" ".join(f"word{number}" for number in range(1_000)))
    assert tail.startswith("… word9")
    assert tail.endswith(" word999")
    assert len(tail) <= MAX_EXCERPT_CHARS + 2
