"""The tus protocol's headers (https://tus.io/protocols/resumable-upload, 1.0.0), read and written. No I/O."""

import base64
import binascii
import hashlib
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from starlette.datastructures import Headers

from services.api.clips.names import clean_name
from services.api.http.body import refuse_above
from services.api.http.errors import UPLOAD_HEADERS, Problem
from shared.uploads.models import MAX_SEGMENTS

VERSION = UPLOAD_HEADERS["Tus-Resumable"]
EXTENSIONS = "creation,creation-with-upload,creation-defer-length,checksum,expiration,termination"
ALGORITHMS = ("sha256", "sha1")
"""For `Upload-Checksum`: sha1 because the specification asks for it, sha256 because it is better."""

BODY = "application/offset+octet-stream"

MOST_BYTES = 2**63 - 1
"""What the database's column holds."""

MOST_TAGS = 4096
"""Characters of `Upload-Metadata`: a name of 255 characters in base64, several times over."""


UNNAMED = "Untitled"

_KEY = re.compile(r"[!-+\--~]+")  # visible ASCII without comma
_TYPE = re.compile(r"(audio|video)/[a-z0-9][a-z0-9.+-]*(;\s*codecs=\"?[a-z0-9][a-z0-9., -]{0,99}\"?)?")


def check_version(headers: Headers) -> None:
    """Raise `Problem` unless the client speaks our version."""
    spoken = headers.get("tus-resumable")
    if spoken != VERSION:
        said = f"The client speaks tus {spoken[:20]}" if spoken else "The request has no Tus-Resumable header"
        raise Problem("tus-version", f"{said}, and this server speaks {VERSION}.", {"Tus-Version": VERSION})


def check_body_type(headers: Headers) -> None:
    """Raise `Problem` unless the body is declared as bytes of an upload."""
    if headers.get("content-type", "").partition(";")[0].strip().lower() != BODY:
        raise Problem("bad-type", f"Bytes of an upload are sent with Content-Type: {BODY}.")


def number(headers: Headers, name: str) -> int | None:
    """A header that is a whole number of bytes, or None without it."""
    given = headers.get(name)
    if given is None:
        return None
    if not (given.isascii() and given.isdigit() and len(given) <= 19 and int(given) <= MOST_BYTES):
        raise Problem("bad-request", f"{name} must be a whole number of bytes.")
    return int(given)


@dataclass(frozen=True)
class Checksum:
    """What the bytes of one request must hash to."""

    algorithm: str
    digest: bytes

    @classmethod
    def of(cls, headers: Headers) -> Self | None:
        given = headers.get("upload-checksum")
        if given is None:
            return None
        algorithm, _, encoded = given.strip().partition(" ")
        if algorithm not in ALGORITHMS:
            raise Problem("bad-request", f"Upload-Checksum can be one of {', '.join(ALGORITHMS)}.")
        try:
            digest = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            raise Problem("bad-request", "The digest in Upload-Checksum is not base64.") from None
        if len(digest) != hashlib.new(algorithm, usedforsecurity=False).digest_size:
            raise Problem("bad-request", f"The digest in Upload-Checksum is not as long as one of {algorithm}.")
        return cls(algorithm, digest)


@dataclass(frozen=True)
class Creation:
    """What a client wants to upload."""

    length: int | None
    """Bytes in all, or None: it will say so later."""
    clip_id: uuid.UUID
    segment: int
    is_recording: bool
    name: str
    mime: str
    recorded_at: datetime
    tags: str

    @classmethod
    def of(cls, headers: Headers, most_bytes: int, now: datetime) -> Self:
        """Read the headers of a POST. Raises `Problem` for what cannot be understood or is too large."""
        if "upload-concat" in headers:
            # A client that did not look at Tus-Extension: each of its parts would become a clip.
            raise Problem("bad-request", "Uploads are not concatenated here: send one piece after the other.")
        length = number(headers, "Upload-Length")
        deferred = headers.get("upload-defer-length")
        if (length is None) == (deferred is None) or deferred not in {None, "1"}:
            raise Problem("bad-request", "Either Upload-Length or Upload-Defer-Length: 1 is needed.")
        refuse_above(most_bytes, length or 0)
        tags = headers.get("upload-metadata", "")
        told = metadata(tags)
        segment = told.get("segment")
        if length == 0 and segment is None:
            raise Problem("empty-audio", "The upload is empty: there is nothing to keep.")
        return cls(
            length=length,
            clip_id=_uuid(told.get("clip_id")),
            segment=_segment(segment),
            is_recording=segment is not None,
            name=clean_name(told.get("name") or told.get("filename") or UNNAMED),
            mime=_mime(told.get("filetype") or told.get("type") or ""),
            recorded_at=_instant(told.get("recorded_at"), now),
            tags=tags,
        )


def metadata(header: str) -> Mapping[str, str]:
    """Read `Upload-Metadata`: keys and base64 values, comma-separated. Raises `Problem` if it is anything else."""
    if len(header) > MOST_TAGS:
        raise Problem("bad-request", f"Upload-Metadata can have at most {MOST_TAGS:,} characters.")
    told: dict[str, str] = {}
    for pair in header.split(",") if header.strip() else ():
        key, _, encoded = pair.strip().partition(" ")
        try:
            if not _KEY.fullmatch(key) or key in told:
                raise ValueError(key)
            told[key] = base64.b64decode(encoded.strip(), validate=True).decode()
        except ValueError:
            raise Problem(
                "bad-request", "Upload-Metadata must be pairs of a key and a base64 value, each key once."
            ) from None
    return told


def _uuid(given: str | None) -> uuid.UUID:
    if given is None:
        return uuid.uuid4()
    try:
        return uuid.UUID(given)
    except ValueError:
        raise Problem("bad-request", "The clip_id in Upload-Metadata is no UUID.") from None


def _segment(given: str | None) -> int:
    if given is None:
        return 0
    if not (given.isascii() and given.isdigit() and len(given) <= 5 and int(given) < MAX_SEGMENTS):
        raise Problem("bad-request", f"The segment in Upload-Metadata must be a number below {MAX_SEGMENTS:,}.")
    return int(given)


def _mime(given: str) -> str:
    """What is claimed, if it is a media type that a browser only ever plays; the worker finds out what it is."""
    claim = given.lower().strip()
    return claim if len(claim) <= 255 and _TYPE.fullmatch(claim) else "application/octet-stream"


def _instant(given: str | None, now: datetime) -> datetime:
    """When the recording began; a clock that is ahead of ours does not put a clip into the future."""
    if given is None:
        return now
    try:
        at = datetime.fromisoformat(given)
        return min(at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC), now)
    except (ValueError, OverflowError):
        raise Problem("bad-request", "The recorded_at in Upload-Metadata is no instant of ISO 8601.") from None
