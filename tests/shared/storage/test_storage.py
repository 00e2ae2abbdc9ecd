"""The contract of both stores: files, and a bucket of a real S3 server."""

import contextlib
import errno
import hashlib
import io
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
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


def read_all(store: Store, key: str = KEY, start: int = 0, end: int | None = None) -> bytes:
    return b"".join(store.read(key, start, end))


# -- the contract --------------------------------------------------------------------------------------------------


def test_an_object_is_read_as_it_was_written(store: Store) -> None:
    store.check()
    put(store)
    assert read_all(store) == BODY
    assert store.size(KEY) == len(BODY)


def test_an_object_may_be_empty(store: Store) -> None:
    put(store, body=b"")
    assert read_all(store) == b""
    assert store.size(KEY) == 0


@pytest.mark.parametrize(("start", "end"), [(0, 1), (5, 10), (4000, None), (4095, 4096), (0, 4096), (7, 7)])
def test_a_range_is_read(store: Store, start: int, end: int | None) -> None:
    put(store)
    assert read_all(store, KEY, start, end) == BODY[start:end]


def test_a_large_object_is_sent_in_chunks_and_read_in_blocks(store: Store) -> None:
    body = os.urandom(20 * 1024**2 + 1)  # above the size at which a bucket gets parts
    put(store, body=body)
    blocks = list(store.read(KEY))
    assert b"".join(blocks) == body
    assert max(map(len, blocks)) <= BLOCK_BYTES
    assert read_all(store, KEY, 17 * 1024**2, 17 * 1024**2 + 3) == body[17 * 1024**2 :][:3]


@pytest.mark.parametrize("size", [0, 7, 5 * 1024**2 + 1])
def test_a_copy_outlives_what_it_was_made_of(store: Store, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.storage.s3.COPIED_PART_BYTES", 5 * 1024**2)
    body = (BODY * (size // len(BODY) + 1))[:size]
    put(store, KEY, body)
    store.copy(KEY, f"{KEY}-copy", size, "audio/webm")
    store.delete(KEY)
    assert read_all(store, f"{KEY}-copy") == body
    with pytest.raises(ObjectMissing):
        store.copy(KEY, f"{KEY}-other", size, "audio/webm")


def test_a_missing_object_raises(store: Store) -> None:
    with pytest.raises(ObjectMissing):
        next(iter(store.read(KEY)))
    with pytest.raises(ObjectMissing):
        next(iter(store.read(KEY, 5, 10)))
    with pytest.raises(ObjectMissing):
        store.size(KEY)


def test_delete_is_idempotent(store: Store) -> None:
    put(store)
    put(store, "home/0f7a/other")
    store.delete(KEY)
    store.delete(KEY)
    with pytest.raises(ObjectMissing):
        store.size(KEY)
    assert read_all(store, "home/0f7a/other") == BODY


def test_unfinished_multipart_uploads_are_aborted_after_their_time(
    bucket: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(monkeypatch, **bucket) as store:
        assert isinstance(store, S3Store)
        client, name = store._client, bucket["BUCKET_NAME"]
        begun = client.create_multipart_upload(Bucket=name, Key=KEY)["UploadId"]
        client.upload_part(Bucket=name, Key=KEY, UploadId=begun, PartNumber=1, Body=b"x" * 5 * 1024**2)
        assert list(store.list_objects()) == []
        now = datetime.now(UTC)
        assert store.remove_unfinished_writes(now - timedelta(days=1)) == 0
        assert store.remove_unfinished_writes(now + timedelta(minutes=1)) == 1
        assert store.remove_unfinished_writes(now + timedelta(minutes=1)) == 0


def test_a_listing_names_key_size_and_time_and_keeps_a_folder_together(store: Store) -> None:
    began = datetime.now(UTC) - timedelta(seconds=2)
    keys = ["home/0f7a/9c1d", "home/0f7b/other", "home/0f7a/9c1e", "elsewhere/x"]
    for key in keys:
        put(store, key)
    listed = list(store.list_objects())
    assert sorted(each.key for each in listed) == sorted(keys)
    assert {each.size for each in listed} == {len(BODY)}
    assert all(began < each.written_at < datetime.now(UTC) + timedelta(seconds=2) for each in listed)
    folders = [each.key.rpartition("/")[0] for each in listed]
    assert len([1 for before, after in pairwise(folders) if before != after]) == 2
    assert sorted(each.key for each in store.list_objects("home/0f7a")) == ["home/0f7a/9c1d", "home/0f7a/9c1e"]


def test_other_bytes_than_were_announced_are_not_taken(store: Store) -> None:
    announced = hashlib.sha256(BODY).hexdigest()
    store.put(KEY, io.BytesIO(BODY), len(BODY), "audio/webm", announced)
    with pytest.raises(StoreUnavailable):
        store.put("home/0f7a/flipped", io.BytesIO(b"x" + BODY[1:]), len(BODY), "audio/webm", announced)
    large = os.urandom(17 * 1024**2)
    with pytest.raises(StoreUnavailable, match="other bytes"):
        store.put("home/0f7a/large", io.BytesIO(large), len(large), "audio/webm", announced)
    assert [each.key for each in store.list_objects()] == [KEY]


def test_thousands_are_deleted_at_once(store: Store) -> None:
    keys = [f"home/{number // 10:04}/{number}" for number in range(1, 12)]
    for key in keys:
        put(store, key)
    more = [f"home/none/{number}" for number in range(2_500)]
    assert store.delete_all([*more, *keys[1:]]) == len(more) + len(keys) - 1
    assert [each.key for each in store.list_objects()] == keys[:1]
    assert store.delete_all([]) == 0


# -- files ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def files(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "objects")


def file_paths(folder: Path) -> list[str]:
    return [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]


def test_a_truncated_body_leaves_no_file(files: FileStore, tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="4096 of 5000 bytes"):
        files.put(KEY, io.BytesIO(BODY), 5000, "audio/webm")
    assert file_paths(tmp_path) == []


@pytest.mark.parametrize(
    ("number", "error_type"),
    [(errno.ENOSPC, StoreFull), (errno.EDQUOT, StoreFull), (errno.EIO, StoreUnavailable)],
    ids=["no room", "no quota", "broken disk"],
)
def test_a_failing_disk_leaves_no_file(
    number: int, error_type: type[StoreError], files: FileStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_handle: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(error_type, match=os.strerror(number)) as caught:
        put(files)
    assert type(caught.value) is error_type
    assert file_paths(tmp_path) == []


@pytest.mark.parametrize("key", ["../outside", "/etc/passwd", "a/../../outside", "", "."])
def test_a_key_cannot_leave_the_folder(key: str, files: FileStore) -> None:
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


def test_a_folder_goes_with_its_last_file(files: FileStore, tmp_path: Path) -> None:
    put(files, "home/0f7a/one")
    put(files, "home/0f7a/two")
    files.delete("home/0f7a/one")
    assert (tmp_path / "objects/home/0f7a").is_dir()
    files.delete_all(["home/0f7a/two"])
    assert list((tmp_path / "objects").iterdir()) == [tmp_path / "objects/home"]


def test_writing_and_deleting_in_one_folder_at_once_loses_nothing(files: FileStore) -> None:
    def write_and_delete(number: int) -> None:
        for _ in range(25):
            put(files, f"home/0f7a/{number}")
            files.delete(f"home/0f7a/{number}")
        put(files, f"home/0f7a/{number}")

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(write_and_delete, range(4)))
    assert sorted(each.key for each in files.list_objects()) == [f"home/0f7a/{number}" for number in range(4)]


def test_what_a_killed_write_left_is_removed_after_its_time(files: FileStore, tmp_path: Path) -> None:
    put(files)
    folder = tmp_path / "objects/home"
    (folder / "0f7a" / ".9c1d.half").write_bytes(b"ha")
    (folder / "left/empty").mkdir(parents=True)
    assert [each.key for each in files.list_objects()] == [KEY]
    now = datetime.now(UTC)
    assert files.remove_unfinished_writes(now - timedelta(days=1)) == 2
    assert files.remove_unfinished_writes(now + timedelta(minutes=1)) == 1
    assert file_paths(tmp_path / "objects") == [KEY]
    assert not (folder / "left").exists()


def test_files_have_no_urls(files: FileStore) -> None:
    put(files)
    assert (files.presigned_url(KEY, "audio/webm", "inline"), files.presigned_origin()) == (None, None)


# -- a bucket ------------------------------------------------------------------------------------------------------


@pytest.fixture
def s3(bucket: Parts, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Store]:
    with opened(monkeypatch, **bucket) as store:
        assert isinstance(store, S3Store)
        yield store


def test_a_presigned_url_needs_no_credentials(s3: S3Store, bucket: Parts) -> None:
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


class Flipper(BaseHTTPRequestHandler):
    """A proxy before the bucket that changes one byte of each body, and a server that compares no checksum."""

    target = ""
    tells_checksums = True

    def do_PUT(self) -> None:
        body = bytearray(self.rfile.read(int(self.headers["Content-Length"])))
        body[0] ^= 1
        if self.tells_checksums:
            answer = httpx.put(f"{self.target}{self.path}", content=bytes(body), headers=dict(self.headers.items()))
            status, headers = answer.status_code, {"ETag": answer.headers.get("ETag", "")}
        else:
            status, headers = 200, {"ETag": f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'}
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None: ...


@pytest.mark.parametrize("tells_checksums", [True, False], ids=["the server compares", "only the ETag tells"])
def test_bytes_that_change_on_their_way_are_noticed_at_the_write(
    tells_checksums: bool, s3: S3Store, bucket: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(s3)
    handler = type("Here", (Flipper,), {"target": bucket["AWS_ENDPOINT_URL_S3"], "tells_checksums": tells_checksums})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        endpoint = f"http://127.0.0.1:{server.server_port}"
        with opened(monkeypatch, AWS_ENDPOINT_URL_S3=endpoint) as store, pytest.raises(StoreUnavailable):
            put(store, "home/0f7a/flipped")
        server.shutdown()
    assert [each.key for each in s3.list_objects()] == [KEY]


def assert_unavailable(store: Store) -> None:
    """Every operation must say that the store is unavailable, not that the object is missing: it may exist."""
    with pytest.raises(StoreUnavailable):
        store.check()
    with pytest.raises(StoreUnavailable):
        put(store)
    with pytest.raises(StoreUnavailable):
        read_all(store)
    with pytest.raises(StoreUnavailable):
        store.size(KEY)
    with pytest.raises(StoreUnavailable):
        store.delete(KEY)


def test_a_wrong_secret_makes_the_store_unavailable(s3: S3Store, monkeypatch: pytest.MonkeyPatch) -> None:
    put(s3)
    with opened(monkeypatch, AWS_SECRET_ACCESS_KEY="wrong") as store:
        assert_unavailable(store)
        with pytest.raises(StoreUnavailable):
            put(store, body=bytes(17 * 1024**2))
    assert read_all(s3) == BODY


def test_a_missing_bucket_is_not_a_missing_object(s3: S3Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(monkeypatch, BUCKET_NAME="nobody-s") as store:
        with pytest.raises(StoreUnavailable, match="nobody-s"):
            store.check()
        with pytest.raises(StoreUnavailable):
            put(store)
        with pytest.raises(StoreUnavailable):
            read_all(store)


def test_an_endpoint_without_server_fails_within_seconds(s3: S3Store, monkeypatch: pytest.MonkeyPatch) -> None:
    began = time.monotonic()
    with opened(monkeypatch, AWS_ENDPOINT_URL_S3=f"http://127.0.0.1:{free_port()}") as store:
        assert_unavailable(store)
    assert time.monotonic() - began < 15
