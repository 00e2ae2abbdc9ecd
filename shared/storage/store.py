"""Where bytes are kept: an S3 bucket, or files. A key is written once and never changed."""

import contextlib
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

import boto3
import urllib3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from shared.settings import StoreSettings

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

BLOCK_BYTES = 256 * 1024
"""How much of an object is in memory at a time: large enough that system calls do not count, small for many at once."""

CONNECTIONS = 32
"""Kept-alive connections to the bucket: at least as many as a process has threads that use it."""

CONNECT_S, READ_S = 3, 10
"""Seconds for the bucket to accept a connection, and to say something: a large part may take a while to be stored."""

URL_LIFETIME = timedelta(hours=1)
"""How long a presigned address works: an hour's listening, and no longer than a session that was meant to end."""

URL_REUSE = timedelta(minutes=15)
"""How long the same presigned address is given out again, so that a browser's cache knows it."""


class StoreError(Exception):
    """The store could not do what was asked."""


class ObjectMissing(StoreError):
    """There is no object under this key."""


class StoreUnavailable(StoreError):
    """The store did not answer, or refused for a reason that is its own; asking again later may work."""


class StoreFull(StoreUnavailable):
    """There is no room left."""


class Store(Protocol):
    """What both stores do. Every method blocks: services with an event loop call them in threads."""

    def put(self, key: str, body: IO[bytes], size: int, content_type: str) -> None:
        """Keep `size` bytes of `body` under `key`, durably: when this returns, they survive a crash."""

    def read(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Yield bytes `start` up to but not including `end`. Raises `ObjectMissing` before the first block."""

    def size(self, key: str) -> int: ...

    def delete(self, key: str) -> None:
        """Remove the object; nothing happens if there is none."""

    def listing(self) -> Iterator[tuple[str, datetime]]:
        """Yield every key and when it was written, in no order; leftovers of broken writes are among them."""

    def abort_puts(self, begun_before: datetime) -> int:
        """Remove what broken writes left that no listing shows; return how many there were."""

    def url(self, key: str, content_type: str, disposition: str) -> str | None:
        """An address that anybody may read from for `URL_LIFETIME`, or None if the store has none to give."""

    def origin(self) -> str | None:
        """Scheme and host of those addresses, for the page's Content-Security-Policy."""

    def check(self) -> None:
        """Raise `StoreUnavailable` unless the store can be reached with what we were given."""


class FileStore:
    """Objects as files below one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()

    def put(self, key: str, body: IO[bytes], size: int, content_type: str) -> None:
        target = self._path(key)
        partial = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
        try:
            self._make_folder(target.parent)
            with partial.open("wb") as file:
                shutil.copyfileobj(body, file, BLOCK_BYTES)
                if file.tell() != size:
                    raise StoreUnavailable(f"{key}: {file.tell()} of {size} bytes arrived")
                file.flush()
                os.fsync(file.fileno())
            partial.replace(target)
            self._sync_folder(target.parent)
        except OSError as error:
            full = error.errno in {28, 122}  # ENOSPC, EDQUOT
            raise (StoreFull if full else StoreUnavailable)(f"{key} could not be written: {error.strerror}") from error
        finally:
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)

    def read(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        with self._opened(key) as file:
            file.seek(start)
            left = (end if end is not None else os.fstat(file.fileno()).st_size) - start
            while left > 0 and (block := file.read(min(BLOCK_BYTES, left))):
                left -= len(block)
                yield block

    def size(self, key: str) -> int:
        with self._opened(key) as file:
            return os.fstat(file.fileno()).st_size

    def delete(self, key: str) -> None:
        try:
            self._path(key).unlink(missing_ok=True)
        except OSError as error:
            raise StoreUnavailable(f"{key} could not be deleted: {error.strerror}") from error

    def listing(self) -> Iterator[tuple[str, datetime]]:
        for folder, _, names in os.walk(self._folder):
            for name in names:
                path = Path(folder, name)
                with contextlib.suppress(FileNotFoundError):  # deleted meanwhile
                    written_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
                    yield path.relative_to(self._folder).as_posix(), written_at

    def abort_puts(self, begun_before: datetime) -> int:
        return 0

    def url(self, key: str, content_type: str, disposition: str) -> str | None:
        return None

    def origin(self) -> str | None:
        return None

    def check(self) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreUnavailable(f"{self._folder} cannot be made: {error.strerror}") from error
        if not os.access(self._folder, os.W_OK):
            raise StoreUnavailable(f"{self._folder} is not writable")

    def _path(self, key: str) -> Path:
        path = (self._folder / key).resolve()
        if not path.is_relative_to(self._folder) or path == self._folder:
            raise StoreError(f"{key!r} is not a key")
        return path

    @contextlib.contextmanager
    def _opened(self, key: str) -> Iterator[IO[bytes]]:
        try:
            file = self._path(key).open("rb")
        except FileNotFoundError:
            raise ObjectMissing(key) from None
        except OSError as error:
            raise StoreUnavailable(f"{key} could not be read: {error.strerror}") from error
        with file:
            yield file

    def _make_folder(self, folder: Path) -> None:
        if folder.is_dir():
            return
        if folder != self._folder:
            self._make_folder(folder.parent)
        folder.mkdir(parents=True, exist_ok=True)
        self._sync_folder(folder.parent)

    @staticmethod
    def _sync_folder(folder: Path) -> None:
        # The new name is durable only when its folder is (rename(2), fsync(2)).
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


class S3Store:
    """Objects in one bucket of anything that speaks S3."""

    def __init__(self, settings: StoreSettings) -> None:
        self._bucket = settings.bucket_name
        self._urls: dict[tuple[str, str, str], tuple[float, str]] = {}
        self._client: S3Client = boto3.session.Session().client(
            "s3",
            endpoint_url=settings.aws_endpoint_url_s3 or None,
            region_name=settings.aws_region,
            aws_access_key_id=settings.aws_access_key_id,
            aws_secret_access_key=settings.aws_secret_access_key.get_secret_value(),
            config=Config(
                signature_version="s3v4",
                # Since 1.36 boto3 sends aws-chunked checksums unasked, which S3-compatible servers refuse.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                connect_timeout=CONNECT_S,
                read_timeout=READ_S,
                retries={"mode": "standard", "total_max_attempts": 2},
                max_pool_connections=CONNECTIONS,
                s3={"addressing_style": "path"} if _is_bare_host(settings.aws_endpoint_url_s3) else {},
            ),
        )
        self._pool = urllib3.PoolManager(
            maxsize=CONNECTIONS,
            timeout=urllib3.Timeout(connect=CONNECT_S, read=READ_S),
            # Once more when a kept-alive connection turns out to be dead; urllib3 rewinds the body.
            retries=urllib3.Retry(1, redirect=False, status=0, allowed_methods=None),
        )
        # Above 16 MiB a transfer goes in parts, two at a time: the parts, not the clip, are what is in memory.
        self._transfer = TransferConfig(
            multipart_threshold=16 * 1024**2, multipart_chunksize=8 * 1024**2, max_concurrency=2
        )
        # boto3 would read ten parts ahead, 80 MiB for each upload, and has no argument that says otherwise.
        self._transfer.max_in_memory_upload_chunks = 2

    def put(self, key: str, body: IO[bytes], size: int, content_type: str) -> None:
        with _translated(key):
            if size <= self._transfer.multipart_threshold:
                self._put_whole(key, body, size, content_type)
            else:
                self._client.upload_fileobj(
                    body, self._bucket, key, ExtraArgs={"ContentType": content_type}, Config=self._transfer
                )

    def _put_whole(self, key: str, body: IO[bytes], size: int, content_type: str) -> None:
        """`put_object` by way of an address that boto3 signs: a third of its CPU, on the hottest path that we have."""
        url = self._client.generate_presigned_url("put_object", Params={"Bucket": self._bucket, "Key": key})
        headers = {"Content-Length": str(size), "Content-Type": content_type}
        response = self._pool.request("PUT", url, body=body, headers=headers, preload_content=True)
        if response.status == HTTPStatus.INSUFFICIENT_STORAGE:
            raise StoreFull(f"the bucket is full: {key} was refused")
        if response.status != HTTPStatus.OK:
            said = response.data[:300].decode(errors="replace")
            raise StoreUnavailable(f"the bucket refused {key} with {response.status}: {said}")

    def read(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        if end is not None and end <= start:
            return
        last = "" if end is None else str(end - 1)
        with _translated(key):
            # A plain GET for the whole: an empty object has no byte 0 to ask a range from.
            if not start and end is None:
                body = self._client.get_object(Bucket=self._bucket, Key=key)["Body"]
            else:
                body = self._client.get_object(Bucket=self._bucket, Key=key, Range=f"bytes={start}-{last}")["Body"]
            with contextlib.closing(body):
                yield from body.iter_chunks(BLOCK_BYTES)

    def size(self, key: str) -> int:
        with _translated(key):
            return self._client.head_object(Bucket=self._bucket, Key=key)["ContentLength"]

    def delete(self, key: str) -> None:
        with _translated(key):
            self._client.delete_object(Bucket=self._bucket, Key=key)

    def listing(self) -> Iterator[tuple[str, datetime]]:
        with _translated(self._bucket):
            for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket):
                for found in page.get("Contents", []):
                    yield found["Key"], found["LastModified"].astimezone(UTC)

    def abort_puts(self, begun_before: datetime) -> int:
        aborted = 0
        with _translated(self._bucket):
            for page in self._client.get_paginator("list_multipart_uploads").paginate(Bucket=self._bucket):
                for found in page.get("Uploads", []):
                    if found["Initiated"] < begun_before:
                        self._client.abort_multipart_upload(
                            Bucket=self._bucket, Key=found["Key"], UploadId=found["UploadId"]
                        )
                        aborted += 1
        return aborted

    def url(self, key: str, content_type: str, disposition: str) -> str | None:
        now = time.monotonic()
        known = self._urls.get((key, content_type, disposition))
        if known and known[0] > now:
            return known[1]
        if len(self._urls) >= 10_000:  # a few MB; the oldest half goes
            for old in list(self._urls)[:5_000]:
                self._urls.pop(old, None)  # another thread may be at it, too
        url = self._client.generate_presigned_url(
            "get_object",
            Params={
                "Bucket": self._bucket,
                "Key": key,
                "ResponseContentType": content_type,
                "ResponseContentDisposition": disposition,
            },
            ExpiresIn=int((URL_LIFETIME + URL_REUSE).total_seconds()),
        )
        self._urls[key, content_type, disposition] = (now + URL_REUSE.total_seconds(), url)
        return url

    def origin(self) -> str | None:
        parts = urlsplit(self._client.generate_presigned_url("get_object", Params={"Bucket": self._bucket, "Key": "-"}))
        return f"{parts.scheme}://{parts.netloc}"

    def check(self) -> None:
        try:
            with _translated(self._bucket):
                self._client.head_bucket(Bucket=self._bucket)
        except ObjectMissing:
            raise StoreUnavailable(f"there is no bucket {self._bucket}") from None


def open_store(settings: StoreSettings) -> Store:
    """The bucket if one is named, otherwise files below `DATA_DIR`."""
    return S3Store(settings) if settings.bucket_name else FileStore(settings.data_dir / "objects")


def _is_bare_host(endpoint: str) -> bool:
    """Whether the endpoint is an address, localhost or a container: below those no bucket has a name of its own."""
    host = urlsplit(endpoint).hostname or ""
    return bool(host) and ("." not in host or host.replace(".", "").isdigit() or ":" in host)


@contextlib.contextmanager
def _translated(key: str) -> Iterator[None]:
    """Say in our words what boto3 says in its own."""
    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if code in {"NoSuchKey", "404", "NotFound"}:
            raise ObjectMissing(key) from None
        if code in {"InsufficientStorage", "QuotaExceeded", "507"}:
            raise StoreFull(f"the bucket is full: {error}") from error
        raise StoreUnavailable(f"the bucket refused {key}: {error}") from error
    except (BotoCoreError, urllib3.exceptions.HTTPError) as error:
        raise StoreUnavailable(f"the bucket did not answer for {key}: {error}") from error
