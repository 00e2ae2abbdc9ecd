"""What each query plan of a search costs: all searches with the plan that is chosen, and with each of the plans."""

import contextlib
import random
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median, quantiles
from typing import Any
from unittest import mock

from sqlalchemy import Engine, text

from services.api.search import fts5_index, full_text
from services.api.search.filters import ClipQuery
from services.api.search.full_text_index import Plan
from services.api.search.pages import SEARCH_PAGE_SIZE
from shared.db.engine import read_session
from shared.search.query import parse_query
from tests.bench.corpus import TAGS

WORDS = ("a rare word", "a word of some clips", "a word of most clips", "two words")

FILTERS: dict[str, dict[str, Any]] = {
    "": {},
    ", failed": {"statuses": ("failed",)},
    ", a rare tag": {"tags": (TAGS[-1],)},
    ", a common tag": {"tags": (TAGS[0],)},
    ", over 20 minutes": {"shortest_ms": 1_200_000},
}
KINDS = {
    f"{sort}{filters}": {"sort": sort, **fields}
    for sort in ("best", "longest", "name")
    for filters, fields in FILTERS.items()
}

PLANS: dict[str, Plan | None] = {"chosen": None, **{plan.value: plan for plan in Plan}}

UNLIMITED = 10**9

MAX_CELL_S = 3.0
"""CPU time after which a plan that is slow for a kind of search is not measured again for it."""

MIN_SAMPLES = 3


def compare(engine: Engine, typed: Mapping[str, list[str]]) -> dict[str, dict[str, dict[str, float]]]:
    """Milliseconds of CPU time of each kind of search by plans, which alternate. Raises if their answers differ."""
    chance = random.Random(5)
    figures = {}
    for words in WORDS:
        for name, fields in KINDS.items():
            took: dict[str, list[float]] = {plan: [] for plan in PLANS}
            for number, q in enumerate(typed[words]):
                answers = set()
                for plan in chance.sample([*PLANS], len(PLANS)):
                    if number < MIN_SAMPLES or sum(took[plan]) < MAX_CELL_S * 1000:
                        ids, ms = _search(engine, clip_query(q, **fields), plan)
                        answers.add(ids)
                        took[plan].append(ms)
                if len(answers) > 1:
                    raise RuntimeError(f"{q!r}, {name}: the plans give different answers")
            figures[f"{words}; {name}"] = {plan: _percentiles(ms) for plan, ms in took.items()}
    return figures


def clip_query(typed: str, **fields: Any) -> ClipQuery:
    unset = dict.fromkeys(("since", "until", "shortest_ms", "longest_ms"))
    return ClipQuery(**{"typed": typed, "statuses": (), "tags": (), "deleted": False, **unset, **fields})


def _search(engine: Engine, query: ClipQuery, plan: str) -> tuple[tuple[Any, ...], float]:
    forced = PLANS[plan]
    with contextlib.ExitStack() as patches, read_session(engine) as session:
        if forced is not None:
            patches.enter_context(mock.patch.object(full_text, "_choose_plan", return_value=forced))
            # The plan words first stops at the limit from which on it is not chosen.
            patches.enter_context(mock.patch.object(fts5_index, "FEW_CLIPS", UNLIMITED))
        connection = session.connection()
        backend_pid = 0
        if connection.dialect.name == "postgresql":
            backend_pid = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        before_ms = _cpu_ms(backend_pid)
        rows, _ = full_text.fetch_page(connection, query, parse_query(query.typed), None, SEARCH_PAGE_SIZE)
        return tuple(row.id for row in rows), _cpu_ms(backend_pid) - before_ms


def _cpu_ms(backend_pid: int) -> float:
    """CPU time of this thread and of a Postgres backend: a busy machine changes it less than the time on the clock."""
    backend_ns = int(Path(f"/proc/{backend_pid}/schedstat").read_text().split()[0]) if backend_pid else 0
    return time.thread_time() * 1000 + backend_ns / 1e6


def _percentiles(ms: list[float]) -> dict[str, float]:
    p95 = quantiles(ms, n=20, method="inclusive")[18]
    return {"p50_ms": round(median(ms), 1), "p95_ms": round(p95, 1), "searches": len(ms)}
