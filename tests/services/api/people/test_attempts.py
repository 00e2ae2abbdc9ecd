"""Limits of tries hold over several processes."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, select

from services.api.http.errors import Problem
from services.api.people import attempts, ceremonies
from services.api.people.attempts import Limit
from shared.people.sign_ins import Attempt
from tests.servers.stack import PYTHON, ROOT
from tests.shared.conftest import engine_at

LIMIT = Limit("test", 20, timedelta(minutes=15))
NOW = datetime(2026, 12, 1, 12, 3, tzinfo=UTC)

PROGRAM = """
import sys
from datetime import datetime
from services.api.http.errors import Problem
from services.api.people import attempts
from tests.services.api.people.test_attempts import LIMIT
from tests.shared.conftest import engine_at
taken, engine = 0, engine_at(sys.argv[1])
for _ in range(16):
    try:
        attempts.take(engine, LIMIT, "somebody", datetime.fromisoformat(sys.argv[2]))
        taken += 1
    except Problem:
        pass
engine.dispose()
print(taken)
"""


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = engine_at(database_url)
    yield engine
    engine.dispose()


def test_two_processes_count_together(database_url: str) -> None:
    command = [sys.executable, "-c", PROGRAM, database_url, NOW.isoformat()]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=PYTHON) for _ in range(2)]
    assert sum(int(each.communicate(timeout=60)[0]) for each in both) == LIMIT.tries


def test_a_window_ends_and_a_success_is_given_back(engine: Engine) -> None:
    for _ in range(LIMIT.tries):
        attempts.take(engine, LIMIT, "somebody", NOW)
    attempts.take(engine, LIMIT, "another", NOW)
    with pytest.raises(Problem, match="Try again in 12 min") as refused:
        attempts.take(engine, LIMIT, "somebody", NOW)
    assert refused.value.headers["Retry-After"] == "720"
    for _ in range(2):
        attempts.give_back(engine, LIMIT, "somebody", NOW)
    attempts.take(engine, LIMIT, "somebody", NOW)
    attempts.take(engine, LIMIT, "somebody", NOW + timedelta(minutes=12))


def test_what_is_counted_is_no_address_and_goes_after_a_day(engine: Engine) -> None:
    attempts.take(engine, LIMIT, "203.0.113.5", NOW)
    with Session(engine) as session:
        row = session.exec(select(Attempt)).one()
        assert "203" not in row.key
        assert len(row.key) == 64
    assert ceremonies.remove_old(engine, NOW + timedelta(hours=23)) == 0
    assert ceremonies.remove_old(engine, NOW + timedelta(hours=26)) == 1
