"""Export the library as a zip, and import such a zip."""

import asyncio
import threading
import uuid
from datetime import UTC, datetime

from anyio import to_thread
from sqlmodel import col, select
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from services.api.access.access import access_of
from services.api.archive.exporter import stream_zip
from services.api.archive.importer import import_zip
from services.api.http.body import receive_body
from services.api.http.errors import Problem
from services.api.http.operations import BINARY, UUID, Answer, Content, Json, Operation, json_answer, query_param
from services.api.state import state_of
from shared.clips.models import Clip

MAX_IDS = 350
"""Clips that one request may name: their ids stand in its address, and the head of a request has at most 16 KiB."""

ARCHIVE: Content = {"application/zip": BINARY}
COUNT: Json = {"type": "integer", "minimum": 0}
IMPORT_RESULT: Json = {
    "type": "object",
    "required": ["taken", "known", "refused"],
    "properties": {"taken": COUNT, "known": COUNT, "refused": {"type": "array", "items": {"type": "object"}}},
}


@Operation(
    "All clips that are not in the bin, or those with these ids, as a zip",
    {200: Answer("Sound, words and all that `POST /api/library` needs.", ARCHIVE)},
    problems=["bad-request", "not-found", "large-head"],
    parameters=[query_param("id", {"type": "array", "items": UUID, "maxItems": MAX_IDS})],
)
def export_library(request: Request) -> Response:
    """GET /api/library.zip: all clips that are not in the bin, or those that the address names."""
    state, library_id = state_of(request), access_of(request).library
    chosen_ids = _ids(request)
    with state.read_session() as session:
        clips = select(Clip.id).where(col(Clip.library_id) == library_id, col(Clip.deleted_at).is_(None))
        if chosen_ids is not None:
            clips = clips.where(col(Clip.id).in_(chosen_ids))
        ids = session.exec(clips.order_by(col(Clip.created_at), col(Clip.id))).all()
    if chosen_ids is not None and len(ids) < len(chosen_ids):
        raise Problem("not-found", "One of these clips is not in the library, or is in the bin.")
    now = datetime.now(UTC)
    return StreamingResponse(
        stream_zip(state, library_id, ids, now),
        media_type="application/zip",
        headers={
            "Content-Disposition": f'attachment; filename="dictaphone {now:%Y-%m-%d}.zip"',
            "Cache-Control": "no-store",
        },
    )


def _ids(request: Request) -> set[uuid.UUID] | None:
    values = request.query_params.getlist("id")
    if len(values) > MAX_IDS:
        raise Problem("bad-request", f"At most {MAX_IDS} clips can be named at once; without any id all are given.")
    try:
        return {uuid.UUID(value) for value in values} or None
    except ValueError:
        raise Problem("bad-request", "An id is a UUID, and one of these is none.") from None


@Operation(
    "Take in such a zip; clips that are here already stay as they are",
    {200: json_answer("How many were taken in, known already, and refused, and why.", IMPORT_RESULT)},
    problems=["empty-audio", "bad-library", "too-large", "away", "full"],
    body=ARCHIVE,
)
async def import_library(request: Request) -> Response:
    """POST /api/library: take in what GET /api/library.zip gave. A second import of the same zip changes nothing."""
    state, library_id, stopped = state_of(request), access_of(request).library, threading.Event()
    async with receive_body(request, state.settings.max_upload_bytes, state.incoming_dir) as body:
        watcher = asyncio.ensure_future(_set_on_disconnect(request, stopped))
        try:
            # When the server ends, the request is cancelled; its thread ends with the next block.
            result = await to_thread.run_sync(
                import_zip,
                state,
                library_id,
                body.file,
                body.size,
                stopped,
                limiter=state.import_limiter,
                abandon_on_cancel=True,
            )
        finally:
            stopped.set()
            watcher.cancel()
    return JSONResponse(
        {"taken": result.imported, "known": result.known, "refused": result.refused},
        headers={"Cache-Control": "no-store"},
    )


async def _set_on_disconnect(request: Request, event: threading.Event) -> None:
    """Set an event when the client has gone: nobody waits for the result, and others wait for the thread."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    event.set()
