"""`make bench-library`: lists and searches of 100,000 clips over HTTP, on SQLite and on Postgres, as JSON.

`--serve` fills one, starts the api on it and waits, for whoever wants to look at such a library with a browser.
"""

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import platform
import random
import signal
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import quantiles
from typing import Any
from urllib.parse import urlencode

import psycopg
from pydantic import SecretStr
from sqlalchemy import Engine, event, select, text

from services.api.http.cursor import Cursor
from services.api.search import full_text, pages, snippets
from services.api.search.pages import SEARCH_PAGE_SIZE
from services.api.transcripts.word_times import WordTimingCache
from shared.db.engine import open_engine, read_session
from shared.search.folding import index_text, sort_key
from shared.search.index import NUMBERS_PER_MS, first_number_at, tag_key
from shared.search.query import parse_query
from shared.settings import DatabaseSettings
from tests.bench import search_plans
from tests.bench.corpus import COLUMNS, KANJI, TAGS, Corpus, Made, row
from tests.bench.load import Connection
from tests.servers.postgres import Postgres
from tests.servers.stack import Stack, migrate
from tests.servers.valkey import Valkey

LIMIT_MS = {"list": 10, "search": {"sqlite": 100, "postgres": 50}}
"""Longest time of a list and of a search, at p95."""

BATCH = 2_000

SEARCH = ["number", "clip_id", "name", "tags", "text"]
TAGGED = ["clip_id", "key", "library_id", "name", "created_at"]
TRANSCRIPT = ["clip_id", "attempt", "source", "text", "language", "passages", "created_at"]


# -- filling -------------------------------------------------------------------------------------------------------


def rows_of(clips: Iterable[Made]) -> dict[str, list[tuple[Any, ...]]]:
    """The rows of each table for these clips."""
    rows: dict[str, list[tuple[Any, ...]]] = {"clip": [], "search": [], "tagged": [], "transcript": []}
    for clip in clips:
        at, number = clip.created_at, first_number_at(clip.created_at) + clip.id.int % NUMBERS_PER_MS
        rows["clip"].append(row(clip, sort_key(clip.name)))
        words = (index_text(clip.name), index_text(" ".join(clip.tags)), index_text(clip.text))
        rows["search"].append((number, clip.id, *words))
        rows["tagged"] += [(clip.id, tag_key(tag), "home", tag, at) for tag in clip.tags]
        rows["transcript"].append((clip.id, 1, "machine", clip.text, "en", clip.passages, at))
    return rows


TABLES = {"clip": COLUMNS, "search": SEARCH, "tagged": TAGGED, "transcript": TRANSCRIPT}


def fill_sqlite(path: Path, corpus: Corpus) -> None:
    sqlite3.register_adapter(datetime, lambda at: at.replace(tzinfo=None).isoformat(" ", "microseconds"))
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous = OFF")
    for batch in batched(corpus):
        connection.execute("BEGIN")
        for table, rows in rows_of(batch).items():
            marks = ", ".join("?" * len(TABLES[table]))
            statement = f"INSERT INTO {table} ({', '.join(TABLES[table])}) VALUES ({marks})"
            connection.executemany(statement, (tuple(map(_sqlite, values)) for values in rows))
        connection.execute("COMMIT")
    connection.close()


def _sqlite(value: Any) -> Any:
    return value.hex if hasattr(value, "hex") and not isinstance(value, float) else value


def fill_postgres(url: str, corpus: Corpus) -> None:
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("DROP INDEX search_words")
        for batch in batched(corpus):
            for table, rows in rows_of(batch).items():
                with cursor.copy(f"COPY {table} ({', '.join(TABLES[table])}) FROM STDIN") as copy:
                    for values in rows:
                        copy.write_row(values)
        cursor.execute("SET maintenance_work_mem = '512MB'")
        cursor.execute("CREATE INDEX search_words ON search USING gin (words) WITH (fastupdate = off)")
        connection.commit()
        connection.autocommit = True
        cursor.execute("VACUUM ANALYZE")


def batched(corpus: Corpus) -> Iterator[list[Made]]:
    clips = iter(corpus)
    while batch := list(itertools.islice(clips, BATCH)):
        yield batch


# -- requests ------------------------------------------------------------------------------------------------------


def searches(corpus: Corpus, count: int, sample: list[str]) -> dict[str, list[str]]:
    """Queries of each kind; no two of a kind need be the same."""
    draw = random.Random(2)
    english, german = corpus.words["en"], corpus.words["de"]

    def rank(low: int, high: int, words: list[str] = english) -> str:
        return words[draw.randrange(low, high)]

    def phrase(length: int) -> str:
        words = draw.choice(sample).split()
        at = draw.randrange(len(words) - length)
        return f'"{" ".join(words[at : at + length])}"'

    kinds: dict[str, Callable[[], str]] = {
        "a rare word": lambda: rank(8_000, 29_000),
        "a word of some clips": lambda: rank(300, 3_000),
        "a word of most clips": lambda: f"{rank(0, 12)}.",
        "two words": lambda: f"{rank(30, 1_000)} {rank(30, 1_000)}",
        "two words of most clips": lambda: f"{rank(0, 12)} {rank(0, 12)}.",
        "one letter": lambda: draw.choice("abcdefghiklmnoprstuvwäéñ"),
        "two letters": lambda: rank(100, 5_000)[:2],
        "three letters": lambda: rank(100, 5_000)[:3],
        "a word and a letter": lambda: f"{rank(30, 3_000)} {rank(30, 3_000)[:1]}",
        "a phrase": lambda: phrase(3),
        "accents left out": lambda: index_text(rank(50, 20_000, german)).strip(),
        "Japanese": lambda: draw.choice(KANJI) + draw.choice(KANJI),
        "nothing": lambda: f"qxj{draw.randrange(10_000)}",
    }
    return {kind: [ask() for _ in range(count)] for kind, ask in kinds.items()}


def lists(engine: Engine, clips: int) -> dict[str, dict[str, Any]]:
    """Parameters of each kind of list."""
    now = datetime.now(UTC)
    week = {"from": (now - timedelta(days=21)).isoformat(), "to": (now - timedelta(days=14)).isoformat()}
    params: dict[str, dict[str, Any]] = {}
    for sort in ("newest", "oldest", "longest", "shortest", "name"):
        params[sort] = {"sort": sort}
        for part in (2, 50):
            params[f"{sort}, {100 - 100 // part} % down"] = {
                "sort": sort,
                "cursor": deep(engine, sort, clips - clips // part),
            }
    return params | {
        "failed": {"status": "failed"},
        "failed, longest first": {"status": "failed", "sort": "longest"},
        "failed or off, by name": {"status": ["failed", "off"], "sort": "name"},
        "done": {"status": "done"},
        "a common tag": {"tag": TAGS[0]},
        "a rare tag": {"tag": TAGS[-1]},
        "two tags": {"tag": [TAGS[0], TAGS[-1]]},
        "a common tag, by name": {"tag": TAGS[0], "sort": "name"},
        "a rare tag, longest first": {"tag": TAGS[-1], "sort": "longest"},
        "one week": week,
        "one week, longest first": {**week, "sort": "longest"},
        "over 20 minutes": {"shortest_ms": 1_200_000},
        "over an hour, by name": {"shortest_ms": 3_600_000, "sort": "name"},
        "the bin": {"deleted": "true"},
    }


FILTERED: dict[str, dict[str, Any]] = {
    "failed": {"status": "failed"},
    "a common tag": {"tag": TAGS[0]},
    "a rare tag": {"tag": TAGS[-1]},
    "over 20 minutes": {"shortest_ms": 1_200_000},
    "longest first": {"sort": "longest"},
    "newest first": {"sort": "newest"},
}
"""Filters and orders of a search."""


def deep(engine: Engine, sort: str, down: int) -> str:
    """The cursor of a page so many clips down."""
    clip_query = search_plans.clip_query("", sort=sort)
    order = pages.order_of(clip_query)
    with read_session(engine) as session:
        statement = order.page(clip_query.apply_filters(select(order.key, order.id)), None, 1).offset(min(down, 98_000))
        return Cursor(tuple(session.connection().execute(statement).one())).encode(clip_query.fingerprint)


# -- measuring -----------------------------------------------------------------------------------------------------


def percentiles(ms: list[float]) -> dict[str, float]:
    cuts = quantiles(ms, n=100, method="inclusive")
    return {"p50_ms": round(cuts[49], 1), "p95_ms": round(cuts[94], 1), "most_ms": round(max(ms), 1)}


async def over_http(url: str, requests: Mapping[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Milliseconds of each kind of request, one at a time, kinds mixed as people mix them; and of all together."""
    connection = await Connection.open(url)
    took: dict[str, list[float]] = {kind: [] for kind in requests}
    turns = [(kind, params) for kind, many in requests.items() for params in many]
    random.Random(3).shuffle(turns)
    for kind, params in turns:
        path = f"/api/clips?{urlencode(params, doseq=True)}"
        began = time.perf_counter()
        answer = await connection.ask("GET", path)
        took[kind].append((time.perf_counter() - began) * 1000)
        if answer.status != 200:
            raise RuntimeError(f"GET {path} was answered with {answer.status}: {answer.body[:300]!r}")
    connection.close()
    every = [ms for many in took.values() for ms in many]
    return {"all": percentiles(every), **{kind: percentiles(many) for kind, many in took.items()}}


def in_database(engine: Engine, typed_by_kind: Mapping[str, list[str]]) -> dict[str, float]:
    """Milliseconds that the database alone takes for the same searches."""
    statements: list[tuple[str, Any]] = []

    @event.listens_for(engine, "before_cursor_execute")
    def _record(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        statements.append((statement, values))

    took = []
    for typed in itertools.chain.from_iterable(typed_by_kind.values()):
        statements.clear()
        with read_session(engine) as session:
            query = parse_query(typed)
            best = search_plans.clip_query(typed, sort="best")
            rows, _ = full_text.fetch_page(session.connection(), best, query, None, SEARCH_PAGE_SIZE)
            snippets.search_hits(session.connection(), rows, query, WordTimingCache())
            cursor = session.connection().connection.cursor()
            began = time.perf_counter()
            for statement, values in statements:
                if not statement.startswith("BEGIN"):
                    cursor.execute(statement, values)
                    cursor.fetchall()
            took.append((time.perf_counter() - began) * 1000)
    return percentiles(took)


def measure(stack: Stack, kind: str, engine: Engine, typed: dict[str, list[str]], count: int) -> dict[str, Any]:
    """Time lists and searches over HTTP, and the statements of the searches in the database alone."""
    with read_session(engine) as session:
        clips = session.connection().execute(text("SELECT count(*) FROM clip")).scalar_one()
    list_params = {name: [params] * count for name, params in lists(engine, clips).items()}
    search_params = {name: [{"q": q} for q in queries] for name, queries in typed.items()}
    filtered_params = {
        f"{name}, {filters}": [{"q": q, **params} for q in typed[name]]
        for name in ("a word of most clips", "two words", "three letters")
        for filters, params in FILTERED.items()
    }
    every_kind = {**list_params, **search_params, **filtered_params}
    asyncio.run(over_http(stack.api_url, {name: params[:2] for name, params in every_kind.items()}))  # warm up
    return {
        "clips": clips,
        "list": asyncio.run(over_http(stack.api_url, list_params)),
        "search": asyncio.run(over_http(stack.api_url, search_params)),
        "search_with_filters": asyncio.run(over_http(stack.api_url, filtered_params)),
        "search_in_the_database_alone": in_database(engine, typed),
        "limits_p95_ms": {"list": LIMIT_MS["list"], "search": LIMIT_MS["search"][kind]},  # type: ignore[index]
    }


def sample_texts(engine: Engine) -> list[str]:
    with read_session(engine) as session:
        texts = session.connection().execute(text("SELECT text FROM clip LIMIT 500")).scalars()
        return [words for words in texts if words.count(" ") > 50]


@contextlib.contextmanager
def engine_of(stack: Stack) -> Iterator[Engine]:
    environment = stack.environment
    url = SecretStr(environment.get("DATABASE_URL", ""))
    engine = open_engine(DatabaseSettings(database_url=url, data_dir=Path(environment["DATA_DIR"])))
    yield engine
    engine.dispose()


# -- all of it -----------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def filled(kind: str, corpus: Corpus) -> Iterator[Stack]:
    """A live api on a library of these clips."""
    with contextlib.ExitStack() as held:
        folder = held.enter_context(tempfile.TemporaryDirectory())
        parts = {
            "REDIS_URL": held.enter_context(Valkey()).url(), "DATA_DIR": folder, "LOG_LEVEL": "WARNING"
        }  # fmt: skip
        if kind == "postgres":
            postgres = held.enter_context(Postgres())
            parts["DATABASE_URL"] = postgres.url(postgres.create_database())
        migrate(parts)
        began = time.monotonic()
        if kind == "postgres":
            fill_postgres(parts["DATABASE_URL"], corpus)
        else:
            fill_sqlite(Path(folder) / "dictaphone.sqlite3", corpus)
        print(f"{kind}: filled in {time.monotonic() - began:.0f} s", file=sys.stderr)
        yield held.enter_context(Stack(parts, ["api", "realtime"], migrate=False))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=100_000)
    parser.add_argument("--count", type=int, default=40, help="requests of each kind")
    parser.add_argument("--database", action="append", choices=("sqlite", "postgres"), help="both, if none is named")
    parser.add_argument("--serve", action="store_true", help="fill the first one, and serve it until Ctrl-C")
    parser.add_argument("--plans", action="store_true", help="compare the query plans of searches, without HTTP")
    options = parser.parse_args()
    kinds = options.database or ["sqlite", "postgres"]
    for ending in (signal.SIGINT, signal.SIGTERM):  # a shell that starts it in the background has SIGINT ignored
        signal.signal(ending, signal.default_int_handler)
    if options.serve:
        with filled(kinds[0], Corpus(options.clips)) as stack:
            print(json.dumps({"url": stack.api_url, **stack.environment}), flush=True)
            with contextlib.suppress(KeyboardInterrupt):
                signal.pause()
        return
    figures: dict[str, Any] = {}
    for kind in kinds:
        corpus = Corpus(options.clips)
        with filled(kind, corpus) as stack, engine_of(stack) as engine:
            typed = searches(corpus, options.count, sample_texts(engine))
            if options.plans:
                figures[kind] = search_plans.compare(engine, typed)
            else:
                figures[kind] = measure(stack, kind, engine, typed, options.count)
    machine = {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "date": datetime.now(UTC).date().isoformat(),
    }
    print(json.dumps({"machine": machine, **figures}, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
