"""What every request shares: built once at start, handed down, closed at the end."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from anyio import CapacityLimiter
from sqlalchemy import Engine
from sqlmodel import Session
from starlette.requests import HTTPConnection

from services.api.background.maintenance import Maintenance
from services.api.background.outbox_relay import OutboxRelay
from services.api.settings import ApiSettings
from services.api.transcripts.word_times import WordTimingCache
from shared.clips.models import Clip
from shared.db.engine import open_engine, read_session, transaction
from shared.outbox.outbox import record
from shared.outbox.publisher import OutboxPublisher
from shared.storage.factory import open_store
from shared.storage.store import Store

UPLOADS = 8
"""Bodies on their way into the store at once, each in a thread: a store that hangs leaves the others to the routes."""


@dataclass(frozen=True)
class State:
    """The parts that the routes work with."""

    settings: ApiSettings
    engine: Engine
    store: Store
    relay: OutboxRelay
    incoming: Path
    """Folder for bodies on their way in; it holds nameless files only."""
    uploads: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(UPLOADS))
    word_timings: WordTimingCache = field(default_factory=WordTimingCache)

    @contextmanager
    def read_session(self) -> Iterator[Session]:
        with read_session(self.engine) as session:
            yield session

    @contextmanager
    def transaction(self) -> Iterator["Change"]:
        """One transaction. What it promises reaches Redis after the commit; this is the one place that commits."""
        with transaction(self.engine) as session:
            yield Change(session, datetime.now(UTC))
        self.relay.wake()


@dataclass(frozen=True)
class Change:
    """A transaction that changes clips, and the instant at which it happens."""

    session: Session
    now: datetime

    def record(self, clip: Clip, *jobs: str) -> None:
        """Store the clip as it is now, with its event and the jobs that it needs."""
        record(self.session, clip, *jobs, now=self.now)


@contextmanager
def opened(settings: ApiSettings) -> Iterator[State]:
    """Build the state, run the relay and the maintenance beside it, and close all of it at the end."""
    incoming = settings.data_dir / "incoming"
    incoming.mkdir(parents=True, exist_ok=True)
    engine = open_engine(settings)
    store = open_store(settings)
    relay = OutboxRelay(engine, OutboxPublisher(settings.redis_url.get_secret_value()), settings.wake_url)
    maintenance = Maintenance(
        engine,
        store,
        relay.wake,
        silence=timedelta(minutes=settings.recording_timeout_minutes),
        bin_keeps=timedelta(days=settings.bin_days),
    )
    relay.start()
    maintenance.start()
    try:
        yield State(settings, engine, store, relay, incoming)
    finally:
        maintenance.stop()
        relay.stop()
        engine.dispose()


def state_of(connection: HTTPConnection) -> State:
    state: State = connection.app.state.dictaphone
    return state
