"""What several packages do with a clip: find it, store its audio, answer with it."""

import uuid
from datetime import UTC, datetime

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from services.api.clips.media_types import accept
from services.api.http.body import Incoming
from services.api.http.conditional import etag_matches
from services.api.http.errors import Problem
from services.api.http.params import clip_id
from services.api.state import State
from shared.clips.models import HOME, Clip
from shared.clips.schemas import PublicClip


def store_audio(state: State, id: uuid.UUID, name: str, body: Incoming, duration_ms: int | None = None) -> Clip:
    """Check the audio, put it into the store, and return the clip that is to be recorded: bytes first, row second."""
    mime = accept(body.file, body.claimed_type)
    key = f"{HOME}/{id}/{uuid.uuid4().hex}"
    state.store.put(key, body.file, body.size, mime)
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


def clip_response(clip: Clip, status: int = 200) -> Response:
    """The public clip, with its version as entity tag."""
    return Response(
        PublicClip.model_validate(clip).model_dump_json(),
        status_code=status,
        media_type="application/json",
        headers={"ETag": version_etag(clip), "Cache-Control": "no-cache"},
    )


def version_etag(clip: Clip) -> str:
    return f'"{clip.version}"'


def get_clip(session: Session, request: Request, *, for_update: bool = False) -> Clip:
    """The clip that the address names; when it is to be changed, locked, and as old as If-Match says."""
    found = Clip.by_id(HOME, clip_id(request))
    clip = session.exec(found.with_for_update() if for_update else found).first()
    if clip is None:
        raise Problem("not-found", "There is no clip with this id.")
    wanted = request.headers.get("if-match")
    if for_update and wanted is not None and not etag_matches(wanted, version_etag(clip)):
        raise Problem(
            "stale", f"The clip is at version {clip.version} now; read it again.", {"ETag": version_etag(clip)}
        )
    return clip
