"""Cut stretches out of a clip, and take that back: PUT /api/clips/{id}/cuts."""

from contextlib import suppress

from anyio import to_thread
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from services.api.clips.operations import IF_MATCH, clip_answer
from services.api.clips.service import clip_response, get_clip, tried
from services.api.http.errors import Problem
from services.api.http.operations import Operation
from services.api.http.params import json_body
from services.api.state import ClipTransaction, State, state_of
from services.api.transcripts.hidden import hidden_words
from shared.clips import renditions
from shared.clips.cut_words import Span, shown_text
from shared.clips.cuts import MAX_CUTS, Cut, normalize_cuts
from shared.clips.models import Clip, Status
from shared.clips.schemas import Stretch
from shared.redis.jobs import RENDER
from shared.search.folding import folded_ahead
from shared.storage.store import StoreError
from shared.transcripts.models import Transcript


class CutList(BaseModel):
    """All cuts of a clip."""

    model_config = ConfigDict(extra="forbid", strict=True)

    # A tuple is an array in JSON, which is what `strict` takes there.
    cuts: list[Stretch] = Field(max_length=2 * MAX_CUTS)
    """From and to of each, in milliseconds of the sound as it was recorded; none shows all of it again. They may be
    in any order, and touch."""


@Operation(
    "Cut stretches out of a clip, or take that back: these are all of its cuts from now on",
    {200: clip_answer("The clip, on the clock of what remains.")},
    problems=["bad-request", "not-found", "not-ready", "recording", "in-bin", "stale"],
    parameters=[IF_MATCH],
    body={"application/json": CutList},
)
async def put(request: Request) -> Response:
    """PUT /api/clips/{id}/cuts: set all cuts. Repeating it changes nothing; the cuts before take it back."""
    return await to_thread.run_sync(_put, request, await json_body(request, CutList))


def _put(request: Request, body: CutList) -> Response:
    state = state_of(request)
    return clip_response(tried(lambda: _try_to_cut(request, state, body.cuts), "cut it"))


def _try_to_cut(request: Request, state: State, stretches: list[Stretch]) -> Clip | None:
    """Set the cuts. None if the clip changed while its words were compared, which takes long for hours of words."""
    with state.read_session() as session:
        clip = get_clip(session, request)
        cuts = checked_cuts(clip, stretches)
        timed = session.exec(Transcript.newest_with_times(clip.id)).first()
    version, words = clip.version, clip.words
    hidden = hidden_words(words or "", timed, cuts, clip.sound_ms or 0)
    useless: set[str] = set()
    with folded_ahead(shown_text(words or "", hidden)), state.transaction() as transaction:
        clip = get_clip(transaction.session, request, for_update=True)
        if clip.version != version:
            return None
        if cuts != clip.cuts:
            useless |= set_cuts(transaction, clip, cuts, words, hidden)
    with suppress(StoreError):  # the comparison of the store deletes them later
        state.store.delete_all(useless)
    return clip


def checked_cuts(clip: Clip, stretches: list[Stretch]) -> list[Cut]:
    """The cuts of a clip that can be cut. Raises `Problem`."""
    check_is_finished(clip, "cut")
    try:
        return normalize_cuts(stretches, clip.sound_ms or 0)
    except ValueError as error:
        raise Problem("bad-request", f"cuts: {error}.") from None


def check_is_finished(clip: Clip, verb: str) -> None:
    """Raise `Problem` unless the sound of a clip is there and measured. `verb` is what somebody wants done to it."""
    if clip.deleted_at is not None:
        raise Problem("in-bin", f"Restore the clip first; what is in the bin is not {verb}.")
    if clip.status is Status.RECORDING:
        raise Problem("recording", f"The clip is still being recorded; it can be {verb} when it is finished.")
    if clip.prepared_at is None or not clip.audio_key or not clip.sound_ms:
        raise Problem("not-ready", f"The sound of {clip.name!r} is not measured; it can be {verb} once it is.")


def set_cuts(
    transaction: ClipTransaction, clip: Clip, cuts: list[Cut], words: str | None, hidden: list[Span]
) -> set[str]:
    """Set other cuts of a locked clip, with the job for its sound. Return the keys of objects that are useless now."""
    clip.set_cuts(cuts, words, hidden, transaction.now)
    useless = set(renditions.renew_cut(transaction.session, clip, transaction.now))
    transaction.save(clip, *([RENDER] if cuts else []))
    return useless
