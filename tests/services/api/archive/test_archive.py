"""A library is exported as a zip and imported elsewhere, unchanged; other people's zips do no harm."""

import asyncio
import contextlib
import hashlib
import io
import json
import shutil
import subprocess
import time
import uuid
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.api.archive.entry_names import FolderNames, safe_stem
from services.api.archive.manifest import DESCRIPTION, MANIFEST
from services.api.archive.zip_reader import InvalidClip, open_zip, read_blocks
from services.api.http.errors import Problem
from tests.conftest import Parts, StartStack
from tests.recordings import WEBM_HEAD
from tests.servers.seaweedfs import SeaweedFS
from tests.servers.stack import Stack
from tests.services.api.clips.test_routes import assert_problem
from tests.services.transcriber import files
from tests.tus import BODY, DEFERRED, metadata

WORDS_S = 60

SOUND = WEBM_HEAD + bytes(range(256)) * 4
"""Bytes that the api accepts as audio, and that no decoder can read."""
FIELDS_THAT_DIFFER = {"version", "updated_at"}


async def fill_library(stack: Stack) -> list[str]:
    """A library with a bit of everything; ids of the clips that are not in the bin."""
    ids = [str(uuid.uuid4()) for _ in range(5)]
    spoken, edited, broken, binned, running = ids
    async with httpx.AsyncClient(base_url=stack.api_url, timeout=30) as api:
        for id, name in ((spoken, "Norland: draft / 1?"), (edited, "Çedilla"), (binned, "Away")):
            (await api.put(f"/api/clips/{id}", params={"name": name}, content=files.webm())).raise_for_status()
        junk = await api.put(f"/api/clips/{broken}", params={"name": "CON"}, content=SOUND)
        junk.raise_for_status()
        await all_settled(api)
        words = {"text": "Mine — “all” of <it>.\n\nTwice.", "tags": ["Äpfel", "b"], "language": None}
        noted = {"starred": True, "notes": "Ask *Ada*.", "markers": {"set": [{"id": "a", "at_ms": 500, "text": "½"}]}}
        (await api.patch(f"/api/clips/{edited}", json=words | noted)).raise_for_status()
        (await api.patch(f"/api/clips/{broken}", json={"notes": "Nothing is heard."})).raise_for_status()
        (await api.delete(f"/api/clips/{binned}")).raise_for_status()
        about = {"clip_id": running, "name": "Still speaking", "segment": "0"}
        begun = await api.post("/api/uploads", headers={**DEFERRED, "Upload-Metadata": metadata(**about)})
        begun.raise_for_status()
        for offset in (0, 100):
            sent = await api.patch(
                begun.headers["Location"], headers={**BODY, "Upload-Offset": str(offset)}, content=files.webm()[:100]
            )
            sent.raise_for_status()
    return [spoken, edited, broken, running]


async def all_settled(api: httpx.AsyncClient) -> None:
    async with asyncio.timeout(WORDS_S):
        while any(clip["status"] not in {"done", "failed"} for clip in (await listed(api)).values()):
            await asyncio.sleep(0.2)


async def listed(api: httpx.AsyncClient) -> dict[str, dict[str, Any]]:
    return {clip["id"]: clip for clip in (await api.get("/api/clips")).json()["clips"]}


async def exported(stack: Stack, **query: Any) -> bytes:
    async with httpx.AsyncClient(base_url=stack.api_url, timeout=60) as api:
        response = await api.get("/api/library.zip", params=query)
        response.raise_for_status()
        return response.content


async def imported(stack: Stack, archive: bytes) -> dict[str, Any]:
    async with httpx.AsyncClient(base_url=stack.api_url, timeout=60) as api:
        response = await api.post("/api/library", content=archive)
        response.raise_for_status()
        taken: dict[str, Any] = response.json()
        return taken


def entries(archive: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def unversioned(response: httpx.Response) -> Any:
    """The body; JSON without the version, which an import begins anew."""
    if response.headers["Content-Type"] != "application/json":
        return response.content
    return {name: value for name, value in response.json().items() if name not in FIELDS_THAT_DIFFER}


@pytest.mark.parametrize("outward", [True, False])
async def test_an_exported_library_is_imported_unchanged(
    local_parts: Parts, server_parts: Parts, start_stack: StartStack, tmp_path: Path, outward: bool
) -> None:
    """From a laptop to the servers, and the other way: byte for byte of audio, and all that is said of it."""
    first, second = (local_parts, server_parts) if outward else (server_parts, local_parts)
    old = start_stack(first)
    ids = await fill_library(old)
    archive = await exported(old)
    new = start_stack(second, "api")
    assert await imported(new, archive) == {"taken": 4, "known": 0, "refused": []}

    async with httpx.AsyncClient(base_url=old.api_url) as there, httpx.AsyncClient(base_url=new.api_url) as here:
        before, after = await listed(there), await listed(here)
        assert set(before) == set(after) == set(ids)
        for id in ids[:3]:
            different = {name for name in before[id] if before[id][name] != after[id][name]}
            assert different <= FIELDS_THAT_DIFFER, (id, before[id], after[id])
            for path in ("audio", "waveform", "transcript.json", "transcript.srt"):
                plain = {"Sec-Fetch-Dest": "empty"}  # from a bucket, too, without a redirect
                was = await there.get(f"/api/clips/{id}/{path}", headers=plain)
                now = await here.get(f"/api/clips/{id}/{path}", headers=plain)
                assert (was.status_code, unversioned(was)) == (now.status_code, unversioned(now)), path
        # What somebody still spoke is finished with what had come.
        assert after[ids[3]]["status"] == "pending"
    again = entries(await exported(new))
    kept = {name: content for name, content in entries(archive).items() if name != MANIFEST}
    assert set(kept) | {MANIFEST} == set(again)
    for name, content in kept.items():
        if not name.endswith(DESCRIPTION) or "Still speaking" not in name:
            assert again[name] == content, name
    assert await imported(new, archive) == {"taken": 0, "known": 4, "refused": []}


async def test_other_programs_read_the_zip(local_parts: Parts, start_stack: StartStack, tmp_path: Path) -> None:
    stack = start_stack(local_parts)
    [spoken, *_] = await fill_library(stack)
    file = tmp_path / "library.zip"
    file.write_bytes(await exported(stack))
    if shutil.which("unzip"):
        subprocess.run(["unzip", "-tqq", file], check=True)  # noqa: ASYNC221 - nothing else runs meanwhile
    with zipfile.ZipFile(file) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert names[-1] == MANIFEST
        assert json.loads(archive.read(MANIFEST))["clips"] == 4
        [folder] = [name.rpartition("/")[0] for name in names if name.endswith("Norland- draft - 1-/clip.json")]
        inside = {name.rpartition("/")[2] for name in names if name.startswith(f"{folder}/")}
        assert inside == {"audio.webm", "clip.json", "transcript.txt", "transcript.srt", "transcript.md"}
        assert archive.read(f"{folder}/audio.webm") == files.webm()
        [running] = [name for name in names if "Still speaking/original-0" in name]
        assert archive.read(running) == 2 * files.webm()[:100]
        markdown = archive.read(f"{folder}/transcript.md").decode()
        assert markdown.startswith("# Norland: draft / 1?\n\n")
        assert "\n[0:00] " in markdown
    one = entries(await exported(stack, id=[spoken]))
    assert sum(name.endswith(DESCRIPTION) for name in one) == 1


async def test_exporting_unknown_clips_is_refused(local_parts: Parts, start_stack: StartStack) -> None:
    stack = start_stack(local_parts, "api")
    async with httpx.AsyncClient(base_url=stack.api_url) as api:
        unknown = await api.get("/api/library.zip", params={"id": str(uuid.uuid4())})
        assert assert_problem(unknown, 404, "not-found")
        assert assert_problem(await api.get("/api/library.zip", params={"id": "me"}), 400, "bad-request")
        many = await api.get("/api/library.zip", params={"id": [str(uuid.uuid4()) for _ in range(351)]})
        assert assert_problem(many, 400, "bad-request")
    assert set(entries(await exported(stack))) == {MANIFEST}


# -- what others make ------------------------------------------------------------------------------------------------


def rewritten(archive: bytes, change: Callable[[str, bytes], bytes | None], method: int = zipfile.ZIP_STORED) -> bytes:
    """The same zip with other contents; None leaves an entry out."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archived:
        for name, content in entries(archive).items():
            if (changed := change(name, content)) is not None:
                archived.writestr(name, changed)
    return out.getvalue()


def described(archive: bytes, **said: Any) -> bytes:
    """The same zip whose clips say something else."""
    return rewritten(
        archive,
        lambda name, content: (
            json.dumps({**json.loads(content), **said}).encode() if name.endswith(DESCRIPTION) else content
        ),
    )


@pytest.fixture(scope="module")
def one() -> bytes:
    """A zip with one clip, made by hand."""
    sound = {"mime": "audio/webm", "bytes": len(SOUND), "sha256": hashlib.sha256(SOUND).hexdigest()}
    at = datetime(2026, 1, 2, tzinfo=UTC).isoformat()
    about = {
        "id": str(uuid.uuid4()), "name": "One", "created_at": at, "duration_ms": 1000, "segments": 1, "gaps": [],
        "status": "done", "text": "One.", "edited_at": None, "language": "en", "language_set": None,
        "recognizer": "a", "error": None, "tags": [], "prepared": True, "audio": {**sound, "file": "audio.webm"},
        "originals": [], "peaks": [1, 2], "revisions": [],
    }  # fmt: skip
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("One/audio.webm", SOUND)
        archive.writestr(f"One/{DESCRIPTION}", json.dumps(about))
        manifest = {"format": "dictaphone library", "version": 1, "clips": 1, "made_at": at}
        archive.writestr(MANIFEST, json.dumps(manifest))
    return out.getvalue()


INVALID_ZIPS: dict[str, Callable[[bytes], bytes]] = {
    "no zip": lambda _: b"RIFF" + bytes(400),
    "cut off": lambda one: one[:-30],
    "another zip": lambda one: rewritten(one, lambda name, content: content if name != MANIFEST else None),
    "a later version": lambda one: rewritten(
        one, lambda name, content: content.replace(b'"version": 1', b'"version": 2') if name == MANIFEST else content
    ),
    "a bomb": lambda one: rewritten(
        one, lambda name, content: bytes(200_000_000) if name.endswith("webm") else content, zipfile.ZIP_DEFLATED
    ),
}


@pytest.mark.parametrize("kind", INVALID_ZIPS)
async def test_a_zip_that_is_not_a_library_is_refused(
    local_parts: Parts, start_stack: StartStack, one: bytes, kind: str
) -> None:
    stack = start_stack(local_parts, "api")
    async with httpx.AsyncClient(base_url=stack.api_url) as api:
        answer = await api.post("/api/library", content=INVALID_ZIPS[kind](one))
        assert assert_problem(answer, 422, "bad-library")
        assert await listed(api) == {}
        assert assert_problem(await api.post("/api/library", content=b""), 400, "empty-audio")


INVALID_CLIPS: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "other bytes": (
        lambda one: rewritten(one, lambda name, content: content[:-1] + b"!" if name.endswith("webm") else content),
        "SHA-256",
    ),
    "fewer bytes": (
        lambda one: rewritten(one, lambda name, content: content[:-1] if name.endswith("webm") else content),
        "another length",
    ),
    "no sound": (
        lambda one: rewritten(one, lambda name, content: None if name.endswith("webm") else content),
        "missing",
    ),
    "a path": (
        lambda one: described(one, audio={"file": "../x", "mime": "a", "bytes": 1, "sha256": "0" * 64}),
        "folder",
    ),
    "no name": (lambda one: described(one, name=""), "visible"),
    "a number for a name": (lambda one: described(one, name=1), "name"),
    "a wild length": (lambda one: described(one, duration_ms=-1), "duration_ms"),
    "a wild status": (lambda one: described(one, status="It feels well today."), "status"),
    "nothing to hear": (lambda one: described(one, audio=None), "no sound"),
    "no JSON": (
        lambda one: rewritten(one, lambda name, content: b"{" if name.endswith(DESCRIPTION) else content),
        "no JSON",
    ),
    "damage": (lambda one: one.replace(SOUND[200:300], bytes(100), 1), "damaged"),
}


@pytest.mark.parametrize("kind", INVALID_CLIPS)
async def test_an_invalid_clip_is_refused_and_leaves_nothing(
    local_parts: Parts, start_stack: StartStack, one: bytes, kind: str
) -> None:
    stack = start_stack(local_parts, "api")
    make, because = INVALID_CLIPS[kind]
    taken = await imported(stack, make(one))
    assert (taken["taken"], taken["known"]) == (0, 0)
    [refusal] = taken["refused"]
    assert because in refusal["detail"], refusal
    async with httpx.AsyncClient(base_url=stack.api_url) as api:
        assert await listed(api) == {}
    audio = Path(local_parts["DATA_DIR"]) / "audio"
    assert [path for path in audio.rglob("*") if path.is_file()] == []
    assert (await imported(stack, one))["taken"] == 1


async def test_known_clips_are_never_overwritten(local_parts: Parts, start_stack: StartStack, one: bytes) -> None:
    stack = start_stack(local_parts, "api")
    assert (await imported(stack, one))["taken"] == 1
    [id] = [json.loads(content)["id"] for name, content in entries(one).items() if name.endswith(DESCRIPTION)]
    async with httpx.AsyncClient(base_url=stack.api_url) as api:
        (await api.delete(f"/api/clips/{id}")).raise_for_status()
    [refusal] = (await imported(stack, one))["refused"]
    assert "in the bin" in refusal["detail"]
    [refusal] = (
        await imported(stack, described(one, audio={"file": "x", "mime": "a", "bytes": 1, "sha256": "0" * 64}))
    )["refused"]
    assert "other sound" in refusal["detail"]


async def test_kill_9_half_way_leaves_whole_clips_and_the_next_try_goes_on(
    local_parts: Parts, start_stack: StartStack, one: bytes
) -> None:
    clips = 200
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for number in range(clips):
            for name, content in entries(one).items():
                said = json.loads(content) if name.endswith(DESCRIPTION) else {}
                another = json.dumps({**said, "id": str(uuid.uuid4()), "name": f"{number}"}).encode()
                if name != MANIFEST or number == clips - 1:
                    archive.writestr(name.replace("One/", f"{number}/"), another if said else content)
    stack = start_stack(local_parts, "api")

    async def count() -> int:
        async with httpx.AsyncClient(base_url=stack.api_url) as api:
            return len((await api.get("/api/clips", params={"limit": 200})).json()["clips"])

    sending = asyncio.ensure_future(imported(stack, out.getvalue()))
    async with asyncio.timeout(30):
        while not 3 < await count() < clips:
            await asyncio.sleep(0.01)
    stack.kill("api")
    with pytest.raises(httpx.TransportError):
        await sending
    stack.start("api")
    had = await count()
    assert 3 < had < clips
    assert await imported(stack, out.getvalue()) == {"taken": clips - had, "known": had, "refused": []}
    async with httpx.AsyncClient(base_url=stack.api_url) as api:
        for id in await listed(api):
            assert (await api.get(f"/api/clips/{id}/audio")).content == SOUND


# -- much in little --------------------------------------------------------------------------------------------------


def with_description(archive: bytes, description: bytes, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """The same zip with another text for each description."""
    return rewritten(archive, lambda name, content: description if name.endswith(DESCRIPTION) else content, method)


SMALL_ZIPS: dict[str, bytes] = {
    "gaps": b'{"gaps": [' + b'{"at_ms": 0, "length_ms": 0, "cause": "lost"},' * 1_200_000 + b"1]}",
    "words": b'{"revisions": [{"passages": [{"words": ['
    + b'{"start_ms":0,"end_ms":0,"text":""},' * 1_500_000
    + b"1]}]}]}",
}


@pytest.mark.parametrize("kind", SMALL_ZIPS)
async def test_a_small_zip_takes_nothing_from_the_others(
    local_parts: Parts, start_stack: StartStack, one: bytes, kind: str
) -> None:
    archive = with_description(one, SMALL_ZIPS[kind])
    assert len(archive) < 400_000
    stack = start_stack(local_parts, "api")
    process = psutil.Process(stack.pid("api"))
    before = process.memory_info().rss
    importing = asyncio.ensure_future(imported(stack, archive))
    slowest_s, max_bytes = 0.0, 0
    async with httpx.AsyncClient(base_url=stack.api_url, timeout=60) as api:
        while not importing.done():
            started = time.monotonic()
            (await api.get("/healthz")).raise_for_status()
            slowest_s = max(slowest_s, time.monotonic() - started)
            max_bytes = max(max_bytes, process.memory_info().rss)
            await asyncio.sleep(0.005)
    [refusal] = (await importing)["refused"]
    assert refusal["name"] == "One"
    assert slowest_s < 1, "seconds: a tenth on a machine that does nothing else"
    assert max_bytes - before < 150_000_000


async def test_imports_wait_for_each_other_and_recordings_for_none_of_them(
    local_parts: Parts, start_stack: StartStack, one: bytes
) -> None:
    archive = with_description(one, SMALL_ZIPS["words"])
    stack = start_stack(local_parts, "api")
    async with httpx.AsyncClient(base_url=stack.api_url, timeout=60) as api:
        importing = [asyncio.ensure_future(imported(stack, archive)) for _ in range(6)]
        await asyncio.sleep(0.5)
        started = time.monotonic()
        put = await api.put(f"/api/clips/{uuid.uuid4()}", params={"name": "Spoken"}, content=SOUND)
        assert put.status_code == 201
        assert time.monotonic() - started < 3
        # Who waits no more keeps no thread: the server can be stopped at once.
        for each in importing:
            each.cancel()
        await asyncio.gather(*importing, return_exceptions=True)


BAD_VALUES: dict[str, Any] = {
    "recognizer": "a\0b",
    "language": "e\0",
    "error": "\0" * 5,
    "created_at": "0001-01-01T00:00:00+14:00",
    "edited_at": "9999-12-31T23:59:59-14:00",
    "duration_ms": 2**31,
    "segments": 2**40,
    "peaks": [256],
    "gaps": [{"at_ms": 0, "length_ms": 0, "cause": 7}],
    "text": "\0words",
    "revisions": [
        {"attempt": 2**40, "source": "machine", "text": "", "language": None, "recognizer": None, "passages": None,
         "created_at": "2026-01-02T00:00:00Z"}
    ],
}  # fmt: skip


async def test_one_bad_value_costs_its_own_clip_only(parts: Parts, start_stack: StartStack, one: bytes) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        about = json.loads(entries(one)[f"One/{DESCRIPTION}"])
        for number, (name, value) in enumerate([*BAD_VALUES.items(), ("name", "Good")]):
            archive.writestr(f"{number}/audio.webm", SOUND)
            described_as = {**about, "id": str(uuid.uuid4()), name: value}
            archive.writestr(f"{number}/{DESCRIPTION}", json.dumps(described_as))
        archive.writestr(MANIFEST, entries(one)[MANIFEST])
    stack = start_stack(parts, "api")
    result = await imported(stack, out.getvalue())
    assert result["taken"] + len(result["refused"]) == len(BAD_VALUES) + 1
    assert {refusal["name"] for refusal in result["refused"]} == {
        str(number)
        for number, name in enumerate(BAD_VALUES)
        if name not in {"recognizer", "language", "error", "text"}  # the character is left out
    }
    async with httpx.AsyncClient(base_url=stack.api_url) as api:
        assert "Good" in {clip["name"] for clip in (await listed(api)).values()}


@given(st.data())
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_zip_that_was_torn_anywhere_is_answered_with_a_sentence(one: bytes, data: st.DataObject) -> None:
    """Cut off, with a hole, or with other bytes: never an exception that no route expects."""
    torn = bytearray(one)
    at = data.draw(st.integers(0, len(torn) - 1))
    length = data.draw(st.integers(1, 200))
    torn[at : at + length] = data.draw(st.binary(max_size=200))
    with contextlib.suppress(Problem):
        file = io.BytesIO(bytes(torn))
        with open_zip(file, len(torn)) as archive:
            for entry in archive.infolist():
                with contextlib.suppress(InvalidClip):
                    for _ in read_blocks(archive, entry):
                        pass


async def test_an_export_that_breaks_off_is_one_line_in_the_log(
    server_parts: Parts, start_stack: StartStack, seaweedfs: SeaweedFS
) -> None:
    stack = start_stack(server_parts, "api")
    async with httpx.AsyncClient(base_url=stack.api_url, timeout=60) as api:
        for number in range(40):
            put = await api.put(f"/api/clips/{uuid.uuid4()}", params={"name": f"{number}"}, content=SOUND * 400)
            put.raise_for_status()

        async def export() -> None:
            async with api.stream("GET", "/api/library.zip") as response:
                assert response.status_code == 200
                async for _ in response.aiter_raw(1_000):
                    if seaweedfs.is_running():
                        seaweedfs.kill()

        with pytest.raises(httpx.RemoteProtocolError):
            await export()
        assert (await api.get("/healthz")).status_code == 200
    written = stack.log("api")
    assert "answer broken off" in written
    assert "Traceback" not in written
    assert "exception" not in written.lower().replace("answer broken off", "")


# -- names -----------------------------------------------------------------------------------------------------------


@given(st.lists(st.text(max_size=300), min_size=1, max_size=20))
def test_folder_names_are_valid_on_every_system_and_unique(names: list[str]) -> None:
    folders, at = FolderNames(), datetime(2026, 1, 2, tzinfo=UTC)
    made = [folders.assign(name, at) for name in names]
    assert len({name.casefold() for name in made}) == len(names)
    for name in made:
        assert not set(name) & set('\\/:*?"<>|\0')
        assert name == name.strip(". ")
        name.encode()


def test_reserved_names_are_not_used() -> None:
    assert [safe_stem(name) for name in ("CON", "lpt1.x", "console", "...", "")] == [
        "-CON",
        "-lpt1.x",
        "console",
        "clip",
        "clip",
    ]
