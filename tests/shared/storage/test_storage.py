"""One contract, two stores: files, and a bucket of a real S3 server."""

import contextlib
import errno
import io
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from shared.settings import StoreSettings
from shared.storage.factory import open_store
from shared.storage.files import FileStore
from shared.storage.s3 import S3Store
from shared.storage.store import BLOCK_BYTES, ObjectMissing, Store, StoreError, StoreFull, StoreUnavailable
from tests.conftest import Parts
from tests.servers.server import free_port

KEY = "home/0f7a/9c1d"
BODY = bytes(range(256)) * 16


@contextlib.contextmanager
def opened(monkeypatch: pytest.MonkeyPatch, **environment: str) -> Iterator[Store]:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    yield open_store(StoreSettings())


@pytest.fixture(params=["files", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    environment = {} if request.param == "files" else request.getfixturevalue("bucket")
    with opened(monkeypatch, DATA_DIR=str(tmp_path), **environment) as store:
        yield store


def put(store: Store, key: str = KEY, body: bytes = BODY) -> None:
    store.put(key, io.BytesIO(body), len(body), "audio/webm")


def whole(store: Store, key: str = KEY, start: int = 0, end: int | None = None) -> bytes:
    return b"".join(store.read(key, start, end))


# -- the contract --------------------------------------------------------------------------------------------------


def test_bytes_come_back_as_they_went_in(store: Store) -> None:
    store.check()
    put(store)
    assert whole(store) == BODY
    assert store.size(KEY) == len(BODY)


def test_an_object_may_be_empty(store: Store) -> None:
    put(store, body=b"")
    assert whole(store) == b""
    assert store.size(KEY) == 0


@pytest.mark.parametrize(("start", "end"), [(0, 1), (5, 10), (4000, None), (4095, 4096), (0, 4096), (7, 7)])
def test_a_part_is_read_alone(store: Store, start: int, end: int | None) -> None:
    put(store)
    assert whole(store, KEY, start, end) == BODY[start:end]


def test_a_large_object_goes_in_and_out_in_blocks(store: Store) -> None:
    body = os.urandom(20 * 1024**2 + 1)  # above the size at which a bucket gets parts
    put(store, body=body)
    blocks = list(store.read(KEY))
    assert b"".join(blocks) == body
    assert max(map(len, blocks)) <= BLOCK_BYTES
    assert whole(store, KEY, 17 * 1024**2, 17 * 1024**2 + 3) == body[17 * 1024**2 :][:3]


def test_what_is_missing_is_missing(store: Store) -> None:
    with pytest.raises(ObjectMissing):
        next(iter(store.read(KEY)))
    with pytest.raises(ObjectMissing):
        next(iter(store.read(KEY, 5, 10)))
    with pytest.raises(ObjectMissing):
        store.size(KEY)


def test_deleting_twice_is_deleting_once(store: Store) -> None:
    put(store)
    put(store, "home/0f7a/other")
    store.delete(KEY)
    store.delete(KEY)
    with pytest.raises(ObjectMissing):
        store.size(KEY)
    assert whole(store, "home/0f7a/other") == BODY


def test_what_a_broken_put_left_is_removed_after_its_time(bucket: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(monkeypatch, **bucket) as store:
        assert isinstance(store, S3Store)
        client, name = store._client, bucket["BUCKET_NAME"]
        begun = client.create_multipart_upload(Bucket=name, Key=KEY)["UploadId"]
        client.upload_part(Bucket=name, Key=KEY, UploadId=begun, PartNumber=1, Body=b"x" * 5 * 1024**2)
        assert list(store.list_objects()) == []
        now = datetime.now(UTC)
        assert store.abort_stale_uploads(now - timedelta(days=1)) == 0
        assert store.abort_stale_uploads(now + timedelta(minutes=1)) == 1
        assert store.abort_stale_uploads(now + timedelta(minutes=1)) == 0


# -- files ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def files(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "objects")


def everything(folder: Path) -> list[str]:
    return [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]


def test_a_body_that_ends_early_leaves_nothing(files: FileStore, tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="4096 of 5000 bytes"):
        files.put(KEY, io.BytesIO(BODY), 5000, "audio/webm")
    assert everything(tmp_path) == []


@pytest.mark.parametrize(
    ("number", "told"),
    [(errno.ENOSPC, StoreFull), (errno.EDQUOT, StoreFull), (errno.EIO, StoreUnavailable)],
    ids=["no room", "no quota", "broken disk"],
)
def test_a_disk_that_gives_up_leaves_nothing(
    number: int, told: type[StoreError], files: FileStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def give_up(_handle: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", give_up)
    with pytest.raises(told, match=os.strerror(number)) as caught:
        put(files)
    assert type(caught.value) is told
    assert everything(tmp_path) == []


@pytest.mark.parametrize("key", ["../outside", "/etc/passwd", "a/../../outside", "", "."])
def test_no_key_leads_out_of_the_folder(key: str, files: FileStore) -> None:
    with pytest.raises(StoreError, match="is not a key"):
        put(files, key)


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "objects").write_text("in the way")
    blocked = FileStore(tmp_path / "objects")
    with pytest.raises(StoreUnavailable, match=r"objects cannot be made: "):
        blocked.check()
    with pytest.raises(StoreUnavailable, match="could not be written"):
        put(blocked)
    with pytest.raises(StoreUnavailable, match="could not be read"):
        blocked.size(KEY)
    with pytest.raises(StoreUnavailable, match="could not be deleted"):
        blocked.delete(KEY)


def test_files_have_no_address(files: FileStore) -> None:
    put(files)
    assert (files.presigned_url(KEY, "audio/webm", "inline"), files.presigned_origin()) == (None, None)


# -- a bucket ------------------------------------------------------------------------------------------------------


@pytest.fixture
def s3(bucket: Parts, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Store]:
    with opened(monkeypatch, **bucket) as store:
        assert isinstance(store, S3Store)
        yield store


def test_anybody_who_has_the_address_can_listen(s3: S3Store, bucket: Parts) -> None:
    put(s3)
    url = s3.presigned_url(KEY, "audio/webm;codecs=opus", "inline; filename*=UTF-8''caf%C3%A9.webm")
    assert url is not None
    response = httpx.get(url, headers={"Range": "bytes=5-9"})
    assert (response.status_code, response.content) == (206, BODY[5:10])
    assert response.headers["Content-Type"] == "audio/webm;codecs=opus"
    assert response.headers["Content-Disposition"] == "inline; filename*=UTF-8''caf%C3%A9.webm"
    assert f"{urlsplit(url).scheme}://{urlsplit(url).netloc}" == s3.presigned_origin() == bucket["AWS_ENDPOINT_URL_S3"]
    assert s3.presigned_url(KEY, "audio/webm;codecs=opus", "inline; filename*=UTF-8''caf%C3%A9.webm") == url
    assert httpx.get(url.replace("9c1d", "other")).status_code == 403
    assert httpx.get(url.partition("?")[0]).status_code == 403


def asked_in_every_way(store: Store) -> None:
    """Each verb must say that the store is unavailable: an object may well be there."""
    with pytest.raises(StoreUnavailable):
        store.check()
    with pytest.raises(StoreUnavailable):
        put(store)
    with pytest.raises(StoreUnavailable):
        whole(store)
    with pytest.raises(StoreUnavailable):
        store.size(KEY)
    with pytest.raises(StoreUnavailable):
        store.delete(KEY)


def test_a_wrong_secret_is_the_store_s_refusal(s3: S3Store, monkeypatch: pytest.MonkeyPatch) -> None:
    put(s3)
    with opened(monkeypatch, AWS_SECRET_ACCESS_KEY="wrong") as store:
        asked_in_every_way(store)
        with pytest.raises(StoreUnavailable):
            put(store, body=bytes(17 * 1024**2))
    assert whole(s3) == BODY


def test_a_bucket_that_is_not_there_is_no_missing_object(s3: S3Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(monkeypatch, BUCKET_NAME="nobody-s") as store:
        with pytest.raises(StoreUnavailable, match="nobody-s"):
            store.check()
        with pytest.raises(StoreUnavailable):
            put(store)
        with pytest.raises(StoreUnavailable):
            whole(store)


def test_nobody_at_the_endpoint_is_said_within_seconds(s3: S3Store, monkeypatch: pytest.MonkeyPatch) -> None:
    began = time.monotonic()
    with opened(monkeypatch, AWS_ENDPOINT_URL_S3=f"http://127.0.0.1:{free_port()}") as store:
        asked_in_every_way(store)
    assert time.monotonic() - began < 15
