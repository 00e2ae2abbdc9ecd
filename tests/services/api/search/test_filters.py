"""The list on a live API: orders, filters, tags, and pages that stay right while clips come and go."""

import base64
import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from sqlalchemy import Engine
from sqlmodel import delete
from starlette.requests import Request

from services.api.access.access import Access
from services.api.access.principal import LOCAL, Need
from services.api.search.filters import ClipQuery
from shared.clips.models import Clip, Status
from shared.db.engine import transaction
from shared.libraries import HOME
from tests.conftest import Parts
from tests.services.api.clips.test_routes import NOBODY, assert_problem, put_clip
from tests.shared.conftest import engine_at

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.fixture
def engine(module_parts: Parts) -> Iterator[Engine]:
    """The live API's own database, with no clips in it."""
    engine = engine_at(module_parts["DATABASE_URL"])
    with transaction(engine) as session:
        session.exec(delete(Clip))
    yield engine
    engine.dispose()


def made(number: int, **fields: Any) -> Clip:
    """A clip with a minute, a length and a name of its own, unless the fields say otherwise."""
    at = fields.pop("at", NOON + timedelta(minutes=number))
    name, duration_ms = fields.pop("name", f"Clip {number}"), fields.pop("duration_ms", number * 1000 or None)
    clip = Clip.new_upload(
        uuid.uuid4(),
        name=name,
        duration_ms=duration_ms,
        now=at,
        mime="audio/webm",
        bytes=1,
        sha256="",
        audio_key="-",
        library_id=HOME,
    )
    clip.status = fields.pop("status", Status.DONE)
    clip.text = fields.pop("text", None)
    if tags := fields.pop("tags", None):
        clip.set_tags(tags, at)
    assert not fields
    return clip


def keep(engine: Engine, *clips: Clip) -> None:
    with transaction(engine) as session:
        session.add_all(clips)


async def listed(client: httpx.AsyncClient, **params: Any) -> list[str]:
    """The names on the first page."""
    response = await client.get("/api/clips", params=params)
    assert response.status_code == 200, response.text
    return [clip["name"] for clip in response.json()["clips"]]


async def walked(client: httpx.AsyncClient, limit: int = 3, **params: Any) -> list[str]:
    """The names on all pages."""
    names: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        response = await client.get("/api/clips", params={**params, "limit": limit, "cursor": cursor})
        assert response.status_code == 200, response.text
        page = response.json()
        assert len(page["clips"]) <= limit
        names += [clip["name"] for clip in page["clips"]]
        cursor = page["next"]
    return names


# -- orders --------------------------------------------------------------------------------------------------------


ORDERS = {
    "newest": lambda clip: (-clip.created_at.timestamp(), -clip.id.int),
    "oldest": lambda clip: (clip.created_at, clip.id.int),
    "longest": lambda clip: (clip.duration_ms is None, -(clip.duration_ms or 0), -clip.id.int),
    "shortest": lambda clip: (clip.duration_ms is None, clip.duration_ms or 0, clip.id.int),
    "name": lambda clip: (clip.sort_name, clip.id.int),
}


@pytest.mark.parametrize("sort", ORDERS)
async def test_pages_hold_each_clip_once_even_with_equal_sort_keys(
    client: httpx.AsyncClient, engine: Engine, sort: str
) -> None:
    clips = [made(number // 4, name=f"{number // 3}", at=NOON + timedelta(seconds=number // 4)) for number in range(14)]
    ids = {clip.id: f"{place}" for place, clip in enumerate(clips)}
    in_order = [ids[clip.id] for clip in sorted(clips, key=ORDERS[sort])]
    keep(engine, *clips)
    for limit in (1, 3, 14, 200):
        seen: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            params: dict[str, Any] = {"sort": sort, "limit": limit, "cursor": cursor}
            page = (await client.get("/api/clips", params=params)).json()
            seen += [ids[uuid.UUID(clip["id"])] for clip in page["clips"]]
            cursor = page["next"]
        assert seen == in_order, limit


async def test_names_are_in_the_order_that_a_person_expects(client: httpx.AsyncClient, engine: Engine) -> None:
    names = ["Ärger", "apple", "Take 2", "Take 10", "take 9", "zebra", "Zoë", "Ünder", "00 First", "É"]
    keep(engine, *(made(0, name=name) for name in names))
    assert await listed(client, sort="name") == [
        "00 First", "apple", "Ärger", "É", "Take 2", "take 9", "Take 10", "Ünder", "zebra", "Zoë"
    ]  # fmt: skip


async def test_the_bin_is_in_the_order_of_deletion(client: httpx.AsyncClient, engine: Engine) -> None:
    clips = [made(number) for number in range(4)]
    clips[2].move_to_bin(NOON + timedelta(hours=1))
    clips[0].move_to_bin(NOON + timedelta(hours=2))
    keep(engine, *clips)
    assert await walked(client, 1) == ["Clip 3", "Clip 1"]
    assert await walked(client, 1, deleted="true") == ["Clip 0", "Clip 2"]
    assert await walked(client, 1, deleted="true", sort="oldest") == ["Clip 0", "Clip 2"]


@pytest.mark.parametrize("q", ["", "talk"])
@pytest.mark.parametrize("sort", ["newest", "oldest", "longest", "shortest", "name", "best"])
@pytest.mark.parametrize("tag", ["", "all"])
async def test_clips_added_or_deleted_between_pages_shift_no_page(
    client: httpx.AsyncClient, engine: Engine, sort: str, q: str, tag: str
) -> None:
    def new(number: int) -> Clip:
        return made(number, name=f"Talk {number}", tags=["all"])

    clips = [new(number) for number in range(0, 60, 2)]
    keep(engine, *clips)
    params = {"sort": sort, **({"q": q} if q else {}), **({"tag": tag} if tag else {})}
    seen: list[str] = []
    gone: set[str] = set()
    cursor: str | None = ""
    turn = 0
    while cursor is not None:
        page = (await client.get("/api/clips", params={**params, "limit": 4, "cursor": cursor})).json()
        seen += [clip["name"] for clip in page["clips"]]
        cursor, turn = page["next"], turn + 1
        with transaction(engine) as session:
            session.add(new(2 * turn + 1))
            session.add(new(101 + turn))
            if (victim := clips[turn * 7 % len(clips)]).deleted_at is None:
                session.add(victim)
                victim.move_to_bin(NOON)
                gone.add(victim.name)
    assert len(seen) == len(set(seen)), "no clip comes twice"
    assert {clip.name for clip in clips} - gone <= set(seen), "and none is passed over"


async def test_a_cursor_belongs_to_its_list(client: httpx.AsyncClient, engine: Engine) -> None:
    keep(engine, *(made(number, name=f"Talk {number}") for number in range(3)))
    lists: list[dict[str, str]] = [
        {}, {"sort": "oldest"}, {"sort": "name"}, {"q": "talk"}, {"q": "tal"}, {"q": "talk", "sort": "newest"},
        {"status": "done"}, {"from": "2026-01-01T00:00:00Z"}, {"shortest_ms": "0"}, {"sort": "longest"},
    ]  # fmt: skip
    cursors = [(await client.get("/api/clips", params={**params, "limit": 1})).json()["next"] for params in lists]
    assert all(cursors)
    for params in lists:
        for other, cursor in zip(lists, cursors, strict=True):
            response = await client.get("/api/clips", params={**params, "limit": 1, "cursor": cursor})
            if params == other:
                assert response.status_code == 200
            else:
                sentence = assert_problem(response, 400, "bad-request")
                assert sentence == "This cursor belongs to a list of another order or with other filters; begin anew."


FORGED: list[list[Any]] = [
    [], [None], [1], ["a"], [None, {"id": str(NOBODY)}], ["a", {"id": str(NOBODY)}], [1, {"id": str(NOBODY)}],
    [{"at": "2026-01-01T00:00:00+00:00"}, {"id": str(NOBODY)}], [{"id": str(NOBODY)}, {"id": str(NOBODY)}],
    [1, 2, 3, 4], ["a", "b", "c", "d"], [{"at": "0001-01-01T00:00:00+00:00"}, {"id": str(NOBODY)}],
    [2**63 - 1], [-(2**63) + 1, 2**63 - 1, 2**63 - 1, 0], [2**40, {"id": str(NOBODY)}],
]  # fmt: skip
"""Keys that a cursor may hold, each right for some list and wrong for others."""

FORGEABLE: list[dict[str, str]] = [
    {}, {"sort": "oldest"}, {"sort": "name"}, {"sort": "longest"}, {"sort": "shortest"}, {"deleted": "1"},
    {"deleted": "1", "sort": "name"}, {"q": "talk"}, {"q": "talk", "sort": "newest"}, {"q": "talk", "sort": "name"},
    {"q": "talk", "sort": "longest"}, {"tag": "a"}, {"q": "talk", "tag": "a", "sort": "oldest"},
]  # fmt: skip


@pytest.mark.parametrize("params", FORGEABLE, ids=str)
async def test_a_forged_cursor_is_refused(client: httpx.AsyncClient, engine: Engine, params: dict[str, str]) -> None:
    """The fingerprint of a list is no secret: whoever computes it still gets no error of the database."""
    keep(engine, *(made(number, name=f"Talk {number}") for number in range(3)))
    scope = {"type": "http", "query_string": urlencode(params).encode(), "headers": []}
    request = Request(scope | {"state": {"access": Access(LOCAL, Need.READS, None)}})
    fingerprint = ClipQuery.of(request).fingerprint
    accepted = 0
    for keys in FORGED:
        cursor = base64.urlsafe_b64encode(json.dumps([fingerprint, *keys]).encode()).decode()
        answer = await client.get("/api/clips", params={**params, "cursor": cursor})
        assert answer.status_code in {200, 400}, f"{keys}: {answer.text}"
        if answer.status_code == 400:
            assert "not one that the list gave out" in assert_problem(answer, 400, "bad-request")
        accepted += answer.status_code == 200
    assert accepted <= 4


# -- filters -------------------------------------------------------------------------------------------------------


async def test_filters(client: httpx.AsyncClient, engine: Engine) -> None:
    keep(
        engine,
        made(1, tags=["Work", "idea"]),
        made(2, status=Status.FAILED, tags=["work"]),
        made(3, status=Status.PENDING),
        made(4, duration_ms=None, tags=["Idea"]),
        made(5, tags=["WORK"]),
    )

    async def numbers(*params: tuple[str, str]) -> str:
        response = await client.get("/api/clips", params=params)
        assert response.status_code == 200, response.text
        return "".join(clip["name"][-1] for clip in response.json()["clips"])

    assert await numbers(("from", "2026-11-23T12:02:00Z")) == "5432"
    assert await numbers(("from", "2026-11-23T13:02:00+01:00"), ("to", "2026-11-23T12:04:00.000Z")) == "32"
    assert await numbers(("to", "2026-11-23T12:02:00Z"), ("sort", "oldest")) == "1"
    assert await numbers(("shortest_ms", "2000"), ("longest_ms", "3000")) == "32"
    assert await numbers(("shortest_ms", "3001")) == "5"
    assert await numbers(("status", "failed"), ("status", "pending")) == "32"
    assert await numbers(("status", "failed"), ("status", "failed")) == "2"
    assert await numbers(("status", "off")) == ""
    assert await numbers(("tag", "work")) == "521"
    assert await numbers(("tag", "wOrK"), ("sort", "oldest")) == "125"
    assert await numbers(("tag", "work"), ("tag", "IDEA")) == "1"
    assert await numbers(("tag", "work"), ("sort", "longest"), ("status", "done")) == "51"
    assert await numbers(("tag", "idea"), ("sort", "shortest")) == "14"
    assert await numbers(("tag", "nobody")) == ""
    assert await numbers(("q", "clip"), ("tag", "work"), ("status", "done"), ("sort", "oldest")) == "15"
    assert await numbers(("q", "clip"), ("from", "2026-11-23T12:04:00Z"), ("shortest_ms", "1")) == "5"
    assert await numbers(("q", "work"), ("sort", "name")) == "125"


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({"from": "yesterday"}, "from must be an instant with its zone, such as 2026-11-23T14:00:00Z."),
        ({"to": "2026-11-23T14:00:00"}, "to must be an instant with its zone, such as 2026-11-23T14:00:00Z."),
        ({"to": "0001-01-01T00:00:00+14:00"}, "to must be an instant with its zone, such as 2026-11-23T14:00:00Z."),
        ({"sort": "size"}, "sort must be one of newest, oldest, longest, shortest, name, best."),
        (
            {"status": "asleep"},
            "status must be one of recording, pending, transcribing, done, failed, off; it may be repeated.",
        ),
        ({"shortest_ms": "-1"}, "shortest_ms must be a whole number from 0 to 2147483647."),
        ({"tag": " "}, "tag: a tag needs at least one visible character."),
        ({"tag": "x" * 51}, "tag: a tag can have at most 50 characters; this one has 51."),
        ({"tag": [f"{n}" for n in range(21)]}, "At most 20 tags can be asked for at once."),
        ({"q": "a" * 1001}, "q can have at most 1,000 characters."),
    ],
    ids=lambda value: str(value)[:20],
)  # fmt: skip
async def test_an_invalid_filter_is_refused_with_a_sentence(
    client: httpx.AsyncClient, params: dict[str, Any], sentence: str
) -> None:
    assert assert_problem(await client.get("/api/clips", params=params), 400, "bad-request") == sentence


# -- tags ----------------------------------------------------------------------------------------------------------


async def test_tags_are_set_counted_and_taken_away(client: httpx.AsyncClient, engine: Engine) -> None:
    one, two = await put_clip(client, "one", 1), await put_clip(client, "two", 2)
    url = f"/api/clips/{one['id']}"
    tagged = (await client.patch(url, json={"tags": [" Zoo ", "e\u0301te\u0301", "zoo"]})).json()
    assert (tagged["tags"], tagged["version"]) == (["Zoo", "été"], 2)
    same = (await client.patch(url, json={"tags": ["été", "Zoo"]})).json()
    assert same["version"] == 2, "what changes nothing is no new version"
    await client.patch(f"/api/clips/{two['id']}", json={"tags": ["Zoo"]})
    assert (await client.get("/api/tags")).json() == {
        "tags": [{"name": "Zoo", "clips": 2}, {"name": "été", "clips": 1}]
    }
    assert await listed(client, q="ete") == ["one"]
    await client.delete(f"/api/clips/{two['id']}")
    assert (await client.get("/api/tags")).json()["tags"][0]["clips"] == 1
    assert (await client.patch(url, json={"tags": ["été"], "name": "uno"})).json()["name"] == "uno"
    assert (await client.get("/api/tags")).json() == {"tags": [{"name": "été", "clips": 1}]}
    stale = await client.patch(url, json={"tags": []}, headers={"If-Match": '"2"'})
    assert_problem(stale, 412, "stale")
    assert (await client.patch(url, json={"tags": []})).json()["tags"] == []
    assert (await client.get("/api/tags")).json() == {"tags": []}


@pytest.mark.parametrize(
    ("tags", "sentence"),
    [
        (["\u200b"], "tags: a tag needs at least one visible character."),
        (["a\tb"], "tags: a tag cannot hold control characters or half characters (lone surrogates)."),
        (["x" * 51], "tags: a tag can have at most 50 characters; this one has 51."),
        ([f"{number}" for number in range(21)], "tags: a clip can have at most 20 tags; these are 21."),
    ],
    ids=lambda value: str(value)[:20],
)
async def test_an_invalid_tag_is_refused_with_a_sentence(
    client: httpx.AsyncClient, tags: list[str], sentence: str
) -> None:
    url = f"/api/clips/{(await put_clip(client))['id']}"
    assert assert_problem(await client.patch(url, json={"tags": tags}), 400, "bad-request") == sentence


async def test_a_clip_says_whether_somebody_has_edited_its_words(client: httpx.AsyncClient, engine: Engine) -> None:
    clip = await put_clip(client)
    assert clip["edited"] is False
    edited = (await client.patch(f"/api/clips/{clip['id']}", json={"text": "By hand."})).json()
    assert edited["edited"] is True
    assert (await client.get("/api/clips")).json()["clips"][0] == edited
