"""Split and join on a live API, with a worker that the test plays: nothing is lost, and no object is shared."""

import asyncio
import uuid
from typing import Any

import httpx
import pytest

from shared.clips.gaps import new_gap
from shared.clips.models import Clip, Status
from shared.db.engine import transaction
from shared.libraries import HOME
from shared.storage.keys import AudioKey, Kind
from shared.uploads.models import Piece
from tests.recordings import recording
from tests.services.api.clips.test_cut_routes import TEXT, cut, hear, transcript
from tests.services.api.clips.test_renditions import FETCH, Worker, worker
from tests.services.api.clips.test_routes import assert_problem, put_clip

__all__ = ["worker"]


@pytest.fixture
async def clip(client: httpx.AsyncClient, worker: Worker) -> dict[str, Any]:
    clip = await put_clip(client, "Talk.caf", number=80)
    hear(worker, clip["id"])
    url = f"/api/clips/{clip['id']}"
    marks = [{"id": f"m{ms}", "at_ms": ms, "text": str(ms)} for ms in (500, 5_000)]
    await client.patch(url, json={"tags": ["a"], "markers": {"set": marks}})
    worker.change(clip["id"], lambda row: setattr(row, "gaps", [new_gap(ms, 100, "muted") for ms in (2_500, 6_000)]))
    shown: dict[str, Any] = (await client.get(url)).json()
    return shown


@pytest.fixture
def url(clip: dict[str, Any]) -> str:
    return f"/api/clips/{clip['id']}"


async def split(client: httpx.AsyncClient, url: str, at_ms: int, id: str, **more: Any) -> httpx.Response:
    return await client.post(f"{url}/split", json={"id": id, "at_ms": at_ms, **more})


def keys(worker: Worker, id: str) -> set[str]:
    return {stored.key for stored in worker.store.list_objects(f"{HOME}/{id}")}


# -- split ---------------------------------------------------------------------------------------------------------


async def test_both_parts_have_what_is_theirs_and_all_comes_back(
    client: httpx.AsyncClient, worker: Worker, clip: dict[str, Any], url: str
) -> None:
    id = str(uuid.uuid4())
    answer = await split(client, url, 4_000, id)
    assert answer.status_code == 201, answer.text
    first, second = answer.json()["clips"]
    assert (first["id"], second["id"]) == (clip["id"], id)
    assert (first["text"], second["text"]) == ("One two three four.", "Five six seven. Eight nine ten.")
    assert (first["duration_ms"], second["duration_ms"]) == (4_000, 6_000)
    assert (first["cuts"], second["cuts"]) == ([[4_000, 10_000]], [[0, 4_000]])
    assert [[gap["at_ms"] for gap in each["gaps"]] for each in (first, second)] == [[2_500], [2_000]]
    assert [[mark["at_ms"] for mark in each["markers"]] for each in (first, second)] == [[500], [1_000]]
    assert (second["name"], second["tags"], second["status"]) == ("Talk (2)", ["a"], "done")
    assert second["created_at"] > first["created_at"]
    assert [each["text_chars"] for each in (first, second)] == [len(each["text"]) for each in (first, second)]
    other = f"/api/clips/{id}"
    assert [word["start_ms"] for word in (await transcript(client, other))["words"]] == [*range(0, 6_000, 1_000)]
    assert (await client.get(f"{other}/waveform")).json()["peaks"] == [*range(40, 100)]
    again = await split(client, url, 4_000, id)
    assert (again.status_code, again.json()["clips"]) == (200, [first, second]), "the same split again changes nothing"
    assert len(keys(worker, id)) == 1
    await client.delete(other)
    assert (await cut(client, url))["text"] == TEXT
    await client.post(f"{other}/restore")
    assert (await cut(client, other))["text"] == TEXT


async def test_no_object_is_shared(client: httpx.AsyncClient, worker: Worker, url: str, clip: dict[str, Any]) -> None:
    """Deleting either for good leaves the other's sound."""
    id = str(uuid.uuid4())
    await split(client, url, 4_000, id)
    assert keys(worker, id)
    assert not keys(worker, id) & keys(worker, clip["id"])
    worker.store.delete_all(keys(worker, clip["id"]))
    assert (await client.get(f"/api/clips/{id}/audio?as=original", headers=FETCH)).content == recording(80)
    [key] = keys(worker, id)
    parsed = AudioKey.parse(key)
    assert parsed is not None
    assert (parsed.kind, parsed.clip_id) == (Kind.FILE, uuid.UUID(id)), "it is found again if its row is lost"


async def test_a_cut_and_edited_clip_is_split_where_it_is_seen_and_keeps_hidden_words(
    client: httpx.AsyncClient, url: str
) -> None:
    await cut(client, url, (1_000, 3_000))
    await client.patch(url, json={"text": "ONE four. Five six seven. Eight nine TEN."})
    id = str(uuid.uuid4())
    first, second = (await split(client, url, 3_000, id, name="Rest")).json()["clips"]
    assert (first["text"], second["text"]) == ("ONE four. Five", "six seven. Eight nine TEN.")
    assert second["name"] == "Rest"
    for part in (url, f"/api/clips/{id}"):
        assert (await cut(client, part))["text"] == "ONE two three four. Five six seven. Eight nine TEN."


async def test_a_split_that_leaves_nothing_on_one_side_is_refused(
    client: httpx.AsyncClient, worker: Worker, url: str, clip: dict[str, Any]
) -> None:
    for at_ms in (50, 9_950, 10_000, 99_000):
        answer = await split(client, url, at_ms, str(uuid.uuid4()))
        assert "sound is on both sides" in assert_problem(answer, 400, "bad-request")
    assert_problem(await split(client, url, 0, str(uuid.uuid4())), 400, "bad-request")
    assert_problem(await split(client, url, 5_000, clip["id"]), 409, "id-taken")
    stale = await client.post(
        f"{url}/split", json={"id": str(uuid.uuid4()), "at_ms": 5_000}, headers={"If-Match": '"1"'}
    )
    assert_problem(stale, 412, "stale")
    assert (await client.get(url)).json() == clip


async def test_the_same_split_many_times_at_once_is_one(client: httpx.AsyncClient, worker: Worker, url: str) -> None:
    id = str(uuid.uuid4())
    answers = await asyncio.gather(*(split(client, url, 4_000, id) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200] * 4 + [201]
    assert len(keys(worker, id)) == 1, "the losers have taken away their own bytes only"


# -- join ----------------------------------------------------------------------------------------------------------


async def join(client: httpx.AsyncClient, ids: list[str], id: str = "", **more: Any) -> httpx.Response:
    return await client.post("/api/clips/join", json={"ids": ids, "id": id or str(uuid.uuid4()), **more})


async def test_a_joined_clip_has_what_all_have_one_after_another(
    client: httpx.AsyncClient, worker: Worker, clip: dict[str, Any], url: str
) -> None:
    other = await put_clip(client, "Other", number=81)
    hear(worker, other["id"], ["eleven", "twelve."])
    await client.patch(f"/api/clips/{other['id']}", json={"tags": ["b"], "notes": "Noted."})
    await cut(client, url, (1_000, 3_000))
    id = str(uuid.uuid4())
    answer = await join(client, [clip["id"], other["id"]], id)
    assert answer.status_code == 201, answer.text
    joined = answer.json()
    assert joined["text"] == "One four. Five six seven. Eight nine ten.\n\neleven twelve."
    assert (joined["status"], joined["duration_ms"], joined["cuts"]) == ("pending", 18_000, [[1_000, 3_000]])
    assert (joined["name"], joined["tags"], joined["notes"]) == ("Talk.caf", ["a", "b"], "Noted.")
    assert [gap["at_ms"] for gap in joined["gaps"]] == [4_000]
    assert [marker["at_ms"] for marker in joined["markers"]] == [500, 3_000]
    words = {word["text"]: word["start_ms"] for word in (await transcript(client, f"/api/clips/{id}"))["words"]}
    assert (words["ten."], words["eleven"], words["twelve."]) == (7_000, 8_000, 9_000)
    assert (await join(client, [clip["id"], other["id"]], id)).json() == joined
    with transaction(worker.engine) as session:
        pieces = [(upload.segment, piece) for upload, piece in session.exec(Piece.of_clip(HOME, uuid.UUID(id)))]
    assert [segment for segment, _ in pieces] == [0, 1]
    assert {piece.key for _, piece in pieces} == keys(worker, id)
    assert [b"".join(worker.store.read(piece.key)) for _, piece in pieces] == [recording(80), recording(81)]
    for source in (url, f"/api/clips/{other['id']}"):
        assert (await client.get(source)).json()["deleted_at"] is None


async def test_what_cannot_be_joined_says_why(client: httpx.AsyncClient, worker: Worker, clip: dict[str, Any]) -> None:
    waiting = await put_clip(client, "Later", number=82)
    nobody = str(uuid.uuid4())
    for ids, status, slug, words in (
        ([clip["id"]], 400, "bad-request", "at least 2 items"),
        ([nobody] * 21, 400, "bad-request", "at most 20 items"),
        ([clip["id"]] * 2, 400, "bad-request", "each clip is joined once"),
        ([clip["id"], nobody], 404, "not-found", nobody),
        ([clip["id"], waiting["id"]], 409, "not-ready", "'Later' is not measured; it can be joined once it is"),
    ):
        assert words in assert_problem(await join(client, ids), status, slug)
    hear(worker, waiting["id"])
    assert_problem(await join(client, [clip["id"], waiting["id"]], waiting["id"]), 409, "id-taken")
    worker.change(waiting["id"], lambda row: setattr(row, "status", Status.RECORDING))
    assert_problem(await join(client, [clip["id"], waiting["id"]]), 409, "recording")


async def test_no_tag_is_left_out_of_a_joined_clip(
    client: httpx.AsyncClient, worker: Worker, clip: dict[str, Any], url: str
) -> None:
    other = await put_clip(client, "Other", number=88)
    hear(worker, other["id"])
    await client.patch(url, json={"tags": [f"a{at}" for at in range(11)]})
    await client.patch(f"/api/clips/{other['id']}", json={"tags": ["A0", *(f"b{at}" for at in range(10))]})
    answer = await join(client, [clip["id"], other["id"]])
    assert "Together they have 21 tags; a clip can have at most 20." in assert_problem(answer, 400, "bad-request")
    await client.patch(url, json={"tags": [f"a{at}" for at in range(10)]})
    joined = (await join(client, [clip["id"], other["id"]])).json()
    assert len(joined["tags"]) == 20
    assert "a0" in joined["tags"]


async def test_words_that_are_still_to_come_are_waited_for(
    client: httpx.AsyncClient, worker: Worker, clip: dict[str, Any]
) -> None:
    """A joined clip with words is not heard again: words that came later would never be in it."""
    waiting = await put_clip(client, "Later", number=83)
    hear(worker, waiting["id"])

    def unhear(row: Clip) -> None:
        row.status, row.text = Status.TRANSCRIBING, None

    worker.change(waiting["id"], unhear)
    answer = await join(client, [clip["id"], waiting["id"]])
    assert "The words of 'Later' are not there yet" in assert_problem(answer, 409, "not-ready")
    worker.change(waiting["id"], lambda row: setattr(row, "status", Status.FAILED))
    joined = await join(client, [clip["id"], waiting["id"]])
    assert (joined.status_code, joined.json()["text"]) == (201, TEXT), "no words will come"


async def test_a_second_part_is_never_another_clip(client: httpx.AsyncClient, worker: Worker) -> None:
    """Clips whose pieces are not joined yet have no SHA-256, and so the same one."""
    ids = [(await put_clip(client, name, number=number))["id"] for name, number in (("One", 84), ("Two", 85))]
    for id in ids:
        worker.change(id, lambda row: setattr(row, "sha256", ""))
    assert_problem(await split(client, f"/api/clips/{ids[0]}", 1_000, ids[1]), 409, "id-taken")
    for id in ids:
        worker.change(id, lambda row: setattr(row, "sha256", "86" * 32))
    assert_problem(await split(client, f"/api/clips/{ids[0]}", 1_000, ids[1]), 409, "id-taken")


async def test_markers_of_a_joined_clip_have_ids_of_their_own(
    client: httpx.AsyncClient, worker: Worker, clip: dict[str, Any], url: str
) -> None:
    long = "m" * 63
    marks = [{"id": f"{long}{end}", "at_ms": 100, "text": end} for end in "ab"]
    await client.patch(url, json={"markers": {"set": marks}})
    other = await put_clip(client, "Other", number=87)
    hear(worker, other["id"])
    joined = (await join(client, [clip["id"], other["id"]])).json()
    ids = [marker["id"] for marker in joined["markers"]]
    assert len(ids) == len(set(ids)) == 4
    assert max(map(len, ids)) <= 64
