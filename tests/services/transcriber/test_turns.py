"""Libraries have their turns in each lane: whoever adds one clip does not wait for the hundred of another."""

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text
from sqlmodel import col, delete, select, update

from services.transcriber.jobs.clip_job import ClipJob
from services.transcriber.jobs.lease import Claim
from services.transcriber.jobs.render import RenderJob
from services.transcriber.lane import Lane
from shared.clips import queries, turns
from shared.clips.lanes import IN_WORK, INDEXES
from shared.clips.models import Clip, Status
from shared.clips.renditions import Form, Rendition
from shared.clips.turns import Turn, next_clip, take_turn
from shared.db.engine import open_engine, read_session, transaction
from shared.redis.jobs import (
    LONG_PREPARATION,
    LONG_TRANSCRIPTION,
    PREPARATION,
    PREPARE,
    QUEUES_OF_CLIPS,
    RENDER,
    RENDITION,
    TRANSCRIBE,
    TRANSCRIPTION,
    JobBroker,
    queue_for,
)
from shared.settings import DatabaseSettings
from tests.conftest import Parts

LENGTHS_MS = {PREPARATION: 3_000, LONG_PREPARATION: 36_000_000, TRANSCRIPTION: 3_000, LONG_TRANSCRIPTION: 3_600_000}


@pytest.fixture
def engine(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    for name, value in parts.items():
        monkeypatch.setenv(name, value)
    engine = open_engine(DatabaseSettings())
    yield engine
    engine.dispose()


def new_clip(library_id: str, lane: str, queued_at: datetime) -> Clip:
    clip = Clip.new_upload(
        uuid.uuid4(), library_id=library_id, name="n", mime="audio/webm", bytes=1, sha256="", audio_key="k",
        duration_ms=LENGTHS_MS.get(lane, 3_000), now=queued_at,
    )  # fmt: skip
    clip.prepared_at = None if lane in {PREPARATION, LONG_PREPARATION} else queued_at
    return clip


def add(engine: Engine, *clips: Clip) -> None:
    with transaction(engine) as session:
        session.add_all(clips)


class BeginningJob(ClipJob):
    """Claims clips and works on them for ever: a test ends them."""

    def __init__(self, engine: Engine, lane: str, began: Callable[[uuid.UUID], None]) -> None:
        settings = SimpleNamespace(data_dir=Path(), lease_seconds=3600, retry_seconds=5)
        super().__init__(engine, cast("Any", None), cast("Any", settings), lambda: None)
        self.name = PREPARE if lane in {PREPARATION, LONG_PREPARATION} else TRANSCRIBE
        self._began = began

    def perform(self, _claim: Claim, _check_cancelled: Callable[[], None]) -> str:
        raise NotImplementedError

    def run(self, clip_id: uuid.UUID, queue: str = "", on_claim: Callable[[], None] = lambda: None) -> float | None:
        if self._claim(clip_id, queue) is not None:
            on_claim()
            self._began(clip_id)
        return None


class Queue:
    """A lane of a worker, its messages in a list, and the clips that its slots are at."""

    def __init__(self, engine: Engine, lane: str) -> None:
        self.engine, self.lane = engine, lane
        self.messages: list[str] = []
        self.began: list[uuid.UUID] = []
        self.at_work: list[uuid.UUID] = []
        broker = SimpleNamespace(enqueue=lambda message, delay=None: self.messages.append(message.args[0]))
        self._lane = Lane(cast("JobBroker", broker), BeginningJob(engine, lane, self._begin), lane)

    def _begin(self, id: uuid.UUID) -> None:
        self.began.append(id)
        self.at_work.append(id)

    def add(self, *clips: Clip) -> None:
        add(self.engine, *clips)
        self.messages += [str(clip.id) for clip in clips]

    def work(self, slots: int) -> None:
        """Fill the slots, as far as there are messages."""
        while self.messages and len(self.at_work) < slots:
            self._lane.run(self.messages.pop(0))

    def end(self, position: int) -> uuid.UUID:
        id = self.at_work.pop(position % len(self.at_work))
        done = update(Clip).where(col(Clip.id) == id).values(status=Status.DONE, lease_until=None)
        with transaction(self.engine) as session:
            session.exec(done)
        return id


def empty(engine: Engine) -> None:
    with transaction(engine) as session:
        session.exec(delete(Clip))
        session.exec(delete(Turn))


@pytest.mark.parametrize("lane", QUEUES_OF_CLIPS)
def test_a_note_begins_after_as_many_clips_of_another_library_as_there_are_slots(engine: Engine, lane: str) -> None:
    now = datetime.now(UTC) - timedelta(hours=1)
    for slots in (1, 2, 3):
        queue = Queue(engine, lane)
        queue.add(*(new_clip("a", lane, now + timedelta(seconds=number)) for number in range(12)))
        queue.work(slots)
        note = new_clip("b", lane, now + timedelta(minutes=1))
        queue.add(note)
        begun = len(queue.began)
        queue.end(0)
        queue.work(slots)
        assert queue.began[begun] == note.id, "the first slot that is free is the other library's"
        empty(engine)


@pytest.mark.parametrize("lane", [PREPARATION, LONG_TRANSCRIPTION])
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("add"), st.sampled_from("abc"), st.integers(1, 6)),
            st.tuples(st.just("end"), st.integers(0, 3), st.just(0)),
            st.tuples(st.just("lose"), st.integers(0, 9), st.just(0)),
        ),
        max_size=14,
    ),
    slots=st.integers(1, 3),
)
def test_no_library_waits_for_more_than_a_turn_of_each_other(
    engine: Engine, lane: str, steps: list[Any], slots: int
) -> None:
    empty(engine)
    queue, lost = Queue(engine, lane), 0
    clips: dict[uuid.UUID, Clip] = {}
    clock = datetime.now(UTC) - timedelta(hours=1)
    waits_since: dict[str, int] = {}
    """Library → number of clips that had begun when its oldest one came, or when it had its last turn."""

    def check_new(begun: int) -> None:
        for number in range(begun, len(queue.began)):
            library = clips[queue.began[number]].library_id
            others = [clips[id].library_id for id in queue.began[waits_since.pop(library) : number]]
            # Where workers are counted, a library that has one may be passed by those that have none.
            has_another = any(clips[id].library_id == library for id in queue.at_work if id != queue.began[number])
            if not (lane in IN_WORK and has_another):
                assert max((others.count(each) for each in set(others)), default=0) <= slots, (library, others)
            if any(clip.library_id == library and clip.id not in queue.began[: number + 1] for clip in clips.values()):
                waits_since[library] = number + 1

    for kind, first, count in [*steps, *[("end", 0, 0)] * 60]:
        if kind == "add":
            new = [new_clip(first, lane, clock + timedelta(seconds=number)) for number in range(count)]
            clock += timedelta(seconds=count)
            clips |= {clip.id: clip for clip in new}
            waits_since.setdefault(first, len(queue.began))
            queue.add(*new)
        elif kind == "end" and queue.at_work:
            ended = clips[queue.end(first)].library_id
            if ended in waits_since:
                waits_since[ended] = len(queue.began)
        elif kind == "lose" and len(queue.messages) > 1 and not lost:
            queue.messages.pop(first % len(queue.messages))
            lost += 1
        begun = len(queue.began)
        queue.work(slots)
        check_new(begun)
    in_order = defaultdict(list)
    for id in queue.began:
        in_order[clips[id].library_id].append(clips[id].queued_at)
    assert all(each == sorted(each) for each in in_order.values()), "within a library the order stays"
    assert len(clips) - len(queue.began) <= lost, "a message that was lost costs its own clip at most"
    assert len(set(queue.began)) == len(queue.began)
    assert queue.messages == []


@pytest.mark.parametrize("lane", QUEUES_OF_CLIPS)
def test_another_lanes_clips_are_left_to_it(engine: Engine, lane: str) -> None:
    now = datetime.now(UTC) - timedelta(hours=1)
    add(engine, *(new_clip(f"library {each}", each, now) for each in QUEUES_OF_CLIPS if each != lane))
    own, later = new_clip("own", lane, now), new_clip("later", lane, now + timedelta(hours=2))
    add(engine, own, later)
    job = PREPARE if lane in {PREPARATION, LONG_PREPARATION} else TRANSCRIBE
    if job == TRANSCRIBE:
        assert queue_for(job, own.sound_ms) == lane, "the lane of the database is that of the relay"
    with read_session(engine) as session:
        assert next_clip(session, lane, own.id, datetime.now(UTC)) == own.id
        assert next_clip(session, lane, later.id, datetime.now(UTC)) == later.id, "nothing is to be done for it yet"
        gone = uuid.uuid4()
        assert next_clip(session, lane, gone, datetime.now(UTC)) == gone


def test_renditions_are_made_for_the_libraries_in_turn(engine: Engine) -> None:
    now = datetime.now(UTC) - timedelta(hours=1)
    many = [new_clip("a", RENDITION, now) for _ in range(4)]
    one = new_clip("b", RENDITION, now)
    for clip in [*many, one]:
        clip.status, clip.prepared_at = Status.DONE, now
    add(engine, *many, one)
    with transaction(engine) as session:
        for number, clip in enumerate([*many, one]):
            session.add(Rendition(clip_id=clip.id, form=Form.MP3, wanted_at=now + timedelta(seconds=number)))
    settings = SimpleNamespace(data_dir=Path(), lease_seconds=3600, retry_seconds=5)
    job = RenderJob(engine, cast("Any", None), cast("Any", settings), lambda: None)
    assert job.next_clip(many[0].id, RENDITION) == many[0].id
    assert job._claim(many[0].id) is not None
    assert job.next_clip(many[1].id, RENDITION) == one.id
    assert job.name == RENDER


def test_captions_are_shared_out_among_libraries(engine: Engine) -> None:
    now = datetime.now(UTC)
    for number, library_id in enumerate(["one", *["many"] * 5]):
        at = now + timedelta(seconds=number)
        add(
            engine,
            Clip.new_recording(
                uuid.uuid4(), library_id=library_id, name="r", mime="audio/webm", recorded_at=at, now=now
            ),
        )
    with read_session(engine) as session:
        live = session.exec(queries.live_recordings(now - timedelta(minutes=1), limit=3)).all()
    assert [clip.library_id for clip in live] == ["many", "one", "many"]


def test_a_turn_reads_few_rows_however_many_wait(engine: Engine) -> None:
    """The plan uses the index of the lane, for the libraries and for the oldest clip."""
    now = datetime.now(UTC) - timedelta(hours=1)
    add(engine, *(new_clip("a", TRANSCRIPTION, now + timedelta(seconds=number)) for number in range(400)))
    add(engine, *(new_clip(f"b{number}", TRANSCRIPTION, now) for number in range(5)))
    done = [new_clip("a", TRANSCRIPTION, now) for _ in range(3_000)]
    for clip in done:
        clip.status = Status.DONE
    add(engine, *done)
    statement = turns._next_in_lane(TRANSCRIPTION, datetime.now(UTC)).compile(engine)
    is_sqlite = engine.dialect.name == "sqlite"
    with engine.connect() as connection:
        if not is_sqlite:
            connection.execute(text("ANALYZE clip"))
            connection.execute(text("SET enable_seqscan = off"))
        values = statement.construct_params()
        values = {
            name: statement._bind_processors.get(name, lambda value: value)(value) for name, value in values.items()
        }
        explain = "EXPLAIN QUERY PLAN " if is_sqlite else "EXPLAIN "
        ordered = [values[name] for name in statement.positiontup or ()] if is_sqlite else values
        plan = connection.exec_driver_sql(explain + str(statement), tuple(ordered) if is_sqlite else ordered).all()
    lines = "\n".join(str(row[-1]) for row in plan)
    assert lines.count(INDEXES[TRANSCRIPTION]) >= 2, lines
    assert "Seq Scan on clip" not in lines
    assert "SCAN clip" not in lines, lines


def test_a_turn_outlives_the_process(engine: Engine) -> None:
    for library_id in ("a", "b", "a"):
        with transaction(engine) as session:
            take_turn(session, PREPARATION, library_id)
    with read_session(engine) as session:
        assert dict(session.exec(select(Turn.library_id, Turn.number)).all()) == {"a": 3, "b": 2}


class FailingJob(BeginningJob):
    """Postpones each clip that it claims, by half an hour."""

    def run(self, clip_id: uuid.UUID, queue: str = "", on_claim: Callable[[], None] = lambda: None) -> float | None:
        claim = self._claim(clip_id, queue)
        if claim is None:
            return None
        on_claim()
        self._began(clip_id)
        now = datetime.now(UTC)
        self.settle(claim, lambda _, clip, __: str(clip.postpone("It is away.", now + timedelta(minutes=30), now)))
        return 1800


@pytest.mark.parametrize("lane", [PREPARATION, TRANSCRIPTION])
def test_a_clip_that_failed_by_anothers_message_is_not_tried_early_by_its_own(engine: Engine, lane: str) -> None:
    now = datetime.now(UTC) - timedelta(hours=1)
    clips = [
        new_clip(library_id, lane, now + timedelta(seconds=n)) for n, library_id in enumerate(["a", "a", "a", "b"])
    ]
    add(engine, *clips)
    at_once, delayed, began = [str(clip.id) for clip in clips], list[str](), list[uuid.UUID]()

    def enqueue(message: Any, delay: int | None = None) -> None:
        (delayed if delay else at_once).append(message.args[0])

    broker = SimpleNamespace(enqueue=enqueue)
    worker = Lane(cast("JobBroker", broker), FailingJob(engine, lane, began.append), lane)
    while at_once:
        worker.run(at_once.pop(0))
    assert began == [clips[number].id for number in (0, 3, 1, 2)], "each of them is tried once"
    assert sorted(delayed) == sorted(str(clip.id) for clip in clips), "and has one message for its next attempt"


def test_a_message_that_comes_shortly_before_its_clip_is_due_waits_for_it(engine: Engine) -> None:
    """The api has sent it again, and its clock is ahead: there may be no other message."""
    now = datetime.now(UTC)
    clip = new_clip("a", PREPARATION, now + timedelta(seconds=15))
    clip.error, clip.tries = "It is away.", 1
    add(engine, clip)
    sent: list[tuple[str, int]] = []
    broker = SimpleNamespace(enqueue=lambda message, delay=None: sent.append((message.args[0], delay)))
    Lane(cast("JobBroker", broker), FailingJob(engine, PREPARATION, lambda _: pytest.fail("early")), PREPARATION).run(
        str(clip.id)
    )
    ((id, delay_ms),) = sent
    assert id == str(clip.id)
    assert 10_000 < delay_ms <= 15_000
