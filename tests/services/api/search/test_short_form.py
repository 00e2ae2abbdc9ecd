"""The short form of the list: no transcript leaves the database; stars; markers and notes in searches."""

import httpx
from sqlalchemy import Connection, Engine
from sqlmodel import Session

from services.api.search import pages
from services.api.search.filters import ClipQuery
from shared.clips.excerpt import MAX_EXCERPT_CHARS
from shared.clips.schemas import LONG_FIELDS
from tests.services.api.clips.test_annotations import marker, patch
from tests.services.api.clips.test_routes import assert_problem, put_clip
from tests.services.api.search.test_filters import engine, keep, listed, made

__all__ = ["engine"]

LONG = "Wörter und Sätze. " * 3_000


async def test_a_short_list_has_no_texts_and_the_whole_clip_has(client: httpx.AsyncClient, engine: Engine) -> None:
    keep(engine, made(1, text=LONG), made(2), made(3, text="Only a few."))
    whole = (await client.get("/api/clips")).json()["clips"]
    short = (await client.get("/api/clips", params={"form": "short"})).json()["clips"]
    assert short == [{name: value for name, value in clip.items() if name not in LONG_FIELDS} for clip in whole]
    few, none, long = short
    assert (few["excerpt"], few["text_chars"]) == ("Only a few.", 11)
    assert (none["excerpt"], none["text_chars"]) == (None, None)
    assert long["text_chars"] == len(LONG)
    assert LONG.startswith(long["excerpt"] + " ")
    assert MAX_EXCERPT_CHARS - 20 < len(long["excerpt"]) <= MAX_EXCERPT_CHARS
    one = (await client.get(f"/api/clips/{long['id']}")).json()
    assert (one["excerpt"], one["text_chars"], one["text"]) == (long["excerpt"], long["text_chars"], LONG)
    other = await client.get("/api/clips", params={"form": "shortest"})
    assert "form must be" in assert_problem(other, 400, "bad-request")


def test_no_transcript_leaves_the_database_for_a_short_list(engine: Engine) -> None:
    keep(engine, made(1, text=LONG))
    with Session(engine) as session:
        connection: Connection = session.connection()
        rows, _ = pages.fetch_page(connection, ALL, None, 50, columns=pages.SHORT_COLUMNS)
    assert "text" not in rows[0]._fields
    assert sum(len(str(value)) for value in rows[0]) < 2_000


ALL = ClipQuery("", None, None, None, None, (), (), "newest", False)


async def test_the_list_says_how_long_the_bin_keeps(client: httpx.AsyncClient) -> None:
    assert (await client.get("/api/clips")).json()["limits"]["bin_days"] == 30


async def test_a_list_of_stars(client: httpx.AsyncClient, engine: Engine) -> None:
    starred, plain = await put_clip(client, "a star"), await put_clip(client, "no star")
    await patch(client, starred, starred=True)
    assert await listed(client, starred="true") == ["a star"]
    assert await listed(client, starred="true", q="star") == ["a star"]
    assert sorted(await listed(client)) == ["a star", "no star"]
    await patch(client, plain, starred=True)
    first = (await client.get("/api/clips", params={"starred": "true", "limit": 1})).json()
    again = await client.get("/api/clips", params={"starred": "true", "limit": 1, "cursor": first["next"]})
    assert [clip["name"] for clip in again.json()["clips"]] == ["a star"]
    other = await client.get("/api/clips", params={"limit": 1, "cursor": first["next"]})
    assert_problem(other, 400, "bad-request")


async def test_markers_and_notes_are_found_with_their_times(client: httpx.AsyncClient, engine: Engine) -> None:
    clip = await put_clip(client, "Talk")
    markers = [marker("a", 61_000, "Entscheidung über die Brücke"), marker("b", 62_000, "und Kaffee")]
    await patch(client, clip, text="Guten Morgen.", notes="Frau Özdemir\nanrufen", markers={"set": markers})

    async def passages(q: str) -> list[tuple[str, int | None, str]]:
        page = (await client.get("/api/clips", params={"q": q, "form": "short"})).json()
        return [
            (each["text"][slice(*each["marks"][0])], each["at_ms"], each["source"])
            for found in page["found"].values()
            for each in found["passages"]
        ]

    assert await passages("brucke") == [("Brücke", 61_000, "marker")]
    assert await passages("ozdemir") == [("Özdemir", None, "notes")]
    assert await passages("morgen brucke") == [("Morgen", None, "words"), ("Brücke", 61_000, "marker")]
    assert await passages('"brücke und"') == [], "a phrase does not go from one marker to the next"
    assert await passages('"anrufen guten"') == []
    await patch(client, clip, markers={"remove": ["a"]}, notes="")
    assert await passages("brucke") == await passages("ozdemir") == []
    assert await passages("morgen") == [("Morgen", None, "words")]
