"""What every request shares: built once at start, handed down, closed at the end."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from anyio import to_thread
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel.ext.asyncio.session import AsyncSession
from starlette.requests import HTTPConnection

from services.api.relay import Relay
from services.api.settings import ApiSettings
from shared.database import async_engine, reading, sync_engine, writing
from shared.models import Clip, promises
from shared.outbox import Outlet
from shared.storage import Store, open_store

STORE_THREADS = 32
"""Threads that wait for the store: as many as the S3 client has connections."""


@dataclass(frozen=True)
class State:
    """The parts that the routes work with."""

    settings: ApiSettings
    engine: AsyncEngine
    store: Store
    relay: Relay
    incoming: Path
    """Folder for bodies on their way in; it holds nameless files only."""

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        async with reading(self.engine) as session:
            yield session

    @asynccontextmanager
    async def changing(self) -> AsyncIterator["Change"]:
        """One transaction. What it promises reaches Redis after the commit; this is the one place that commits."""
        async with writing(self.engine) as session:
            yield Change(session)
        self.relay.wake()


@dataclass(frozen=True)
class Change:
    """A transaction that changes clips, and the instant at which it happens."""

    session: AsyncSession
    now: datetime

    def __init__(self, session: AsyncSession) -> None:
        object.__setattr__(self, "session", session)
        object.__setattr__(self, "now", datetime.now(UTC))

    def record(self, clip: Clip, *jobs: str) -> None:
        """Store the clip as it is now, with its event and the jobs that it needs."""
        self.session.add(clip)
        self.session.add_all(promises(clip, jobs, now=self.now))


@asynccontextmanager
async def opened(settings: ApiSettings) -> AsyncIterator[State]:
    """Build the state, run the relay beside it, and close all of it at the end."""
    incoming = settings.data_dir / "incoming"
    incoming.mkdir(parents=True, exist_ok=True)
    to_thread.current_default_thread_limiter().total_tokens = STORE_THREADS
    engine = async_engine(settings)
    sending = sync_engine(settings, pool_size=1)
    relay = Relay(sending, Outlet(settings.redis_url.get_secret_value()), settings.wake_url)
    relay.start()
    try:
        yield State(settings, engine, open_store(settings), relay, incoming)
    finally:
        await to_thread.run_sync(relay.stop)
        sending.dispose()
        await engine.dispose()


def state_of(connection: HTTPConnection) -> State:
    state: State = connection.app.state.dictaphone
    return state
