"""Clips by name, as clients of the seed know them, at `/clips/{name}` and `/audio/{name}`."""

import uuid
import zlib
from collections.abc import Sequence

from anyio import to_thread
from sqlalchemy import text
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar
from starlette.requests import Request
from starlette.responses import Response

from services.api.clips.audio import Audio, audio_response
from services.api.clips.names import name_in_path
from services.api.clips.service import clip_response, store_audio
from services.api.http.body import Incoming, incoming
from services.api.http.conditional import etag_matches
from services.api.http.errors import Problem
from services.api.state import Change, state_of
from shared.clips.models import HOME, Clip
from shared.redis.jobs import PREPARE


async def put(request: Request) -> Response:
    """Store a new clip under a name; the one that had it goes to the bin, and nothing is overwritten."""
    state, name = state_of(request), _name(request)
    async with incoming(request, state.settings.max_upload_bytes, state.incoming) as body:
        return await to_thread.run_sync(_put, request, name, body, limiter=state.uploads)


def _put(request: Request, name: str, body: Incoming) -> Response:
    state = state_of(request)
    clip = store_audio(state, uuid.uuid4(), name, body)
    with state.transaction() as change:
        for old in _named(change, request, name):
            old.move_to_bin(change.now)
            change.record(old)
        change.record(clip, PREPARE)
    return clip_response(clip, 201)


def get(request: Request) -> Response:
    """GET and HEAD: the audio of the newest clip of this name."""
    state = state_of(request)
    with state.read_session() as session:
        clip = session.exec(named(HOME, _name(request)).limit(1)).first()
        if clip is None:
            raise Problem("not-found", "There is no clip of this name.")
        audio = Audio.of(session, clip)
    return audio_response(request, state, audio)


def delete(request: Request) -> Response:
    """Every clip of this name into the bin. Twice is once: what is not there is deleted already."""
    with state_of(request).transaction() as change:
        for clip in _named(change, request, _name(request)):
            clip.move_to_bin(change.now)
            change.record(clip)
    return Response(status_code=204)


def named(library_id: str, name: str) -> SelectOfScalar[Clip]:
    """The clips of this name that are not in the bin, newest first."""
    return (
        select(Clip)
        .where(col(Clip.library_id) == library_id, col(Clip.name) == name, col(Clip.deleted_at).is_(None))
        .order_by(col(Clip.created_at).desc(), col(Clip.id).desc())
    )


def _named(change: Change, request: Request, name: str) -> Sequence[Clip]:
    """The clips of a name, locked; PUTs of one name queue here, or two at once would both stay.

    Raises `Problem` if the audio that `GET` gives out is not the one that If-Match names.
    """
    connection = change.session.connection()
    # SQLite's writers queue anyway.
    if connection.dialect.name == "postgresql":
        number = zlib.crc32(f"{HOME}/{name}".encode())
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": number})
    clips = change.session.exec(named(HOME, name).with_for_update()).all()
    wanted = request.headers.get("if-match")
    if wanted is not None and not (clips and etag_matches(wanted, Audio.of(change.session, clips[0]).etag)):
        raise Problem("stale", "The audio of this name is another one now; read it again.")
    return clips


def _name(request: Request) -> str:
    """The name as its bytes say: what is behind `/clips/` or `/audio/`."""
    prefix = "/audio/" if request.url.path.startswith("/audio/") else "/clips/"
    raw: bytes = request.scope["raw_path"]
    return name_in_path(raw, prefix)
