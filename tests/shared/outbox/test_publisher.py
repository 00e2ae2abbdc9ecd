"""From the outbox to Redis: in order, up to the first failure, and each row once where that is possible."""

import json
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import dramatiq
import pytest
import redis
from sqlalchemy import Engine, event, text
from sqlmodel import SQLModel, col, select

from shared.clips.erased import Erased
from shared.clips.models import Clip
from shared.db.engine import read_session, transaction
from shared.libraries import HOME
from shared.outbox.models import EVENT, OutboxRow
from shared.outbox.publisher import BATCH_ROWS, Delivery, OutboxPublisher, publish_batch, publish_batches
from shared.outbox.writer import save_and_announce
from shared.redis.jobs import LONG_PREPARATION, NAMESPACE, PREPARATION, PREPARE, QUEUES, TRANSCRIBE
from shared.redis.streams import stream_key
from tests.servers.valkey import Valkey
from tests.shared.clips.test_models import NOW, new_clip
from tests.shared.conftest import engine_at


@pytest.fixture
def publisher(redis_url: str) -> Iterator[OutboxPublisher]:
    publisher = OutboxPublisher(redis_url, timeout_s=1)
    yield publisher
    publisher.close()


@pytest.fixture
def arrived(redis_url: str) -> Iterator["Arrived"]:
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        yield Arrived(client)


class Arrived:
    """The events and jobs that Redis has."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client

    def clips(self) -> list[dict[str, Any]]:
        entries = cast("list[tuple[str, dict[str, str]]]", self._client.xrange(stream_key(HOME)))
        return [json.loads(fields["data"])["clip"] for _, fields in entries]

    def events(self) -> list[str]:
        return [clip["name"] for clip in self.clips()]

    def jobs(self) -> list[str]:
        """Ids of the clips of all jobs, in the order of their queue."""
        queues = [f"dictaphone:jobs:{queue}" for queue in QUEUES]
        found = [(queue, id) for queue in queues for id in self._client.lrange(queue, 0, -1)]
        return [json.loads(self._client.hget(f"{queue}.msgs", id) or "")["args"][0] for queue, id in found]


def save(engine: Engine, *names: str, jobs: tuple[str, ...] = (TRANSCRIBE,)) -> list[Clip]:
    clips = [new_clip(name) for name in names]
    for clip in clips:
        with transaction(engine) as session:
            save_and_announce(session, clip, *jobs, now=NOW)
    return clips


def waiting(engine: Engine) -> list[str]:
    with read_session(engine) as session:
        return [f"{clip.name} {row.topic}" for row, clip in session.exec(OutboxRow.oldest(BATCH_ROWS))]


def test_rows_are_sent_in_order_and_then_deleted(engine: Engine, publisher: OutboxPublisher, arrived: Arrived) -> None:
    clips = save(engine, "one", "two", "three")
    assert waiting(engine) == [f"{name} {topic}" for name in ("one", "two", "three") for topic in (EVENT, TRANSCRIBE)]
    assert len(publish_batch(engine, publisher)) == 6
    assert waiting(engine) == []
    assert arrived.events() == ["one", "two", "three"]
    assert arrived.jobs() == [str(clip.id) for clip in clips]
    assert publish_batch(engine, publisher) == []
    assert arrived.events() == ["one", "two", "three"]


def test_an_event_holds_the_clip_as_it_is_and_moves_the_cursor(
    engine: Engine, publisher: OutboxPublisher, arrived: Arrived, redis_url: str
) -> None:
    (clip,) = save(engine, "draft")
    with transaction(engine) as session:
        found = session.exec(Clip.by_id(HOME, clip.id)).one()
        found.rename("final", NOW + timedelta(seconds=1))
        save_and_announce(session, found, now=NOW)
    publish_batch(engine, publisher)
    (seen,) = arrived.clips()
    assert (seen["name"], seen["version"], seen["created_at"]) == ("final", 2, "2026-11-22T21:30:00.000Z")
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        ((newest, _),) = client.xrange(stream_key(HOME))
    assert publisher.cursors == {HOME: newest}
    publisher.cursors.clear()
    publisher.refresh_cursor(HOME)
    assert publisher.cursors == {HOME: newest}


def test_it_stops_at_the_first_failure_and_resumes_there(
    engine: Engine, publisher: OutboxPublisher, arrived: Arrived, monkeypatch: pytest.MonkeyPatch
) -> None:
    clips = save(engine, "one", "two", "three")
    enqueue = publisher._broker.enqueue

    def refuse_two(message: dramatiq.Message[Any], **options: Any) -> dramatiq.Message[Any]:
        if message.args == (str(clips[1].id),):
            raise redis.ConnectionError("gone")
        return enqueue(message, **options)

    monkeypatch.setattr(publisher._broker, "enqueue", refuse_two)
    with pytest.raises(redis.ConnectionError, match="gone"):
        publish_batch(engine, publisher)
    assert waiting(engine) == ["two transcribe", "three transcribe"], "events go first, and need no job"
    assert arrived.events() == ["one", "two", "three"]
    assert arrived.jobs() == [str(clips[0].id)]
    monkeypatch.undo()
    publish_batch(engine, publisher)
    assert arrived.events() == ["one", "two", "three"]
    assert arrived.jobs() == [str(clip.id) for clip in clips]


def test_nothing_is_lost_while_redis_is_unavailable(
    engine: Engine, arrived: Arrived, publisher: OutboxPublisher, valkey: Valkey
) -> None:
    save(engine, "one")
    valkey.stop()
    with pytest.raises(redis.RedisError):
        publish_batch(engine, publisher)
    assert waiting(engine) == ["one event", "one transcribe"]
    valkey.start()
    publish_batch(engine, publisher)
    assert (arrived.events(), waiting(engine)) == (["one"], [])


def test_rows_that_could_not_be_deleted_are_sent_again(
    engine: Engine, publisher: OutboxPublisher, arrived: Arrived
) -> None:
    save(engine, "one")

    @event.listens_for(engine, "before_cursor_execute")
    def power_cut(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("DELETE FROM outbox"):
            raise RuntimeError("the lights are out")

    with pytest.raises(RuntimeError, match="lights"):
        publish_batch(engine, publisher)
    event.remove(engine, "before_cursor_execute", power_cut)
    assert waiting(engine) == ["one event", "one transcribe"]
    publish_batch(engine, publisher)
    assert arrived.events() == ["one", "one"]
    assert waiting(engine) == []


def test_many_rows_are_sent_in_batches(engine: Engine, publisher: OutboxPublisher, arrived: Arrived) -> None:
    names = [str(number) for number in range(BATCH_ROWS + 5)]
    with transaction(engine) as session:
        for name in names:
            save_and_announce(session, new_clip(name), now=NOW)
    assert [len(publish_batch(engine, publisher)) for _ in range(3)] == [BATCH_ROWS, 5, 0]
    assert arrived.events() == names


def test_several_machines_send_each_row_once(postgres_url: str, redis_url: str, arrived: Arrived) -> None:
    engine = engine_at(postgres_url)
    publishers = [OutboxPublisher(redis_url) for _ in range(4)]
    names = [str(number) for number in range(60)]
    with transaction(engine) as session:
        for name in names:
            save_and_announce(session, new_clip(name), now=NOW)
    with ThreadPoolExecutor() as pool:
        sent = list(pool.map(lambda publisher: len(publish_batch(engine, publisher)), publishers))
    for publisher in publishers:
        publisher.close()
    engine.dispose()
    assert sorted(sent) == [0, 0, 0, 60]
    assert arrived.events() == names


def test_writers_do_not_wait_for_a_redis_that_hangs(engine: Engine, publisher: OutboxPublisher, valkey: Valkey) -> None:
    save(engine, "one")
    valkey.pause()
    with ThreadPoolExecutor() as pool:
        sending = pool.submit(publish_batch, engine, publisher)
        time.sleep(0.3)  # it waits for Redis now
        began = time.monotonic()
        save(engine, "two")
        took = time.monotonic() - began
        still_sending = not sending.done()
        with pytest.raises(redis.TimeoutError):
            sending.result()
    valkey.resume()
    assert still_sending
    assert took < 0.5


def test_concurrent_writers_cause_no_repeated_sends(
    engine: Engine, publisher: OutboxPublisher, arrived: Arrived
) -> None:
    with ThreadPoolExecutor() as pool:
        writers = [pool.submit(save, engine, f"clip {number}") for number in range(40)]
        while not all(writer.done() for writer in writers) or waiting(engine):
            publish_batch(engine, publisher)
    assert len(arrived.events()) == len(arrived.jobs()) == 40


def test_a_reused_row_id_is_not_deleted_unsent(
    tmp_path: Path, publisher: OutboxPublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite has two senders at once, and reuses the id of a deleted row for the next one."""
    engine = engine_at(f"sqlite:///{tmp_path / 'outbox.sqlite3'}")
    SQLModel.metadata.create_all(engine)
    save(engine, "one")
    send = publisher.send

    def send_slowly(rows: Sequence[tuple[OutboxRow, Clip]], erased: Sequence[Erased]) -> Delivery:
        sent = send(rows, erased)
        monkeypatch.undo()
        publish_batch(engine, publisher)
        with transaction(engine) as session:
            save_and_announce(session, new_clip("two"), TRANSCRIBE, now=NOW + timedelta(seconds=1))
        return sent

    monkeypatch.setattr(publisher, "send", send_slowly)
    publish_batch(engine, publisher)
    assert waiting(engine) == ["two event", "two transcribe"]
    engine.dispose()


def test_deleting_a_clip_deletes_its_rows(engine: Engine, publisher: OutboxPublisher) -> None:
    (clip,) = save(engine, "one")
    with transaction(engine) as session:
        session.delete(session.exec(Clip.by_id(HOME, clip.id)).one())
    with read_session(engine) as session:
        assert session.exec(select(OutboxRow)).all() == []
    assert publish_batch(engine, publisher) == []


def test_a_job_goes_to_a_queue_that_every_release_reads(engine: Engine, publisher: OutboxPublisher) -> None:
    """A worker moves a long clip. One of the release before does not know the queue for such clips."""
    clip = new_clip("a day")
    clip.duration_ms, clip.bytes = 24 * 3_600_000, 10**9
    with transaction(engine) as session:
        save_and_announce(session, clip, PREPARE, now=NOW)
    publish_batch(engine, publisher)
    assert publisher._redis.llen(f"{NAMESPACE}:{PREPARATION}") == 1
    assert not publisher._redis.exists(f"{NAMESPACE}:{LONG_PREPARATION}")


# -- rows that this release cannot read ---------------------------------------------------------------------------


def dead(engine: Engine) -> list[tuple[str, str | None]]:
    with read_session(engine) as session:
        rows = session.exec(select(OutboxRow).where(col(OutboxRow.dead_at).is_not(None)).order_by(col(OutboxRow.id)))
        return [(row.topic, row.dead_reason) for row in rows]


def test_a_row_with_an_unknown_topic_costs_no_other(
    engine: Engine, publisher: OutboxPublisher, arrived: Arrived
) -> None:
    save(engine, "one", jobs=("summarize", TRANSCRIBE))
    (clip,) = save(engine, "two")
    publish_batch(engine, publisher)
    assert arrived.events() == ["one", "two"]
    assert arrived.jobs()[-1] == str(clip.id)
    assert dead(engine) == [("summarize", "the topic 'summarize' is unknown to this release")]
    assert waiting(engine) == []


def test_a_clip_with_an_unknown_status_is_sent_as_it_is(
    engine: Engine, publisher: OutboxPublisher, arrived: Arrived
) -> None:
    save(engine, "one", "two")
    with engine.begin() as connection:
        connection.execute(text("UPDATE clip SET status = 'summarizing' WHERE name = 'one'"))
    publish_batch(engine, publisher)
    assert [(clip["name"], clip["status"]) for clip in arrived.clips()] == [("one", "summarizing"), ("two", "pending")]
    assert dead(engine) == []


def test_a_clip_that_cannot_be_read_at_all_costs_no_other(
    sqlite_url: str, publisher: OutboxPublisher, arrived: Arrived
) -> None:
    """Postgres has no such rows: its columns have types."""
    engine = engine_at(sqlite_url)
    save(engine, "one", "two", "three")
    with engine.begin() as connection:
        connection.execute(text("UPDATE clip SET gaps = '[{' WHERE name = 'two'"))
    publish_batch(engine, publisher)
    assert arrived.events() == ["one", "three"]
    assert [topic for topic, _ in dead(engine)] == [EVENT, TRANSCRIBE]
    assert "the clip cannot be read: JSONDecodeError" in str(dead(engine)[0][1])
    with engine.begin() as connection:
        connection.execute(text("UPDATE clip SET gaps = '[]'"))
        connection.execute(OutboxRow.revive(datetime.now(UTC)))
    publish_batch(engine, publisher)
    assert arrived.events() == ["one", "three", "two"]
    assert len(arrived.jobs()) == 3
    engine.dispose()


def test_rows_behind_a_batch_of_dead_letters_are_sent_at_once(
    engine: Engine, publisher: OutboxPublisher, arrived: Arrived
) -> None:
    save(engine, "one", jobs=("summarize",) * (BATCH_ROWS + 5))
    save(engine, "two")
    for _ in publish_batches(engine, publisher):
        pass
    assert arrived.events() == ["one", "two"]
    assert len(dead(engine)) == BATCH_ROWS + 5


def test_a_clip_that_is_gone_is_announced_once(engine: Engine, publisher: OutboxPublisher, redis_url: str) -> None:
    clip = new_clip("gone")
    with transaction(engine) as session:
        session.add(Erased(clip_id=clip.id, keys=[], erased_at=NOW, library_id=HOME))
    for _ in range(2):
        publish_batch(engine, publisher)
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        entries = cast("list[tuple[str, dict[str, str]]]", client.xrange(stream_key(HOME)))
    assert [json.loads(fields["data"]) for _, fields in entries] == [{"type": "gone", "clip": {"id": str(clip.id)}}]
    assert publisher.cursors[HOME] == entries[0][0]


def test_a_clip_that_came_back_under_its_id_stays(engine: Engine, publisher: OutboxPublisher, redis_url: str) -> None:
    """A device that never heard of the deletion may send its clip again before pages were told."""
    clip = new_clip("back again")
    with transaction(engine) as session:
        session.add(Erased(clip_id=clip.id, keys=[], erased_at=NOW, library_id=HOME))
        save_and_announce(session, clip, now=NOW)
    publish_batch(engine, publisher)
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        entries = cast("list[tuple[str, dict[str, str]]]", client.xrange(stream_key(HOME)))
    assert [json.loads(fields["data"])["type"] for _, fields in entries] == ["gone", "clip"]
    assert publisher.cursors[HOME] == entries[-1][0]
