"""The real process on real servers: killed, stopped, starved of its servers, put to sleep and woken."""

import http.client
import io
import json
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import dramatiq
import pytest
import redis
from dramatiq.brokers.redis import RedisBroker
from prometheus_client import REGISTRY
from sqlmodel import select

from services.api.background.outbox_relay import SWEEP_INTERVAL_S
from services.transcriber import runtime as runtime_module
from services.transcriber.health import HealthServer
from services.transcriber.jobs.prepare import PrepareJob
from services.transcriber.jobs.transcribe import TranscribeJob
from services.transcriber.models.registry import BUNDLED_MODEL, ModelRegistry
from services.transcriber.notifications import JobNotifications, NotifiedBroker
from services.transcriber.outbox_sender import OutboxSender
from services.transcriber.runtime import WorkerRuntime
from services.transcriber.settings import TranscriberSettings
from shared import threads
from shared.clips.models import Clip, Status
from shared.db.engine import open_engine, transaction
from shared.libraries import HOME
from shared.outbox.publisher import OutboxPublisher, publish_batch
from shared.outbox.writer import save_and_announce
from shared.redis import jobs
from shared.redis.streams import PAYLOAD_FIELD, hints_key, stream_key
from shared.storage.factory import open_store
from shared.transcripts.models import Transcript
from tests import speech
from tests.conftest import Parts, StartStack
from tests.servers import whisper as whisper_server
from tests.servers.server import free_port
from tests.servers.stack import Service
from tests.servers.valkey import Valkey
from tests.servers.whisper import API_KEY, Fault, Whisper
from tests.services.transcriber import files
from tests.services.transcriber.library import sha256

MAX_WAIT_S = 60
"""For what takes a second on an idle machine."""

PREPARATION_ATTEMPTS = 1
"""The attempt before those at the words: each clip is prepared first."""


class ApiStandIn:
    """What the API would do, by hand: put clips with their jobs, look at them, read the events."""

    def __init__(self, parts: Parts) -> None:
        self.settings = TranscriberSettings.model_validate({name.lower(): value for name, value in parts.items()})
        self.engine = open_engine(self.settings)
        self.store = open_store(self.settings)
        self.redis_url = self.settings.redis_url.get_secret_value()
        self.publisher = OutboxPublisher(self.redis_url)

    def put(self, content: bytes | None = None, mime: str = "audio/webm") -> uuid.UUID:
        content = files.webm() if content is None else content
        id, now = uuid.uuid4(), datetime.now(UTC)
        self.store.put(f"clips/{id}", io.BytesIO(content), len(content), mime)
        clip = Clip.new_upload(
            id,
            name="a",
            mime=mime,
            bytes=len(content),
            sha256=sha256(content),
            audio_key=f"clips/{id}",
            now=now,
            library_id=HOME,
        )
        with transaction(self.engine) as session:
            save_and_announce(session, clip, jobs.PREPARE, now=now)
        publish_batch(self.engine, self.publisher)
        return id

    def clip(self, id: uuid.UUID) -> Clip:
        with transaction(self.engine) as session:
            return session.get_one(Clip, id)

    def change(self, id: uuid.UUID, verb: Callable[[Clip, datetime], object]) -> None:
        with transaction(self.engine) as session:
            clip, now = session.get_one(Clip, id), datetime.now(UTC)
            verb(clip, now)
            save_and_announce(session, clip, now=now)

    def revisions(self, id: uuid.UUID) -> list[Transcript]:
        with transaction(self.engine) as session:
            return list(session.exec(select(Transcript).where(Transcript.clip_id == id)))

    def wait(self, id: uuid.UUID, *statuses: Status) -> Clip:
        wait_until(lambda: self.clip(id).status in statuses, lambda: f"it is {self.clip(id)!r}")
        return self.clip(id)

    def told(self, id: uuid.UUID) -> list[str]:
        """The statuses that every browser was told of, in order."""
        with redis.Redis.from_url(self.redis_url, decode_responses=True) as client:
            entries = client.xrange(stream_key(HOME))
        clips = [json.loads(fields[PAYLOAD_FIELD])["clip"] for _, fields in entries if PAYLOAD_FIELD in fields]
        return [clip["status"] for clip in clips if clip["id"] == str(id)]

    def waiting(self) -> int:
        """Messages that are not done: delayed and running ones stay beside their queue, too."""
        with redis.Redis.from_url(self.redis_url) as client:
            return sum(client.hlen(f"{key}.msgs") for key in jobs.queue_keys())

    def close(self) -> None:
        self.publisher.close()
        self.engine.dispose()


def wait_until(condition: Callable[[], bool], found: Callable[[], str] = str, seconds: float = MAX_WAIT_S) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s in vain: {found()}"
        time.sleep(0.05)


@pytest.fixture
def library(parts: Parts) -> Iterator[ApiStandIn]:
    library = ApiStandIn(parts)
    yield library
    library.close()


@pytest.fixture
def local(local_parts: Parts) -> Iterator[ApiStandIn]:
    library = ApiStandIn(local_parts)
    yield library
    library.close()


def http_request(port: int, method: str, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def exit_status(service: Service) -> int:
    """Wait until it ends by itself."""
    wait_until(lambda: not service.is_running())
    status = service.exit_status
    assert status is not None
    return status


# -- the main story -----------------------------------------------------------------------------------------------


def test_speech_becomes_words_and_every_status_is_sent(
    library: ApiStandIn, parts: Parts, start_stack: StartStack
) -> None:
    start_stack(parts, "transcriber")
    spoken, silent, damaged = library.put(), library.put(files.silence(5)), library.put(files.half(files.mp4()))
    clip = library.wait(spoken, Status.DONE)
    assert speech.word_errors(clip.text or "", speech.words(files.SAID)) <= 0.2
    assert (clip.language, clip.recognizer) == ("en", "faster-whisper tiny.en")
    assert library.wait(silent, Status.DONE).text == ""
    assert "cut off while it was saved" in (library.wait(damaged, Status.FAILED).error or "")
    # Without an API that relays: the worker tells what it did itself.
    wait_until(lambda: [library.told(id)[-1:] for id in (spoken, silent, damaged)] == [["done"], ["done"], ["failed"]])
    wait_until(lambda: library.waiting() == 0)


def test_a_clip_waits_for_a_model_until_a_person_puts_it_there(
    local: ApiStandIn, local_parts: Parts, start_stack: StartStack
) -> None:
    name = "somebody/faster-whisper-elsewhere"
    away = {"WHISPER_MODEL": name, "HF_HUB_OFFLINE": "1", "RETRY_SECONDS": "1000"}
    worker = start_stack(local_parts, "transcriber", **away)["transcriber"]
    id = local.put()
    wait_until(lambda: "could not be fetched" in (local.clip(id).error or ""))
    place = local.settings.data_dir / "models" / "somebody--faster-whisper-elsewhere"
    assert f"of {name} into {place}" in (local.clip(id).error or "")
    assert json.loads(http_request(worker.port, "GET", "/readyz")[1])[f"model {name}"].startswith("not here")
    # What needs no model goes on.
    others = [local.put(files.silence(1), "audio/wav") for _ in range(4)]
    wait_until(lambda: all(local.clip(other).prepared_at for other in others))
    shutil.copytree(ModelRegistry(local.settings.data_dir).folder(BUNDLED_MODEL), place.with_name("coming"))
    place.with_name("coming").rename(place)
    clip = local.wait(id, Status.DONE)
    assert speech.word_errors(clip.text or "", speech.words(files.SAID)) <= 0.2
    assert (clip.attempt, clip.error, clip.tries) == (PREPARATION_ATTEMPTS + 1, None, 0)


def test_clips_of_a_worker_without_a_recognizer_are_transcribed_by_the_next_worker(
    local: ApiStandIn, local_parts: Parts, start_stack: StartStack
) -> None:
    id = local.put()
    local.change(id, lambda clip, now: clip.switch_off("Nobody here does that.", now))
    start_stack(local_parts, "transcriber")
    assert local.wait(id, Status.DONE).error is None


# -- jobs are heard of, not asked for --------------------------------------------------------------------------------


def test_a_job_begins_soon_after_its_commit_with_few_redis_commands(
    local: ApiStandIn, local_parts: Parts, start_stack: StartStack, valkey: Valkey
) -> None:
    start_stack(local_parts, "api", "transcriber", LOG_LEVEL="WARNING")
    seconds = 15
    with valkey.client() as client:
        time.sleep(3)  # whatever is asked at start
        before = client.info("stats")["total_commands_processed"]
        time.sleep(seconds)
        asked = client.info("stats")["total_commands_processed"] - before - 1
    # Twenty a minute for each of two processes; one more may fall to either end.
    assert asked <= 2 * (20 * seconds / 60 + 1)
    waits = []
    for _ in range(5):
        committed = time.monotonic()
        id = local.put(files.silence(1), "audio/wav")
        while not local.clip(id).attempt and time.monotonic() - committed < MAX_WAIT_S:
            time.sleep(0.01)
        waits.append(time.monotonic() - committed)
        local.wait(id, Status.DONE)
    assert sorted(waits)[2] < 1, waits


def test_a_job_without_a_notification_is_found(
    local: ApiStandIn, local_parts: Parts, start_stack: StartStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_stack(local_parts, "transcriber", LOG_LEVEL="WARNING")
    local.wait(local.put(files.silence(1), "audio/wav"), Status.DONE)
    monkeypatch.setattr(jobs.JobBroker, "enqueue", RedisBroker.enqueue)
    local.wait(local.put(files.silence(1), "audio/wav"), Status.DONE)


def test_notifications_come_again_after_a_lost_connection(
    local: ApiStandIn, local_parts: Parts, start_stack: StartStack
) -> None:
    start_stack(local_parts, "transcriber", LOG_LEVEL="WARNING")
    with redis.Redis.from_url(local.redis_url) as client:
        client.client_kill_filter(_type="pubsub")
        wait_until(lambda: client.pubsub_numsub(jobs.NOTIFICATIONS)[0][1] == 1)
    local.wait(local.put(files.silence(1), "audio/wav"), Status.DONE)


def test_a_note_does_not_wait_behind_long_recordings(
    local: ApiStandIn, local_parts: Parts, start_stack: StartStack, whisper: Whisper, monkeypatch: pytest.MonkeyPatch
) -> None:
    # To hear minutes of silence takes the server's model a while, and nobody reads what comes of it.
    nothing = {"text": "", "duration": 0.0, "segments": [], "words": []}
    monkeypatch.setattr(whisper_server, "_transcribe", lambda _: nothing)
    environment = {"WHISPER_URL": whisper.openai_url, "WHISPER_API_KEY": API_KEY, "CONCURRENCY": "2"}
    start_stack(local_parts, "transcriber", **environment)
    whisper.fail(Fault.HANG, times=1)
    long = [local.put(files.silence(jobs.LONG_CLIP_MS / 1000 + 1), "audio/wav") for _ in range(3)]
    whisper.wait_for_requests(1)
    note = local.put()
    local.wait(note, Status.DONE)
    assert sorted(local.clip(id).status for id in long) == [Status.PENDING, Status.PENDING, Status.TRANSCRIBING]
    whisper.heal()
    for id in long:
        local.wait(id, Status.DONE)


def test_open_pages_get_the_progress_of_a_transcription(
    local: ApiStandIn, local_parts: Parts, start_stack: StartStack
) -> None:
    start_stack(local_parts, "transcriber")
    # Speech of two minutes takes the smallest model some seconds.
    id = local.put(speech.wav(speech.repeated(speech.samples(), 110)), "audio/wav")
    local.wait(id, Status.DONE)
    with redis.Redis.from_url(local.redis_url, decode_responses=True) as client:
        hints = [json.loads(fields[PAYLOAD_FIELD]) for _, fields in client.xrange(hints_key(HOME))]
    assert hints, "nobody was told anything"
    percents = [hint["percent"] for hint in hints]
    assert percents == sorted(percents)
    assert {(hint["type"], hint["clip"]["id"]) for hint in hints} == {("progress", str(id))}
    words = local.clip(id).text or ""
    assert all(hint["text"].removeprefix("… ") in words for hint in hints)


# -- killed and stopped -------------------------------------------------------------------------------------------


def test_a_killed_workers_clip_is_taken_over(
    local: ApiStandIn, local_parts: Parts, start_stack: StartStack, whisper: Whisper
) -> None:
    environment = {"WHISPER_URL": whisper.cog_url, "LEASE_SECONDS": "1"}
    stack = start_stack(local_parts, "api", "transcriber", **environment)
    whisper.fail(Fault.HANG)
    id = local.put()
    whisper.wait_for_requests(1)
    stack.kill("transcriber")
    left = local.clip(id)
    assert left.status is Status.TRANSCRIBING
    assert left.lease_until is not None
    whisper.heal()
    stack.start("transcriber")
    wait_until(lambda: local.clip(id).attempt > left.attempt)
    # Whatever a lease is, its end is noticed by the next sweep, which is far less than half a minute away.
    assert datetime.now(UTC) - left.lease_until < timedelta(seconds=SWEEP_INTERVAL_S + 3)
    clip = local.wait(id, Status.DONE)
    assert speech.word_errors(clip.text or "", speech.words(files.SAID)) <= 0.2
    assert clip.attempt >= PREPARATION_ATTEMPTS + 2
    assert len(local.revisions(id)) == 1
    assert len(set(whisper.prediction_ids)) == len(whisper.prediction_ids)


def test_sigterm_hands_a_long_clip_over(
    local: ApiStandIn, local_parts: Parts, start_stack: StartStack, whisper: Whisper
) -> None:
    environment = {"WHISPER_URL": whisper.openai_url, "WHISPER_API_KEY": API_KEY, "LEASE_SECONDS": "600"}
    stack = start_stack(local_parts, "transcriber", **environment, STOP_GRACE_SECONDS="1")
    whisper.fail(Fault.HANG)
    id = local.put()
    whisper.wait_for_requests(1)
    stack.stop("transcriber")
    clip = local.clip(id)
    assert (clip.status, clip.tries, clip.error) == (Status.PENDING, 0, None)
    whisper.heal()
    stack.start("transcriber")
    # Long before the lease would have ended, and with nobody who sweeps.
    assert local.wait(id, Status.DONE).attempt == PREPARATION_ATTEMPTS + 2


def test_sigterm_lets_a_short_clip_end(
    local: ApiStandIn, local_parts: Parts, start_stack: StartStack, whisper: Whisper
) -> None:
    stack = start_stack(local_parts, "transcriber", WHISPER_URL=whisper.cog_url, STOP_GRACE_SECONDS="12")
    whisper.slow_s = 1
    whisper.fail(Fault.SLOW)
    id = local.put()
    whisper.wait_for_requests(1)
    stack.stop("transcriber")
    assert (local.clip(id).status, local.clip(id).attempt) == (Status.DONE, PREPARATION_ATTEMPTS + 1)


# -- meanwhile ----------------------------------------------------------------------------------------------------


def test_a_clip_is_deleted_and_replaced_while_it_is_transcribed(
    library: ApiStandIn, parts: Parts, start_stack: StartStack, whisper: Whisper
) -> None:
    start_stack(parts, "transcriber", WHISPER_URL=whisper.openai_url, WHISPER_API_KEY=API_KEY, CONCURRENCY="2")
    whisper.fail(Fault.HANG)
    old = library.put()
    whisper.wait_for_requests(1)
    library.change(old, Clip.move_to_bin)
    new = library.put(speech.wav(speech.samples([speech.ALL[4]])), "audio/wav")
    whisper.wait_for_requests(2)
    whisper.heal()
    assert speech.word_errors(library.wait(new, Status.DONE).text or "", speech.TEXTS[speech.ALL[4]]) <= 0.2
    wait_until(lambda: library.waiting() == 0)
    assert library.clip(old).text is None
    assert library.revisions(old) == []


def test_a_job_does_not_wait_behind_a_busy_worker(
    local: ApiStandIn, local_parts: Parts, start_stack: StartStack, whisper: Whisper
) -> None:
    environment = {"WHISPER_URL": whisper.openai_url, "WHISPER_API_KEY": API_KEY, "CONCURRENCY": "1"}
    start_stack(local_parts, "transcriber", **environment)
    whisper.fail(Fault.HANG, times=1)
    first = local.put()
    whisper.wait_for_requests(1)
    second = local.put()
    start_stack(local_parts, "transcriber", **environment)
    local.wait(second, Status.DONE)
    assert local.clip(first).status is Status.TRANSCRIBING
    whisper.heal()
    local.wait(first, Status.DONE)


def test_a_preparation_does_not_wait_behind_a_long_transcription(
    local: ApiStandIn, local_parts: Parts, start_stack: StartStack, whisper: Whisper
) -> None:
    environment = {"WHISPER_URL": whisper.openai_url, "WHISPER_API_KEY": API_KEY, "CONCURRENCY": "1"}
    start_stack(local_parts, "transcriber", **environment)
    whisper.fail(Fault.HANG, times=1)
    first = local.put()
    whisper.wait_for_requests(1)
    second = local.put()
    wait_until(lambda: local.clip(second).prepared_at is not None)
    assert (local.clip(first).status, local.clip(second).status) == (Status.TRANSCRIBING, Status.PENDING)
    whisper.heal()
    for id in (first, second):
        local.wait(id, Status.DONE)


# -- servers that fail --------------------------------------------------------------------------------------------


def test_a_server_that_fails_in_every_way_is_retried_until_it_recovers(
    local: ApiStandIn, local_parts: Parts, start_stack: StartStack, whisper: Whisper
) -> None:
    faults = iter([Fault.BUSY, Fault.ERROR, Fault.NONSENSE, Fault.FAILED, Fault.RESET, Fault.HANG])
    whisper.fail(next(faults), times=1)
    environment = {"WHISPER_URL": whisper.cog_url, "RETRY_SECONDS": "0.02"}
    start_stack(local_parts, "transcriber", **environment, WHISPER_TIMEOUT_SECONDS="0.5")
    id = local.put(speech.wav(speech.samples([speech.ALL[4]])), "audio/wav")
    for number, fault in enumerate(faults, 1):
        whisper.wait_for_requests(number)
        whisper.fail(fault, times=1)
    wait_until(lambda: "in time. Trying again (7 of 8)" in (local.clip(id).error or ""))
    whisper.heal()
    clip = local.wait(id, Status.DONE, Status.FAILED)
    assert clip.error is None
    assert speech.word_errors(clip.text or "", speech.TEXTS[speech.ALL[4]]) <= 0.2
    assert len(local.revisions(id)) == 1
    assert whisper.refused == []
    assert len(set(whisper.prediction_ids)) == len(whisper.prediction_ids)
    wait_until(lambda: local.told(id)[-1:] == ["done"])
    assert "pending" in local.told(id)


def test_redis_that_is_wiped_and_restarted_loses_no_running_clip_and_gets_the_next(
    local: ApiStandIn, local_parts: Parts, start_stack: StartStack, whisper: Whisper, valkey: Valkey
) -> None:
    start_stack(local_parts, "transcriber", WHISPER_URL=whisper.openai_url, WHISPER_API_KEY=API_KEY)
    whisper.fail(Fault.HANG)
    first = local.put()
    whisper.wait_for_requests(1)
    valkey.kill()
    whisper.heal()
    local.wait(first, Status.DONE)
    valkey.start()
    local.wait(local.put(), Status.DONE)


def test_retries_go_on_after_redis_was_lost_while_clips_waited_for_one(
    local: ApiStandIn, local_parts: Parts, start_stack: StartStack, whisper: Whisper, valkey: Valkey
) -> None:
    environment = {"WHISPER_URL": whisper.cog_url, "RETRY_SECONDS": "1.5", "dramatiq_restart_delay": "500"}
    start_stack(local_parts, "api", "transcriber", **environment, CONCURRENCY="2")
    whisper.fail(Fault.BUSY)
    ids = [local.put(files.silence(1), "audio/wav") for _ in range(2)]
    whisper.wait_for_requests(2)
    wait_until(lambda: all(local.clip(id).status is Status.PENDING for id in ids))
    valkey.kill()
    time.sleep(4)  # the retries are due, and their consumer finds nobody
    valkey.start()
    # The sweep brings the clips back; then they wait for a retry once more, in the queue whose consumer was lost.
    before = len(whisper.requests)
    whisper.wait_for_requests(before + 2)
    whisper.heal()
    for id in ids:
        local.wait(id, Status.DONE)


def test_the_consumer_of_a_delayed_queue_gives_back_what_it_forgot(redis_url: str) -> None:
    notifications = JobNotifications(redis_url, 5)
    broker = NotifiedBroker(redis_url, notifications, timeout_s=5)
    id, delayed = uuid.uuid4(), f"{jobs.TRANSCRIPTION}.DQ"
    broker.enqueue(jobs.job_message(jobs.TRANSCRIBE, id, jobs.TRANSCRIPTION), delay=60_000)
    first = next(broker.consume(delayed))
    assert first is not None
    # Dramatiq drops what it holds at an error, and consumes anew.
    again = next(broker.consume(delayed))
    assert again is not None
    assert again.args == (str(id),)
    notifications.close()


@pytest.mark.parametrize("error", [redis.ConnectionError, redis.TimeoutError, redis.ResponseError])
def test_a_consumer_lives_through_every_error_of_redis(
    redis_url: str, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    monkeypatch.setattr("dramatiq.worker.CONSUMER_RESTART_DELAY_SECS", 0.1)
    notifications = JobNotifications(redis_url, 5)
    broker = NotifiedBroker(redis_url, notifications, timeout_s=5)
    done = threading.Event()

    def run_job(clip_id: str) -> None:
        done.set()

    dramatiq.actor(actor_name=jobs.TRANSCRIBE, queue_name=jobs.TRANSCRIPTION, broker=broker)(run_job)
    worker = dramatiq.Worker(broker, queues={jobs.TRANSCRIPTION}, worker_threads=1)
    worker.start()
    is_away = True
    execute = redis.Redis.execute_command

    def refuse(client: redis.Redis, *arguments: Any, **options: Any) -> Any:
        if is_away and client is broker.client:
            raise error("Redis is away")
        return execute(client, *arguments, **options)  # type: ignore[no-untyped-call]

    broker.enqueue(jobs.job_message(jobs.TRANSCRIBE, uuid.uuid4(), jobs.TRANSCRIPTION), delay=500)
    delayed = worker.consumers[f"{jobs.TRANSCRIPTION}.DQ"]
    wait_until(lambda: delayed.delay_queue.qsize() == 1)
    monkeypatch.setattr(redis.Redis, "execute_command", refuse)
    time.sleep(1)
    is_away = False
    assert done.wait(10)
    assert all(consumer.is_alive() for consumer in worker.consumers.values())
    worker.stop()
    notifications.close()


# -- threads that die, and jobs that are stuck ----------------------------------------------------------------------


def test_a_dead_consumer_ends_the_process(local: ApiStandIn, monkeypatch: pytest.MonkeyPatch, unfit: list[str]) -> None:
    settings = local.settings.model_copy(update={"port": free_port()})
    sender = OutboxSender(local.engine, local.redis_url)
    prepare = PrepareJob(local.engine, local.store, settings, sender.wake)
    stopping = threading.Event()
    monkeypatch.setattr(runtime_module, "end_process", stopping.set)
    worker = WorkerRuntime(settings, local.engine, local.store, None, [prepare], None, stopping)

    def die() -> None:
        [consumer] = [each for name, each in worker._workers[0].consumers.items() if name.endswith(".DQ")]
        consumer.stop()

    threading.Timer(1, die).start()
    worker.run()
    assert stopping.is_set()
    assert unfit == ["consumer of preparation.DQ"]
    assert REGISTRY.get_sample_value("dictaphone_threads_died_total", {"thread": unfit[0]}) == 1
    sender.stop()


@pytest.fixture
def unfit(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The threads of this process that died; the tests' own process goes on."""
    dead: list[str] = []
    monkeypatch.setattr(threads, "_dead", dead)
    return dead


# -- the listener, idleness and the bell --------------------------------------------------------------------------


def test_the_health_server_answers_platforms(
    local: ApiStandIn, local_parts: Parts, start_stack: StartStack, valkey: Valkey
) -> None:
    port = start_stack(local_parts, "transcriber", HOST="::")["transcriber"].port
    assert http_request(port, "GET", "/healthz") == (200, "ok")
    status, body = http_request(port, "GET", "/readyz")
    told = json.loads(body)
    assert told.pop("model tiny.en") in {"here", "being looked for"}
    assert (status, told) == (
        200,
        {"database": "ok", "redis": "ok", "store": "ok", "recognizer": "faster-whisper tiny.en"},
    )
    assert http_request(port, "POST", "/wake") == (204, "")
    assert http_request(port, "GET", "/wake")[0] == 405
    assert http_request(port, "GET", "/nowhere")[0] == 404
    local.wait(local.put(files.silence(1)), Status.DONE)
    wait_until(lambda: 'dictaphone_preparations_total{outcome="done"} 1.0' in http_request(port, "GET", "/metrics")[1])
    wait_until(
        lambda: 'dictaphone_transcriptions_total{outcome="done"} 1.0' in http_request(port, "GET", "/metrics")[1]
    )
    valkey.kill()
    status, body = http_request(port, "GET", "/readyz")
    assert status == 503
    assert "does not answer" in json.loads(body)["redis"]
    assert http_request(port, "GET", "/healthz")[0] == 200
    valkey.start()
    wait_until(lambda: http_request(port, "GET", "/readyz")[0] == 200)


def test_an_idle_worker_ends_with_0_and_a_waiting_retry_is_no_idleness(
    local: ApiStandIn, local_parts: Parts, start_stack: StartStack, whisper: Whisper
) -> None:
    environment = {"WHISPER_URL": whisper.cog_url, "IDLE_EXIT_SECONDS": "1", "RETRY_SECONDS": "3"}
    whisper.fail(Fault.BUSY, times=1)
    worker = start_stack(local_parts, "transcriber", **environment)["transcriber"]
    id = local.put(files.silence(1), "audio/wav")
    assert exit_status(worker) == 0
    # It stayed for the retry, longer as it would have stayed idle.
    assert (local.clip(id).status, local.clip(id).attempt) == (Status.DONE, PREPARATION_ATTEMPTS + 2)
    # A later job finds nobody, until the machine is started for it.
    late = local.put(files.silence(1), "audio/wav")
    worker.start()
    local.wait(late, Status.DONE)
    assert exit_status(worker) == 0


def test_a_wake_up_request_keeps_an_idle_worker_running(local_parts: Parts, start_stack: StartStack) -> None:
    worker = start_stack(local_parts, "transcriber", IDLE_EXIT_SECONDS="1")["transcriber"]
    began = time.monotonic()
    while time.monotonic() - began < 3:
        assert http_request(worker.port, "POST", "/wake")[0] == 204
        time.sleep(0.2)
    assert exit_status(worker) == 0


def test_a_job_that_comes_during_the_shutdown_is_done(local: ApiStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = local.settings.model_copy(update={"idle_exit_seconds": 1, "port": free_port()})
    sender = OutboxSender(local.engine, local.redis_url)
    jobs_of_worker = [
        PrepareJob(local.engine, local.store, settings, sender.wake),
        TranscribeJob(local.engine, local.store, None, settings, sender.wake, sender.send_hint),
    ]
    closed: list[uuid.UUID] = []
    close = HealthServer.close

    def close_late(listener: HealthServer) -> None:
        close(listener)
        # Nothing fetches any more, as in the moment between the last fetch and the stop.
        for worker in runtime._workers:
            for consumer in worker.consumers.values():
                consumer.stop()
                consumer.join()
        closed.append(local.put())

    monkeypatch.setattr(HealthServer, "close", close_late)
    runtime = WorkerRuntime(settings, local.engine, local.store, None, jobs_of_worker, None, threading.Event())
    assert runtime.run()
    assert len(closed) == 1
    monkeypatch.undo()
    assert not WorkerRuntime(settings, local.engine, local.store, None, jobs_of_worker, None, threading.Event()).run()
    sender.stop()
    assert local.clip(closed[0]).status is Status.OFF
