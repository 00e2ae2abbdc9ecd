"""Clips by name, as clients of the seed know them, at `/clips/{name}` and `/audio/{name}`."""

import uuid
import zlib

from sqlalchemy import text
from starlette.requests import Request
from starlette.responses import Response

from services.api.audio import audio_response
from services.api.clips import answer, keep
from services.api.errors import Problem
from services.api.incoming import incoming
from services.api.names import name_in_path
from services.api.state import Change, State, state_of
from shared.jobs import TRANSCRIBE
from shared.models import HOME, Clip


async def put(request: Request) -> Response:
    """Store a new clip under a name; the one that had it goes to the bin, and nothing is overwritten."""
    state, name = state_of(request), _name(request)
    async with incoming(request, state.settings.max_upload_bytes, state.incoming) as body:
        clip = await keep(state, uuid.uuid4(), name, body, request.headers.get("content-type", ""))
    async with state.changing() as change:
        await _one_at_a_time(change, name)
        for old in (await change.session.exec(Clip.named(HOME, name).with_for_update())).all():
            old.move_to_bin(change.now)
            change.record(old)
        change.record(clip, TRANSCRIBE)
    return answer(clip, 201)


async def get(request: Request) -> Response:
    """The audio of the newest clip of this name."""
    state = state_of(request)
    return await audio_response(request, state, await _newest(state, _name(request)))


async def delete(request: Request) -> Response:
    """Every clip of this name into the bin. Twice is once: what is not there is deleted already."""
    state, name = state_of(request), _name(request)
    async with state.changing() as change:
        await _one_at_a_time(change, name)
        for clip in (await change.session.exec(Clip.named(HOME, name).with_for_update())).all():
            clip.move_to_bin(change.now)
            change.record(clip)
    return Response(status_code=204)


async def _newest(state: State, name: str) -> Clip:
    async with state.reading() as session:
        clip = (await session.exec(Clip.named(HOME, name).limit(1))).first()
    if clip is None:
        raise Problem("not-found", "There is no clip of this name.")
    return clip


async def _one_at_a_time(change: Change, name: str) -> None:
    """Make PUTs of one name queue: two at once would not see each other's clip, and both would stay."""
    connection = await change.session.connection()
    # SQLite's writers queue anyway.
    if connection.dialect.name == "postgresql":
        number = zlib.crc32(f"{HOME}/{name}".encode())
        await connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": number})


def _name(request: Request) -> str:
    """The name as its bytes say: what is behind `/clips/` or `/audio/`."""
    prefix = "/audio/" if request.url.path.startswith("/audio/") else "/clips/"
    raw: bytes = request.scope["raw_path"]
    return name_in_path(raw, prefix)
