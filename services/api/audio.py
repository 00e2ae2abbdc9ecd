"""A clip's audio on its way out: whole, in ranges, or by a redirect to the bucket."""

import re
from itertools import chain
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from services.api.errors import Problem
from services.api.state import State
from shared.models import Clip

INERT = "default-src 'none'; sandbox; frame-ancestors 'none'"
"""Content-Security-Policy of what people uploaded: even if a browser took it for a page, nothing in it would run."""

_RANGE = re.compile(r"bytes=\s*(\d{0,18})-(\d{0,18})\s*", re.ASCII)

EXTENSIONS = {
    "webm": "webm", "mp4": "m4a", "x-m4a": "m4a", "m4a": "m4a", "ogg": "ogg", "wav": "wav", "x-wav": "wav",
    "mpeg": "mp3", "mp3": "mp3", "flac": "flac", "aac": "aac", "aiff": "aiff", "amr": "amr", "x-caf": "caf",
    "x-matroska": "mka", "quicktime": "mov",
}  # fmt: skip
"""Subtype → the end of a downloaded file's name."""


def audio_response(request: Request, state: State, clip: Clip) -> Response:
    """Answer GET or HEAD for a clip's audio (RFC 9110, sections 13 and 14)."""
    etag = audio_etag(clip)
    disposition = f"{'attachment' if 'download' in request.query_params else 'inline'}; {_filename(clip)}"
    headers = {
        "ETag": etag,
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache",
        "Content-Disposition": disposition,
        "Content-Security-Policy": INERT,
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    if matches(request.headers.get("if-none-match"), etag, weak=True):
        return Response(status_code=304, headers=headers)
    if state.settings.audio_delivery == "redirect" and request.method == "GET" and not _is_fetch(request):
        address = state.store.url(clip.audio_key, clip.mime, disposition)
        if address is not None:
            return RedirectResponse(address, status_code=307, headers={"Cache-Control": "private, no-cache"})
    start, end = 0, clip.bytes
    # Range is for GET alone (RFC 9110, section 14.2).
    asked = request.headers.get("range") if request.method == "GET" else None
    whole = asked is None or request.headers.get("if-range", etag) != etag
    if not whole and (part := byte_range(asked or "", clip.bytes)):
        start, end = part
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{clip.bytes}"
    headers["Content-Length"] = str(end - start)
    status = 206 if "Content-Range" in headers else 200
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=clip.mime)
    blocks = state.store.read(clip.audio_key, start, end)
    # The first block is fetched before the status is sent: a missing object is still a clean refusal.
    first = next(blocks, b"")
    return StreamingResponse(chain([first], blocks), status_code=status, headers=headers, media_type=clip.mime)


def audio_etag(clip: Clip) -> str:
    """The entity tag of a clip's bytes, which never change."""
    return f'"{clip.sha256[:32]}"'


def byte_range(asked: str, size: int) -> tuple[int, int] | None:
    """First byte and the one after the last of a Range header (RFC 9110, section 14.2), or None to send the whole.

    Several ranges and other units may be answered with the whole; a range that begins behind the end is a `Problem`.
    """
    match = _RANGE.fullmatch(asked)
    if not match or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        start, end = max(size - int(last), 0), size
    else:
        start, end = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < start:
            return None
    if start >= size or start >= end:
        raise Problem("bad-range", f"The audio has {size:,} bytes.", {"Content-Range": f"bytes */{size}"})
    return start, end


def matches(header: str | None, etag: str, *, weak: bool = False) -> bool:
    """Whether an If-Match or If-None-Match header (RFC 9110, section 13.1) names this entity tag."""
    if header is None:
        return False
    tags = (tag.strip() for tag in header.split(","))
    return any(tag in {"*", etag} or (weak and tag == f"W/{etag}") for tag in tags)


def _is_fetch(request: Request) -> bool:
    """Whether a script asks: it may not follow a redirect to a bucket that has no CORS rules; a player may."""
    return request.headers.get("sec-fetch-dest") == "empty"


def _filename(clip: Clip) -> str:
    """The name to save under (RFC 6266), without what file systems refuse."""
    extension = EXTENSIONS.get(clip.mime.partition(";")[0].partition("/")[2], "audio")
    stem = re.sub(r'[\\/:*?"<>|]', "-", clip.name).strip(". ") or "clip"
    return f"filename*=UTF-8''{quote(f'{stem}.{extension}', safe='')}"
