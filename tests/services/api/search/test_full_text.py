"""Search on a live API with each database: which clips match, in which order, and where the matches are."""

import asyncio
import time
import uuid
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlmodel import col, delete

from services.api.search import full_text
from services.api.search.filters import ClipQuery
from services.api.search.full_text_index import Plan
from shared.clips.models import Clip, Status
from shared.db.engine import read_session, transaction
from shared.outbox.writer import save_and_announce
from shared.redis.jobs import TRANSCRIBE
from shared.search.folding import index_text
from shared.search.query import parse_query
from shared.transcripts.models import Source, Transcript
from tests.services.api.clips.test_routes import put_clip
from tests.services.api.search.test_filters import NOON, engine, keep, listed, made, walked
from tests.shared.search.test_query import SEARCH_CASES

__all__ = ["engine"]  # a fixture


def clip_query(typed: str, **fields: Any) -> ClipQuery:
    """What a request with these parameters asks for."""
    unset = dict.fromkeys(("since", "until", "shortest_ms", "longest_ms"))
    return ClipQuery(**{"typed": typed, "statuses": (), "tags": (), "deleted": False, **unset, **fields})


def utf16(text: str, span: list[int]) -> str:
    """What JavaScript's `slice` cuts out."""
    coded = text.encode("utf-16-le")
    return coded[span[0] * 2 : span[1] * 2].decode("utf-16-le")


async def found(client: httpx.AsyncClient, q: str, **params: Any) -> list[dict[str, Any]]:
    """Each clip on the first page, with why it was found."""
    response = await client.get("/api/clips", params={"q": q, **params})
    assert response.status_code == 200, response.text
    page = response.json()
    assert set(page["found"]) == {clip["id"] for clip in page["clips"]}
    return [{**clip, "found": page["found"][clip["id"]]} for clip in page["clips"]]


def shown(clip: Mapping[str, Any]) -> str:
    """Name and excerpts with the marks in brackets."""

    def marked(text: str, marks: list[list[int]]) -> str:
        for start, end in reversed(marks):
            rest = text.encode("utf-16-le")
            inside = utf16(text, [start, end])
            text = rest[: start * 2].decode("utf-16-le") + f"[{inside}]" + rest[end * 2 :].decode("utf-16-le")
        return text

    passages = (marked(passage["text"], passage["marks"]) for passage in clip["found"]["passages"])
    return " / ".join([marked(clip["name"], clip["found"]["name"]), *passages])


# -- matches -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("q", "marked"),
    [
        ("grosse", ["Herz / Die [Größe] des Herzens 🎙 und die [GRÖSSE] der Lunge."]),
        ("HERZ gross", ["[Herz] / Die [Größe] des Herzens 🎙 und die [GRÖSSE] der Lunge."]),
        ("die größe der", ["Herz / [Die] [Größe] des Herzens 🎙 und [die] [GRÖSSE] [der] Lunge."]),
        ('"des herzens"', ["Herz / Die Größe [des Herzens] 🎙 und die GRÖSSE der Lunge."]),
        ('"herzens des"', []),
        ("lunge", ["Herz / Die Größe des Herzens 🎙 und die GRÖSSE der [Lunge]."]),
        ("lung.", []),
        ("東京", ["会議 / 今日は[東京]で会議。"]),
        ("京", ["会議 / 今日は東[京]で会議。"]),
        ("今日は東京", ["会議 / [今日は東京]で会議。"]),
        ("会議", ["[会議] / 今日は東京で[会議]。"]),
        ("日東", []),
        ("жук", ["[ЖУК] / Ёжик и [жук]и"]),
        ("ежик", ["ЖУК / [Ёжик] и жуки"]),
        ("wichtig", ["Herz"]),
        ("wichtig herz", ["[Herz] / Die Größe des [Herzens] 🎙 und die GRÖSSE der Lunge."]),
        ("🎙", ["Herz / Die Größe des Herzens [🎙] und die GRÖSSE der Lunge."]),
        ("herz жук", []),
    ],
)
async def test_words_of_any_language_are_found_and_marked(
    client: httpx.AsyncClient, engine: Engine, q: str, marked: list[str]
) -> None:
    keep(
        engine,
        made(1, name="Herz", text="Die Größe des Herzens 🎙 und die GRÖSSE der Lunge.", tags=["Wichtig"]),
        made(2, name="会議", text="今日は東京で会議。"),
        made(3, name="ЖУК", text="Ёжик и жуки"),
    )
    marked = [words.replace("[жук]и", "[жуки]") for words in marked]
    assert [shown(clip) for clip in await found(client, q)] == marked


def test_each_database_finds_what_the_table_says(engine: Engine) -> None:
    """`tests/data/search.json` holds the page's own search to the same."""
    clips = [made(number, name="n", text=case["text"]) for number, case in enumerate(SEARCH_CASES)]
    with transaction(engine) as session:
        session.add_all(clips)
        ids = [clip.id for clip in clips]
    with read_session(engine) as session:
        for case, id in zip(SEARCH_CASES, ids, strict=True):
            query = parse_query(case["typed"])
            for sort in ("best", "oldest"):
                asked = clip_query(case["typed"], sort=sort, statuses=("done",))
                rows, _ = full_text.fetch_page(session.connection(), asked, query, None, len(ids))
                assert (id in {row.id for row in rows}) == bool(case["marked"]), case


UNUSUAL_QUERIES = [
    '"', "'", "*", "a*", "NEAR(a b)", "a AND b", "a OR b", "NOT a", "a & b", "a | !b", "a:*", ":*", "(", ")", "\\",
    "{name}: a", "name:a", "a - b", "-a", "+a", "a ^ b", "^a", "%", "_", "\x00", "'; DROP TABLE search; --", "<->",
    '""', '"" a', '"a', 'a"b"c', "“”", "é", "🎙", "\u0301", "\u200b", "a" * 1000, "a " * 500, "東" * 500, '"' * 999,
    "ﷺ" * 300,
]  # fmt: skip


@pytest.mark.parametrize("q", UNUSUAL_QUERIES, ids=lambda q: f"{len(q)} {ascii(q)[:20]}")
async def test_operators_of_the_databases_are_words(client: httpx.AsyncClient, q: str) -> None:
    """Words that a database knows as its own are words; signs are nothing."""
    for sort in ("best", "newest", "name"):
        assert (await client.get("/api/clips", params={"q": q, "sort": sort})).status_code == 200


async def test_punctuation_finds_nothing_and_an_empty_query_is_the_list(
    client: httpx.AsyncClient, engine: Engine
) -> None:
    keep(engine, made(1, name="100% sure"))
    assert await listed(client, q="?!") == []
    assert await listed(client, q="  ") == ["100% sure"]
    assert "found" not in (await client.get("/api/clips", params={"q": " "})).json()
    assert await listed(client, q="near and or not") == []


async def test_every_change_is_searchable_after_its_commit(client: httpx.AsyncClient, engine: Engine) -> None:
    clip = await put_clip(client, "Walrus")
    url = f"/api/clips/{clip['id']}"
    assert await listed(client, q="walrus") == ["Walrus"]
    await client.patch(url, json={"name": "Penguin"})
    assert (await listed(client, q="walrus"), await listed(client, q="penguin")) == ([], ["Penguin"])
    await client.patch(url, json={"tags": ["Zoo"], "text": "It waddles."})
    assert await listed(client, q="zoo waddles penguin") == ["Penguin"]
    await client.patch(url, json={"tags": [], "text": "It swims."})
    assert (await listed(client, q="zoo"), await listed(client, q="waddles")) == ([], [])
    # A worker, with what workers use.
    with transaction(engine) as session:
        other = made(1, name="Dictated", status=Status.PENDING)
        other.prepared_at = NOON
        save_and_announce(session, other, TRANSCRIBE, now=NOON)
    with transaction(engine) as session:
        known = session.get_one(Clip, other.id)
        known.claim(TRANSCRIBE, NOON, timedelta(minutes=1))
        session.add(
            known.finish_transcription(
                text="Seals bark.", language="en", recognizer="ear", passages=[], duration_ms=1, now=NOON
            )
        )
        save_and_announce(session, known, now=NOON)
    assert await listed(client, q="seals") == ["Dictated"]
    # What is rolled back was never there.

    def change_half() -> None:
        with transaction(engine) as session:
            session.get_one(Clip, other.id).rename("Nothing", NOON)
            session.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        change_half()
    assert (await listed(client, q="nothing"), await listed(client, q="dictated")) == ([], ["Dictated"])


@pytest.mark.parametrize("sort", ["best", "newest", "oldest", "longest", "name"])
async def test_a_deleted_clip_is_found_in_the_bin_only(client: httpx.AsyncClient, engine: Engine, sort: str) -> None:
    clip = await put_clip(client, "Thrown away")
    url = f"/api/clips/{clip['id']}"
    await client.delete(url)
    assert await listed(client, q="thrown", sort=sort) == []
    assert await listed(client, q="thrown", sort=sort, deleted="true") == ["Thrown away"]
    await client.post(f"{url}/restore")
    assert await listed(client, q="thrown", sort=sort) == ["Thrown away"]
    with transaction(engine) as session:
        session.exec(delete(Clip).where(col(Clip.id) == uuid.UUID(clip["id"])))
    assert await listed(client, q="thrown", sort=sort) == []


async def test_a_text_of_any_size_is_saved_and_what_is_indexed_of_it_is_found(
    client: httpx.AsyncClient, engine: Engine
) -> None:
    clip = await put_clip(client, "ﷺ" * 255)
    url = f"/api/clips/{clip['id']}"
    for text in (
        " ".join(f"w{number:x}" for number in range(280_000)),
        "".join(chr(0x20000 + number % 40_000) for number in range(500_000)),
        " ".join("".join(chr(0x10080 + n // 100**place % 100) for place in range(3)) for n in range(90_000)),
        "x" * 2_000_000,
        "first " + "a " * 900_000,
    ):
        assert (await client.patch(url, json={"text": text})).status_code == 200
    assert len(await found(client, "first a")) == 1


async def test_a_text_that_folds_to_much_more_costs_others_nothing(client: httpx.AsyncClient, engine: Engine) -> None:
    """A letter that folds to eighteen, as often as a text may hold it, in a clip that a machine has heard."""
    poisoned, other = made(1, name="Poisoned"), await put_clip(client, "Other")
    keep_all(engine, *transcribed(poisoned, "one two three"))
    text = "start ﷺ " + "ﷺ" * 1_900_000 + " beyond"
    saving = asyncio.ensure_future(client.patch(f"/api/clips/{poisoned.id}", json={"text": text}))
    slowest_s = 0.0
    while not saving.done():
        started = time.monotonic()
        answer = await client.patch(f"/api/clips/{other['id']}", json={"text": f"saved at {started}"})
        assert answer.status_code == 200
        slowest_s = max(slowest_s, time.monotonic() - started)
    assert (await saving).status_code == 200
    assert slowest_s < 2, "seconds that another writer waited"
    started = time.monotonic()
    (clip,) = await found(client, "صلى start")
    assert time.monotonic() - started < 3, "seconds for a search"
    first = clip["found"]["passages"][0]
    assert first["text"].startswith("start ﷺ ")
    assert first["at_ms"] is not None
    assert await found(client, "beyond") == []


# -- in which order ------------------------------------------------------------------------------------------------


async def test_the_best_come_first(client: httpx.AsyncClient, engine: Engine) -> None:
    keep(
        engine,
        made(1, name="Budget"),
        made(2, name="ClipTag", tags=["budget"]),
        made(3, name="Often", text="budget, budget and budget"),
        made(4, name="Once", text="the budget"),
        made(5, name="Once, newer", text="the budget again"),
        made(6, name="Budgetary"),
    )
    best = ["Budget", "Budgetary", "ClipTag", "Often", "Once, newer", "Once"]
    assert await walked(client, 2, q="budget") == best
    assert await walked(client, 2, q="budget", sort="newest") == [
        "Budgetary", "Once, newer", "Once", "Often", "ClipTag", "Budget"
    ]  # fmt: skip
    assert await walked(client, 4, q="budget", sort="oldest", tag="budget") == ["ClipTag"]


@pytest.mark.parametrize("plan", Plan)
async def test_older_matches_follow_the_ranked_ones(
    client: httpx.AsyncClient, engine: Engine, monkeypatch: pytest.MonkeyPatch, plan: Plan
) -> None:
    """With fewer to rank than the live API has, on its database."""
    monkeypatch.setattr(full_text, "_choose_plan", lambda *_: plan)
    names = ["old talk", *(f"{number}" for number in range(9))]
    keep(engine, *(made(number, name=name, text="talk") for number, name in enumerate(names)))
    monkeypatch.setattr(full_text, "MAX_RANKED", 4)
    list_query = clip_query("talk", sort="best")
    seen: list[str] = []
    with read_session(engine) as session:
        rows, cursor = full_text.fetch_page(session.connection(), list_query, parse_query("talk"), None, 3)
        seen += [row.name for row in rows]
        while cursor is not None:
            rows, cursor = full_text.fetch_page(session.connection(), list_query, parse_query("talk"), cursor, 3)
            seen += [row.name for row in rows]
    assert seen == [*map(str, reversed(range(9))), "old talk"], (
        "the old one is a better match, and not among the newest"
    )


async def test_all_plans_find_the_same_clips(
    client: httpx.AsyncClient, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The counts decide the plan, and every plan finds the same clips."""
    clips = [
        made(
            number,
            text="common",
            tags=["few"] if number % 5 == 0 else [],
            status=Status.FAILED if number > 8 else Status.DONE,
        )
        for number in range(12)
    ]
    clips[10].move_to_bin(NOON)
    keep(engine, *clips)
    for sort in ("best", "newest", "oldest", "longest", "shortest", "name"):
        for list_query in (
            clip_query("common", sort=sort, statuses=("failed",)),
            clip_query("common", sort=sort, tags=("few",)),
            clip_query("common", sort=sort, tags=("few",), deleted=True),
            clip_query("common", sort=sort, shortest_ms=9_000),
            clip_query("common", sort=sort, since=clips[3].created_at),
        ):
            answers = []
            for name, value in (
                ("FEW_CLIPS", 10),  # fewer than there are, so that the counts decide
                *(("_choose_plan", lambda *_, plan=plan: plan) for plan in Plan),
            ):
                with monkeypatch.context() as patch, read_session(engine) as session:
                    patch.setattr(full_text, name, value)
                    rows, _ = full_text.fetch_page(session.connection(), list_query, parse_query("common"), None, 50)
                answers.append([row.id for row in rows])
            assert answers[0], list_query
            assert all(answer == answers[0] for answer in answers), list_query


# -- snippets ------------------------------------------------------------------------------------------------------


def heard(text: str, gap_ms: int = 0) -> list[dict[str, Any]]:
    """What a machine says of a text of which each word took a second."""
    words = [
        {"start_ms": 1000 * place + gap_ms, "end_ms": 1000 * place + 900 + gap_ms, "text": word}
        for place, word in enumerate(text.split())
    ]
    return [{"start_ms": words[0]["start_ms"], "end_ms": words[-1]["end_ms"], "text": text, "words": words}]


def transcribed(clip: Clip, text: str) -> list[Any]:
    clip.text = text
    revision = Transcript(
        clip_id=clip.id, attempt=1, source=Source.MACHINE, text=text, passages=heard(text), created_at=NOON
    )
    return [clip, revision]


def keep_all(engine: Engine, *rows: Any) -> None:
    for row in rows:
        with transaction(engine) as session:
            session.add(row)


async def test_snippets_have_the_time_of_their_first_match(client: httpx.AsyncClient, engine: Engine) -> None:
    filler = "so that we go on and on with what nobody ever looks for in here " * 6
    text = f"Alpha {filler} beta {filler} gamma {filler} alpha beta, delta {filler} alpha end"
    clip = made(1, name="Long", duration_ms=1_000_000)
    keep_all(engine, *transcribed(clip, text))
    (long,) = await found(client, "alpha beta")
    passages = long["found"]["passages"]
    places = [place for place, word in enumerate(text.split()) if word in {"Alpha", "alpha", "beta"}]
    assert [passage["at_ms"] for passage in passages] == [0, places[1] * 1000, places[2] * 1000]
    assert passages[2]["text"].startswith("… ")
    assert passages[2]["text"].endswith(" …")
    assert "alpha beta, delta" in passages[2]["text"]
    assert not passages[0]["text"].startswith("…")
    assert all(len(passage["text"]) < 220 for passage in passages)
    # A person edits: the words that stayed have their times.
    edited = text.replace("Alpha", "Well: Alpha", 1).replace(" beta,", " betas!", 1)
    await client.patch(f"/api/clips/{long['id']}", json={"text": edited})
    (long,) = await found(client, "betas")
    assert [passage["at_ms"] for passage in long["found"]["passages"]] == [(places[2] + 1) * 1000]
    # Nobody heard this one.
    await client.patch(f"/api/clips/{(await put_clip(client))['id']}", json={"text": "betas by hand"})
    (written, _) = await found(client, '"betas by"') + [None]
    assert written is not None
    assert [passage["at_ms"] for passage in written["found"]["passages"]] == [None]


async def test_matches_in_a_name_are_marked_in_utf16_units(client: httpx.AsyncClient, engine: Engine) -> None:
    keep(engine, made(1, name="🎙🎙 Talk 🎙 talking", text=None))
    (clip,) = await found(client, "talk")
    assert [utf16(clip["name"], span) for span in clip["found"]["name"]] == ["Talk", "talking"]
    assert clip["found"]["name"][0] == [5, 9]
    assert clip["found"]["passages"] == []


# -- any text, any query -------------------------------------------------------------------------------------------

PIECES = st.sampled_from(
    [
        "to",
        "be",
        "Bé",
        "or",
        "not",
        "東京",
        "東",
        "京都",
        "toad",
        "3",
        "が",
        "กิน",
        ",",
        " ",
        "  ",
        "🎙",
        '"',
        "don't",
        "ß",
        "\n",
    ]
)
TEXTS = st.lists(PIECES, min_size=1, max_size=10).map(" ".join) | st.lists(PIECES, min_size=1, max_size=8).map("".join)


@pytest.mark.parametrize("plan", Plan)
async def test_the_index_finds_what_a_scan_of_the_texts_finds(
    client: httpx.AsyncClient, engine: Engine, monkeypatch: pytest.MonkeyPatch, plan: Plan
) -> None:
    """The index of each database, asked in either way, against a look into every text."""
    monkeypatch.setattr(full_text, "_choose_plan", lambda *_: plan)

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=8), st.lists(TEXTS, min_size=1, max_size=6))
    def search(texts: list[tuple[str, str]], queries: list[str]) -> None:
        clips = [made(number, name=f"n{name}", text=text) for number, (name, text) in enumerate(texts)]
        with transaction(engine) as session:
            session.exec(delete(Clip))
            session.add_all(clips)
        for typed in queries:
            query = parse_query(typed)
            if not query:
                continue
            expected = {
                clip.id
                for clip in clips
                if all(
                    any(
                        needle in index_text(words)
                        for needle in phrase.needles
                        for words in (clip.name, clip.text or "")
                    )
                    for phrase in query.phrases
                )
            }
            with read_session(engine) as session:
                for sort in ("best", "oldest", "name"):
                    list_query = clip_query(typed, sort=sort, statuses=("done",))
                    rows, _ = full_text.fetch_page(session.connection(), list_query, query, None, 50)
                    assert {row.id for row in rows} == expected, (typed, query)
                    assert len(rows) == len(expected)

    await asyncio.to_thread(search)


async def test_a_clip_is_found_by_its_old_words_or_its_new_ones_while_it_is_edited(
    client: httpx.AsyncClient, engine: Engine
) -> None:
    """Many edits, many searches, all at once: nobody waits for ever, and the clip is never lost or found twice."""
    clip = await put_clip(client, "Edited")
    url = f"/api/clips/{clip['id']}"
    await client.patch(url, json={"text": "common zero"})
    done = asyncio.Event()

    async def edit() -> None:
        for number in range(25):
            answer = await client.patch(url, json={"text": f"common word{number}", "tags": [f"tag{number}"]})
            assert answer.status_code == 200
        done.set()

    async def search() -> int:
        searches = 0
        while not done.is_set():
            (only,) = await found(client, "common")
            words = shown(only)
            assert "[common]" in words
            searches += 1
        return searches

    _, *searches = await asyncio.gather(edit(), search(), search())
    assert all(searches)
    assert await listed(client, q="word24 tag24") == ["Edited"]
    assert await listed(client, q="word23") == []
