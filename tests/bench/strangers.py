"""`python -m tests.bench.strangers`: a library of 300 clips alone, and among 999 others, by turns.

A word is in all of its clips and in 99 of 100 of the others'. Times of the database's work for a search, a list and a
change of a clip's words, in the same process and run.
"""

import argparse
import contextlib
import itertools
import json
import random
import sqlite3
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import quantiles
from typing import Any

import psycopg
from pydantic import SecretStr
from sqlalchemy import Engine
from sqlmodel import Session

from services.api.search import full_text, pages
from services.api.search.filters import ClipQuery
from services.api.search.pages import LISTED_COLUMNS, PAGE_SIZE, SEARCH_PAGE_SIZE
from shared.clips.models import Clip
from shared.db.engine import open_engine, read_session
from shared.libraries import HOME
from shared.outbox.writer import save_and_announce
from shared.search.folding import index_text, sort_key
from shared.search.index import NUMBERS_PER_MS, first_number_at
from shared.search.query import parse_query
from shared.settings import DatabaseSettings
from tests.bench.corpus import COLUMNS, Corpus
from tests.servers.postgres import Postgres
from tests.servers.stack import migrate

COMMON, RARE = "everywhere", "hereonly"
SEARCH = ["number", "clip_id", "name", "tags", "text"]
BATCH = 5_000
WORDS = 60

SEARCHES = {
    "search: common word": f"{COMMON}.",
    "search: beginning of it": COMMON[:6],
    "search: rare word": f"{RARE}.",
    "search: two words": f"{COMMON} {RARE}",
}


def clips(libraries: int, each: int) -> Iterator[tuple[tuple[Any, ...], tuple[Any, ...]]]:
    """The rows of `clip` and `search`, the libraries mixed in time."""
    corpus, rng = Corpus(each), random.Random(1)
    texts = [" ".join(corpus.sentence("en", WORDS)) for _ in range(each)]
    now = datetime.now(UTC).replace(microsecond=0)
    for number in range(libraries * each):
        library = number % libraries
        id, at = uuid.UUID(int=rng.getrandbits(128), version=4), now - timedelta(seconds=number)
        words = texts[number // libraries]
        if library == 0 or number % 100:
            words = f"{words} {COMMON}"
        if library == 0 and (number // libraries) % 10 == 0:
            words = f"{words} {RARE}"
        name = f"Clip {number // libraries}"
        library_id = HOME if library == 0 else f"library-{library}"
        yield (
            (
                id, library_id, name, sort_key(name), "audio/webm", 50_000, "0" * 64, "-", 1, "[]", 60_000,
                "done", words, None, "en", "base", 1, 0, at, 3, at, at, None, "[]", len(words),
            ),
            (
                first_number_at(at) + id.int % NUMBERS_PER_MS, id, index_text(name), " ", index_text(words),
            ),
        )  # fmt: skip


def fill(kind: str, url: str, libraries: int, each: int) -> None:
    rows = clips(libraries, each)
    if kind == "sqlite":
        sqlite3.register_adapter(datetime, lambda at: at.replace(tzinfo=None).isoformat(" ", "microseconds"))
        sqlite3.register_adapter(uuid.UUID, lambda each: each.hex)
        file = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
        file.execute("PRAGMA synchronous = OFF")
        while batch := list(itertools.islice(rows, BATCH)):
            file.execute("BEGIN")
            for table, columns, part in (("clip", COLUMNS, 0), ("search", SEARCH, 1)):
                marks = ", ".join("?" * len(columns))
                statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"
                file.executemany(statement, [row[part] for row in batch])
            file.execute("COMMIT")
        file.execute("PRAGMA optimize")
        file.close()
        return
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("DROP INDEX search_words")
        while batch := list(itertools.islice(rows, BATCH)):
            for table, columns, part in (("clip", COLUMNS, 0), ("search", SEARCH, 1)):
                with cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
                    for row in batch:
                        copy.write_row(row[part])
        cursor.execute("SET maintenance_work_mem = '512MB'")
        cursor.execute("CREATE INDEX search_words ON search USING gin (words) WITH (fastupdate = off)")
        connection.commit()
        connection.autocommit = True
        cursor.execute("VACUUM ANALYZE")


def actions() -> dict[str, Callable[[Engine, list[uuid.UUID], int], None]]:
    def search(typed: str) -> Callable[[Engine, list[uuid.UUID], int], None]:
        def run(engine: Engine, _ids: list[uuid.UUID], _turn: int) -> None:
            clip_query = ClipQuery(typed=typed, sort="best")
            with read_session(engine) as session:
                rows, _ = full_text.fetch_page(
                    session.connection(), clip_query, parse_query(typed), None, SEARCH_PAGE_SIZE
                )
            assert rows

        return run

    def list_newest(engine: Engine, _ids: list[uuid.UUID], _turn: int) -> None:
        with read_session(engine) as session:
            pages.fetch_page(session.connection(), ClipQuery(), None, PAGE_SIZE, columns=LISTED_COLUMNS)

    def put(engine: Engine, ids: list[uuid.UUID], turn: int) -> None:
        now = datetime.now(UTC)
        with Session(engine) as session:
            clip = session.get_one(Clip, ids[turn % len(ids)])
            session.add(clip.edit(f"{clip.text} again {turn}", now))
            save_and_announce(session, clip, now=now)
            session.commit()

    return {name: search(typed) for name, typed in SEARCHES.items()} | {"list": list_newest, "PUT of words": put}


def percentiles(ms: list[float]) -> dict[str, float]:
    cuts = quantiles(ms, n=100)
    return {"p50": round(cuts[49], 2), "p95": round(cuts[94], 2)}


def measure(kind: str, libraries: int, each: int, count: int) -> dict[str, Any]:
    with contextlib.ExitStack() as held:
        engines = []
        postgres = held.enter_context(Postgres()) if kind == "postgres" else None
        for number in (1, libraries):
            folder = held.enter_context(tempfile.TemporaryDirectory())
            url = postgres.url(postgres.create_database()) if postgres else f"sqlite:///{folder}/dictaphone.sqlite3"
            migrate({"DATABASE_URL": url, "DATA_DIR": folder})
            began = time.monotonic()
            fill(kind, url, number, each)
            print(f"{kind}: {number} libraries in {time.monotonic() - began:.0f} s", file=sys.stderr)
            engines.append(open_engine(DatabaseSettings(database_url=SecretStr(url), data_dir=Path(folder))))
            held.callback(engines[-1].dispose)
        ids = []
        for engine in engines:
            with read_session(engine) as session:
                rows, _ = pages.fetch_page(session.connection(), ClipQuery(), None, 200, columns=LISTED_COLUMNS)
            ids.append([row.id for row in rows])
        results = {}
        for name, run in actions().items():
            ms: tuple[list[float], list[float]] = ([], [])
            for turn in range(count + 10):
                for place in (0, 1) if turn % 2 else (1, 0):
                    began = time.perf_counter()
                    run(engines[place], ids[place], turn)
                    if turn >= 10:
                        ms[place].append((time.perf_counter() - began) * 1000)
            alone, among = map(percentiles, ms)
            results[name] = {"alone": alone, "among": among, "p95 ratio": round(among["p95"] / alone["p95"], 2)}
        return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", choices=["sqlite", "postgres"], nargs="*", default=["sqlite", "postgres"])
    parser.add_argument("--libraries", type=int, default=1_000)
    parser.add_argument("--clips", type=int, default=300)
    parser.add_argument("--count", type=int, default=200)
    options = parser.parse_args()
    results = {kind: measure(kind, options.libraries, options.clips, options.count) for kind in options.kind}
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
