"""POST /api/clips/join: make a clip of several, one after another. The others stay as they are.

The new clip is a recording whose segments are copies of their sound: `prepare` joins them, as it joins any recording.
What is cut out of them is cut out of it, and their words are there before its sound is.
"""

import hashlib
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from anyio import to_thread
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import IntegrityError
from starlette.requests import Request
from starlette.responses import Response

from services.api.clips.cut_routes import check_is_finished
from services.api.clips.names import clean_name
from services.api.clips.operations import clip_answer
from services.api.clips.schemas import MAX_TEXT_CHARS
from services.api.clips.service import clip_response, find_clip, id_taken
from services.api.clips.sound_copies import copy_as_segment, copying
from services.api.http.errors import Problem
from services.api.http.operations import Operation
from services.api.http.params import json_body
from services.api.state import State, state_of
from shared.clips import renditions
from shared.clips.cuts import MAX_CUTS, normalize_cuts
from shared.clips.markers import MAX_MARKER_ID_CHARS, MAX_MARKERS, MAX_NOTES_CHARS
from shared.clips.models import Clip, Status
from shared.clips.remarks import NOT_UNDERSTOOD
from shared.clips.tags import MAX_TAGS, normalize_tags
from shared.db.columns import MAX_DURATION_MS
from shared.redis.jobs import PREPARE
from shared.search.folding import folded_ahead
from shared.transcripts.models import Source, Transcript

MIN_JOINED, MAX_JOINED = 2, 20
"""Clips that are joined at once: their sound is copied while somebody waits."""

SEPARATOR = "\n\n"
"""Between the words of two clips."""


class Join(BaseModel):
    """Which clips are joined, in their order, and what the new clip is."""

    model_config = ConfigDict(extra="forbid")

    ids: list[uuid.UUID] = Field(min_length=MIN_JOINED, max_length=MAX_JOINED)
    id: uuid.UUID
    """Of the new clip, made by the client: the same again is the same clip."""
    name: str | None = None
    """Without it, the name of the first clip."""


@dataclass(frozen=True)
class Part:
    """A clip that is joined, and where its sound begins in the new one."""

    clip: Clip
    timed: Transcript | None
    start_ms: int

    def shifted(self, items: Sequence[dict[str, Any]], *times: str) -> list[dict[str, Any]]:
        """The items with these times of theirs in the clock of the new clip."""
        return [item | {name: item[name] + self.start_ms for name in times} for item in items]

    def passages(self) -> list[dict[str, Any]]:
        passages = self.shifted((self.timed and self.timed.passages) or [], "start_ms", "end_ms")
        return [each | {"words": self.shifted(each.get("words") or [], "start_ms", "end_ms")} for each in passages]


@Operation(
    "Make a clip of several, one after another, with their words; the others stay as they are",
    {201: clip_answer("The new clip, waiting for its sound."), 200: clip_answer("It was made already.")},
    problems=["bad-request", "bad-name", "not-found", "id-taken", "not-ready", "recording", "in-bin", "away", "full"],
    body={"application/json": Join},
)
async def join(request: Request) -> Response:
    """POST /api/clips/join. Repeating it changes nothing."""
    body, state = await json_body(request, Join), state_of(request)
    return await to_thread.run_sync(_join, request, state, body, limiter=state.upload_limiter)


def _join(request: Request, state: State, body: Join) -> Response:
    if len(set(body.ids)) < len(body.ids):
        raise Problem("bad-request", "ids: each clip is joined once.")
    name = None if body.name is None else clean_name(body.name)
    if existing := _made_already(request, state, body):
        return clip_response(existing)
    parts = _load_parts(request, state, body.ids)
    _check_words(parts)
    _check_bounds(parts, state.settings.max_audio_hours)
    try:
        with copying(state.store) as copies:
            for segment, part in enumerate(parts):
                copy_as_segment(copies, part.clip, body.id, segment, part.clip.created_at)
            with folded_ahead(_words(parts)), state.transaction() as transaction:
                clip = _joined_clip(parts, body.id, name, transaction.now)
                transaction.save(clip, PREPARE)
                copies.add_rows(transaction.session)
                for revision in _revisions(parts, clip, transaction.now):
                    transaction.session.add(revision)
                    transaction.session.flush()
                renditions.renew_cut(transaction.session, clip, transaction.now)
    except IntegrityError as error:  # the same join at the same time was first, or another library has the id
        if existing := _made_already(request, state, body):
            return clip_response(existing)
        raise id_taken() from error
    return clip_response(clip, 201)


def _made_already(request: Request, state: State, body: Join) -> Clip | None:
    """The clip that was joined by the same request before. Raises `Problem` if the id is another clip's."""
    with state.read_session() as session:
        clip = find_clip(session, request, body.id)
    if clip is not None and clip.joined_from != [str(id) for id in body.ids]:
        raise id_taken()
    return clip


def _load_parts(request: Request, state: State, ids: Sequence[uuid.UUID]) -> list[Part]:
    parts: list[Part] = []
    start_ms = 0
    for id in ids:
        with state.read_session() as session:
            clip = find_clip(session, request, id)
            if clip is None:
                raise Problem("not-found", f"There is no clip with the id {id}.")
            timed = session.exec(Transcript.newest_with_times(id)).first()
        check_is_finished(clip, "joined")
        if parts and clip.library_id != parts[0].clip.library_id:
            raise Problem("bad-request", "ids: only clips of one library are joined; copy the others there first.")
        parts.append(Part(clip, timed, start_ms))
        start_ms += clip.sound_ms or 0
    return parts


def _check_words(parts: Sequence[Part]) -> None:
    """Raise `Problem` if words are still to come beside some that are there.

    A joined clip that has words is not heard again, so it would never have those.
    """
    if all(part.clip.words is None for part in parts):
        return
    for clip in (part.clip for part in parts):
        if clip.words is None and clip.status in {Status.PENDING, Status.TRANSCRIBING}:
            raise Problem("not-ready", f"The words of {clip.name!r} are not there yet; it can be joined once they are.")


def _check_bounds(parts: Sequence[Part], max_hours: float) -> None:
    """Raise `Problem` if the new clip would have more of something than a clip can have. Nothing is left out of it."""
    sound_ms = sum(part.clip.sound_ms or 0 for part in parts)
    if sound_ms > min(max_hours * 3_600_000, MAX_DURATION_MS):
        raise Problem("bad-request", f"Together they are longer than {max_hours:g} hours, the most that a clip can be.")
    counted: list[tuple[str, int, Callable[[Clip], int]]] = [
        ("markers", MAX_MARKERS, lambda clip: len(clip.markers)),
        ("cuts", MAX_CUTS, lambda clip: len(clip.cuts)),
        ("characters of notes", MAX_NOTES_CHARS, lambda clip: len(clip.notes) + len(SEPARATOR)),
        ("characters of words", MAX_TEXT_CHARS, lambda clip: len(clip.words or "") + len(SEPARATOR)),
    ]
    for what, maximum, count in counted:
        if (number := sum(count(part.clip) for part in parts)) > maximum:
            raise Problem("bad-request", f"Together they have {number} {what}; a clip can have at most {maximum}.")


def _words(parts: Sequence[Part]) -> str:
    return SEPARATOR.join(part.clip.words for part in parts if part.clip.words)


def _hidden(parts: Sequence[Part]) -> list[tuple[int, int]]:
    """The spans of `_words` that cuts hide."""
    spans: list[tuple[int, int]] = []
    offset = 0
    for part in parts:
        if part.clip.words:
            spans += [(start + offset, end + offset) for start, end in part.clip.hidden]
            offset += len(part.clip.words) + len(SEPARATOR)
    return spans


def _joined_clip(parts: Sequence[Part], id: uuid.UUID, name: str | None, now: datetime) -> Clip:
    """The new clip, which waits for its sound."""
    first = parts[0].clip
    sound_ms = sum(part.clip.sound_ms or 0 for part in parts)
    clip = Clip.new_upload(
        id,
        name=name or first.name,
        mime=first.mime,
        bytes=sum(part.clip.bytes for part in parts),
        sha256="",
        audio_key="",
        duration_ms=sound_ms,
        recorded_at=first.created_at,
        is_dated=True,
        now=now,
        library_id=first.library_id,
    )
    clip.name_origin = clip.name_origin if name else first.name_origin
    clip.segments = len(parts)
    clip.joined_from = [str(part.clip.id) for part in parts]
    clip.tags = normalize_tags(sorted({tag for part in parts for tag in part.clip.tags})[:MAX_TAGS])
    clip.notes = SEPARATOR.join(part.clip.notes for part in parts if part.clip.notes)
    clip.starred_at = next((part.clip.starred_at for part in parts if part.clip.starred_at), None)
    clip.gaps = [gap for part in parts for gap in part.shifted(part.clip.gaps, "at_ms")]
    clip.remarks = [
        remark
        for part in parts
        for remark in part.shifted([each for each in part.clip.remarks if each["kind"] == NOT_UNDERSTOOD], "at_ms")
    ]
    clip.markers = [
        marker | {"id": _marker_id(number, marker["id"])}
        for number, part in enumerate(parts)
        for marker in part.shifted(part.clip.markers, "at_ms")
    ]
    languages = {part.clip.language for part in parts if part.clip.language}
    clip.language = languages.pop() if len(languages) == 1 else first.language
    wanted = {part.clip.language_set for part in parts}
    clip.language_set = wanted.pop() if len(wanted) == 1 else None
    clip.recognizer = next((part.clip.recognizer for part in parts if part.clip.recognizer), None)
    if any(part.clip.words is not None for part in parts):
        clip.text = _words(parts)
    clip.edited_at = max((part.clip.edited_at for part in parts if part.clip.edited_at), default=None)
    cuts = [(start + part.start_ms, end + part.start_ms) for part in parts for start, end in part.clip.cuts]
    if cuts:
        clip.set_cuts(normalize_cuts(cuts, sound_ms), _hidden(parts), now)
        clip.version = 1
    return clip


def _marker_id(number: int, id: str) -> str:
    """An id of its own for the marker of a part. A long one becomes a digest: its end may be all that is its own."""
    new_id = f"{number}-{id}"
    return new_id if len(new_id) <= MAX_MARKER_ID_CHARS else hashlib.sha256(new_id.encode()).hexdigest()


def _revisions(parts: Sequence[Part], clip: Clip, now: datetime) -> list[Transcript]:
    """The words as machines heard them, and as people left them."""
    words, passages = clip.words, [passage for part in parts for passage in part.passages()]
    revisions = []
    if passages:
        heard = SEPARATOR.join(part.timed.text for part in parts if part.timed and part.timed.text)
        revisions.append(
            Transcript(
                clip_id=clip.id,
                source=Source.MACHINE,
                text=heard,
                language=clip.language,
                recognizer=clip.recognizer,
                passages=passages,
                created_at=now,
            )
        )
    if words is not None and (clip.edited_at is not None or not passages):
        is_persons = clip.edited_at is not None
        revisions.append(
            Transcript(
                clip_id=clip.id,
                source=Source.PERSON if is_persons else Source.MACHINE,
                text=words,
                language=clip.language,
                recognizer=None if is_persons else clip.recognizer,
                created_at=clip.edited_at or now,
            )
        )
    return revisions
