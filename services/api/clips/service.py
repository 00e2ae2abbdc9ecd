"""Clips for several packages: look one up by a request, store its audio, answer with it."""

import uuid
from datetime import UTC, datetime

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from services.api.clips.media_types import resolve_media_type
from services.api.http.body import ReceivedBody
from services.api.http.conditional import PRIVATE, etag_matches
from services.api.http.errors import Problem
from services.api.http.params import clip_id
from services.api.state import State
from shared.clips.models import Clip
from shared.clips.schemas import PublicClip
from shared.libraries import HOME
from shared.storage.keys import file_key


def get_clip(session: Session, request: Request, *, for_update: bool = False) -> Clip:
    """Look up the clip that the path names. `for_update` locks it and checks If-Match.

    Raises `Problem` `not-found` or `stale`.
    """
    statement = Clip.by_id(HOME, clip_id(request))
    clip = session.exec(statement.with_for_update() if for_update else statement).first()
    if clip is None:
        raise Problem("not-found", "There is no clip with this id.")
    if_match = request.headers.get("if-match")
    if for_update and if_match is not None and not etag_matches(if_match, version_etag(clip)):
        etag = {"ETag": version_etag(clip)}
        raise Problem("stale", f"The clip is at version {clip.version} now; read it again.", etag)
    return clip


def store_audio(state: State, id: uuid.UUID, name: str, body: ReceivedBody, duration_ms: int | None = None) -> Clip:
    """Check the audio, put it into the store, and return its clip, which is still to be saved. Raises `Problem`."""
    mime = resolve_media_type(body.file, body.content_type)
    key = file_key(HOME, id, 0, body.size, body.size)
    state.store.put(key, body.file, body.size, mime, body.sha256)
    return Clip.new_upload(
        id,
        name=name,
        mime=mime,
        bytes=body.size,
        sha256=body.sha256,
        audio_key=key,
        duration_ms=duration_ms,
        now=datetime.now(UTC),
    )


def id_taken() -> Problem:
    return Problem("id-taken", "This id belongs to another clip, and nothing is overwritten here.")


def clip_response(clip: Clip, status: int = 200) -> Response:
    """Answer with the public clip; its version is the entity tag."""
    return Response(
        PublicClip.model_validate(clip).model_dump_json(),
        status_code=status,
        media_type="application/json",
        headers={"ETag": version_etag(clip), "Cache-Control": PRIVATE},
    )


def version_etag(clip: Clip) -> str:
    return f'"{clip.version}"'
