"""POST /api/clips/{id}/split: make two clips of one, each with the whole sound and complementary cuts."""

import uuid
from datetime import timedelta

from anyio import to_thread
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import IntegrityError
from starlette.requests import Request
from starlette.responses import Response

from services.api.clips.cut_routes import check_is_finished, set_cuts
from services.api.clips.names import clean_name, without_extension
from services.api.clips.operations import IF_MATCH
from services.api.clips.service import find_clip, get_clip, id_taken, tried
from services.api.clips.sound_copies import SoundCopies, copy_all, copying
from services.api.http.conditional import PRIVATE
from services.api.http.errors import Problem
from services.api.http.operations import Operation, json_answer
from services.api.http.params import json_body
from services.api.state import ClipTransaction, State, state_of
from services.api.transcripts.hidden import hidden_words
from shared.clips import renditions
from shared.clips.cuts import Cut, CutClock, normalize_cuts
from shared.clips.models import MAX_NAME_CHARS, Clip, Status
from shared.clips.schemas import Milliseconds, PublicClip
from shared.clips.waveform import Waveform
from shared.redis.jobs import RENDER, TRANSCRIBE
from shared.search.folding import folded_ahead, sort_key
from shared.transcripts.models import Source, Transcript
from shared.uploads.models import Piece


class Split(BaseModel):
    """Where a clip is split, and what its second part is."""

    model_config = ConfigDict(extra="forbid")

    id: uuid.UUID
    """Of the second clip, made by the client: the same again is the same split."""
    at_ms: Milliseconds = Field(gt=0)
    """In the clock of what the clip shows."""
    name: str | None = None
    """Of the second clip; without it, that of the first and a 2."""


class SplitClips(BaseModel):
    """Both parts of a clip."""

    clips: tuple[PublicClip, PublicClip]
    """The first keeps its id; what it does not play any more is cut out of it."""


@Operation(
    "Split a clip in two; to take it back, delete the second and give the first the cuts that it had",
    {
        201: json_answer("Both clips.", SplitClips),
        200: json_answer("They were made already.", SplitClips),
    },
    problems=[
        "bad-request",
        "bad-name",
        "not-found",
        "id-taken",
        "not-ready",
        "recording",
        "in-bin",
        "stale",
        "away",
        "full",
    ],
    parameters=[IF_MATCH],
    body={"application/json": Split},
)
async def split(request: Request) -> Response:
    """POST /api/clips/{id}/split. Repeating it changes nothing; nothing of the sound or of the words is lost by it."""
    body, state = await json_body(request, Split), state_of(request)
    return await to_thread.run_sync(_split, request, state, body, limiter=state.upload_limiter)


def _split(request: Request, state: State, body: Split) -> Response:
    name = None if body.name is None else clean_name(body.name)
    with state.read_session() as session:
        first = get_clip(session, request)
        second = find_clip(session, request, body.id)
        originals = list(session.exec(Piece.of_clip(first.library_id, first.id)))
    if second is not None:
        return _answer_again(first, second)
    _parts(first, body.at_ms)  # what is refused is refused before anything is copied
    try:
        with copying(state.store) as copies:
            key = copy_all(copies, first, [(upload, piece) for upload, piece in originals], body.id)
            audio_key = first.audio_key
            clips = tried(lambda: _try_to_split(request, state, body, name, audio_key, key, copies), "split it")
            return _answer(201, *clips)
    except (IntegrityError, Problem) as error:
        # The same split at the same time was first, and the clip cannot be split there any more.
        with state.read_session() as session:
            first, second = get_clip(session, request), find_clip(session, request, body.id)
        if second is None:
            raise (id_taken() if isinstance(error, IntegrityError) else error) from error
        return _answer_again(first, second)


def _parts(clip: Clip, at_ms: int) -> tuple[list[Cut], list[Cut]]:
    """The cuts of both parts. Raises `Problem`."""
    check_is_finished(clip, "split")
    sound_ms, at = clip.sound_ms or 0, CutClock(clip.cuts).to_whole(at_ms)
    try:
        return normalize_cuts([*clip.cuts, (at, sound_ms)], sound_ms), normalize_cuts([*clip.cuts, (0, at)], sound_ms)
    except ValueError as error:
        raise Problem("bad-request", f"at_ms: a clip is split where sound is on both sides; {error}.") from None


def _try_to_split(
    request: Request, state: State, body: Split, name: str | None, audio_key: str, new_key: str, copies: SoundCopies
) -> tuple[Clip, Clip] | None:
    """Write both clips. None if the first changed while its words were compared."""
    with state.read_session() as session:
        first = get_clip(session, request)
        timed = session.exec(Transcript.newest_with_times(first.id)).first()
        waveform = session.get(Waveform, first.id)
    cuts = _parts(first, body.at_ms)
    version, words, sound_ms = first.version, first.words, first.sound_ms or 0
    hidden = [hidden_words(words or "", timed, some, sound_ms) for some in cuts]
    with folded_ahead(words or ""), state.transaction() as transaction:
        session = transaction.session
        first = get_clip(session, request, for_update=True)
        if first.audio_key != audio_key:
            raise Problem("stale", "The sound of the clip was made anew at this moment; split it again.")
        if first.version != version:
            return None
        second = _second_part(first, body, name, new_key, transaction)
        set_cuts(transaction, first, cuts[0], words, hidden[0])
        second.set_cuts(cuts[1], words, hidden[1], transaction.now)
        second.version = 1
        transaction.save(second, RENDER, *([TRANSCRIBE] if second.status is Status.PENDING else []))
        copies.add_rows(session)
        if waveform is not None:
            session.add(Waveform(clip_id=second.id, peaks=waveform.peaks))
        for revision in _revisions_of_part(first, second, timed, words or ""):
            session.add(revision)
            session.flush()
        renditions.renew_cut(session, second, transaction.now)
    return first, second


def _second_part(first: Clip, body: Split, name: str | None, audio_key: str, transaction: ClipTransaction) -> Clip:
    """The second clip, still with everything that the first one shows and hides. Notes and star stay with the first."""
    name = name or f"{without_extension(first.name)[: MAX_NAME_CHARS - 4]} (2)"
    copied = first.model_dump(exclude={"id", "starred_at", "notes", "deleted_at", "found_at", "lease_until"})
    settled = first.status in {Status.DONE, Status.FAILED, Status.OFF}
    return Clip(
        **copied
        | {
            "id": body.id,
            "name": name,
            "sort_name": sort_key(name),
            "audio_key": audio_key,
            "status": first.status if settled else Status.PENDING,
            "attempt": 0,
            "tries": 0,
            "queued_at": transaction.now,
            "created_at": first.created_at + timedelta(milliseconds=CutClock(first.cuts).to_whole(body.at_ms)),
        }
    )


def _revisions_of_part(first: Clip, second: Clip, timed: Transcript | None, words: str) -> list[Transcript]:
    """What the second clip has of the first one's revisions: the machine's newest, and a person's words."""
    revisions = []
    if timed is not None:
        fields = timed.model_dump(exclude={"id", "attempt"})
        revisions.append(Transcript(**fields | {"clip_id": second.id}))
    if first.edited_at is not None:
        revisions.append(
            Transcript(
                clip_id=second.id,
                source=Source.PERSON,
                text=words,
                language=first.language,
                created_at=first.edited_at,
            )
        )
    return revisions


def _answer_again(first: Clip, second: Clip) -> Response:
    """Answer a split that was made before. Raises `Problem` if the second clip is another one.

    The same sound alone is no sign: it may have been uploaded twice.
    """
    is_part = second.id != first.id and second.cuts and first.sha256 and second.sha256 == first.sha256
    if not is_part:
        raise id_taken()
    return _answer(200, first, second)


def _answer(status: int, first: Clip, second: Clip) -> Response:
    clips = SplitClips(clips=(PublicClip.model_validate(first), PublicClip.model_validate(second)))
    return Response(
        clips.model_dump_json(), status_code=status, media_type="application/json", headers={"Cache-Control": PRIVATE}
    )
