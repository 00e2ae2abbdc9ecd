"""Cuts on a live API, with a worker that the test plays: what is shown, what stays, and that each cut can be undone."""

import asyncio
import io
import uuid
import zipfile
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from sqlmodel import select

from shared.clips.gaps import new_gap
from shared.clips.models import Clip
from shared.clips.renditions import Form
from shared.clips.waveform import Waveform
from shared.db.engine import transaction
from shared.transcripts.models import Transcript
from tests.recordings import recording
from tests.services.api.clips.test_renditions import FETCH, MADE, Worker, assert_making, worker
from tests.services.api.clips.test_routes import assert_problem, put_clip

__all__ = ["worker"]

WORDS = ["One", "two", "three", "four.", "Five", "six", "seven.", "Eight", "nine", "ten."]
TEXT = " ".join(WORDS)
SOUND_MS = 10_000


def hear(worker: Worker, id: str, words: list[str] = WORDS) -> None:
    """Finish the clip as the worker would: each word takes a second."""
    timed = [{"text": word, "start_ms": 1000 * at, "end_ms": 1000 * at + 1000} for at, word in enumerate(words)]
    passage = {"start_ms": 0, "end_ms": 1000 * len(words), "text": " ".join(words), "words": timed}
    with transaction(worker.engine) as session:
        clip = session.get_one(Clip, uuid.UUID(id))
        now = datetime.now(UTC)
        if clip.prepared_at is None:
            clip.prepared_at, clip.duration_ms = now, SOUND_MS
            session.merge(Waveform(clip_id=clip.id, peaks=[*range(100)]))
        session.add(
            clip.finish_transcription(
                text=" ".join(words), language="en", recognizer="test", passages=[passage], duration_ms=None, now=now
            )
        )


@pytest.fixture
async def clip(client: httpx.AsyncClient, worker: Worker) -> dict[str, Any]:
    clip = await put_clip(client, "Minutes", number=70)
    hear(worker, clip["id"])
    return clip


@pytest.fixture
def url(clip: dict[str, Any]) -> str:
    return f"/api/clips/{clip['id']}"


async def cut(client: httpx.AsyncClient, url: str, *cuts: tuple[int, int], **headers: str) -> dict[str, Any]:
    response = await client.put(f"{url}/cuts", json={"cuts": cuts}, headers=headers)
    assert response.status_code == 200, response.text
    clip: dict[str, Any] = response.json()
    return clip


async def transcript(client: httpx.AsyncClient, url: str, form: str = "json") -> Any:
    response = await client.get(f"{url}/transcript.{form}")
    return response.json() if form == "json" else response.text


async def test_everything_that_is_shown_is_on_the_clock_of_what_remains(
    client: httpx.AsyncClient, worker: Worker, clip: dict[str, Any], url: str
) -> None:
    gaps = [new_gap(ms, 500, "muted") for ms in (500, 2_500, 9_000)]
    worker.change(clip["id"], lambda row: setattr(row, "gaps", gaps))
    before = (await client.get(url)).json()
    shown = await cut(client, url, (1_000, 3_000), (0, 1_000), (7_000, 8_000))
    assert shown["version"] == before["version"] + 1
    assert shown["cuts"] == [[0, 3_000], [7_000, 8_000]]
    assert (shown["duration_ms"], shown["text"]) == (6_000, "four. Five six seven. nine ten.")
    assert [gap["at_ms"] for gap in shown["gaps"]] == [5_000]
    assert shown["has_true_clock"] is False, "a page of an older release plays the rendition"
    words = [(word["text"], word["start_ms"]) for word in (await transcript(client, url))["words"]]
    assert words == [(word, 1000 * at) for at, word in enumerate(["four.", "Five", "six", "seven.", "nine", "ten."])]
    assert "00:00:00.000 --> 00:00:06.000\nfour. Five" in await transcript(client, url, "vtt")
    assert "three" not in await transcript(client, url, "md")
    waveform = (await client.get(f"{url}/waveform")).json()
    assert waveform == {"duration_ms": 6_000, "peaks": [*range(30, 70), *range(80, 100)]}
    found = (await client.get("/api/clips", params={"q": "nine"})).json()
    assert found["found"][clip["id"]]["passages"][0]["at_ms"] == 4_000
    assert (await client.get("/api/clips", params={"q": "two"})).json()["clips"] == []
    assert await cut(client, url) | {"version": 0, "updated_at": ""} == before | {"version": 0, "updated_at": ""}
    assert (await transcript(client, url))["text"] == TEXT


async def test_the_sound_of_a_cut_clip_is_made_without_the_cuts_and_the_original_stays(
    client: httpx.AsyncClient, worker: Worker, clip: dict[str, Any], url: str
) -> None:
    await cut(client, url, (0, 3_000))
    assert [each.form for each in worker.renditions(clip["id"])] == ["cut-m4a"]
    for query in ("", "?as=m4a"):
        assert_making(await client.get(f"{url}/audio{query}", headers=FETCH))
    for query in ("?as=original", "?download"):
        assert (await client.get(f"{url}/audio{query}", headers=FETCH)).content == recording(70)
    key = worker.make(clip["id"], Form.CUT_M4A)
    for query in ("", "?as=m4a", "?as=m4a&download"):
        assert (await client.get(f"{url}/audio{query}", headers=FETCH)).content == MADE
    assert_making(await client.get(f"{url}/audio?as=mp3", headers=FETCH), "mp3")
    assert_problem(await client.get(f"{url}/audio?as=cut-m4a"), 400, "bad-request")
    await cut(client, url, (0, 3_000))
    assert (await client.get(f"{url}/audio", headers=FETCH)).content == MADE, "the same cuts again change nothing"
    await cut(client, url, (0, 4_000))
    assert_making(await client.get(f"{url}/audio", headers=FETCH))
    assert not [each for each in worker.store.list_objects(f"home/{clip['id']}") if each.key == key]
    await cut(client, url)
    assert (await client.get(f"{url}/audio", headers=FETCH)).content == recording(70)
    assert worker.renditions(clip["id"]) == []


async def test_words_are_lost_in_no_order_of_cuts_edits_and_hearing_again(
    client: httpx.AsyncClient, worker: Worker, clip: dict[str, Any], url: str
) -> None:
    await cut(client, url, (1_000, 3_000))
    edited = await client.patch(url, json={"text": "ONE four. Five and six seven. Eight nine ten."})
    assert edited.json()["text"] == "ONE four. Five and six seven. Eight nine ten."
    assert (await cut(client, url, (4_000, 7_000)))["text"] == "ONE two three four. Eight nine ten."
    hear(worker, clip["id"], [word.upper() for word in WORDS])
    assert (await client.get(url)).json()["text"] == "ONE two three four. Eight nine ten.", "a person's words stay"
    assert (await cut(client, url))["text"] == "ONE two three four. Five and six seven. Eight nine ten."
    revisions = (await client.get(f"{url}/revisions")).json()["revisions"]
    assert [(each["source"], each["current"]) for each in revisions] == [
        ("machine", False), ("person", True), ("machine", False),
    ]  # fmt: skip
    await cut(client, url, (0, 7_000))
    first = f"{url}/revisions/{revisions[-1]['id']}"
    assert (await client.get(first)).json()["text"] == "Eight nine ten."
    assert (await client.post(f"{first}/restore")).json()["text"] == "Eight nine ten."
    assert (await cut(client, url))["text"] == TEXT


async def test_a_cut_clip_that_is_heard_again_hides_the_new_words_too(
    client: httpx.AsyncClient, worker: Worker, clip: dict[str, Any], url: str
) -> None:
    await cut(client, url, (1_000, 10_000))
    hear(worker, clip["id"], [word.upper() for word in WORDS])
    shown = (await client.get(url)).json()
    assert (shown["text"], shown["duration_ms"]) == ("ONE", 1_000)
    assert (await cut(client, url))["text"] == TEXT.upper()


async def test_an_older_release_that_writes_a_cut_clip_loses_nothing(
    client: httpx.AsyncClient, worker: Worker, clip: dict[str, Any], url: str
) -> None:
    await cut(client, url, (1_000, 3_000))
    worker.change(clip["id"], lambda row: setattr(row, "text", "Heard AGAIN by an older worker."))
    assert (await cut(client, url, (1_000, 2_000)))["cuts"] == [[1_000, 2_000]]
    assert (await cut(client, url))["text"] == "Heard AGAIN by an older worker."
    worker.change(clip["id"], lambda row: setattr(row, "text", TEXT))
    await cut(client, url, (1_000, 3_000))

    def edit(row: Clip) -> None:
        row.text, row.edited_at = "One FOUR. Five six seven. Eight nine ten.", datetime.now(UTC)

    worker.change(clip["id"], edit)
    assert (await cut(client, url))["text"] == "One two three FOUR. Five six seven. Eight nine ten."


async def test_two_people_cut_at_once_and_the_second_is_told(client: httpx.AsyncClient, url: str) -> None:
    etag = (await client.get(url)).headers["ETag"]
    answers = await asyncio.gather(
        *(
            client.put(f"{url}/cuts", json={"cuts": [[0, ms]]}, headers={"If-Match": etag})
            for ms in (1_000, 2_000, 3_000)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412]
    [done] = [answer.json() for answer in answers if answer.status_code == 200]
    assert (await client.get(url)).json()["cuts"] == done["cuts"]


async def test_a_clip_that_cannot_be_cut_says_why(client: httpx.AsyncClient, url: str) -> None:
    waiting = await put_clip(client, "Later", number=71)
    answer = await client.put(f"/api/clips/{waiting['id']}/cuts", json={"cuts": [[0, 10]]})
    assert "can be cut once it is" in assert_problem(answer, 409, "not-ready")
    for cuts, words in (
        ([[0, 9_950]], "at least 0.1 seconds of the clip must remain"),
        ([[-1, 5]], "greater than or equal to 0"),
        ([[0, 5, 7]], "cuts.0"),
        ([[0, 2**31]], "less than or equal to"),
        ([[10 * at, 10 * at + 5] for at in range(501)], "at most 500 cuts"),
        ([[0, 1]] * 1_001, "at most 1000 items"),
    ):
        answer = await client.put(f"{url}/cuts", json={"cuts": cuts})
        assert words in assert_problem(answer, 400, "bad-request"), cuts
    assert (await cut(client, url, (5_000, 5_000), (9_000, 99_000)))["cuts"] == [[9_000, 10_000]]
    await client.delete(url)
    assert_problem(await client.put(f"{url}/cuts", json={"cuts": []}), 409, "in-bin")


async def test_markers_stay_where_they_were_set(client: httpx.AsyncClient, clip: dict[str, Any], url: str) -> None:
    async def mark(id: str, at_ms: int) -> list[tuple[str, int]]:
        new = {"id": id, "at_ms": at_ms, "text": f"{id}mark"}
        return shown((await client.patch(url, json={"markers": {"set": [new]}})).json())

    def shown(clip: dict[str, Any]) -> list[tuple[str, int]]:
        return [(marker["id"], marker["at_ms"]) for marker in clip["markers"]]

    await mark("early", 500)
    await mark("hidden", 2_000)
    assert shown(await cut(client, url, (1_000, 3_000))) == [("early", 500)]
    assert await mark("late", 4_000) == [("early", 500), ("late", 4_000)]
    assert (await client.get("/api/clips", params={"q": "hiddenmark"})).json()["clips"] == []
    found = (await client.get("/api/clips", params={"q": "latemark"})).json()["found"][clip["id"]]["passages"]
    assert [passage["at_ms"] for passage in found] == [4_000]
    assert "hidden" not in await transcript(client, url, "md")
    assert shown(await cut(client, url)) == [("early", 500), ("hidden", 2_000), ("late", 6_000)]


async def test_revisions_keep_the_whole_text(
    client: httpx.AsyncClient, worker: Worker, clip: dict[str, Any], url: str
) -> None:
    await cut(client, url, (1_000, 3_000))
    await client.patch(url, json={"text": "One four."})
    with transaction(worker.engine) as session:
        of_clip = select(Transcript.text).where(Transcript.clip_id == uuid.UUID(clip["id"]))
        assert sorted(session.exec(of_clip)) == ["One two three four.", TEXT]


async def test_an_export_has_the_whole_sound_and_an_import_the_cuts(
    client: httpx.AsyncClient, clip: dict[str, Any], url: str
) -> None:
    await cut(client, url, (1_000, 3_000))
    await client.patch(url, json={"text": "ONE four. Five six seven. Eight nine ten."})
    exported = await client.get("/api/library.zip", params={"id": clip["id"]})
    new_id = str(uuid.uuid4())
    again = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(exported.content)) as old, zipfile.ZipFile(again, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace(clip["id"].encode(), new_id.encode()))
            if name.endswith(".webm"):
                assert old.read(name) == recording(70)
            if name.endswith("transcript.txt"):
                assert old.read(name).decode() == "ONE four. Five six seven. Eight nine ten.\n"
    headers = {"Content-Type": "application/zip"}
    answer = await client.post("/api/library", content=again.getvalue(), headers=headers)
    assert answer.json()["taken"] == 1, answer.text
    imported = (await client.get(f"/api/clips/{new_id}")).json()
    shown = (await client.get(url)).json()
    for name in ("cuts", "text", "duration_ms", "gaps", "has_true_clock"):
        assert imported[name] == shown[name]
    assert (await cut(client, f"/api/clips/{new_id}"))["text"] == "ONE two three four. Five six seven. Eight nine ten."
