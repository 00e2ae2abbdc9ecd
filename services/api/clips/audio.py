"""A clip's audio as an HTTP answer: whole, one range of it, or a redirect to the bucket."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Self

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from services.api.clips.media_types import file_extension
from services.api.clips.names import content_disposition
from services.api.http.conditional import PRIVATE, byte_range, etag_matches
from services.api.http.errors import Problem
from services.api.state import State
from shared.clips.models import Clip
from shared.storage.store import Store
from shared.uploads.models import Piece, Upload

SANDBOX_POLICY = "default-src 'none'; sandbox; frame-ancestors 'none'"
"""Content-Security-Policy of uploaded bytes: a browser that took them for a page would run nothing in it."""


@dataclass(frozen=True)
class PlayableAudio:
    """The audio that is played: a clip's one object, or the pieces of one segment that are not joined yet."""

    name: str
    mime: str
    objects: Sequence[tuple[str, int]]
    """Key and size of each object, end to end."""
    etag: str

    @classmethod
    def of_clip(cls, session: Session, clip: Clip, segment: int | None = None) -> Self:
        """Look up a clip's audio, or that of a segment while it is not joined; without `segment`, the first with audio.

        Each segment is a container of its own, so only one at a time can be played before they are joined. Raises
        `Problem` `no-audio`.
        """
        if clip.audio_key:
            return cls.of_object(clip)
        owner = clip.library_id, clip.id
        rows = session.exec(Piece.of_clip(*owner) if segment is None else Piece.of_segment(*owner, segment)).all()
        if not rows:
            raise Problem("no-audio", "No sound of this recording has arrived yet.")
        upload = rows[0][0]
        return cls._of_pieces(clip, upload, [piece for piece_upload, piece in rows if piece_upload.id == upload.id])

    @classmethod
    def of_original(cls, session: Session, clip: Clip) -> Self:
        """Look up the bytes of a file as they were uploaded. A recording's are what is played, in one piece.

        Raises `Problem` `no-audio`.
        """
        rows = session.exec(Piece.of_clip(clip.library_id, clip.id)).all()
        pieces = [piece for upload, piece in rows if not upload.is_recording and piece.end <= (upload.length or 0)]
        if not clip.audio_key or not pieces or pieces[-1].end != rows[-1][0].length:
            return cls.of_clip(session, clip)
        return cls._of_pieces(clip, rows[-1][0], pieces)

    @classmethod
    def of_object(cls, clip: Clip) -> Self:
        """The one object that is played."""
        return cls(clip.name, clip.mime, [(clip.audio_key, clip.bytes)], f'"{clip.sha256[:32]}"')

    @classmethod
    def _of_pieces(cls, clip: Clip, upload: Upload, pieces: Sequence[Piece]) -> Self:
        objects = [(piece.key, piece.end - piece.start) for piece in pieces]
        # Bytes that have arrived never change, so upload and size identify them.
        return cls(clip.name, upload.mime, objects, f'"{upload.id.hex[:16]}-{pieces[-1].end}"')

    @property
    def size(self) -> int:
        return sum(size for _, size in self.objects)

    def read(self, store: Store, start: int, end: int) -> Iterator[bytes]:
        """Yield the bytes from `start` up to but not including `end`. Raises `StoreError`."""
        offset = 0
        for key, size in self.objects:
            first, last = max(start - offset, 0), min(end - offset, size)
            if first < last:
                yield from store.read(key, first, None if last == size else last)
            offset += size


def audio_response(request: Request, state: State, audio: PlayableAudio) -> Response:
    """Answer GET or HEAD for audio (RFC 9110, sections 13 and 14)."""
    etag, size = audio.etag, audio.size
    disposition = content_disposition(request, audio.name, file_extension(audio.mime))
    headers = {
        "ETag": etag,
        "Accept-Ranges": "bytes",
        "Cache-Control": PRIVATE,
        "Content-Disposition": disposition,
        "Content-Security-Policy": SANDBOX_POLICY,
    }
    if etag_matches(request.headers.get("if-none-match"), etag, weak=True):
        return Response(status_code=304, headers=headers)
    can_redirect = state.settings.audio_delivery == "redirect" and len(audio.objects) == 1
    if can_redirect and request.method == "GET" and not _is_fetch(request):
        url = state.store.presigned_url(audio.objects[0][0], audio.mime, disposition)
        if url is not None:
            return RedirectResponse(url, status_code=307, headers={"Cache-Control": PRIVATE})
    start, end = 0, size
    # Range is for GET alone (RFC 9110, section 14.2).
    range_header = request.headers.get("range") if request.method == "GET" else None
    is_current = request.headers.get("if-range", etag) == etag
    if range_header is not None and is_current and (part := byte_range(range_header, size)):
        start, end = part
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    headers["Content-Length"] = str(end - start)
    status = 206 if "Content-Range" in headers else 200
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=audio.mime)
    blocks = audio.read(state.store, start, end)
    # The first block is read before the status is sent, so that a missing object is still answered as a problem.
    first = next(blocks, b"")
    return StreamingResponse(chain([first], blocks), status_code=status, headers=headers, media_type=audio.mime)


def _is_fetch(request: Request) -> bool:
    """Whether a script fetches: unlike a player, it may not follow a redirect to a bucket without CORS rules."""
    return request.headers.get("sec-fetch-dest") == "empty"
