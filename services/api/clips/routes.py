"""Clips by id, `/api/clips/{id}`: read, store, change, delete, restore and transcribe one."""

import uuid
from datetime import datetime

from anyio import to_thread
from sqlalchemy.exc import IntegrityError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.api.access.access import access_of
from services.api.audio_formats.table import SNIFFED_BYTES
from services.api.clips.audio import PlayableAudio, audio_response
from services.api.clips.bin_routes import delete_for_good
from services.api.clips.media_types import resolve_media_type
from services.api.clips.names import clean_name, content_disposition
from services.api.clips.operations import (
    ALL_TRACKS,
    AS,
    AUDIO,
    AUDIO_ANSWERS,
    AUDIO_PROBLEMS,
    DOWNLOAD,
    FILE_PARAMETERS,
    IF_MATCH,
    MAKING,
    MEDIA_TYPE,
    RANGE,
    SEGMENT,
    SITTING,
    TRACK,
    TRANSCRIPTS,
    clip_answer,
)
from services.api.clips.renditions import ORIGINAL, rendition_response
from services.api.clips.schemas import ClipPatch
from services.api.clips.service import FileDetails, clip_response, get_clip, id_taken, store_audio, tried, version_etag
from services.api.http.body import ReceivedBody, receive_body
from services.api.http.conditional import PRIVATE, etag_matches
from services.api.http.errors import Problem
from services.api.http.operations import BINARY, Answer, Operation, json_answer, query_param
from services.api.http.params import choice_param, clip_id, int_param, json_body, storable_text, uuid_header
from services.api.state import State, state_of
from services.api.transcripts import formats
from services.api.transcripts.revisions import Rewrite, save_text
from shared.clips import renditions
from shared.clips.cuts import CutClock, cut_peaks
from shared.clips.models import MAX_NAME_CHARS, Clip, NameOrigin, Status
from shared.clips.renditions import FORMS, Form, Rendition
from shared.clips.waveform import Waveform
from shared.redis.jobs import PREPARE, RENDER
from shared.search.folding import folded_ahead
from shared.transcripts.models import Transcript
from shared.uploads.models import MAX_SEGMENTS, MAX_TRACK, Piece


@Operation(
    "Ask what kind of file begins with these bytes, before all of it is sent",
    {200: json_answer("The media type that it would be stored under.", MEDIA_TYPE)},
    problems=["bad-request", "empty-audio", "too-large", "not-audio"],
    body={"application/octet-stream": BINARY},
)
async def media_type(request: Request) -> Response:
    """POST /api/media-type: recognise a file by its first 64 KiB. Nothing is stored."""
    async with receive_body(request, SNIFFED_BYTES, state_of(request).incoming_dir) as body:
        return JSONResponse({"mime": resolve_media_type(body.file)}, headers={"Cache-Control": PRIVATE})


@Operation("Read a clip", {200: clip_answer("The clip."), 304: "It has not changed."}, problems=["not-found"])
def read(request: Request) -> Response:
    """GET /api/clips/{id}."""
    with state_of(request).read_session() as session:
        clip = get_clip(session, request)
    if etag_matches(request.headers.get("if-none-match"), version_etag(clip), weak=True):
        # A cache gives this head to the body that it has, which is compressed where the client takes that.
        headers = {"ETag": version_etag(clip), "Cache-Control": PRIVATE, "Vary": "Accept-Encoding"}
        return Response(status_code=304, headers=headers)
    return clip_response(clip)


@Operation(
    "Store a recording under an id that its browser made; the same again is the same clip",
    {201: clip_answer("It is stored."), 200: clip_answer("It was stored already.")},
    problems=["bad-name", "not-found", "id-taken", "too-large", "not-audio", "away", "full"],
    parameters=[
        query_param("name", {"type": "string", "minLength": 1, "maxLength": MAX_NAME_CHARS}, required=True),
        *FILE_PARAMETERS,
    ],
    body=AUDIO,
)
async def put(request: Request) -> Response:
    """PUT /api/clips/{id}: store a recording under the id that its browser made. Repeating it changes nothing."""
    state, id = state_of(request), clip_id(request)
    name = clean_name(request.query_params.get("name", ""))
    details, library_id = FileDetails.of_request(request), access_of(request).library
    async with receive_body(request, state.settings.max_upload_bytes, state.incoming_dir) as body:
        return await to_thread.run_sync(_put, state, library_id, id, name, body, details, limiter=state.upload_limiter)


def _put(state: State, library_id: str, id: uuid.UUID, name: str, body: ReceivedBody, details: FileDetails) -> Response:
    if clip := _existing_clip(state, library_id, id, body):
        return clip_response(clip)
    clip = store_audio(state, library_id, id, name, body, details)
    try:
        with state.transaction() as transaction:
            transaction.save(clip, PREPARE)
    except IntegrityError as error:
        # The same PUT at the same time was committed first, or another library has a clip of this id.
        state.store.delete(clip.audio_key)
        if clip := _existing_clip(state, library_id, id, body):
            return clip_response(clip)
        raise id_taken() from error
    return clip_response(clip, 201)


@Operation(
    "Rename, star or tag a clip, note something, correct its words or say its language, in which it is heard again",
    {200: clip_answer("The changed clip.")},
    problems=["bad-request", "not-found", "too-large", "stale"],
    parameters=[IF_MATCH, SITTING],
    body={"application/json": ClipPatch},
)
async def patch(request: Request) -> Response:
    """PATCH /api/clips/{id}: change name, star, notes, markers, text, tags or language, or several of these."""
    return await to_thread.run_sync(_patch, request, await json_body(request, ClipPatch))


def _patch(request: Request, changes: ClipPatch) -> Response:
    name = None if changes.name is None else clean_name(changes.name)
    text = None if changes.text is None else storable_text(changes.text)
    return clip_response(tried(lambda: _try_to_patch(request, changes, name, text), "edit it"))


def _try_to_patch(request: Request, changes: ClipPatch, name: str | None, text: str | None) -> Clip | None:
    """Change the clip. None if it changed while a new text was brought into the words that its cuts hide."""
    sitting = uuid_header(request, "Sitting")
    indexed = _present_text(request, changes) if text is None else text
    new = None if text is None else _rewrite(request, text)
    with folded_ahead(indexed), state_of(request).transaction() as transaction:
        clip = get_clip(transaction.session, request, for_update=True)
        read_version = clip.version
        if new is not None and text is not None and new.version != read_version:
            if clip.cuts:
                return None
            new = Rewrite.of(clip, text)
        if name is not None:
            clip.rename(name, transaction.now, changes.name_origin or NameOrigin.PERSON)
        _change_annotations(clip, changes, transaction.now)
        if new is not None and text != clip.text:
            save_text(transaction.session, clip, new, sitting, transaction.now)
        if changes.tags is not None and changes.tags != clip.tags:
            clip.set_tags(changes.tags, transaction.now)
        needs_transcription = (
            "language" in changes.model_fields_set
            and changes.language != clip.language_set
            and clip.set_language(changes.language, transaction.now)
            and clip.deleted_at is None
        )
        # Not what the session says: a query in between may have flushed the change, which then is none any more.
        if clip.version != read_version:
            transaction.save(clip, *([clip.next_job] if needs_transcription else []))
    return clip


def _rewrite(request: Request, text: str) -> Rewrite:
    with state_of(request).read_session() as session:
        clip = get_clip(session, request)
    return Rewrite.of(clip, text)


def _present_text(request: Request, changes: ClipPatch) -> str | None:
    """The text that is indexed anew beside changed notes or markers; None: the change touches neither.

    It is folded before the transaction: an hour of words takes 20 ms, and on SQLite everybody would wait.
    """
    if changes.notes is None and changes.markers is None:
        return None
    with state_of(request).read_session() as session:
        return get_clip(session, request).text


def _change_annotations(clip: Clip, changes: ClipPatch, now: datetime) -> None:
    """Change what people note beside a clip: star, notes and markers. Raises `Problem` if the markers are too many."""
    if changes.starred is not None and changes.starred != clip.starred:
        clip.set_starred(changes.starred, now)
    if changes.notes is not None and changes.notes != clip.notes:
        clip.set_notes(changes.notes, now)
    if changes.markers is not None:
        clock = CutClock(clip.cuts)
        new = [each.model_dump() | {"at_ms": clock.to_whole(each.at_ms)} for each in changes.markers.set]
        try:
            clip.change_markers(new, {*changes.markers.remove}, now)
        except ValueError as error:
            raise Problem("bad-request", f"markers: {error}.") from None


@Operation(
    "Move a clip to the bin; with `forever`, delete it for good from there",
    {204: "It is in the bin, or gone."},
    problems=["bad-request", "not-found", "not-in-bin", "stale", "away"],
    parameters=[IF_MATCH, query_param("forever", {"type": "boolean"})],
)
def delete(request: Request) -> Response:
    """DELETE /api/clips/{id}: move it to the bin, or with `?forever=true` out of existence. Repeating is harmless."""
    if choice_param(request, "forever", ("true", "false")) == "true":
        return delete_for_good(request)
    with state_of(request).transaction() as transaction:
        clip = get_clip(transaction.session, request, for_update=True)
        if clip.deleted_at is None:
            clip.move_to_bin(transaction.now)
            transaction.save(clip)
    return Response(status_code=204)


@Operation(
    "Take a clip out of the bin",
    {200: clip_answer("The clip.")},
    problems=["not-found", "stale"],
    parameters=[IF_MATCH],
)
def restore(request: Request) -> Response:
    """POST /api/clips/{id}/restore: take it out of the bin. Repeating it changes nothing."""
    with state_of(request).transaction() as transaction:
        clip = get_clip(transaction.session, request, for_update=True)
        if clip.deleted_at is not None:
            needs_job = clip.restore(transaction.now)
            transaction.save(clip, *([clip.next_job] if needs_job else []))
    return clip_response(clip)


@Operation(
    "Transcribe a clip again, perhaps another track of it",
    {202: clip_answer("The clip, waiting.")},
    problems=["bad-request", "not-found", "in-bin", "stale"],
    parameters=[IF_MATCH, query_param("track", {"anyOf": [TRACK, {"const": ALL_TRACKS}]})],
)
def transcribe_again(request: Request) -> Response:
    """POST /api/clips/{id}/transcription: transcribe it again, with all tries, by whichever worker comes first.

    `?track=2` hears that track alone from now on, and `?track=all` all that have sound.
    """
    is_all = request.query_params.get("track") == ALL_TRACKS
    track = None if is_all else int_param(request, "track", minimum=1, maximum=MAX_TRACK, default=None)
    with state_of(request).transaction() as transaction:
        clip = get_clip(transaction.session, request, for_update=True)
        if clip.deleted_at is not None:
            raise Problem("in-bin", "Restore the clip first; what is in the bin is not transcribed.")
        if clip.status is Status.RECORDING:
            raise Problem("recording", "The clip is still being recorded; its words come when it is finished.")
        # A worker that has the clip loses it: a person asks who sees that nothing goes on.
        if (is_all or track) and track != clip.track_set:
            clip.set_track(track, transaction.now)
        else:
            clip.request_transcription(transaction.now)
        has_failed = renditions.retry_failed(transaction.session, clip.id, transaction.now)
        transaction.save(clip, clip.next_job, *([RENDER] if has_failed and clip.prepared_at else []))
    return clip_response(clip, 202)


@Operation(
    "Play or download the audio",
    AUDIO_ANSWERS | {202: MAKING},
    problems=[*AUDIO_PROBLEMS, "no-rendition", "recording", "in-bin"],
    parameters=[RANGE, SEGMENT, AS, DOWNLOAD],
    head_summary="Ask about the audio",
)
def audio(request: Request) -> Response:
    """GET and HEAD /api/clips/{id}/audio. Audio of clips in the bin is answered, too."""
    state = state_of(request)
    form = request.query_params.get("as", ORIGINAL if "download" in request.query_params else None)
    if form == ORIGINAL:
        with state.read_session() as session:
            return audio_response(request, state, PlayableAudio.of_original(session, get_clip(session, request)))
    if form is not None:
        if form not in FORMS:
            raise Problem("bad-request", f"as must be {', '.join([ORIGINAL, *FORMS])}.")
        return rendition_response(request, state, Form(form))
    segment = int_param(request, "segment", minimum=0, maximum=MAX_SEGMENTS, default=None)
    with state.read_session() as session:
        clip = get_clip(session, request)
        audio = None if clip.cuts else PlayableAudio.of_clip(session, clip, segment)
    return audio_response(request, state, audio) if audio else rendition_response(request, state, Form.M4A)


@Operation(
    "The outline of a clip's sound",
    {200: json_answer("Loudest sample of each of equal stretches, 0 to 255.")},
    problems=["not-found"],
)
def waveform(request: Request) -> Response:
    """GET /api/clips/{id}/waveform: the peaks of its audio, once it is prepared."""
    with state_of(request).read_session() as session:
        clip = get_clip(session, request)
        waveform = session.get(Waveform, clip.id)
        cut = session.exec(Rendition.one(clip.id, Form.CUT_M4A)).first() if clip.cuts else None
    if waveform is None or waveform.peaks is None or clip.prepared_at is None:
        raise Problem("not-found", "The clip's sound is not measured yet.")
    peaks = cut.peaks if cut and cut.is_made_of(clip) else None
    if peaks is None:
        peaks = cut_peaks(waveform.peaks, clip.cuts, clip.sound_ms or 0)
    body = {"duration_ms": clip.duration_ms, "peaks": peaks}
    return JSONResponse(body, headers={"Cache-Control": PRIVATE})


@Operation(
    "Read a clip's words",
    {200: Answer("The words; subtitles of an edited text keep the times of what was said.", TRANSCRIPTS)},
    problems=["not-found"],
)
def transcript(request: Request) -> Response:
    """GET /api/clips/{id}/transcript.{txt,srt,vtt,json}."""
    extension = request.path_params["form"]
    form = formats.FORMATS.get(extension)
    if form is None:
        raise Problem("not-found", f"Transcripts come as {', '.join(formats.FORMATS)}.")
    with state_of(request).read_session() as session:
        clip = get_clip(session, request)
        timed_transcript = session.exec(Transcript.newest_with_times(clip.id)).first()
    if clip.text is None and extension != "json":
        raise Problem("no-transcript", clip.error or "The clip is not transcribed yet.")
    headers = {
        "Cache-Control": PRIVATE,
        "Content-Disposition": content_disposition(request, clip.name, extension),
    }
    return Response(form.render(clip, timed_transcript), media_type=form.mime, headers=headers)


def _existing_clip(state: State, library_id: str, id: uuid.UUID, body: ReceivedBody) -> Clip | None:
    """The clip that has this id already. Raises `Problem` if it has other audio, played or as it was uploaded."""
    with state.read_session() as session:
        clip = session.exec(Clip.by_id(library_id, id)).first()
        if clip and clip.sha256 != body.sha256:
            pieces = session.exec(Piece.of_clip(library_id, id))
            originals = [piece.sha256 for upload, piece in pieces if (piece.start, piece.end) == (0, upload.length)]
            if body.sha256 not in originals:
                raise id_taken()
    return clip
