"""Clips by name, for clients of the seed: `/clips/{name}` and `/audio/{name}`."""

import uuid
import zlib
from collections.abc import Sequence

from anyio import to_thread
from sqlalchemy import text
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar
from starlette.requests import Request
from starlette.responses import Response

from services.api.access.access import access_of
from services.api.clips.audio import PlayableAudio, audio_response
from services.api.clips.names import name_from_path
from services.api.clips.operations import AUDIO, AUDIO_ANSWERS, AUDIO_PROBLEMS, FILE_PARAMETERS, RANGE, clip_answer
from services.api.clips.service import FileDetails, clip_response, store_audio
from services.api.http.body import ReceivedBody, receive_body
from services.api.http.conditional import etag_matches
from services.api.http.errors import Problem
from services.api.http.operations import Operation
from services.api.state import ClipTransaction, state_of
from shared.clips.models import Clip
from shared.redis.jobs import PREPARE


@Operation(
    "Store a new clip under a name; the one that had it goes to the bin",
    {201: clip_answer("It is stored.")},
    problems=["bad-request", "bad-name", "not-found", "too-large", "not-audio", "away", "full"],
    parameters=FILE_PARAMETERS,
    body=AUDIO,
)
async def put(request: Request) -> Response:
    """PUT: store a new clip under a name. The clips that had the name go to the bin; nothing is overwritten."""
    state, name, details = state_of(request), _name(request), FileDetails.of_request(request)
    library_id = access_of(request).library
    async with receive_body(request, state.settings.max_upload_bytes, state.incoming_dir) as body:
        return await to_thread.run_sync(_put, request, library_id, name, body, details, limiter=state.upload_limiter)


def _put(request: Request, library_id: str, name: str, body: ReceivedBody, details: FileDetails) -> Response:
    state = state_of(request)
    clip = store_audio(state, library_id, uuid.uuid4(), name, body, details)
    with state.transaction() as transaction:
        for old in _lock_clips(transaction, request, name):
            old.move_to_bin(transaction.now)
            transaction.save(old)
        transaction.save(clip, PREPARE)
    return clip_response(clip, 201)


@Operation(
    "Play or download the audio",
    AUDIO_ANSWERS,
    problems=AUDIO_PROBLEMS,
    parameters=[RANGE],
    head_summary="Ask about the audio",
)
def get(request: Request) -> Response:
    """GET and HEAD: the audio of the newest clip of this name."""
    state = state_of(request)
    with state.read_session() as session:
        clip = session.exec(clips_named(access_of(request).library, _name(request)).limit(1)).first()
        if clip is None:
            raise Problem("not-found", "There is no clip of this name.")
        audio = PlayableAudio.of_clip(session, clip)
    return audio_response(request, state, audio)


@Operation("Move every clip of this name to the bin", {204: "None is left."}, problems=["bad-name"])
def delete(request: Request) -> Response:
    """DELETE: move every clip of this name to the bin. Repeating it changes nothing."""
    with state_of(request).transaction() as transaction:
        for clip in _lock_clips(transaction, request, _name(request)):
            clip.move_to_bin(transaction.now)
            transaction.save(clip)
    return Response(status_code=204)


def clips_named(library_id: str, name: str) -> SelectOfScalar[Clip]:
    """The clips of this name that are not in the bin, newest first."""
    return (
        select(Clip)
        .where(col(Clip.library_id) == library_id, col(Clip.name) == name, col(Clip.deleted_at).is_(None))
        .order_by(col(Clip.created_at).desc(), col(Clip.id).desc())
    )


def _lock_clips(transaction: ClipTransaction, request: Request, name: str) -> Sequence[Clip]:
    """Lock the clips of a name, and the name itself: two PUTs at once would both leave their clip there.

    Raises `Problem` `stale` if If-Match names other audio than `GET` answers with.
    """
    library_id, connection = access_of(request).library, transaction.session.connection()
    # SQLite has one writer at a time anyway.
    if connection.dialect.name == "postgresql":
        lock_id = zlib.crc32(f"{library_id}/{name}".encode())
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock_id)"), {"lock_id": lock_id})
    clips = transaction.session.exec(clips_named(library_id, name).with_for_update()).all()
    if_match = request.headers.get("if-match")
    if if_match is not None and not (
        clips and etag_matches(if_match, PlayableAudio.of_clip(transaction.session, clips[0]).etag)
    ):
        raise Problem("stale", "The audio of this name is another one now; read it again.")
    return clips


def _name(request: Request) -> str:
    """The clip's name: what stands behind `/clips/` or `/audio/` in the path."""
    prefix = "/audio/" if request.url.path.startswith("/audio/") else "/clips/"
    raw_path: bytes = request.scope["raw_path"]
    return name_from_path(raw_path, prefix)
