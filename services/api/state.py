"""The parts that all requests share: opened at start, closed at shutdown."""

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
from services.api.http.outages import outages
from services.api.people.claim import ClaimNotice
from services.api.people.modes import SignInMode
from services.api.people.passwords import Passwords
from services.api.people.sign_ins import SignIns
from services.api.people.tokens import Tokens
from services.api.settings import ApiSettings
from services.api.transcripts.word_times import WordTimingCache
from shared.clips.models import Clip
from shared.db.engine import open_engine, read_session, transaction
from shared.outbox.publisher import OutboxPublisher
from shared.outbox.writer import save_and_announce
from shared.storage.factory import open_store
from shared.storage.store import Store

MAX_UPLOAD_THREADS = 8
"""Threads that write bodies to the store at once. A store that hangs leaves all other threads to the other routes."""

MAX_IMPORTS = 2
"""Libraries that are taken in at once, each by a thread that computes; others wait, and recordings never do."""


@dataclass(frozen=True)
class State:
    """Settings, database, store and outbox relay, as the routes use them."""

    settings: ApiSettings
    engine: Engine
    store: Store
    relay: OutboxRelay
    incoming_dir: Path
    """Folder for bodies that are being received; it holds nameless files only."""
    sign_ins: SignIns
    sign_in_mode: SignInMode
    tokens: Tokens
    passwords: Passwords = field(default_factory=Passwords)
    upload_limiter: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(MAX_UPLOAD_THREADS))
    import_limiter: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(MAX_IMPORTS))
    word_timings: WordTimingCache = field(default_factory=WordTimingCache)

    @contextmanager
    def read_session(self) -> Iterator[Session]:
        with read_session(self.engine) as session:
            yield session
        outages.record_success("database")

    @contextmanager
    def transaction(self) -> Iterator["ClipTransaction"]:
        """Commit at the end, and wake the relay, which sends events and jobs to Redis. Nothing else commits."""
        with transaction(self.engine) as session:
            yield ClipTransaction(session, datetime.now(UTC))
        outages.record_success("database")
        self.relay.wake()


@dataclass(frozen=True)
class ClipTransaction:
    """A transaction that changes clips, and the instant that all its changes carry."""

    session: Session
    now: datetime

    def save(self, clip: Clip, *jobs: str) -> None:
        """Add the clip, its event and the jobs that it needs."""
        save_and_announce(self.session, clip, *jobs, now=self.now)


@contextmanager
def open_state(settings: ApiSettings) -> Iterator[State]:
    """Open the parts, run the outbox relay and the maintenance beside the routes, and close all of them at the end."""
    incoming_dir = settings.data_dir / "incoming"
    incoming_dir.mkdir(parents=True, exist_ok=True)
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
    mode, notice = SignInMode(settings), ClaimNotice(engine, settings)
    mode.warn()
    relay.start()
    maintenance.start()
    if mode.is_on:
        notice.start()
    try:
        yield State(settings, engine, store, relay, incoming_dir, SignIns(engine), mode, Tokens(engine))
    finally:
        if mode.is_on:
            notice.stop()
        maintenance.stop()
        relay.stop()
        engine.dispose()


def state_of(connection: HTTPConnection) -> State:
    state: State = connection.app.state.dictaphone
    return state
