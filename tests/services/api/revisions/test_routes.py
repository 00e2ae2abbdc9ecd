"""The revisions of a clip's words on a live API: one for each sitting, listed, read and restored; none is lost."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine
from sqlmodel import Session, col, select, update

from shared.clips.models import Clip
from shared.db.engine import transaction
from shared.outbox.writer import save_and_announce
from shared.redis.jobs import TRANSCRIBE
from shared.transcripts.models import Source, Transcript
from shared.transcripts.retention import MAX_REVISIONS
from shared.transcripts.sittings import MAX_PAUSE
from tests.services.api.clips.test_routes import assert_problem, put_clip
from tests.services.api.search.test_filters import engine

__all__ = ["engine"]  # a fixture

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


async def save(client: httpx.AsyncClient, url: str, text: str, sitting: uuid.UUID | None = None, **headers: str) -> int:
    """Save a text; the clip's version after it."""
    named = {"Sitting": str(sitting)} if sitting else {}
    response = await client.patch(url, json={"text": text}, headers={**headers, **named})
    assert response.status_code == 200, response.text
    version: int = response.json()["version"]
    return version


async def listed(client: httpx.AsyncClient, url: str) -> list[dict[str, Any]]:
    """The revisions, oldest first."""
    response = await client.get(f"{url}/revisions")
    assert response.status_code == 200, response.text
    revisions: list[dict[str, Any]] = response.json()["revisions"]
    return revisions[::-1]


async def texts(client: httpx.AsyncClient, url: str) -> list[str]:
    """The words of all revisions, oldest first."""
    return [
        (await client.get(f"{url}/revisions/{revision['id']}")).json()["text"] for revision in await listed(client, url)
    ]


def hear(engine: Engine, id: str, text: str) -> None:
    """A machine's transcript, with what a worker uses."""
    with transaction(engine) as session:
        clip = session.get_one(Clip, uuid.UUID(id))
        clip.prepared_at = NOW
        if clip.claim(TRANSCRIBE, NOW, timedelta(minutes=1)) is None:
            clip.request_transcription(NOW)
            clip.claim(TRANSCRIBE, NOW, timedelta(minutes=1))
        heard = [{"start_ms": 0, "end_ms": 900, "text": text, "words": [{"start_ms": 0, "end_ms": 900, "text": text}]}]
        session.add(
            clip.finish_transcription(
                text=text, language="en", recognizer="ear", passages=heard, duration_ms=900, now=NOW
            )
        )
        save_and_announce(session, clip, now=NOW)


@pytest.fixture
async def clip(client: httpx.AsyncClient, engine: Engine) -> dict[str, Any]:
    """A clip that a machine has heard."""
    clip = await put_clip(client)
    hear(engine, clip["id"], "as heard")
    return clip


@pytest.fixture
def url(clip: dict[str, Any]) -> str:
    return f"/api/clips/{clip['id']}"


@pytest.mark.parametrize("sitting", [uuid.uuid4(), None], ids=["named", "unnamed"])
async def test_the_saves_of_one_sitting_are_one_revision(
    client: httpx.AsyncClient, url: str, sitting: uuid.UUID | None
) -> None:
    written = ""
    version = (await client.get(url)).json()["version"]
    for number in range(30):
        written += f"word{number} "
        saved = await save(client, url, written, sitting, **{"If-Match": f'"{version}"'})
        assert saved == version + 1, "each save is a version that others see"
        version = saved
    assert await texts(client, url) == ["as heard", written]
    machine, person = await listed(client, url)
    assert (machine["source"], machine["recognizer"], machine["current"]) == ("machine", "ear", False)
    assert (person["source"], person["recognizer"], person["current"]) == ("person", None, True)
    assert person["chars"] == len(written)
    assert person["created_at"] < person["saved_at"]
    assert (await client.get(url)).json()["text"] == written


async def test_a_pause_ends_a_sitting(client: httpx.AsyncClient, engine: Engine, url: str) -> None:
    await save(client, url, "in the morning")
    with transaction(engine) as session:
        earlier = datetime.now(UTC) - MAX_PAUSE
        session.exec(update(Transcript).where(col(Transcript.source) == Source.PERSON).values(saved_at=earlier))
    await save(client, url, "in the evening")
    assert await texts(client, url) == ["as heard", "in the morning", "in the evening"]


async def test_a_sitting_never_swallows_what_another_person_wrote(client: httpx.AsyncClient, url: str) -> None:
    """Two devices take turns: each turn that stands on the other's words is a revision of its own."""
    mine, yours = uuid.uuid4(), uuid.uuid4()
    await save(client, url, "mine", mine)
    await save(client, url, "mine too", mine)
    await save(client, url, "yours", yours)
    await save(client, url, "yours too", yours)
    await save(client, url, "mine again", mine)
    await save(client, url, "nobody's", None)
    assert await texts(client, url) == ["as heard", "mine too", "yours too", "mine again", "nobody's"]


async def test_two_devices_at_once_lose_none_of_their_last_words(client: httpx.AsyncClient, url: str) -> None:
    """With If-Match, as the page does it: what was acknowledged last by each stands in a revision."""
    last: dict[uuid.UUID, str] = {}

    async def edit(sitting: uuid.UUID) -> None:
        for number in range(12):
            while True:
                version = (await client.get(url)).json()["version"]
                text = f"{sitting} wrote {number}"
                answer = await client.patch(
                    url, json={"text": text}, headers={"If-Match": f'"{version}"', "Sitting": str(sitting)}
                )
                if answer.status_code == 200:
                    last[sitting] = text
                    break
                assert_problem(answer, 412, "stale")

    await asyncio.gather(*(edit(uuid.uuid4()) for _ in range(3)))
    kept = await texts(client, url)
    assert set(last.values()) <= set(kept)
    assert kept[0] == "as heard"


async def test_a_machine_that_hears_in_the_middle_of_a_sitting_divides_it(
    client: httpx.AsyncClient, engine: Engine, clip: dict[str, Any], url: str
) -> None:
    sitting = uuid.uuid4()
    await save(client, url, "before", sitting)
    hear(engine, clip["id"], "heard anew")
    await save(client, url, "after", sitting)
    await save(client, url, "after all", sitting)
    assert await texts(client, url) == ["as heard", "before", "heard anew", "after all"]
    assert (await client.get(url)).json()["text"] == "after all"


async def test_a_text_that_is_cleared_by_mistake_is_found_again(client: httpx.AsyncClient, url: str) -> None:
    sitting = uuid.uuid4()
    long = " ".join(f"word{number}" for number in range(300))
    await save(client, url, long, sitting)
    await save(client, url, "x", sitting)
    await save(client, url, "x y", sitting)
    assert await texts(client, url) == ["as heard", long, "x y"]


async def test_a_release_without_sittings_beside_this_one_loses_nothing(
    client: httpx.AsyncClient, engine: Engine, clip: dict[str, Any], url: str
) -> None:
    """It inserts a row for each save, and knows nothing of the new columns."""
    await save(client, url, "new code")
    with transaction(engine) as session:
        row = session.get_one(Clip, uuid.UUID(clip["id"]))
        session.add(row.edit("old code", datetime.now(UTC)))
        save_and_announce(session, row, now=datetime.now(UTC))
    await save(client, url, "new code again")
    assert await texts(client, url) == ["as heard", "new code", "old code", "new code again"]


async def test_a_text_without_a_revision_gets_one_before_it_is_changed(
    client: httpx.AsyncClient, engine: Engine
) -> None:
    clip = await put_clip(client)
    with transaction(engine) as session:
        session.get_one(Clip, uuid.UUID(clip["id"])).text = "from an archive"
    url = f"/api/clips/{clip['id']}"
    await save(client, url, "changed")
    assert await texts(client, url) == ["from an archive", "changed"]


# -- restoring -----------------------------------------------------------------------------------------------------


async def test_a_restored_revision_is_a_new_one_and_nothing_is_lost(client: httpx.AsyncClient, url: str) -> None:
    await save(client, url, "corrected")
    machine, person = await listed(client, url)
    version = (await client.get(url)).json()["version"]
    restored = await client.post(f"{url}/revisions/{machine['id']}/restore", headers={"If-Match": f'"{version}"'})
    assert restored.status_code == 200
    assert restored.headers["ETag"] == f'"{version + 1}"'
    assert (restored.json()["text"], restored.json()["edited"]) == ("as heard", True)
    again = await client.post(f"{url}/revisions/{machine['id']}/restore")
    assert (again.status_code, again.json()) == (200, restored.json()), "repeating it changes nothing"
    assert await texts(client, url) == ["as heard", "corrected", "as heard"]
    assert [revision["current"] for revision in await listed(client, url)] == [False, False, True]
    # What is typed from here on is a sitting of its own, and the restored words stay.
    await save(client, url, "as heard, and more")
    await client.post(f"{url}/revisions/{person['id']}/restore")
    assert await texts(client, url) == ["as heard", "corrected", "as heard", "as heard, and more", "corrected"]
    words = (await client.get(f"{url}/transcript.json")).json()
    assert words["text"] == "corrected"
    assert (await client.get("/api/clips", params={"q": "corrected"})).json()["clips"][0]["text"] == "corrected"


async def test_restoring_is_refused_where_it_would_surprise(client: httpx.AsyncClient, url: str) -> None:
    machine, *_ = await listed(client, url)
    await save(client, url, "corrected")
    stale = await client.post(f"{url}/revisions/{machine['id']}/restore", headers={"If-Match": '"1"'})
    assert_problem(stale, 412, "stale")
    other = f"/api/clips/{(await put_clip(client, 'Other', 1))['id']}"
    for path in (
        f"{url}/revisions/0",
        f"{url}/revisions/x",
        f"{url}/revisions/{'9' * 30}",
        f"{other}/revisions/{machine['id']}",
    ):
        assert_problem(await client.get(path), 404, "not-found")
        assert_problem(await client.post(f"{path}/restore"), 404, "not-found")
    assert_problem(await client.get(f"/api/clips/{uuid.uuid4()}/revisions"), 404, "not-found")
    assert (await client.get(f"{other}/revisions")).json() == {"revisions": []}
    assert (await client.get(url)).json()["text"] == "corrected"


async def test_a_sitting_is_named_by_a_uuid(client: httpx.AsyncClient, url: str) -> None:
    answer = await client.patch(url, json={"text": "a"}, headers={"Sitting": "me"})
    assert "Sitting" in assert_problem(answer, 400, "bad-request")


# -- the bound -----------------------------------------------------------------------------------------------------


async def test_a_clip_keeps_a_bounded_number_of_revisions(
    client: httpx.AsyncClient, engine: Engine, clip: dict[str, Any], url: str
) -> None:
    with transaction(engine) as session:
        for number in range(300):
            at = datetime.now(UTC) - timedelta(hours=300 - number)
            session.add(
                Transcript(clip_id=uuid.UUID(clip["id"]), source=Source.PERSON, text=f"{number}", created_at=at)
            )
    await save(client, url, "now")
    kept = await texts(client, url)
    assert len(kept) == MAX_REVISIONS
    assert (kept[0], kept[-2:]) == ("as heard", ["299", "now"])
    with Session(engine) as session:
        assert len(session.exec(select(Transcript.id)).all()) == MAX_REVISIONS
