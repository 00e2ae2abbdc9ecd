"""Resumable uploads by tus 1.0.0, at `/api/uploads`. A recording is streamed through one while it is spoken.

Any machine may answer any request: the database holds an upload's offset, and each block of bytes is an object of its
own, stored before its row. A row can only be inserted where the upload ends at that moment. So one of two requests for
the same offset wins, and bytes that a client sends again are recognised.
"""

from contextlib import aclosing
from datetime import UTC, datetime

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

from services.api.access.access import access_of
from services.api.access.principal import How
from services.api.http.body import receive_blocks, reject_too_large
from services.api.http.errors import UPLOAD_HEADERS, Problem
from services.api.http.operations import BINARY, Content, Json, Operation, header_param
from services.api.http.params import upload_id
from services.api.people import upload_keys
from services.api.state import State, state_of
from services.api.uploads import tus
from services.api.uploads.append import NO_UPLOAD, UploadStatus, UploadWriter, lock_upload, too_long, wrong_offset
from services.api.uploads.create import create_upload
from shared.db.columns import MAX_DURATION_MS
from shared.uploads.models import Piece

PIECE_BYTES = 8 * 1024**2
"""Bytes of a long request that are stored at once: the most that a lost connection costs, and one PUT to a bucket."""

REQUEST_HEADERS = (
    "Tus-Resumable", "Upload-Offset", "Upload-Length", "Upload-Defer-Length", "Upload-Metadata", "Upload-Checksum",
    "X-HTTP-Method-Override", "Recorded-Ms", "Upload-Key",
)  # fmt: skip
"""Headers that pages of other origins may send, where ALLOWED_ORIGINS names them (CORS)."""

RESPONSE_HEADERS = (
    "Location", "Tus-Resumable", "Tus-Version", "Tus-Extension", "Tus-Max-Size", "Tus-Checksum-Algorithm",
    "Upload-Offset", "Upload-Length", "Upload-Defer-Length", "Upload-Metadata", "Upload-Expires", "Upload-Key",
)  # fmt: skip
"""Headers that the same pages may read."""

WHOLE_NUMBER: Json = {"type": "integer", "minimum": 0}
TUS_RESUMABLE = header_param("Tus-Resumable", {"const": tus.VERSION}, required=True)
UPLOAD_LENGTH = header_param("Upload-Length", WHOLE_NUMBER)
UPLOAD_KEY = header_param(
    upload_keys.HEADER,
    {
        "type": "string",
        "description": "As the creation gave it: this one recording goes on after the session has ended.",
    },
)
BYTES: Content = {tus.BODY_TYPE: BINARY}
BYTES_PROBLEMS = (
    "bad-request", "not-found", "offset", "gone", "tus-version", "too-large", "bad-type", "not-audio", "checksum",
    "away", "full",
)  # fmt: skip


@Operation("What this server can do (tus 1.0.0)", {204: "In the Tus headers."})
def options(request: Request) -> Response:
    """OPTIONS /api/uploads: the protocol's version, extensions and limits."""
    return _tus_response(
        204,
        {
            "Tus-Version": tus.VERSION,
            "Tus-Extension": tus.EXTENSIONS,
            "Tus-Max-Size": str(state_of(request).settings.max_upload_bytes),
            "Tus-Checksum-Algorithm": ",".join(tus.CHECKSUM_ALGORITHMS),
        },
    )


@Operation(
    "Begin a resumable upload; `segment` in its metadata makes it a recording",
    {201: "It begins, or began already, at Location."},
    problems=["id-taken", *BYTES_PROBLEMS],
    parameters=[
        TUS_RESUMABLE,
        UPLOAD_LENGTH,
        UPLOAD_KEY,
        header_param("Upload-Defer-Length", {"const": "1"}),
        header_param(
            "Upload-Metadata",
            {
                "type": "string",
                "description": "clip_id, name, name_origin, language, filetype, recorded_at, last_modified, track, "
                "segment.",
            },
        ),
    ],
    body=BYTES,
    is_body_required=False,
)
async def create(request: Request) -> Response:
    """POST /api/uploads: create the upload of a segment or a file, perhaps with its first bytes.

    Repeating it answers with the same upload.
    """
    tus.check_version(request.headers)
    state, library_id = state_of(request), access_of(request).library
    creation = tus.CreationRequest.from_headers(request.headers, state.settings.max_upload_bytes, datetime.now(UTC))
    access_of(request).check_clip(creation.clip_id, NO_UPLOAD)
    has_body = request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers
    if has_body:
        tus.check_body_type(request.headers)
    # All headers are checked before anything is created.
    tus.Checksum.from_headers(request.headers)
    _recorded_ms(request)
    content_length = int(request.headers.get("content-length") or 0)
    if creation.length is not None and content_length > creation.length:
        raise too_long(creation.length, content_length)
    status = await to_thread.run_sync(create_upload, state, library_id, creation)
    offset = status.offset
    # With an offset above 0 the answer to an earlier creation was lost, and its bytes are stored.
    if has_body and offset == 0:
        offset = await _receive_bytes(request, state, status, 0, None)
    headers = {"Location": f"/api/uploads/{status.upload.id}", "Upload-Offset": str(offset)}
    principal = access_of(request).principal
    # Never to a token: what it has begun must end with it when it is revoked.
    if (person_id := principal.person_id) and principal.how is not How.TOKEN:
        headers[upload_keys.HEADER] = upload_keys.upload_key(state.settings, status.upload.clip_id, person_id)
    return _tus_response(201, headers | status.expiry_header(offset))


@Operation(
    "How far is it?",
    {200: "In Upload-Offset."},
    problems=["not-found", "gone", "tus-version"],
    parameters=[TUS_RESUMABLE, UPLOAD_KEY],
)
def head(request: Request) -> Response:
    """HEAD /api/uploads/{id}: the upload's offset and length."""
    tus.check_version(request.headers)
    status = UploadStatus.load(state_of(request), access_of(request), upload_id(request))
    upload = status.upload
    headers = {"Upload-Offset": str(status.offset), **status.expiry_header(status.offset)}
    headers |= {"Upload-Defer-Length": "1"} if upload.length is None else {"Upload-Length": str(upload.length)}
    if upload.tags:
        headers["Upload-Metadata"] = upload.tags
    return _tus_response(200, headers)


@Operation(
    "Add the bytes that follow",
    {204: "They are durable."},
    problems=BYTES_PROBLEMS,
    parameters=[
        TUS_RESUMABLE,
        header_param("Upload-Offset", WHOLE_NUMBER, required=True),
        header_param("Upload-Checksum", {"type": "string"}),
        UPLOAD_LENGTH,
        UPLOAD_KEY,
    ],
    body=BYTES,
)
async def patch(request: Request) -> Response:
    """PATCH /api/uploads/{id}: append bytes, or declare the length, or both."""
    tus.check_version(request.headers)
    tus.check_body_type(request.headers)
    state, id = state_of(request), upload_id(request)
    start = tus.int_header(request.headers, "Upload-Offset")
    if start is None:
        raise Problem("bad-request", "Upload-Offset says where the bytes go, and is missing.")
    length = tus.int_header(request.headers, "Upload-Length")
    reject_too_large(state.settings.max_upload_bytes, length or 0)
    status = await to_thread.run_sync(UploadStatus.load, state, access_of(request), id)
    if start > status.offset:
        raise wrong_offset(start, status.offset)
    offset = await _receive_bytes(request, state, status, start, length)
    return _tus_response(204, {"Upload-Offset": str(offset), **status.expiry_header(offset)})


@Operation(
    "The same for clients that know no PATCH, by X-HTTP-Method-Override",
    {204: "Done.", 200: "In Upload-Offset."},
    problems=["method-not-allowed", "finished", *BYTES_PROBLEMS],
    parameters=[
        TUS_RESUMABLE,
        header_param("X-HTTP-Method-Override", {"enum": ["PATCH", "DELETE", "HEAD"]}, required=True),
        header_param("Upload-Offset", WHOLE_NUMBER),
    ],
    body=BYTES,
    is_body_required=False,
)
async def override(request: Request) -> Response:
    """POST /api/uploads/{id} with X-HTTP-Method-Override, as tus requires for networks that block PATCH."""
    match request.headers.get("x-http-method-override", "").upper():
        case "PATCH":
            return await patch(request)
        case "DELETE":
            return await to_thread.run_sync(delete, request)
        case "HEAD":
            return await to_thread.run_sync(head, request)
    raise Problem("method-not-allowed", "POST to an upload needs X-HTTP-Method-Override: PATCH.")


@Operation(
    "Give it up",
    {204: "It is gone."},
    problems=["not-found", "gone", "finished", "tus-version"],
    parameters=[TUS_RESUMABLE],
)
def delete(request: Request) -> Response:
    """DELETE /api/uploads/{id}: abort it. Repeating it is 410; a recording goes to the bin with its bytes so far."""
    tus.check_version(request.headers)
    state = state_of(request)
    status = UploadStatus.load(state, access_of(request), upload_id(request))
    with state.transaction() as transaction:
        upload, clip = lock_upload(transaction.session, status.upload)
        if upload.is_recording:
            if clip is not None and clip.deleted_at is None:
                clip.move_to_bin(transaction.now)
                transaction.save(clip)
        elif transaction.session.exec(Piece.offset(upload.id)).one() == upload.length:
            raise Problem("finished", "All of it has arrived, and is a clip now; delete that.")
        else:
            transaction.session.exec(Piece.delete_of_upload(upload.id))
        upload.ended_at = transaction.now
    return _tus_response(204)


def _tus_response(status: int, headers: dict[str, str] | None = None) -> Response:
    return Response(status_code=status, headers=UPLOAD_HEADERS | (headers or {}))


async def _receive_bytes(request: Request, state: State, status: UploadStatus, start: int, length: int | None) -> int:
    """Receive the body in blocks, each durable before the next is read; return the upload's new offset."""
    writer = UploadWriter(state, status, length, _recorded_ms(request))
    max_bytes = state.settings.max_upload_bytes if writer.length is None else writer.length
    announced_end = start + int(request.headers.get("content-length") or 0)
    if writer.length is not None and announced_end > writer.length:
        raise too_long(writer.length, announced_end)
    checksum = tus.Checksum.from_headers(request.headers)
    if checksum:  # the body is stored whole or not at all
        received = receive_blocks(
            request, state.incoming_dir, max_bytes=max_bytes, offset=start, extra_hash=checksum.algorithm
        )
    else:
        received = receive_blocks(
            request, state.incoming_dir, max_bytes=max_bytes, offset=start, block_bytes=PIECE_BYTES, keep_partial=True
        )
    offset = start
    async with aclosing(received) as blocks:
        async for block in blocks:
            if checksum and block.digest != checksum.digest:
                raise Problem("checksum", "The bytes that arrived are not those that were sent. Send them again.")
            offset = await to_thread.run_sync(writer.append, offset, block, limiter=state.upload_limiter)
    return offset


def _recorded_ms(request: Request) -> int | None:
    """Duration of the recording so far, from our own page's header; other clients do not send it."""
    recorded_ms = tus.int_header(request.headers, "Recorded-Ms")
    return None if recorded_ms is None else min(recorded_ms, MAX_DURATION_MS)
