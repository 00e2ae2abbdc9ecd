"""Objects in an S3 bucket."""

import contextlib
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import IO, TYPE_CHECKING
from urllib.parse import urlsplit

import boto3
import urllib3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from shared.settings import StoreSettings
from shared.storage.store import BLOCK_BYTES, URL_LIFETIME, ObjectMissing, StoreFull, StoreUnavailable

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

CONNECTIONS = 32
"""Kept-alive connections to the bucket: at least as many as a process has threads that use it."""


CONNECT_S, READ_S = 3, 10
"""Seconds for the bucket to accept a connection, and to say something: a large part may take a while to be stored."""


URL_REUSE = timedelta(minutes=15)
"""How long the same presigned address is given out again, so that a browser's cache knows it."""


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
        with _translate_errors(key):
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
        with _translate_errors(key):
            # A plain GET for the whole: an empty object has no byte 0 to ask a range from.
            if not start and end is None:
                body = self._client.get_object(Bucket=self._bucket, Key=key)["Body"]
            else:
                body = self._client.get_object(Bucket=self._bucket, Key=key, Range=f"bytes={start}-{last}")["Body"]
            with contextlib.closing(body):
                yield from body.iter_chunks(BLOCK_BYTES)

    def size(self, key: str) -> int:
        with _translate_errors(key):
            return self._client.head_object(Bucket=self._bucket, Key=key)["ContentLength"]

    def delete(self, key: str) -> None:
        with _translate_errors(key):
            self._client.delete_object(Bucket=self._bucket, Key=key)

    def list_objects(self) -> Iterator[tuple[str, datetime]]:
        with _translate_errors(self._bucket):
            for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket):
                for found in page.get("Contents", []):
                    yield found["Key"], found["LastModified"].astimezone(UTC)

    def abort_stale_uploads(self, begun_before: datetime) -> int:
        aborted = 0
        with _translate_errors(self._bucket):
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
            with _translate_errors(self._bucket):
                self._client.head_bucket(Bucket=self._bucket)
        except ObjectMissing:
            raise StoreUnavailable(f"there is no bucket {self._bucket}") from None


def _is_bare_host(endpoint: str) -> bool:
    """Whether the endpoint is an address, localhost or a container: below those no bucket has a name of its own."""
    host = urlsplit(endpoint).hostname or ""
    return bool(host) and ("." not in host or host.replace(".", "").isdigit() or ":" in host)


@contextlib.contextmanager
def _translate_errors(key: str) -> Iterator[None]:
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
