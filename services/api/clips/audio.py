"""A clip's audio on its way out: whole, in ranges, or by a redirect to the bucket."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Self

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from services.api.clips.names import content_disposition
from services.api.http.conditional import byte_range, etag_matches
from services.api.http.errors import Problem
from services.api.state import State
from shared.clips.models import Clip
from shared.storage.store import Store
from shared.uploads.models import Piece

INERT = "default-src 'none'; sandbox; frame-ancestors 'none'"
"""Content-Security-Policy of what people uploaded: even if a browser took it for a page, nothing in it would run."""


EXTENSIONS = {
    "webm": "webm", "mp4": "m4a", "x-m4a": "m4a", "m4a": "m4a", "ogg": "ogg", "wav": "wav", "x-wav": "wav",
    "mpeg": "mp3", "mp3": "mp3", "flac": "flac", "aac": "aac", "aiff": "aiff", "amr": "amr", "x-caf": "caf",
    "x-matroska": "mka", "quicktime": "mov",
}  # fmt: skip
"""Subtype → the end of a downloaded file's name."""


@dataclass(frozen=True)
class Audio:
    """What is played of a clip: its one object, or the pieces of a segment that are not joined yet, end to end."""

    name: str
    mime: str
    parts: Sequence[tuple[str, int]]
    """Key and size of each object."""
    etag: str

    @classmethod
    def of(cls, session: Session, clip: Clip, segment: int | None = None) -> Self:
        """Find a clip's audio. Segments are containers of their own: only one at a time can be played unjoined.

        None: the first that has sound.
        """
        if clip.audio_key:
            return cls(clip.name, clip.mime, [(clip.audio_key, clip.bytes)], f'"{clip.sha256[:32]}"')
        found = session.exec(Piece.of_clip(clip.id) if segment is None else Piece.of_segment(clip.id, segment)).all()
        found = [(upload, piece) for upload, piece in found if upload.id == found[0][0].id]
        if not found:
            raise Problem("no-audio", "No sound of this recording has arrived yet.")
        parts = [(piece.key, piece.end - piece.start) for _, piece in found]
        upload = found[0][0]
        # What has arrived never changes, it only grows.
        return cls(clip.name, upload.mime, parts, f'"{upload.id.hex[:16]}-{found[-1][1].end}"')

    @property
    def size(self) -> int:
        return sum(size for _, size in self.parts)

    def read(self, store: Store, start: int, end: int) -> Iterator[bytes]:
        """Yield bytes `start` up to but not including `end`. Raises what the store raises."""
        at = 0
        for key, size in self.parts:
            first, last = max(start - at, 0), min(end - at, size)
            if first < last:
                yield from store.read(key, first, None if last == size else last)
            at += size


def audio_response(request: Request, state: State, audio: Audio) -> Response:
    """Answer GET or HEAD for a clip's audio (RFC 9110, sections 13 and 14)."""
    etag, whole_size = audio.etag, audio.size
    extension = EXTENSIONS.get(audio.mime.partition(";")[0].partition("/")[2], "audio")
    disposition = content_disposition(request, audio.name, extension)
    headers = {
        "ETag": etag,
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache",
        "Content-Disposition": disposition,
        "Content-Security-Policy": INERT,
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    if etag_matches(request.headers.get("if-none-match"), etag, weak=True):
        return Response(status_code=304, headers=headers)
    can_redirect = state.settings.audio_delivery == "redirect" and len(audio.parts) == 1
    if can_redirect and request.method == "GET" and not _is_fetch(request):
        address = state.store.url(audio.parts[0][0], audio.mime, disposition)
        if address is not None:
            return RedirectResponse(address, status_code=307, headers={"Cache-Control": "private, no-cache"})
    start, end = 0, whole_size
    # Range is for GET alone (RFC 9110, section 14.2).
    asked = request.headers.get("range") if request.method == "GET" else None
    whole = asked is None or request.headers.get("if-range", etag) != etag
    if not whole and (part := byte_range(asked or "", whole_size)):
        start, end = part
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{whole_size}"
    headers["Content-Length"] = str(end - start)
    status = 206 if "Content-Range" in headers else 200
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=audio.mime)
    blocks = audio.read(state.store, start, end)
    # The first block is fetched before the status is sent: a missing object is still a clean refusal.
    first = next(blocks, b"")
    return StreamingResponse(chain([first], blocks), status_code=status, headers=headers, media_type=audio.mime)


def _is_fetch(request: Request) -> bool:
    """Whether a script asks: it may not follow a redirect to a bucket that has no CORS rules; a player may."""
    return request.headers.get("sec-fetch-dest") == "empty"
