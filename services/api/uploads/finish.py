"""The end of a recording, as its recorder tells it or as somebody else decides."""

import uuid

from anyio import to_thread
from pydantic import BaseModel, ConfigDict, Field
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from services.api.clips.service import clip_response
from services.api.http.errors import Problem
from services.api.http.params import clip_id, json_body
from services.api.state import State, state_of
from shared.clips.models import HOME, Clip
from shared.clips.schemas import Gap, Milliseconds
from shared.db.columns import Status
from shared.redis.jobs import PREPARE
from shared.uploads.models import MAX_SEGMENTS, Piece, Upload

MOST_GAPS = 1_000
"""Gaps of one recording: as many as a person would ever look through."""


class Finish(BaseModel):
    """What a recorder says at the end."""

    model_config = ConfigDict(extra="forbid")

    segments: int = Field(ge=0, le=MAX_SEGMENTS)
    duration_ms: Milliseconds
    """How long it recorded, pauses and gaps between segments left out."""
    gaps: list[Gap] = Field(default=[], max_length=MOST_GAPS)


async def finish(request: Request) -> Response:
    """POST /api/clips/{id}/finish: nothing more will come. Twice is once; without a body, what has arrived will do."""
    has_body = request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers
    said = await json_body(request, Finish) if has_body else None
    return await to_thread.run_sync(_finish, state_of(request), clip_id(request), said)


def _finish(state: State, id: uuid.UUID, said: Finish | None) -> Response:
    with state.transaction() as change:
        clip = change.session.exec(Clip.by_id(HOME, id).with_for_update()).first()
        if clip is None:
            raise Problem("not-found", "There is no clip with this id.")
        if said is not None:
            _check_arrival(change.session, id, said)
        gaps = [gap.model_dump() for gap in said.gaps] if said else []
        if clip.status is Status.RECORDING:
            if said is None:
                clip.finish_stalled_recording(change.now)
            else:
                clip.finish_recording(change.now, duration_ms=said.duration_ms, gaps=gaps)
            change.record(clip, *([PREPARE] if clip.deleted_at is None else []))
        elif said and clip.reconcile_gaps(change.now, duration_ms=said.duration_ms, gaps=gaps):
            change.record(clip)
    return clip_response(clip)


def _check_arrival(session: Session, id: uuid.UUID, said: Finish) -> None:
    """Raise `Problem` unless every byte of every segment is here; of one that was given up, nothing more will come."""
    uploads = session.exec(Upload.of_clip(id)).all()
    for upload in uploads:
        offset = session.exec(Piece.offset(upload.id)).one()
        if upload.ended_at is None and upload.length != offset:
            of = "an unknown number of" if upload.length is None else f"{upload.length:,}"
            raise Problem("unfinished", f"Segment {upload.segment} has {offset:,} of {of} bytes.")
    if len(uploads) < said.segments:
        raise Problem("unfinished", f"{len(uploads)} of {said.segments} segments have arrived.")
