"""An object store in an S3 bucket."""

import base64
import contextlib
import hashlib
import re
import time
from collections import deque
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from itertools import count
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
import urllib3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from shared.settings import StoreSettings
from shared.storage.store import BLOCK_BYTES, URL_LIFETIME, ObjectMissing, StoredObject, StoreFull, StoreUnavailable

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import CompletedPartTypeDef

CONNECTIONS = 32
"""Kept-alive connections to the bucket: at least as many as a process has threads that use it."""

CONNECT_TIMEOUT_S, READ_TIMEOUT_S = 3, 10
"""Seconds until the bucket accepts a connection, and between its bytes: storing a large part takes a while."""

URL_REUSE = timedelta(minutes=15)
"""How long the same presigned URL is returned again, so that a browser's cache can use it."""

MAX_CACHED_URLS = 10_000
"""Presigned URLs in memory: a few MB."""

MULTIPART_THRESHOLD_BYTES, MULTIPART_CHUNK_BYTES, MULTIPART_THREADS = 16 * 1024**2, 8 * 1024**2, 2
"""A larger object is sent in chunks, two at a time: the chunks, not the object, are in memory."""

COPIED_PART_BYTES = 64 * 1024**2
"""Bytes that the bucket copies in one request: it answers within `READ_TIMEOUT_S` on a slow disk too."""

MAX_DELETED_AT_ONCE = 1000
"""Keys of one request to delete (S3's own limit)."""

SHA256_HEADER = "x-amz-checksum-sha256"

_MD5 = re.compile(r'"?([0-9a-f]{32})"?')


class S3Store:
    """An object store in one bucket of Amazon S3 or of a compatible server."""

    def __init__(self, settings: StoreSettings) -> None:
        self._bucket = settings.bucket_name
        self._urls: dict[tuple[str, str, str], tuple[float, str]] = {}
        """Key, content type and disposition → when to make a new URL (monotonic clock), and the URL."""
        self._client: S3Client = boto3.session.Session().client(
            "s3",
            endpoint_url=settings.aws_endpoint_url_s3 or None,
            region_name=settings.aws_region,
            aws_access_key_id=settings.aws_access_key_id,
            aws_secret_access_key=settings.aws_secret_access_key.get_secret_value(),
            config=Config(
                signature_version="s3v4",
                # Since 1.36 boto3 sends aws-chunked checksums by default, which S3-compatible servers refuse.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                connect_timeout=CONNECT_TIMEOUT_S,
                read_timeout=READ_TIMEOUT_S,
                retries={"mode": "standard", "total_max_attempts": 2},
                max_pool_connections=CONNECTIONS,
                s3={"addressing_style": "path"} if _is_bare_host(settings.aws_endpoint_url_s3) else {},
            ),
        )
        self._pool = urllib3.PoolManager(
            maxsize=CONNECTIONS,
            timeout=urllib3.Timeout(connect=CONNECT_TIMEOUT_S, read=READ_TIMEOUT_S),
            # One retry, for a kept-alive connection that is dead; urllib3 rewinds the body.
            retries=urllib3.Retry(1, redirect=False, status=0, allowed_methods=None),
        )
        # Some servers ask for this header, and do not know the checksum that boto3 sends instead.
        self._client.meta.events.register("before-sign.s3.DeleteObjects", _add_md5)

    def put(self, key: str, body: IO[bytes], size: int, content_type: str, sha256: str = "") -> None:
        with _translate_errors(key):
            if size <= MULTIPART_THRESHOLD_BYTES:
                self._put_whole(key, body, size, content_type, sha256)
            else:
                self._put_in_parts(key, body, size, content_type, sha256)

    def _put_whole(self, key: str, body: IO[bytes], size: int, content_type: str, sha256: str) -> None:
        """Send the object to a URL that boto3 signs: 1.1 ms of CPU for 16 KiB and 2.8 ms for 4 MiB.

        `put_object` needs 1.7 and 6.8 ms (boto3 1.44, medians of one run).
        """
        digest = bytes.fromhex(sha256) if sha256 else _digest_of(body, "sha256")
        checksum = base64.b64encode(digest).decode()
        url = self._client.generate_presigned_url(
            "put_object", Params={"Bucket": self._bucket, "Key": key, "ChecksumSHA256": checksum}
        )
        headers = {"Content-Length": str(size), "Content-Type": content_type, SHA256_HEADER: checksum}
        start = body.tell()
        response = self._pool.request("PUT", url, body=body, headers=headers, preload_content=True)
        if response.status == HTTPStatus.INSUFFICIENT_STORAGE:
            raise StoreFull(f"the bucket is full: {key} was refused")
        if response.status != HTTPStatus.OK:
            answer = response.data[:300].decode(errors="replace")
            raise StoreUnavailable(f"the bucket refused {key} with {response.status}: {answer}")
        if response.headers.get(SHA256_HEADER) != checksum:
            # A server that does not know the header has compared nothing. Almost all answer with an MD5.
            body.seek(start)
            _compare_md5(key, response.headers, _digest_of(body, "md5"))

    def _put_in_parts(self, key: str, body: IO[bytes], size: int, content_type: str, sha256: str) -> None:
        """Send the object by S3's multipart upload, which is aborted if anything of it fails.

        Each part goes with its MD5, which every server compares: not all take the SHA-256 of a part.
        """
        place: dict[str, Any] = {"Bucket": self._bucket, "Key": key}
        upload_id = self._client.create_multipart_upload(**place, ContentType=content_type)["UploadId"]
        try:
            digest, sent_bytes = hashlib.sha256(), 0
            parts: list[CompletedPartTypeDef] = []
            with ThreadPoolExecutor(MULTIPART_THREADS, "multipart") as pool:
                sending: deque[Future[CompletedPartTypeDef]] = deque()
                for number in count(1):
                    chunk = body.read(MULTIPART_CHUNK_BYTES)
                    if not chunk or len(sending) == MULTIPART_THREADS:
                        parts += [each.result() for each in ([sending.popleft()] if chunk else sending)]
                    if not chunk:
                        break
                    digest.update(chunk)
                    sent_bytes += len(chunk)
                    sending.append(pool.submit(self._put_part, {**place, "UploadId": upload_id}, number, chunk))
            if sent_bytes != size:
                raise StoreUnavailable(f"{key}: {sent_bytes} of {size} bytes arrived")
            if sha256 and digest.hexdigest() != sha256:
                raise StoreUnavailable(f"{key}: other bytes arrived than were announced")
            self._client.complete_multipart_upload(**place, UploadId=upload_id, MultipartUpload={"Parts": parts})
        except BaseException:
            with contextlib.suppress(BotoCoreError, ClientError):  # the maintenance aborts it later
                self._client.abort_multipart_upload(**place, UploadId=upload_id)
            raise

    def _put_part(self, place: Mapping[str, Any], number: int, chunk: bytes) -> "CompletedPartTypeDef":
        md5 = hashlib.md5(chunk, usedforsecurity=False).digest()
        part = self._client.upload_part(
            **place, PartNumber=number, Body=chunk, ContentMD5=base64.b64encode(md5).decode()
        )
        _compare_md5(place["Key"], part["ResponseMetadata"]["HTTPHeaders"], md5)
        return {"PartNumber": number, "ETag": part["ETag"]}

    def copy(self, key: str, new_key: str, size: int, content_type: str) -> None:
        """Have the bucket copy the object, a large one in parts: no byte comes here."""
        source: Any = {"Bucket": self._bucket, "Key": key}
        parts = TransferConfig(multipart_threshold=COPIED_PART_BYTES, multipart_chunksize=COPIED_PART_BYTES)
        with _translate_errors(key):
            self._client.copy(source, self._bucket, new_key, ExtraArgs={"ContentType": content_type}, Config=parts)
            if (copied := self.size(new_key)) != size:
                raise StoreUnavailable(f"{new_key}: {copied} of {size} bytes were copied")

    def read(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        if end is not None and end <= start:
            return
        last_byte = "" if end is None else str(end - 1)
        with _translate_errors(key):
            # A whole object is read without a range: S3 refuses the range `0-` of an empty one.
            if not start and end is None:
                body = self._client.get_object(Bucket=self._bucket, Key=key)["Body"]
            else:
                body = self._client.get_object(Bucket=self._bucket, Key=key, Range=f"bytes={start}-{last_byte}")["Body"]
            with contextlib.closing(body):
                yield from body.iter_chunks(BLOCK_BYTES)

    def size(self, key: str) -> int:
        with _translate_errors(key):
            return self._client.head_object(Bucket=self._bucket, Key=key)["ContentLength"]

    def delete(self, key: str) -> None:
        with _translate_errors(key):
            self._client.delete_object(Bucket=self._bucket, Key=key)

    def delete_all(self, keys: Collection[str]) -> int:
        deleted, all_keys = 0, list(keys)
        for start in range(0, len(all_keys), MAX_DELETED_AT_ONCE):
            some = all_keys[start : start + MAX_DELETED_AT_ONCE]
            with _translate_errors(self._bucket):
                answer = self._client.delete_objects(
                    Bucket=self._bucket, Delete={"Objects": [{"Key": key} for key in some], "Quiet": True}
                )
                deleted += len(some) - len(answer.get("Errors", []))
        return deleted

    def list_objects(self, folder: str = "") -> Iterator[StoredObject]:
        with _translate_errors(self._bucket):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=f"{folder}/" if folder else ""
            )
            for page in pages:
                for entry in page.get("Contents", []):
                    yield StoredObject(entry["Key"], entry["Size"], entry["LastModified"].astimezone(UTC))

    def remove_unfinished_writes(self, started_before: datetime) -> int:
        """Abort multipart uploads that were not completed."""
        aborted = 0
        with _translate_errors(self._bucket):
            for page in self._client.get_paginator("list_multipart_uploads").paginate(Bucket=self._bucket):
                for upload in page.get("Uploads", []):
                    if upload["Initiated"] < started_before:
                        self._client.abort_multipart_upload(
                            Bucket=self._bucket, Key=upload["Key"], UploadId=upload["UploadId"]
                        )
                        aborted += 1
        return aborted

    def presigned_url(self, key: str, content_type: str, disposition: str) -> str | None:
        now = time.monotonic()
        cached = self._urls.get((key, content_type, disposition))
        if cached and cached[0] > now:
            return cached[1]
        if len(self._urls) >= MAX_CACHED_URLS:
            for oldest in list(self._urls)[: MAX_CACHED_URLS // 2]:
                self._urls.pop(oldest, None)  # another thread may remove them at the same time
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

    def presigned_origin(self) -> str | None:
        url = urlsplit(self._client.generate_presigned_url("get_object", Params={"Bucket": self._bucket, "Key": "-"}))
        return f"{url.scheme}://{url.netloc}"

    def check(self) -> None:
        try:
            with _translate_errors(self._bucket):
                self._client.head_bucket(Bucket=self._bucket)
        except ObjectMissing:
            raise StoreUnavailable(f"there is no bucket {self._bucket}") from None


def _is_bare_host(endpoint: str) -> bool:
    """Whether the endpoint is an IP address, localhost or a container: a bucket has no subdomain of those."""
    host = urlsplit(endpoint).hostname or ""
    return bool(host) and ("." not in host or host.replace(".", "").isdigit() or ":" in host)


@contextlib.contextmanager
def _translate_errors(name: str) -> Iterator[None]:
    """Translate the errors of boto3 and urllib3 to those of the store. `name` is the key or the bucket."""
    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if code in {"NoSuchKey", "404", "NotFound"}:
            raise ObjectMissing(name) from None
        if code in {"InsufficientStorage", "QuotaExceeded", "507"}:
            raise StoreFull(f"the bucket is full: {error}") from error
        raise StoreUnavailable(f"the bucket refused {name}: {error}") from error
    except (BotoCoreError, urllib3.exceptions.HTTPError) as error:
        raise StoreUnavailable(f"the bucket did not answer for {name}: {error}") from error


def _digest_of(body: IO[bytes], algorithm: str) -> bytes:
    """The digest of the rest of a body, which stands where it stood afterwards."""
    start, digest = body.tell(), hashlib.new(algorithm, usedforsecurity=False)
    while block := body.read(BLOCK_BYTES):
        digest.update(block)
    body.seek(start)
    return digest.digest()


def _compare_md5(key: str, headers: Mapping[str, str], md5: bytes) -> None:
    """Raise `StoreUnavailable` if the answer to a write has another MD5 as its ETag.

    An ETag is none where the bucket encrypts with a key of its own; such servers know checksums.
    """
    etag = _MD5.fullmatch(headers.get("etag", ""))
    is_encrypted = any(name.lower().startswith("x-amz-server-side-encryption") for name in headers)
    if etag and etag[1] != md5.hex() and not is_encrypted:
        raise StoreUnavailable(f"the bucket stored other bytes for {key} than it was given")


def _add_md5(request: Any, **_: object) -> None:
    """Add the Content-MD5 of the body to a request before it is signed."""
    md5 = hashlib.md5(request.data, usedforsecurity=False).digest()
    request.headers["Content-MD5"] = base64.b64encode(md5).decode()
