"""Clips by id: everything that a person does to one."""

import uuid

from anyio import to_thread
from sqlalchemy.exc import IntegrityError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.api.clips.audio import Audio, audio_response
from services.api.clips.names import clean_name, content_disposition
from services.api.clips.schemas import ClipPatch
from services.api.clips.service import clip_response, get_clip, store_audio, version_etag
from services.api.http.body import Incoming, incoming
from services.api.http.conditional import etag_matches
from services.api.http.errors import Problem
from services.api.http.params import clip_id, json_body, printable, whole_number
from services.api.state import State, state_of
from services.api.transcripts import formats
from shared.clips.models import HOME, Clip
from shared.db.columns import MAX_DURATION_MS, Status
from shared.redis.jobs import PREPARE
from shared.transcripts.models import Transcript
from shared.uploads.models import MAX_SEGMENTS, Piece, Waveform


def read(request: Request) -> Response:
    """GET /api/clips/{id}."""
    with state_of(request).read_session() as session:
        clip = get_clip(session, request)
    if etag_matches(request.headers.get("if-none-match"), version_etag(clip), weak=True):
        return Response(status_code=304, headers={"ETag": version_etag(clip)})
    return clip_response(clip)


async def put(request: Request) -> Response:
    """PUT /api/clips/{id}: store a recording under the id that its browser made. Twice is once."""
    state, id = state_of(request), clip_id(request)
    name = clean_name(request.query_params.get("name", ""))
    duration_ms = whole_number(request, "duration_ms", least=0, most=MAX_DURATION_MS, default=0) or None
    async with incoming(request, state.settings.max_upload_bytes, state.incoming) as body:
        return await to_thread.run_sync(_put, state, id, name, body, duration_ms, limiter=state.uploads)


def _put(state: State, id: uuid.UUID, name: str, body: Incoming, duration_ms: int | None) -> Response:
    if known := _existing_clip(state, id, body):
        return clip_response(known)
    clip = store_audio(state, id, name, body, duration_ms)
    try:
        with state.transaction() as change:
            change.record(clip, PREPARE)
    except IntegrityError:
        # The same PUT, at the same time: whichever was committed first is the clip.
        state.store.delete(clip.audio_key)
        if known := _existing_clip(state, id, body):
            return clip_response(known)
        raise
    return clip_response(clip, 201)


async def patch(request: Request) -> Response:
    """PATCH /api/clips/{id}: rename it, correct its words, tag it, say in which language it is, or all of it."""
    return await to_thread.run_sync(_patch, request, await json_body(request, ClipPatch))


def _patch(request: Request, wish: ClipPatch) -> Response:
    name = None if wish.name is None else clean_name(wish.name)
    text = None if wish.text is None else printable(wish.text)
    with state_of(request).transaction() as change:
        clip = get_clip(change.session, request, for_update=True)
        if name is not None and name != clip.name:
            clip.rename(name, change.now)
        if text is not None and text != clip.text:
            change.session.add(clip.edit(text, change.now))
        if wish.tags is not None and wish.tags != clip.tags:
            clip.set_tags(wish.tags, change.now)
        hear_again = (
            "language" in wish.model_fields_set
            and wish.language != clip.language_set
            and clip.set_language(wish.language, change.now)
            and clip.deleted_at is None
        )
        if change.session.is_modified(clip):
            change.record(clip, *([clip.next_job] if hear_again else []))
    return clip_response(clip)


def delete(request: Request) -> Response:
    """DELETE /api/clips/{id}: into the bin. Twice is once."""
    with state_of(request).transaction() as change:
        clip = get_clip(change.session, request, for_update=True)
        if clip.deleted_at is None:
            clip.move_to_bin(change.now)
            change.record(clip)
    return Response(status_code=204)


def restore(request: Request) -> Response:
    """POST /api/clips/{id}/restore: out of the bin. Twice is once."""
    with state_of(request).transaction() as change:
        clip = get_clip(change.session, request, for_update=True)
        if clip.deleted_at is not None:
            waits = clip.restore(change.now)
            change.record(clip, *([clip.next_job] if waits else []))
    return clip_response(clip)


def transcribe_again(request: Request) -> Response:
    """POST /api/clips/{id}/transcription: forget the failures and start over."""
    with state_of(request).transaction() as change:
        clip = get_clip(change.session, request, for_update=True)
        if clip.deleted_at is not None:
            raise Problem("in-bin", "Restore the clip first; what is in the bin is not transcribed.")
        if clip.status is Status.RECORDING:
            raise Problem("recording", "The clip is still being recorded; its words come when it is finished.")
        # Who asks twice does not throw away what a worker has done so far.
        if not clip.is_claimed(change.now):
            clip.request_transcription(change.now)
            change.record(clip, clip.next_job)
    return clip_response(clip, 202)


def audio(request: Request) -> Response:
    """GET and HEAD /api/clips/{id}/audio. A clip in the bin can still be heard."""
    state = state_of(request)
    segment = whole_number(request, "segment", least=0, most=MAX_SEGMENTS, default=None)
    with state.read_session() as session:
        audio = Audio.of(session, get_clip(session, request), segment)
    return audio_response(request, state, audio)


def waveform(request: Request) -> Response:
    """GET /api/clips/{id}/waveform: the outline of its sound, once it is prepared."""
    with state_of(request).read_session() as session:
        clip = get_clip(session, request)
        found = session.get(Waveform, clip.id)
    if found is None or clip.prepared_at is None:
        raise Problem("not-found", "The clip's sound is not measured yet.")
    return JSONResponse({"duration_ms": clip.duration_ms, "peaks": found.peaks}, headers={"Cache-Control": "no-cache"})


def transcript(request: Request) -> Response:
    """GET /api/clips/{id}/transcript.{txt,srt,vtt,json}."""
    extension = request.path_params["form"]
    form = formats.FORMS.get(extension)
    if form is None:
        raise Problem("not-found", f"Transcripts come as {', '.join(formats.FORMS)}.")
    with state_of(request).read_session() as session:
        clip = get_clip(session, request)
        timed = session.exec(Transcript.newest_with_times(clip.id)).first()
    if clip.text is None:
        raise Problem("no-transcript", clip.error or "The clip is not transcribed yet.")
    headers = {
        "Cache-Control": "private, no-cache",
        "Content-Disposition": content_disposition(request, clip.name, extension),
    }
    return Response(form.render(clip, timed), media_type=form.mime, headers=headers)


def _existing_clip(state: State, id: uuid.UUID, body: Incoming) -> Clip | None:
    """The clip that has this id already, if this body is its audio, as it came. Raises `Problem` if it is another's."""
    with state.read_session() as session:
        clip = session.exec(Clip.by_id(HOME, id)).first()
        if clip and clip.sha256 != body.sha256:
            pieces = session.exec(Piece.of_clip(id))
            originals = [piece.sha256 for upload, piece in pieces if (piece.start, piece.end) == (0, upload.length)]
            if body.sha256 not in originals:
                raise Problem(
                    "id-taken", "This id belongs to a clip with other audio, and nothing is overwritten here."
                )
    return clip
