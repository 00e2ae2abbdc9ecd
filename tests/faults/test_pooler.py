"""Everything behind PgBouncer in transaction mode, where nothing outlives a transaction."""

import asyncio
import itertools
import time
from collections.abc import Iterator

import httpx
import psycopg.errors
import pytest
import redis
from pydantic import SecretStr
from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import DBAPIError, OperationalError

from shared.db.engine import open_engine, read_session, transaction
from shared.settings import DatabaseSettings
from tests.conftest import Parts, StartStack
from tests.recordings import recording
from tests.servers import debian
from tests.servers.pgbouncer import PgBouncer
from tests.servers.postgres import Postgres
from tests.servers.stack import migrate
from tests.services.api.clips.test_routes import put_clip
from tests.shared.outbox.test_publisher import Arrived
from tests.tus import Upload

POOLED = {"DATABASE_POOLER": "transaction"}
SOON_S = 20
"""Seconds in which anything must have arrived."""


@pytest.fixture
def pgbouncer(postgres: Postgres) -> Iterator[PgBouncer]:
    if debian.program("pgbouncer") is None and (failure := debian.install("pgbouncer")):
        pytest.skip(f"There is no pgbouncer here, and {failure}.")
    postgres.start()
    with PgBouncer(postgres) as server:
        yield server


@pytest.fixture
def pooled_parts(server_parts: Parts, pgbouncer: PgBouncer) -> Parts:
    return {**server_parts, **POOLED, "DATABASE_URL": pgbouncer.url(server_parts["DATABASE_URL"])}


def pooled_engine(url: str, **settings: object) -> Engine:
    return open_engine(
        DatabaseSettings.model_validate({"database_url": SecretStr(url), "database_pooler": "transaction", **settings})
    )


async def test_no_request_fails_behind_a_pooler(pooled_parts: Parts, start_stack: StartStack) -> None:
    stack = start_stack(pooled_parts, "api")
    async with httpx.AsyncClient(base_url=stack.api_url, timeout=30) as client:
        answers: list[httpx.Response] = []

        async def person(number: int) -> None:
            for turn in range(10):
                clip = await put_clip(client, f"Clip {number} of {turn}", number * 100 + turn)
                url = f"/api/clips/{clip['id']}"
                answers.extend(
                    [
                        await client.patch(url, json={"text": f"Words {turn}"}),
                        await client.get("/api/clips", params={"q": "words"}),
                        await client.get("/api/clips", params={"sort": "name"}),
                        await client.get(url),
                        await client.delete(url),
                        await client.post(f"{url}/restore"),
                    ]
                )
            upload = await Upload.begun(client)
            await upload.sent(0, recording(), Upload_Length=str(len(recording())))
            answers.append(await upload.finish())

        await asyncio.gather(*(person(number) for number in range(8)))
        assert {answer.status_code for answer in answers} <= {200, 204}, stack["api"].log_tail()
        with redis.Redis.from_url(pooled_parts["REDIS_URL"], decode_responses=True) as redis_client:
            arrived = Arrived(redis_client)
            async with asyncio.timeout(SOON_S):
                while len({clip["id"] for clip in arrived.clips()}) < 88:  # its lock is one of a transaction
                    await asyncio.sleep(0.1)


def test_a_migration_goes_through_a_pooler_or_around_it(
    postgres: Postgres, pgbouncer: PgBouncer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    names = [postgres.create_database() for _ in range(2)]
    through, around = (postgres.url(name) for name in names)
    folder = {"DATA_DIR": str(tmp_path_factory.mktemp("migrated"))}
    migrate({**folder, **POOLED, "DATABASE_URL": pgbouncer.url(through)})
    migrate(
        {**folder, **POOLED, "DATABASE_URL": "postgres://nobody@127.0.0.1:9/gone", "MIGRATIONS_DATABASE_URL": around}
    )
    for url in (through, around):
        engine = pooled_engine(url)
        assert "search" in inspect(engine).get_table_names()
        engine.dispose()
    for name in names:
        postgres.drop_database(name)


@pytest.mark.parametrize("is_pooled", [False, True], ids=["direct", "pooled"])
def test_postgres_ends_what_takes_too_long(postgres_url: str, pgbouncer: PgBouncer, is_pooled: bool) -> None:
    limits = {"database_statement_timeout_seconds": 1, "database_idle_transaction_timeout_seconds": 1}
    mode = {} if is_pooled else {"database_pooler": "none"}
    engine = pooled_engine(pgbouncer.url(postgres_url) if is_pooled else postgres_url, **limits, **mode)
    with pytest.raises(OperationalError) as slow, transaction(engine) as session:
        session.connection().execute(text("SELECT pg_sleep(20)"))
    assert isinstance(slow.value.orig, psycopg.errors.QueryCanceled)
    with pytest.raises(DBAPIError) as idle:
        hang_in_transaction(engine)
    expected = (psycopg.errors.IdleInTransactionSessionTimeout, psycopg.OperationalError)  # PgBouncer closes, too
    assert isinstance(idle.value.orig, expected)
    with read_session(engine) as session:
        assert session.connection().execute(text("SELECT 1")).scalar() == 1, "the pool has recovered"
    engine.dispose()


def hang_in_transaction(engine: Engine) -> None:
    with transaction(engine) as session:
        session.connection().execute(text("SELECT 1"))
        time.sleep(1.8)
        session.connection().execute(text("SELECT 1"))


async def test_a_pooler_that_is_not_named_is_told_in_the_log(pooled_parts: Parts, start_stack: StartStack) -> None:
    stack = start_stack({**pooled_parts, "DATABASE_POOLER": "none"}, "api")
    async with httpx.AsyncClient(base_url=stack.api_url, timeout=30) as client:
        async with asyncio.timeout(SOON_S):
            for _ in itertools.count():
                await asyncio.gather(*(client.get("/api/clips") for _ in range(20)), return_exceptions=True)
                if "set DATABASE_POOLER=transaction" in stack.log("api"):
                    return
