"""Unmodified tus clients, tus-js-client from npm and tuspy from PyPI, against a live API: the uploaded clip plays."""

import asyncio
import contextlib
import io
import random
import uuid
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from tusclient.client import TusClient
from tusclient.exceptions import TusCommunicationError, TusUploadFailed
from tusclient.storage.filestorage import FileStorage
from tusclient.uploader.uploader import Uploader

from tests.node import NodeClient, has_node, node_client
from tests.servers.stack import Stack
from tests.services.api.clips.test_routes import assert_problem
from tests.tus import SPOKEN, Upload

CHUNK = 300_000
SOUND = random.Random(3).randbytes(1_000_000)
"""Four chunks, the last one shorter."""

NAME = "Besprechung mit Zoë, 日本語 🎙.webm"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "sound.webm"
    path.write_bytes(SOUND)
    return path


@pytest.fixture
def new_upload(client: httpx.AsyncClient, api: Stack) -> Upload:
    """The upload that the client will create; its URL is set once the client has reported it."""
    return Upload(client, "", str(uuid.uuid4()))


def said(upload: Upload) -> dict[str, str]:
    """The metadata that such clients send, and the id that lets a test find the clip."""
    return {"clip_id": upload.clip_id, "filename": NAME, "filetype": "audio/webm"}


async def assert_complete(upload: Upload) -> None:
    clip = await upload.clip()
    assert (clip["name"], clip["mime"], clip["bytes"]) == (NAME, "audio/webm", len(SOUND))
    assert await upload.heard() == SOUND


async def append_elsewhere(upload: Upload) -> None:
    """Append a chunk as if the client's request had arrived and its answer had been lost."""
    await upload.sent(CHUNK, SOUND[CHUNK : 2 * CHUNK])


# -- tus-js-client -------------------------------------------------------------------------------------------------


def tus_js(api: Stack, path: Path, upload: Upload, **wish: Any) -> AbstractAsyncContextManager[NodeClient]:
    options = {"chunkSize": CHUNK, "metadata": said(upload)} | wish.pop("options", {})
    return node_client("tus-client.js", path=str(path), endpoint=f"{api.api_url}/api/uploads", options=options, **wish)


@has_node
@pytest.mark.parametrize(
    "wish",
    [
        {"options": {"chunkSize": len(SOUND)}},
        {},
        {"options": {"uploadDataDuringCreation": True}},
        {"options": {"overridePatchMethod": True}},
        {"deferred": True},
    ],
    ids=["in one", "in chunks", "from the creation on", "without PATCH", "of unknown length"],
)
async def test_tus_js_client_sends_a_whole_file(
    api: Stack, path: Path, new_upload: Upload, wish: dict[str, Any]
) -> None:
    async with tus_js(api, path, new_upload, **wish) as client:
        told = await client.told()
    assert told.get("error") is None, told
    await assert_complete(new_upload)


@has_node
@pytest.mark.parametrize("deferred", [False, True], ids=["of known length", "of unknown length"])
async def test_tus_js_client_goes_on_where_another_run_of_it_was_stopped(
    api: Stack, path: Path, new_upload: Upload, *, deferred: bool
) -> None:
    # The library resumes streams by their address alone: it cannot recognise one.
    storage = {} if deferred else {"storage": str(path.with_name("urls.json"))}
    async with tus_js(api, path, new_upload, stop=True, **storage) as client:
        url = (await client.told())["url"]
    new_upload.url = url
    assert await new_upload.offset() == CHUNK
    again = {"options": {"uploadUrl": url}} if deferred else storage
    async with tus_js(api, path, new_upload, **again) as client:
        told = await client.told()
    assert (told["url"], told.get("error")) == (url, None)
    await assert_complete(new_upload)


@has_node
async def test_tus_js_client_that_finds_another_offset_goes_on_from_there(
    api: Stack, path: Path, new_upload: Upload
) -> None:
    async with tus_js(api, path, new_upload, hold=True, options={"retryDelays": [0]}) as client:
        new_upload.url = (await client.told())["url"]
        await append_elsewhere(new_upload)
        client.tell()
        assert (await client.told()).get("error") is None
    await assert_complete(new_upload)


@has_node
async def test_tus_js_client_outlives_a_kill_9_of_the_api(api: Stack, path: Path, new_upload: Upload) -> None:
    delays = {"retryDelays": [50] * 200}
    async with tus_js(api, path, new_upload, hold=True, options=delays) as client:
        await client.told()
        await asyncio.to_thread(api.kill, "api")
        client.tell()
        await asyncio.sleep(0.2)
        await asyncio.to_thread(api.start, "api")
        assert (await client.told()).get("error") is None
    await assert_complete(new_upload)


@has_node
async def test_what_tus_js_client_gave_up_is_gone(api: Stack, path: Path, new_upload: Upload) -> None:
    async with tus_js(api, path, new_upload, terminate=True) as client:
        new_upload.url = (await client.told())["url"]
    assert_problem(await new_upload.patch(CHUNK, SOUND[CHUNK:]), 410, "gone")
    async with tus_js(api, path, new_upload, options={"uploadUrl": new_upload.url, "endpoint": None}) as client:
        assert (await client.told())["error"]["status"] == 410


@has_node
async def test_tus_js_client_is_told_that_parts_are_not_joined_here(api: Stack, path: Path, new_upload: Upload) -> None:
    async with tus_js(api, path, new_upload, options={"parallelUploads": 2}) as client:
        error = (await client.told())["error"]
    assert error["status"] == 400
    assert "one piece after the other" in error["text"]


# -- tuspy ---------------------------------------------------------------------------------------------------------


def tuspy(api: Stack, upload: Upload, **options: Any) -> Uploader:
    source = {} if "file_path" in options else {"file_stream": io.BytesIO(SOUND)}
    return TusClient(f"{api.api_url}/api/uploads").uploader(
        chunk_size=CHUNK, metadata=said(upload), **{"retry_delay": 0, **source, **options}
    )


@pytest.mark.parametrize("upload_checksum", [False, True], ids=["as it is", "with checksums"])
async def test_tuspy_sends_a_whole_file(api: Stack, new_upload: Upload, *, upload_checksum: bool) -> None:
    await asyncio.to_thread(tuspy(api, new_upload, upload_checksum=upload_checksum).upload)
    await assert_complete(new_upload)


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # tuspy leaves that to the collector
async def test_tuspy_goes_on_where_another_run_of_it_was_stopped(api: Stack, path: Path, new_upload: Upload) -> None:
    with contextlib.closing(FileStorage(str(path.with_name("urls.json")))) as storage:  # type: ignore[no-untyped-call]
        options = {"file_path": str(path), "store_url": True, "url_storage": storage}
        first = await asyncio.to_thread(tuspy, api, new_upload, **options)
        await asyncio.to_thread(first.upload, stop_at=2 * CHUNK)
        second = await asyncio.to_thread(tuspy, api, new_upload, **options)
    assert (second.url, second.offset) == (first.url, 2 * CHUNK)
    await asyncio.to_thread(second.upload)
    await assert_complete(new_upload)


async def test_tuspy_that_finds_another_offset_goes_on_from_there(api: Stack, new_upload: Upload) -> None:
    uploader = tuspy(api, new_upload, retries=1)
    await asyncio.to_thread(uploader.upload_chunk)
    new_upload.url = str(uploader.url)
    await append_elsewhere(new_upload)
    await asyncio.to_thread(uploader.upload)
    await assert_complete(new_upload)


async def test_tuspy_is_told_that_its_offset_is_wrong(api: Stack, new_upload: Upload) -> None:
    uploader = tuspy(api, new_upload)
    await asyncio.to_thread(uploader.upload_chunk)
    uploader.offset += 1
    with pytest.raises(TusUploadFailed) as failed:
        await asyncio.to_thread(uploader.upload_chunk)
    assert failed.value.status_code == 409


async def test_tuspy_outlives_a_kill_9_of_the_api(api: Stack, new_upload: Upload) -> None:
    uploader = tuspy(api, new_upload, retries=100, retry_delay=0.1)
    await asyncio.to_thread(uploader.upload_chunk)
    await asyncio.to_thread(api.kill, "api")
    sending = asyncio.create_task(asyncio.to_thread(uploader.upload))
    await asyncio.sleep(0.2)
    assert not sending.done()
    await asyncio.to_thread(api.start, "api")
    await sending
    await assert_complete(new_upload)


async def test_tuspy_learns_that_an_upload_is_gone(api: Stack, new_upload: Upload, client: httpx.AsyncClient) -> None:
    uploader = tuspy(api, new_upload)
    await asyncio.to_thread(uploader.upload_chunk)
    assert (await client.delete(str(uploader.url), headers=SPOKEN)).status_code == 204
    with pytest.raises(TusUploadFailed) as failed:
        await asyncio.to_thread(uploader.upload_chunk)
    assert failed.value.status_code == 410
    with pytest.raises(TusCommunicationError) as unknown:
        await asyncio.to_thread(uploader.get_offset)
    assert unknown.value.status_code == 410


@asynccontextmanager
async def damaging_proxy(api: Stack, damaged: bytes) -> AsyncIterator[str]:
    """The URL of a proxy before the api that changes these bytes, once."""
    parts = urlsplit(api.api_url)
    changed = asyncio.Event()

    async def carry(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError), contextlib.closing(target):
            while data := await source.read(1 << 20):
                if damaged in data and not changed.is_set():
                    changed.set()
                    data = data.replace(damaged, bytes(len(damaged)))
                target.write(data)
                await target.drain()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_api, to_api = await asyncio.open_connection(parts.hostname, parts.port)
        await asyncio.gather(carry(reader, to_api), carry(from_api, writer))

    async with await asyncio.start_server(connected, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    assert changed.is_set(), "nothing was damaged"


async def test_tuspy_sends_again_what_changed_on_its_way(api: Stack, new_upload: Upload) -> None:
    async with damaging_proxy(api, SOUND[2 * CHUNK + 100 : 2 * CHUNK + 120]) as address:
        uploader = TusClient(f"{address}/api/uploads").uploader(
            chunk_size=CHUNK, metadata=said(new_upload), file_stream=io.BytesIO(SOUND), upload_checksum=True
        )
        with pytest.raises(TusUploadFailed) as failed:
            await asyncio.to_thread(uploader.upload)
        assert failed.value.status_code == 460
        await asyncio.to_thread(uploader.upload)
    await assert_complete(new_upload)
