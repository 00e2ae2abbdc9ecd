"""POST /api/clips/{id}/finish: the finish of a recording, by its recorder or by a person on another device."""

from anyio import to_thread
from pydantic import BaseModel, ConfigDict, Field
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from services.api.access.access import access_of
from services.api.clips.operations import clip_answer
from services.api.clips.service import NO_CLIP, clip_response, find_clip
from services.api.http.errors import Problem
from services.api.http.operations import Operation
from services.api.http.params import clip_id, json_body
from services.api.state import state_of
from shared.clips.models import Clip, Status
from shared.clips.schemas import Gap, Milliseconds
from shared.redis.jobs import PREPARE
from shared.uploads.models import MAX_SEGMENTS, Piece, Upload

MAX_GAPS = 1_000
"""Gaps of one recording: as many as a person would ever look through."""


class Finish(BaseModel):
    """What a recorder says at the end."""

    # A page of a newer release may say more. To refuse its report would keep the recording open.
    model_config = ConfigDict(extra="ignore")

    segments: int = Field(ge=0, le=MAX_SEGMENTS)
    duration_ms: Milliseconds
    """Recorded time, without pauses and without the gaps between segments."""
    gaps: list[Gap] = Field(default=[], max_length=MAX_GAPS)


@Operation(
    "Finish a recording; without a body, with what has arrived",
    {200: clip_answer("The clip, waiting.")},
    problems=["bad-request", "not-found", "unfinished"],
    body={"application/json": Finish},
    is_body_required=False,
)
async def finish(request: Request) -> Response:
    """Finish the recording; without a body, with the bytes that have arrived. Repeating it changes nothing."""
    has_body = request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers
    report = await json_body(request, Finish) if has_body else None
    return await to_thread.run_sync(_finish, request, report)


def _finish(request: Request, report: Finish | None) -> Response:
    with state_of(request).transaction() as transaction:
        access_of(request).check_clip(clip_id(request), NO_CLIP)
        clip = find_clip(transaction.session, request, clip_id(request), for_update=True)
        if clip is None:
            raise Problem("not-found", NO_CLIP)
        if report is not None:
            _check_arrival(transaction.session, clip, report.segments)
        gaps = [gap.model_dump() for gap in report.gaps] if report else []
        if clip.status is Status.RECORDING:
            if report is None:
                clip.finish_stalled_recording(transaction.now)
            else:
                clip.finish_recording(transaction.now, duration_ms=report.duration_ms, gaps=gaps)
            transaction.save(clip, *([PREPARE] if clip.deleted_at is None else []))
        elif report and clip.reconcile_gaps(transaction.now, duration_ms=report.duration_ms, gaps=gaps):
            transaction.save(clip)
    return clip_response(clip)


def _check_arrival(session: Session, clip: Clip, segments: int) -> None:
    """Raise `Problem` unless every byte of every segment has arrived; aborted segments are complete as they are."""
    uploads = session.exec(Upload.of_clip(clip.library_id, clip.id)).all()
    for upload in uploads:
        offset = session.exec(Piece.offset(upload.id)).one()
        if upload.ended_at is None and upload.length != offset:
            length = "an unknown number of" if upload.length is None else f"{upload.length:,}"
            raise Problem("unfinished", f"Segment {upload.segment} has {offset:,} of {length} bytes.")
    if len(uploads) < segments:
        raise Problem("unfinished", f"{len(uploads)} of {segments} segments have arrived.")
