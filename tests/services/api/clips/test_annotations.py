"""What people note beside a clip: star, notes, markers; and whose name it has."""

import asyncio
import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine

from shared.clips.markers import MAX_MARKERS, MAX_NOTES_CHARS
from shared.clips.models import Clip, Status
from shared.db.engine import transaction
from shared.outbox.writer import save_and_announce
from shared.redis.jobs import TRANSCRIBE
from tests.conftest import Parts
from tests.recordings import recording
from tests.services.api.clips.test_routes import WEBM, assert_problem, put_clip
from tests.shared.conftest import engine_at
from tests.tus import BODY, DEFERRED, metadata


@pytest.fixture
def engine(module_parts: Parts) -> Iterator[Engine]:
    engine = engine_at(module_parts["DATABASE_URL"])
    yield engine
    engine.dispose()


def marker(id: str, at_ms: int, text: str = "") -> dict[str, Any]:
    return {"id": id, "at_ms": at_ms, "text": text}


async def patch(client: httpx.AsyncClient, clip: dict[str, Any], **changes: Any) -> dict[str, Any]:
    response = await client.patch(f"/api/clips/{clip['id']}", json=changes)
    assert response.status_code == 200, response.text
    changed: dict[str, Any] = response.json()
    return changed


async def test_a_star_and_notes_stay_and_are_the_same_when_repeated(client: httpx.AsyncClient) -> None:
    clip = await put_clip(client)
    assert (clip["starred"], clip["notes"], clip["markers"]) == (False, "", [])
    changed = await patch(client, clip, starred=True, notes="Call Ada.\n- plans\0")
    assert (changed["starred"], changed["notes"]) == (True, "Call Ada.\n- plans")
    assert await patch(client, clip, starred=True, notes="Call Ada.\n- plans") == changed
    assert (await client.get(f"/api/clips/{clip['id']}")).json() == changed
    assert (await patch(client, clip, starred=False))["starred"] is False
    long = await client.patch(f"/api/clips/{clip['id']}", json={"notes": "a" * (MAX_NOTES_CHARS + 1)})
    assert "notes" in assert_problem(long, 400, "bad-request")


async def test_markers_of_two_people_both_stay(client: httpx.AsyncClient) -> None:
    clip = await put_clip(client)
    await asyncio.gather(
        patch(client, clip, markers={"set": [marker("b", 2000, "budget")]}),
        patch(client, clip, markers={"set": [marker("a", 1000, "Ada")], "remove": ["nobody"]}),
    )
    changed = await patch(client, clip, markers={"set": [marker("b", 500, "earlier")]})
    assert changed["markers"] == [marker("b", 500, "earlier"), marker("a", 1000, "Ada")]
    assert await patch(client, clip, markers={"set": [marker("b", 500, "earlier")]}) == changed, "nothing has changed"
    assert (await patch(client, clip, markers={"remove": ["b"]}))["markers"] == [marker("a", 1000, "Ada")]


@pytest.mark.parametrize(
    "bad",
    [marker("", 0), marker("a b", 0), marker("a", -1), marker("a", 2**31), marker("a", 0, "x" * 201), {"id": "a"}],
)
async def test_a_marker_that_is_none_is_refused(client: httpx.AsyncClient, bad: dict[str, Any]) -> None:
    clip = await put_clip(client)
    response = await client.patch(f"/api/clips/{clip['id']}", json={"markers": {"set": [bad]}})
    assert "markers" in assert_problem(response, 400, "bad-request")


async def test_more_markers_than_a_clip_can_have_are_refused(client: httpx.AsyncClient) -> None:
    clip = await put_clip(client)
    await patch(client, clip, markers={"set": [marker(str(number), number) for number in range(MAX_MARKERS)]})
    response = await client.patch(f"/api/clips/{clip['id']}", json={"markers": {"set": [marker("one-more", 0)]}})
    assert "at most 500 markers" in assert_problem(response, 400, "bad-request")
    await patch(client, clip, markers={"set": [marker("one-more", 0)], "remove": ["7"]})


# -- whose name it is ----------------------------------------------------------------------------------------------


def give_words(engine: Engine, id: str, words: str) -> None:
    """Transcribe a clip as a worker does."""
    with transaction(engine) as session:
        clip = session.exec(Clip.by_id("home", uuid.UUID(id)).with_for_update()).one()
        now = datetime.now(UTC)
        clip.status, clip.prepared_at, clip.lease_until = Status.PENDING, now, None
        assert clip.claim(TRANSCRIBE, now, timedelta(minutes=1))
        passages = [{"start_ms": 0, "end_ms": 1000, "text": words, "words": []}]
        session.add(
            clip.finish_transcription(
                text=words, language="en", recognizer="test", passages=passages, duration_ms=1000, now=now
            )
        )
        save_and_announce(session, clip, now=now)


async def test_words_give_a_title_to_a_clip_that_nobody_named(client: httpx.AsyncClient, engine: Engine) -> None:
    clip = await put_clip(client, "Recording 7", name_origin="default")
    assert clip["name_origin"] == "default"
    give_words(engine, clip["id"], "Okay. So, the budget for next year is done. Good.")
    named = (await client.get(f"/api/clips/{clip['id']}")).json()
    assert (named["name"], named["name_origin"]) == ("The budget for next year is done", "words")
    assert (await patch(client, clip, name="Recording 7", name_origin="default"))["name"] == named["name"]
    mine = await patch(client, clip, name="Recording 7")
    assert (mine["name"], mine["name_origin"]) == ("Recording 7", "person"), "edited back by a person"
    give_words(engine, clip["id"], "Something else was heard this time.")
    after = (await client.get(f"/api/clips/{clip['id']}")).json()
    assert (after["name"], after["name_origin"]) == ("Recording 7", "person")
    assert (await patch(client, clip, name="By default", name_origin="default"))["name"] == "Recording 7"


async def test_a_name_that_was_given_counts_as_typed(client: httpx.AsyncClient, engine: Engine) -> None:
    clip = await put_clip(client, "letter.webm")
    assert clip["name_origin"] == "person"
    give_words(engine, clip["id"], "The budget for next year is done.")
    assert (await client.get(f"/api/clips/{clip['id']}")).json()["name"] == "letter.webm"
    alone = await client.patch(f"/api/clips/{clip['id']}", json={"name_origin": "default"})
    assert "no name" in assert_problem(alone, 400, "bad-request")


async def test_a_rename_while_the_words_come_stands_in_both_orders(client: httpx.AsyncClient, engine: Engine) -> None:
    for number in range(4):
        clip = await put_clip(client, f"Recording {number}", name_origin="default")
        words = asyncio.to_thread(give_words, engine, clip["id"], "The budget for next year is done.")
        await asyncio.gather(words, patch(client, clip, name="Mine"))
        named = (await client.get(f"/api/clips/{clip['id']}")).json()
        assert (named["name"], named["name_origin"], named["status"]) == ("Mine", "person", "done")


@pytest.mark.parametrize(
    ("said", "origin"),
    [
        ({"name": "Talk"}, "person"),
        ({"name": "Recording 1", "name_origin": "default"}, "default"),
        ({"name": "Talk", "name_origin": "of-a-newer-page"}, "person"),
        ({"filename": "talk.webm"}, "person"),
        ({}, "default"),
    ],
)
async def test_an_upload_says_whose_its_name_is(client: httpx.AsyncClient, said: dict[str, str], origin: str) -> None:
    id = uuid.uuid4()
    recorded = metadata(clip_id=str(id), segment="0", filetype="audio/webm", **said)
    await client.post("/api/uploads", headers={**DEFERRED, "Upload-Metadata": recorded})
    assert (await client.get(f"/api/clips/{id}")).json()["name_origin"] == origin
    id, content = uuid.uuid4(), recording()
    of_file = metadata(clip_id=str(id), filetype="audio/webm", **said)
    headers = {**BODY, "Upload-Length": str(len(content)), "Upload-Metadata": of_file}
    response = await client.post("/api/uploads", headers=headers, content=content)
    assert response.status_code == 201, response.text
    assert (await client.get(f"/api/clips/{id}")).json()["name_origin"] == origin


# -- where they are read -------------------------------------------------------------------------------------------


async def test_exports_carry_what_was_noted(client: httpx.AsyncClient, engine: Engine) -> None:
    clip = await put_clip(client, "Talk")
    await patch(client, clip, starred=True, notes="Call *Ada*.", markers={"set": [marker("a", 61_000, "the budget")]})
    url = f"/api/clips/{clip['id']}/transcript"
    empty = await client.get(f"{url}.json")
    assert empty.status_code == 200, "the page asks for it before there are words"
    assert {**empty.json()}.items() >= {"text": "", "words": [], "notes": "Call *Ada*.", "starred": True}.items()
    assert_problem(await client.get(f"{url}.txt"), 404, "no-transcript")
    assert_problem(await client.get(f"/api/clips/{uuid.uuid4()}/transcript.json"), 404, "not-found")
    give_words(engine, clip["id"], "Good morning.")
    heard = (await client.get(f"{url}.json")).json()
    assert heard["markers"] == [marker("a", 61_000, "the budget")]
    assert heard["version"] == (await client.get(f"/api/clips/{clip['id']}")).json()["version"]
    lines = (await client.get(f"{url}.md")).text.split("\n")
    assert lines[2].startswith("★ · ")
    assert r"- [1:01] the budget" in lines
    assert r"Call \*Ada\*." in lines


async def test_json_that_is_not_of_a_change_says_where(client: httpx.AsyncClient) -> None:
    clip = await put_clip(client)
    response = await client.patch(
        f"/api/clips/{clip['id']}",
        content=json.dumps({"markers": {"unset": []}}),
        headers={"Content-Type": WEBM["Content-Type"]},
    )
    assert "markers" in assert_problem(response, 400, "bad-request")
