"""The real process follows real recordings while they arrive: killed, wiped under, switched off, many at once."""

import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
import redis

from services.transcriber.audio.decode import SAMPLE_RATE, Samples
from services.transcriber.captions.captioner import SEARCH_INTERVAL_S
from services.transcriber.captions.follower import Follower, FollowerContext
from services.transcriber.captions.lock import LOCK_TTL_S, RecordingLock
from services.transcriber.models.registry import ModelRegistry
from services.transcriber.recognizers.recognizer import Word
from services.transcriber.recognizers.streaming import CaptionModels, open_caption_models
from services.transcriber.recognizers.voice_activity import SpeechSpan
from services.transcriber.settings import TranscriberSettings
from services.transcriber.thread_priority import NICENESS
from shared.clips.models import Clip, Status
from shared.db.engine import open_engine, transaction
from shared.libraries import HOME
from shared.outbox.publisher import OutboxPublisher, publish_batch
from shared.outbox.writer import save_and_announce
from shared.redis import jobs
from shared.redis.streams import PAYLOAD_FIELD, hints_key
from shared.storage.factory import open_store
from shared.storage.store import Store, StoreUnavailable
from shared.uploads.models import Upload
from tests import speech
from tests.conftest import Parts, StartStack
from tests.recordings import streamed
from tests.services.transcriber.library import Library, cut
from tests.services.transcriber.test_runtime import MAX_WAIT_S, wait_until

SAID = ("austen-0870.wav", "austen-0930.wav")
SOUND = speech.samples(SAID)
SECONDS = len(SOUND) / speech.RATE
PIECE_S = 1.0
PIECES = cut(streamed(SOUND), int(len(streamed(SOUND)) / SECONDS * PIECE_S))


class LiveRecordings(Library):
    """Recordings that go on, and what pages are told of them."""

    def __init__(self, parts: Parts) -> None:
        given = {name.lower(): value for name, value in parts.items()}
        self.settings = TranscriberSettings.model_validate({**given, "whisper_model": "tiny.en"})
        super().__init__(open_engine(self.settings), open_store(self.settings))
        self.redis_url = self.settings.redis_url.get_secret_value()
        self._publisher = OutboxPublisher(self.redis_url)

    def begin(self) -> uuid.UUID:
        id, now = uuid.uuid4(), datetime.now(UTC)
        clip = Clip.new_recording(id, name="a", mime="audio/webm", recorded_at=now, now=now, library_id=HOME)
        with transaction(self.engine) as session:
            save_and_announce(session, clip, jobs.CAPTION, now=now)
            self._upload(session, id, 0, "audio/webm", [])
        publish_batch(self.engine, self._publisher)
        return id

    def speak(self, *ids: uuid.UUID, pieces: list[bytes] = PIECES, every_s: float = PIECE_S) -> None:
        """Send pieces to all of these, at the speed of speech."""
        for piece in pieces:
            for id in ids:
                self.add(id, 0, piece)
            time.sleep(every_s)

    def finish(self, id: uuid.UUID) -> None:
        with transaction(self.engine) as session:
            clip, now = session.get_one(Clip, id), datetime.now(UTC)
            clip.finish_recording(now, duration_ms=None, gaps=[])
            save_and_announce(session, clip, jobs.PREPARE, now=now)
        publish_batch(self.engine, self._publisher)

    def captions(self, id: uuid.UUID) -> list[dict[str, Any]]:
        """The captions of one recording, in order."""
        with redis.Redis.from_url(self.redis_url, decode_responses=True) as client:
            entries = client.xrange(hints_key(HOME))
        frames = [json.loads(fields[PAYLOAD_FIELD]) for _, fields in entries]
        return [frame for frame in frames if frame["type"] == "caption" and frame["clip"]["id"] == str(id)]

    def words(self, id: uuid.UUID) -> str:
        """What a page shows that saw all of it."""
        settled, tentative = "", ""
        for frame in self.captions(id):
            settled, tentative = settled[: frame["from"]] + frame["committed"], frame["tentative"]
        return settled + tentative

    def has_words(self, id: uuid.UUID, words: str) -> bool:
        return words in self.words(id)

    def is_done(self, id: uuid.UUID) -> bool:
        """Whether the transcript is there, and the captions are over."""
        with redis.Redis.from_url(self.redis_url) as client:
            return self.clip(id).status is Status.DONE and not client.exists(f"dictaphone:captions:{id}")

    def close(self) -> None:
        self._publisher.close()
        self.engine.dispose()


def niceness(pid: int) -> set[int]:
    """How far the threads of a process step back (proc(5): stat)."""
    stats = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/stat")]
    return {int(stat.rpartition(")")[2].split()[16]) for stat in stats}


@pytest.fixture
def recordings(local_parts: Parts) -> Iterator[LiveRecordings]:
    recordings = LiveRecordings(local_parts)
    yield recordings
    recordings.close()


def test_two_recordings_at_once_are_given_their_words_and_then_their_transcripts(
    local_parts: Parts, recordings: LiveRecordings, start_stack: StartStack
) -> None:
    stack = start_stack(local_parts, "transcriber")
    one, other = recordings.begin(), recordings.begin()
    began = time.monotonic()
    speaking = threading.Thread(target=recordings.speak, args=(one, other))
    speaking.start()
    wait_until(lambda: "Dashwood" in recordings.words(one), lambda: recordings.words(one))
    assert time.monotonic() - began < SECONDS
    # Finished recordings go first: those who give captions, and their model's threads, step back.
    assert niceness(stack.pid("transcriber")) == {0, NICENESS}
    speaking.join()
    for id in (one, other):
        wait_until(partial(recordings.has_words, id, "amiable himself"), partial(recordings.words, id))
        assert speech.word_errors(recordings.words(id), speech.words(SAID)) < 0.15
        assert recordings.clip(id).text is None
        recordings.finish(id)
    for id in (one, other):
        wait_until(partial(recordings.is_done, id))
    assert {frame["tentative"] for frame in (recordings.captions(one)[-1], recordings.captions(other)[-1])} == {""}


def test_a_killed_workers_recording_is_followed_by_another(
    local_parts: Parts, recordings: LiveRecordings, start_stack: StartStack
) -> None:
    stack = start_stack(local_parts, "transcriber")
    id = recordings.begin()
    recordings.speak(id, pieces=PIECES[:4])
    wait_until(lambda: "Dashwood" in recordings.words(id), lambda: recordings.words(id))
    stack.kill("transcriber")
    before = len(recordings.captions(id))
    stack.start("transcriber")
    recordings.speak(id, pieces=PIECES[4:], every_s=0.3)
    wait_until(lambda: len(recordings.captions(id)) > before, seconds=LOCK_TTL_S + SEARCH_INTERVAL_S + MAX_WAIT_S)
    wait_until(lambda: "amiable himself" in recordings.words(id), lambda: recordings.words(id))


def test_a_wiped_redis_takes_nothing_but_sent_captions(
    local_parts: Parts, recordings: LiveRecordings, start_stack: StartStack
) -> None:
    start_stack(local_parts, "transcriber")
    id = recordings.begin()
    recordings.speak(id, pieces=PIECES[:4])
    wait_until(lambda: "Dashwood" in recordings.words(id), lambda: recordings.words(id))
    with redis.Redis.from_url(recordings.redis_url) as client:
        client.flushdb()
    recordings.speak(id, pieces=PIECES[4:], every_s=0.3)
    wait_until(lambda: "amiable himself" in recordings.words(id), lambda: recordings.words(id))


def test_a_recording_is_followed_over_an_interruption_until_it_is_deleted(
    local_parts: Parts, recordings: LiveRecordings, start_stack: StartStack
) -> None:
    start_stack(local_parts, "transcriber")
    id = recordings.begin()
    recordings.speak(id, pieces=PIECES[:5], every_s=0.3)
    now = datetime.now(UTC)
    with transaction(recordings.engine) as session:
        session.add(
            Upload(
                id=uuid.uuid4(), clip_id=id, segment=1, is_recording=True, name="a", mime="audio/webm",
                recorded_at=now, created_at=now,
                library_id=HOME,
            )
        )  # fmt: skip
    for piece in PIECES:
        recordings.add(id, 1, piece)
    wait_until(lambda: recordings.words(id).count("Dashwood") == 2, lambda: recordings.words(id))
    with transaction(recordings.engine) as session:
        session.get_one(Clip, id).move_to_bin(now)
    with redis.Redis.from_url(recordings.redis_url) as client:
        wait_until(lambda: not client.keys("dictaphone:captions:*"))


class FaultyStore:
    """A store whose every read breaks off in the middle, and works the next time."""

    def __init__(self, within: Store) -> None:
        self._within = within
        self._broken: set[str] = set()

    def read(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        content = b"".join(self._within.read(key, start, end))
        if key in self._broken:
            yield content
            return
        self._broken.add(key)
        yield content[: len(content) // 2]
        raise StoreUnavailable("the line broke")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._within, name)


def test_a_store_that_breaks_off_loses_no_audio_and_repeats_none(recordings: LiveRecordings) -> None:
    id = recordings.begin()
    for piece in PIECES:
        recordings.add(id, 0, piece)
    models = open_caption_models(recordings.settings, ModelRegistry(recordings.settings.data_dir / "models"))
    assert models
    captions: list[dict[str, Any]] = []
    with redis.Redis.from_url(recordings.redis_url) as client:
        store = cast("Store", FaultyStore(recordings.store))
        context = FollowerContext(
            recordings.engine, store, lambda _, frame: captions.append(dict(frame)), models, client
        )
        lock = RecordingLock(client, id)
        assert lock.acquire()
        following = threading.Thread(target=Follower(context, recordings.clip(id), lock, threading.Event()).run)
        following.start()
        wait_until(
            lambda: captions != [] and "amiable" in captions[-1]["committed"] + captions[-1]["tentative"],
            seconds=MAX_WAIT_S,
        )
        recordings.finish(id)
        following.join()
        assert not client.exists(f"dictaphone:captions:{id}")
    assert speech.word_errors(captions[-1]["committed"], speech.words(SAID)) < 0.15


def test_captions_that_are_switched_off_cost_nothing(
    local_parts: Parts, recordings: LiveRecordings, start_stack: StartStack
) -> None:
    start_stack(local_parts, "transcriber", LIVE_CAPTIONS="off")
    id = recordings.begin()
    recordings.speak(id, pieces=PIECES[:4], every_s=0.2)
    recordings.finish(id)
    wait_until(lambda: recordings.clip(id).status is Status.DONE)
    assert recordings.captions(id) == []
    with redis.Redis.from_url(recordings.redis_url) as client:
        assert not client.keys("dictaphone:captions:*")


def test_one_worker_holds_the_lock_and_a_worker_that_lost_it_stops(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        id = uuid.uuid4()
        one, other = RecordingLock(client, id, renewal_interval_s=0), RecordingLock(client, id, renewal_interval_s=0)
        assert one.acquire()
        assert not other.acquire()
        assert one.renew()
        client.flushdb()
        assert other.acquire()
        assert not one.renew()
        one.release()
        assert other.renew()
        other.release()
        assert one.acquire()


def test_a_lock_whose_confirmation_was_lost_is_still_its_own(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with redis.Redis.from_url(redis_url) as client:
        one, other = RecordingLock(client, id := uuid.uuid4(), renewal_interval_s=0), RecordingLock(client, id)
        with monkeypatch.context() as patch:
            patch.setattr(client, "set", lost_answer(client.set))
            with pytest.raises(redis.TimeoutError):
                one.acquire()
        assert one.acquire()
        assert one.renew()
        assert not other.acquire()


def lost_answer(command: Callable[..., Any]) -> Callable[..., Any]:
    def run(*arguments: Any, **options: Any) -> None:
        command(*arguments, **options)
        raise redis.TimeoutError("the answer did not come")

    return run


def test_words_are_not_sent_by_a_worker_that_lost_the_recording_during_its_pass(recordings: LiveRecordings) -> None:
    id = recordings.begin()
    recordings.add(id, 0, b"".join(PIECES))
    sent: list[object] = []
    with redis.Redis.from_url(recordings.redis_url) as client:
        lock, other = RecordingLock(client, id, renewal_interval_s=0), RecordingLock(client, id)

        class SlowRecognizer:
            def load(self) -> None: ...

            def detect_speech(self, samples: Samples) -> list[SpeechSpan]:
                return [(0.0, len(samples) / SAMPLE_RATE)]

            def recognize_words(self, samples: Samples) -> list[Word]:
                client.flushdb()  # the lock is over, as after a pass of more than its seconds
                other.acquire()
                return [Word(0, 500, " late")]

        class SlowModels:
            def recognizer_for(self, language: str | None) -> SlowRecognizer:
                return SlowRecognizer()

        context = FollowerContext(
            recordings.engine,
            recordings.store,
            lambda *hint: sent.append(hint),
            cast("CaptionModels", SlowModels()),
            client,
        )
        assert lock.acquire()
        Follower(context, recordings.clip(id), lock, threading.Event()).run()
        assert sent == []
        assert other.renew()
