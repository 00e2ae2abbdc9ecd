"""Resumable uploads by tus 1.0.0, at `/api/uploads`: what a recording is streamed through while it is spoken.

Any machine may take any request: how far an upload is stands in the database, and the bytes of each request are
objects of their own, stored before their row. A row can only be added where the upload ends at that moment, so of two
requests for one place one wins, and what a client sends again is recognised.
"""

import uuid
from contextlib import aclosing
from datetime import UTC, datetime

from anyio import to_thread
from sqlalchemy.exc import IntegrityError
from starlette.requests import Request
from starlette.responses import Response

from services.api.http.body import blocks, refuse_above
from services.api.http.errors import UPLOAD_HEADERS, Problem
from services.api.http.params import upload_id
from services.api.state import Change, State, state_of
from services.api.uploads import tus
from services.api.uploads.append import TAKEN, Arrival, Standing, excessive, gone, locked, misplaced
from shared.clips.models import Clip
from shared.db.columns import MAX_DURATION_MS
from shared.libraries import HOME
from shared.redis.jobs import CAPTION
from shared.uploads.models import Piece, Upload

PIECE_BYTES = 8 * 1024**2
"""Bytes of a long request that are stored at once: what a broken line may cost, and one plain PUT to a bucket."""

ASKED_HEADERS = (
    "Tus-Resumable", "Upload-Offset", "Upload-Length", "Upload-Defer-Length", "Upload-Metadata", "Upload-Checksum",
    "X-HTTP-Method-Override", "Recorded-Ms",
)  # fmt: skip
TOLD_HEADERS = (
    "Location", "Tus-Resumable", "Tus-Version", "Tus-Extension", "Tus-Max-Size", "Tus-Checksum-Algorithm",
    "Upload-Offset", "Upload-Length", "Upload-Defer-Length", "Upload-Metadata", "Upload-Expires",
)  # fmt: skip
"""What pages of other origins may send and see, where ALLOWED_ORIGINS names them."""


# -- routes ----------------------------------------------------------------------------------------------------


def options(request: Request) -> Response:
    """OPTIONS /api/uploads: what this server can do."""
    most = str(state_of(request).settings.max_upload_bytes)
    return _answer(
        204,
        {
            "Tus-Version": tus.VERSION,
            "Tus-Extension": tus.EXTENSIONS,
            "Tus-Max-Size": most,
            "Tus-Checksum-Algorithm": ",".join(tus.ALGORITHMS),
        },
    )


async def create(request: Request) -> Response:
    """POST /api/uploads: begin a segment or a file, perhaps with its first bytes. Twice is once."""
    tus.check_version(request.headers)
    state = state_of(request)
    wanted = tus.Creation.of(request.headers, state.settings.max_upload_bytes, datetime.now(UTC))
    has_body = request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers
    if has_body:
        tus.check_body_type(request.headers)
    # Whatever is wrong with the request is said before anything is begun.
    tus.Checksum.of(request.headers)
    _recorded_ms(request)
    announced = int(request.headers.get("content-length") or 0)
    if wanted.length is not None and announced > wanted.length:
        raise excessive(wanted.length, announced)
    standing = await to_thread.run_sync(_create, state, wanted)
    offset = standing.offset
    # Bytes behind the beginning are there already: this is a creation whose answer was lost.
    if has_body and offset == 0:
        offset = await _receive(request, state, standing, 0, None)
    headers = {"Location": f"/api/uploads/{standing.upload.id}", "Upload-Offset": str(offset)}
    return _answer(201, headers | standing.expiry(offset))


def head(request: Request) -> Response:
    """HEAD /api/uploads/{id}: how far it is."""
    tus.check_version(request.headers)
    standing = Standing.of(state_of(request), upload_id(request))
    upload = standing.upload
    told = {"Upload-Length": str(upload.length)} if upload.length is not None else {"Upload-Defer-Length": "1"}
    if upload.tags:
        told["Upload-Metadata"] = upload.tags
    return _answer(200, {"Upload-Offset": str(standing.offset), **told, **standing.expiry(standing.offset)})


async def patch(request: Request) -> Response:
    """PATCH /api/uploads/{id}: the bytes that follow, the length of it all, or both."""
    tus.check_version(request.headers)
    tus.check_body_type(request.headers)
    state, id = state_of(request), upload_id(request)
    start = tus.number(request.headers, "Upload-Offset")
    if start is None:
        raise Problem("bad-request", "Upload-Offset says where the bytes go, and is missing.")
    length = tus.number(request.headers, "Upload-Length")
    refuse_above(state.settings.max_upload_bytes, length or 0)
    standing = await to_thread.run_sync(Standing.of, state, id)
    if start > standing.offset:
        raise misplaced(start, standing.offset)
    offset = await _receive(request, state, standing, start, length)
    return _answer(204, {"Upload-Offset": str(offset), **standing.expiry(offset)})


async def override(request: Request) -> Response:
    """POST /api/uploads/{id} with X-HTTP-Method-Override, as tus asks for: some networks know no PATCH."""
    match request.headers.get("x-http-method-override", "").upper():
        case "PATCH":
            return await patch(request)
        case "DELETE":
            return await to_thread.run_sync(delete, request)
        case "HEAD":
            return await to_thread.run_sync(head, request)
    raise Problem("method-not-allowed", "POST to an upload needs X-HTTP-Method-Override: PATCH.")


def delete(request: Request) -> Response:
    """DELETE /api/uploads/{id}: give it up. Twice is 410; a recording goes to the bin with what has arrived."""
    tus.check_version(request.headers)
    state = state_of(request)
    standing = Standing.of(state, upload_id(request))
    with state.transaction() as change:
        upload, clip = locked(change.session, standing.upload)
        if upload.is_recording:
            if clip is not None and clip.deleted_at is None:
                clip.move_to_bin(change.now)
                change.record(clip)
        elif change.session.exec(Piece.offset(upload.id)).one() == upload.length:
            raise Problem("finished", "All of it has arrived, and is a clip now; delete that.")
        else:
            change.session.exec(Piece.delete_of_upload(upload.id))
        upload.ended_at = change.now
    return _answer(204)


def _answer(status: int, headers: dict[str, str] | None = None) -> Response:
    return Response(status_code=status, headers=UPLOAD_HEADERS | (headers or {}))


# -- creation --------------------------------------------------------------------------------------------------


def _create(state: State, wanted: tus.Creation) -> Standing:
    try:
        with state.transaction() as change:
            return _created(change, wanted, has_captions=state.settings.live_captions)
    except IntegrityError:
        # The same creation at the same time: the other was first.
        with state.transaction() as change:
            return _created(change, wanted, has_captions=state.settings.live_captions)


def _created(change: Change, wanted: tus.Creation, *, has_captions: bool) -> Standing:
    session = change.session
    clip = session.exec(Clip.by_id(HOME, wanted.clip_id).with_for_update()).first()
    uploads = {upload.segment: upload for upload in session.exec(Upload.of_clip(wanted.clip_id))}
    if clip is None and (over := uploads.get(0)) and over.is_expired(change.now):
        # Its client comes back after all, and begins anew; what had arrived is an orphan for the sweep.
        session.delete(over)
        session.flush()
        uploads = {}
    if known := uploads.get(wanted.segment):
        _refuse_another(known, wanted)
        return Standing(known, session.exec(Piece.offset(known.id)).one())
    goes_on = wanted.is_recording and uploads and all(upload.is_recording for upload in uploads.values())
    if (clip or uploads) and not goes_on:
        raise Problem("id-taken", TAKEN)
    upload = Upload(
        id=uuid.uuid4(),
        clip_id=wanted.clip_id,
        segment=wanted.segment,
        is_recording=wanted.is_recording,
        name=wanted.name,
        mime=wanted.mime,
        recorded_at=wanted.recorded_at,
        length=wanted.length,
        tags=wanted.tags,
        created_at=change.now,
    )
    session.add(upload)
    session.flush()
    if wanted.is_recording:
        notices = []
        if clip is None:
            clip = Clip.new_recording(
                wanted.clip_id, name=wanted.name, mime=wanted.mime, recorded_at=wanted.recorded_at, now=change.now
            )
            notices += [CAPTION] if has_captions else []
        else:
            clip.set_arrived_bytes(change.now, bytes=clip.bytes)
        clip.segments = max(clip.segments, wanted.segment + 1)
        change.record(clip, *notices)
    return Standing(upload, 0)


def _refuse_another(known: Upload, wanted: tus.Creation) -> None:
    """Raise `Problem` unless this may be the creation that made `known`, once more, perhaps under a newer name."""
    if known.ended_at:
        raise gone()
    lengths = {known.length, wanted.length} - {None}
    if known.is_recording != wanted.is_recording or len(lengths) > 1:
        raise Problem("id-taken", TAKEN)


# -- bytes -----------------------------------------------------------------------------------------------------


async def _receive(request: Request, state: State, standing: Standing, start: int, length: int | None) -> int:
    """Take the body in, block by block, each durable before the next; return how far the upload is then."""
    arrival = Arrival(state, standing, length, _recorded_ms(request))
    most = state.settings.max_upload_bytes if arrival.length is None else arrival.length
    announced = start + int(request.headers.get("content-length") or 0)
    if arrival.length is not None and announced > arrival.length:
        raise excessive(arrival.length, announced)
    checksum = tus.Checksum.of(request.headers)
    if checksum:  # taken whole or not at all
        received = blocks(request, state.incoming, most_bytes=most, before=start, also=checksum.algorithm)
    else:
        received = blocks(
            request, state.incoming, most_bytes=most, before=start, block_bytes=PIECE_BYTES, keep_rest=True
        )
    offset = start
    async with aclosing(received) as bodies:
        async for body in bodies:
            if checksum and body.digest != checksum.digest:
                raise Problem("checksum", "The bytes that arrived are not those that were sent. Send them again.")
            offset = await to_thread.run_sync(arrival.take, offset, body, limiter=state.uploads)
    return offset


def _recorded_ms(request: Request) -> int | None:
    """How long the recording is so far, as our own page says it; others are shown no running duration."""
    told = tus.number(request.headers, "Recorded-Ms")
    return None if told is None else min(told, MAX_DURATION_MS)
