"""Headers of the tus protocol (https://tus.io/protocols/resumable-upload, 1.0.0), parsed and checked. No I/O."""

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
from services.api.http.body import reject_too_large
from services.api.http.errors import UPLOAD_HEADERS, Problem
from shared.clips.dates import plausible_date
from shared.clips.models import NameOrigin, name_origin
from shared.uploads import metadata
from shared.uploads.models import MAX_SEGMENTS, MAX_TRACK

VERSION = UPLOAD_HEADERS["Tus-Resumable"]
EXTENSIONS = "creation,creation-with-upload,creation-defer-length,checksum,expiration,termination"
CHECKSUM_ALGORITHMS = ("sha256", "sha1")
"""For `Upload-Checksum`: the specification requires sha1; sha256 is better."""

BODY_TYPE = "application/offset+octet-stream"

MAX_LENGTH = 2**63 - 1
"""Bytes of an upload that the database's column can hold."""

MAX_METADATA_CHARS = 4096
"""Characters of `Upload-Metadata`: a name of 255 characters in base64, several times over."""

DEFAULT_NAME = "Untitled"

_MEDIA_TYPE = re.compile(r"(audio|video)/[a-z0-9][a-z0-9.+-]*(;\s*codecs=\"?[a-z0-9][a-z0-9., -]{0,99}\"?)?")


def check_version(headers: Headers) -> None:
    """Raise `Problem` unless the client speaks our version of tus."""
    version = headers.get("tus-resumable")
    if version != VERSION:
        cause = f"The client speaks tus {version[:20]}" if version else "The request has no Tus-Resumable header"
        raise Problem("tus-version", f"{cause}, and this server speaks {VERSION}.", {"Tus-Version": VERSION})


def check_body_type(headers: Headers) -> None:
    """Raise `Problem` unless Content-Type declares the body as bytes of an upload."""
    if headers.get("content-type", "").partition(";")[0].strip().lower() != BODY_TYPE:
        raise Problem("bad-type", f"Bytes of an upload are sent with Content-Type: {BODY_TYPE}.")


def int_header(headers: Headers, name: str) -> int | None:
    """Parse a header that is a whole number of bytes; None without it."""
    text = headers.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 19 and int(text) <= MAX_LENGTH):
        raise Problem("bad-request", f"{name} must be a whole number of bytes.")
    return int(text)


@dataclass(frozen=True)
class Checksum:
    """The digest that the bytes of one request must have."""

    algorithm: str
    digest: bytes

    @classmethod
    def from_headers(cls, headers: Headers) -> Self | None:
        """Parse `Upload-Checksum`; None without it."""
        header = headers.get("upload-checksum")
        if header is None:
            return None
        algorithm, _, encoded = header.strip().partition(" ")
        if algorithm not in CHECKSUM_ALGORITHMS:
            raise Problem("bad-request", f"Upload-Checksum can be one of {', '.join(CHECKSUM_ALGORITHMS)}.")
        try:
            digest = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            raise Problem("bad-request", "The digest in Upload-Checksum is not base64.") from None
        if len(digest) != hashlib.new(algorithm, usedforsecurity=False).digest_size:
            raise Problem("bad-request", f"The digest in Upload-Checksum is not as long as one of {algorithm}.")
        return cls(algorithm, digest)


@dataclass(frozen=True)
class CreationRequest:
    """The headers of a POST that creates an upload."""

    length: int | None
    """Bytes of the whole upload, or None: the client declares it later."""
    clip_id: uuid.UUID
    segment: int
    is_recording: bool
    name: str
    name_origin: NameOrigin
    language: str | None
    mime: str
    recorded_at: datetime
    metadata: str
    """`Upload-Metadata` as it was sent."""

    @classmethod
    def from_headers(cls, headers: Headers, max_bytes: int, now: datetime) -> Self:
        """Parse the headers. Raises `Problem` for an invalid one, and for a length above `max_bytes`."""
        if "upload-concat" in headers:
            # The client did not read Tus-Extension; without this check, each of its parts would become a clip.
            raise Problem("bad-request", "Uploads are not concatenated here: send one piece after the other.")
        length = int_header(headers, "Upload-Length")
        defer_length = headers.get("upload-defer-length")
        if (length is None) == (defer_length is None) or defer_length not in {None, "1"}:
            raise Problem("bad-request", "Either Upload-Length or Upload-Defer-Length: 1 is needed.")
        reject_too_large(max_bytes, length or 0)
        header = headers.get("upload-metadata", "")
        said = parse_metadata(header)
        segment = said.get("segment")
        _check_track(said.get("track"))
        if length == 0 and segment is None:
            raise Problem("empty-audio", "The upload is empty: there is nothing to keep.")
        return cls(
            length=length,
            clip_id=_parse_clip_id(said.get("clip_id")),
            segment=_parse_segment(segment),
            is_recording=segment is not None,
            name=clean_name(said.get("name") or said.get("filename") or DEFAULT_NAME),
            name_origin=name_origin(metadata.name_origin(said)),
            language=metadata.language(said),
            mime=_parse_media_type(said.get("filetype") or said.get("type") or ""),
            recorded_at=_parse_recorded_at(said, now),
            metadata=header,
        )


def parse_metadata(header: str) -> Mapping[str, str]:
    """Parse `Upload-Metadata`: comma-separated pairs of a key and a base64 value. Raises `Problem`."""
    if len(header) > MAX_METADATA_CHARS:
        raise Problem("bad-request", f"Upload-Metadata can have at most {MAX_METADATA_CHARS:,} characters.")
    try:
        return metadata.parse_metadata(header)
    except ValueError:
        raise Problem(
            "bad-request", "Upload-Metadata must be pairs of a key and a base64 value, each key once."
        ) from None


def _parse_clip_id(text: str | None) -> uuid.UUID:
    """The clip's id, or a new one for a client that names none."""
    if text is None:
        return uuid.uuid4()
    try:
        return uuid.UUID(text)
    except ValueError:
        raise Problem("bad-request", "The clip_id in Upload-Metadata is no UUID.") from None


def _parse_segment(text: str | None) -> int:
    if text is None:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and int(text) < MAX_SEGMENTS):
        raise Problem("bad-request", f"The segment in Upload-Metadata must be a number below {MAX_SEGMENTS:,}.")
    return int(text)


def _parse_media_type(text: str) -> str:
    """The claimed type, if it is audio or video: a browser only plays these. The worker recognises the real type."""
    claim = text.lower().strip()
    return claim if len(claim) <= 255 and _MEDIA_TYPE.fullmatch(claim) else "application/octet-stream"


def _parse_recorded_at(said: Mapping[str, str], now: datetime) -> datetime:
    """When the recording began, or else when the file was changed last, but not later than `now`.

    A client's clock may be ahead of ours.
    """
    if (recorded_at := said.get("recorded_at")) is not None:
        return min(_parse_instant("recorded_at", recorded_at), now)
    if (last_modified := said.get("last_modified")) is not None:
        return plausible_date(_parse_instant("last_modified", last_modified), now) or now
    return now


def _parse_instant(key: str, text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise Problem("bad-request", f"The {key} in Upload-Metadata is no instant of ISO 8601.") from None


def _check_track(text: str | None) -> None:
    if text is not None and not (text.isascii() and text.isdigit() and len(text) <= 3 and int(text) >= 1):
        raise Problem("bad-request", f"The track in Upload-Metadata must be a number from 1 to {MAX_TRACK}.")
