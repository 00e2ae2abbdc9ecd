"""A clip's audio in another form: answered if it is made, and asked for if not."""

from datetime import datetime, timedelta

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.api.clips.audio import PlayableAudio, audio_response
from services.api.clips.names import without_extension
from services.api.clips.service import get_clip
from services.api.http.errors import RETRY_AFTER, Problem
from services.api.state import State
from shared.clips import renditions
from shared.clips.models import Clip, Status
from shared.clips.renditions import MEDIA_TYPES, Form, Rendition, form_of
from shared.clips.universal import is_universal
from shared.outbox.writer import promise_job
from shared.redis.jobs import RENDER
from shared.storage.store import ObjectMissing

ASK_AGAIN_AFTER = timedelta(hours=1)
"""How long a form that could not be made is not tried again, whoever asks."""

ORIGINAL = "original"
"""The form of the bytes that came."""


def rendition_response(request: Request, state: State, form: Form) -> Response:
    """Answer GET or HEAD for a form of a clip's audio: 202 while it is made. Raises `Problem`."""
    with state.read_session() as session:
        clip = get_clip(session, request)
        form = form_of(clip, form)
        rendition = session.exec(Rendition.one(clip.id, form)).first()
    if clip.has_true_clock and not form.is_cut and _is_in_form(clip, form):
        return audio_response(request, state, PlayableAudio.of_object(clip))
    if rendition is None or not rendition.is_made_of(clip):
        return _ask_for(state, clip, rendition, form)
    audio = PlayableAudio(
        without_extension(clip.name),
        MEDIA_TYPES[form],
        [(rendition.key, rendition.bytes)],
        f'"{rendition.sha256[:32]}"',
    )
    try:
        if request.method == "HEAD" or state.settings.audio_delivery == "redirect":
            state.store.size(rendition.key)  # nobody else looks whether the object is there
        return audio_response(request, state, audio)
    except ObjectMissing:
        return _ask_for(state, clip, rendition, form)


def _ask_for(state: State, clip: Clip, rendition: Rendition | None, form: Form) -> Response:
    """Have a form made, unless it is on its way. Raises `Problem` where it cannot be made now.

    An object that `rendition` names is of other sound, or lost.
    """
    _check_it_can_be_made(clip)
    if rendition is None or not rendition.is_wanted:
        with state.transaction() as transaction:
            locked = transaction.session.exec(Clip.by_id(clip.library_id, clip.id).with_for_update()).first()
            if locked is None:
                raise Problem("not-found", "There is no clip with this id.")
            _check_it_can_be_made(locked)
            if form.is_cut and not locked.cuts:
                raise Problem("stale", "The cuts of this clip were taken back meanwhile; ask again.")
            _want(transaction.session, locked, form, transaction.now, rendition.key if rendition else "")
    body = {
        "type": "urn:dictaphone:making",
        "title": "The clip is being made ready",
        "status": 202,
        "detail": f"The sound is being made ready as {form.removeprefix('cut-')}. Ask again soon.",
    }
    return JSONResponse(body, status_code=202, headers={"Cache-Control": "no-store", **RETRY_AFTER})


def _check_it_can_be_made(clip: Clip) -> None:
    """Raise `Problem` if no worker makes a form of this clip: who waits for one that is wanted would wait forever."""
    if clip.deleted_at is not None:
        raise Problem("in-bin", "Restore the clip first; what is in the bin is not made ready for other devices.")
    if clip.status is Status.RECORDING:
        raise Problem("recording", "The clip is still being recorded; other devices get it when it is finished.")
    if clip.prepared_at is None and clip.status not in {Status.PENDING, Status.TRANSCRIBING}:
        raise Problem("no-rendition", clip.error or "The sound of this clip could not be read.")


def _want(session: Session, clip: Clip, form: Form, now: datetime, lost_key: str) -> None:
    """Note that a form is wanted, with a job where one can be done."""
    rendition = session.exec(Rendition.one(clip.id, form).with_for_update()).first()
    if rendition is not None and rendition.error is not None and rendition.wanted_at > now - ASK_AGAIN_AFTER:
        raise Problem("no-rendition", rendition.error)
    if rendition is not None and (rendition.error is not None or lost_key == rendition.key != ""):
        rendition.want(now)
    renditions.want(session, clip, form, now)
    if clip.prepared_at is not None:
        promise_job(session, clip.id, RENDER, now)


def _is_in_form(clip: Clip, form: Form) -> bool:
    """Whether the clip's own audio is what a rendition would be, and loses nothing by being made anew."""
    own, wanted = clip.mime.replace(" ", "").partition(";"), MEDIA_TYPES[form].partition(";")
    is_same = own[0] == wanted[0] and own[2].partition(".")[0] == wanted[2].partition(".")[0]
    return bool(clip.audio_key) and is_same and is_universal(clip.mime)
