"""Clips by id: everything that a person does to one."""

import uuid
from datetime import UTC, datetime
from typing import Annotated

from anyio import to_thread
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.api.clips.audio import Audio, audio_response, matches
from services.api.clips.media_types import accept
from services.api.clips.names import clean_name, saved_as
from services.api.http.body import Incoming, incoming
from services.api.http.errors import Problem
from services.api.http.params import clip_id, json_body, printable, whole_number
from services.api.state import State, state_of
from services.api.transcripts import formats
from services.api.uploads.tus import MOST_SEGMENTS
from shared.clips.models import HOME, Clip
from shared.clips.schemas import PublicClip
from shared.clips.tags import normalize_tags
from shared.db.columns import MAX_DURATION_MS, Status
from shared.languages import LANGUAGES
from shared.redis.jobs import PREPARE
from shared.transcripts.models import Transcript
from shared.uploads.models import Piece, Waveform

MOST_TEXT = 2_000_000
"""Characters of an edited transcript: a day of speech is about a million."""


def _known_language(code: str | None) -> str | None:
    if code is not None and code not in LANGUAGES:
        raise ValueError(
            f"{code[:40]!r} is no language that can be transcribed; "
            f"say null to have it found out, or one of {', '.join(sorted(LANGUAGES))}"
        )
    return code


def _tidy_tags(names: list[str] | None) -> list[str] | None:
    return None if names is None else normalize_tags(names)


class ClipPatch(BaseModel):
    """What PATCH may change."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str | None = None
    text: str | None = Field(default=None, max_length=MOST_TEXT)
    language: Annotated[
        str | None, AfterValidator(_known_language), WithJsonSchema({"enum": [*sorted(LANGUAGES), None]})
    ] = None
    """What is spoken, which has the clip heard again; null: it is to be found out."""
    tags: Annotated[list[str] | None, AfterValidator(_tidy_tags)] = None
    """All of its tags: those that are not among them go."""


# -- routes ----------------------------------------------------------------------------------------------------


def read(request: Request) -> Response:
    """GET /api/clips/{id}."""
    with state_of(request).read_session() as session:
        clip = _find(session, request)
    if matches(request.headers.get("if-none-match"), _etag(clip), weak=True):
        return Response(status_code=304, headers={"ETag": _etag(clip)})
    return answer(clip)


async def put(request: Request) -> Response:
    """PUT /api/clips/{id}: store a recording under the id that its browser made. Twice is once."""
    state, id = state_of(request), clip_id(request)
    name = clean_name(request.query_params.get("name", ""))
    duration_ms = whole_number(request, "duration_ms", least=0, most=MAX_DURATION_MS, default=0) or None
    async with incoming(request, state.settings.max_upload_bytes, state.incoming) as body:
        return await to_thread.run_sync(_put, state, id, name, body, duration_ms, limiter=state.uploads)


def _put(state: State, id: uuid.UUID, name: str, body: Incoming, duration_ms: int | None) -> Response:
    if known := _known(state, id, body):
        return answer(known)
    clip = keep(state, id, name, body, duration_ms)
    try:
        with state.transaction() as change:
            change.record(clip, PREPARE)
    except IntegrityError:
        # The same PUT, at the same time: whichever was committed first is the clip.
        state.store.delete(clip.audio_key)
        if known := _known(state, id, body):
            return answer(known)
        raise
    return answer(clip, 201)


async def patch(request: Request) -> Response:
    """PATCH /api/clips/{id}: rename it, correct its words, tag it, say in which language it is, or all of it."""
    return await to_thread.run_sync(_patch, request, await json_body(request, ClipPatch))


def _patch(request: Request, wish: ClipPatch) -> Response:
    name = None if wish.name is None else clean_name(wish.name)
    text = None if wish.text is None else printable(wish.text)
    with state_of(request).transaction() as change:
        clip = _find(change.session, request, to_change=True)
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
    return answer(clip)


def delete(request: Request) -> Response:
    """DELETE /api/clips/{id}: into the bin. Twice is once."""
    with state_of(request).transaction() as change:
        clip = _find(change.session, request, to_change=True)
        if clip.deleted_at is None:
            clip.move_to_bin(change.now)
            change.record(clip)
    return Response(status_code=204)


def restore(request: Request) -> Response:
    """POST /api/clips/{id}/restore: out of the bin. Twice is once."""
    with state_of(request).transaction() as change:
        clip = _find(change.session, request, to_change=True)
        if clip.deleted_at is not None:
            waits = clip.restore(change.now)
            change.record(clip, *([clip.next_job] if waits else []))
    return answer(clip)


def transcribe_again(request: Request) -> Response:
    """POST /api/clips/{id}/transcription: forget the failures and start over."""
    with state_of(request).transaction() as change:
        clip = _find(change.session, request, to_change=True)
        if clip.deleted_at is not None:
            raise Problem("in-bin", "Restore the clip first; what is in the bin is not transcribed.")
        if clip.status is Status.RECORDING:
            raise Problem("recording", "The clip is still being recorded; its words come when it is finished.")
        # Who asks twice does not throw away what a worker has done so far.
        if not clip.is_claimed(change.now):
            clip.request_transcription(change.now)
            change.record(clip, clip.next_job)
    return answer(clip, 202)


def audio(request: Request) -> Response:
    """GET and HEAD /api/clips/{id}/audio. A clip in the bin can still be heard."""
    state = state_of(request)
    segment = whole_number(request, "segment", least=0, most=MOST_SEGMENTS, default=None)
    with state.read_session() as session:
        audio = Audio.of(session, _find(session, request), segment)
    return audio_response(request, state, audio)


def waveform(request: Request) -> Response:
    """GET /api/clips/{id}/waveform: the outline of its sound, once it is prepared."""
    with state_of(request).read_session() as session:
        clip = _find(session, request)
        found = session.get(Waveform, clip.id)
    if found is None or clip.prepared_at is None:
        raise Problem("not-found", "The clip's sound is not measured yet.")
    return JSONResponse({"duration_ms": clip.duration_ms, "peaks": found.peaks}, headers={"Cache-Control": "no-cache"})


def transcript(request: Request) -> Response:
    """GET /api/clips/{id}/transcript.{txt,srt,vtt,json}."""
    extension = request.path_params["form"]
    form = formats.FORMATS.get(extension)
    if form is None:
        raise Problem("not-found", f"Transcripts come as {', '.join(formats.FORMATS)}.")
    with state_of(request).read_session() as session:
        clip = _find(session, request)
        timed = session.exec(Transcript.newest_with_times(clip.id)).first()
    if clip.text is None:
        raise Problem("no-transcript", clip.error or "The clip is not transcribed yet.")
    headers = {
        "Cache-Control": "private, no-cache",
        "Content-Disposition": saved_as(request, clip.name, extension),
    }
    return Response(form.render(clip, timed), media_type=form.mime, headers=headers)


# -- what the seed's routes do, too ------------------------------------------------------------------------------


def keep(state: State, id: uuid.UUID, name: str, body: Incoming, duration_ms: int | None = None) -> Clip:
    """Check the audio, put it into the store, and return the clip that is to be recorded: bytes first, row second."""
    mime = accept(body.file, body.claimed_type)
    key = f"{HOME}/{id}/{uuid.uuid4().hex}"
    state.store.put(key, body.file, body.size, mime)
    return Clip.new_upload(
        id,
        name=name,
        mime=mime,
        bytes=body.size,
        sha256=body.sha256,
        audio_key=key,
        duration_ms=duration_ms,
        now=datetime.now(UTC),
    )


def answer(clip: Clip, status: int = 200) -> Response:
    """The public clip, with its version as entity tag."""
    return Response(
        PublicClip.model_validate(clip).model_dump_json(),
        status_code=status,
        media_type="application/json",
        headers={"ETag": _etag(clip), "Cache-Control": "no-cache"},
    )


def _etag(clip: Clip) -> str:
    return f'"{clip.version}"'


# -- reading a request -------------------------------------------------------------------------------------------


def _find(session: Session, request: Request, *, to_change: bool = False) -> Clip:
    """The clip that the address names; when it is to be changed, locked, and as old as If-Match says."""
    found = Clip.by_id(HOME, clip_id(request))
    clip = session.exec(found.with_for_update() if to_change else found).first()
    if clip is None:
        raise Problem("not-found", "There is no clip with this id.")
    wanted = request.headers.get("if-match")
    if to_change and wanted is not None and not matches(wanted, _etag(clip)):
        raise Problem("stale", f"The clip is at version {clip.version} now; read it again.", {"ETag": _etag(clip)})
    return clip


def _known(state: State, id: uuid.UUID, body: Incoming) -> Clip | None:
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
