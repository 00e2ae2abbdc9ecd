"""List the revisions of a clip's words, read one, and restore one."""

from typing import Any

from pydantic import BaseModel
from sqlalchemy import Row, Select, func, select
from sqlmodel import Session, col
from starlette.requests import Request
from starlette.responses import Response

from services.api.clips.operations import IF_MATCH, clip_answer
from services.api.clips.service import clip_response, get_clip, tried
from services.api.http.conditional import PRIVATE
from services.api.http.errors import Problem
from services.api.http.operations import Operation, json_answer
from services.api.revisions.schemas import Revision, Revisions, RevisionText
from services.api.state import State, state_of
from services.api.transcripts.hidden import hidden_words
from services.api.transcripts.revisions import Rewrite, restore_text
from shared.clips.cut_words import shown_text
from shared.clips.models import Clip
from shared.search.folding import folded_ahead
from shared.transcripts.models import Transcript


@Operation(
    "List the revisions of a clip's words, newest first",
    {200: json_answer("Who wrote each, and when; not the words.", Revisions)},
    problems=["not-found"],
)
def list_revisions(request: Request) -> Response:
    """GET /api/clips/{id}/revisions. There are at most some hundred of a clip, so they are one page."""
    with state_of(request).read_session() as session:
        clip = get_clip(session, request)
        rows = session.connection().execute(_revisions_of(clip).order_by(col(Transcript.id).desc())).all()
    page = Revisions(revisions=[Revision.model_validate(row) for row in rows])
    # Several may have the same words; the newest of them is the one that is shown.
    for older in [revision for revision in page.revisions if revision.current][1:]:
        older.current = False
    return _json_response(page)


@Operation(
    "Read a revision of a clip's words",
    {200: json_answer("The revision with its words.", RevisionText)},
    problems=["not-found"],
)
def read_revision(request: Request) -> Response:
    """GET /api/clips/{id}/revisions/{revision}: without the words that cuts hide."""
    with state_of(request).read_session() as session:
        clip = get_clip(session, request)
        row = _find(session, request, clip)
        timed = session.exec(Transcript.newest_with_times(clip.id)).first() if clip.cuts else None
    revision = RevisionText.model_validate(row)
    revision.text = shown_text(row.text, hidden_words(row.text, timed, clip.cuts, clip.sound_ms or 0))
    revision.chars = len(revision.text)
    return _json_response(revision)


@Operation(
    "Show the words of a revision again, as a new revision",
    {200: clip_answer("The clip with these words.")},
    problems=["not-found", "stale"],
    parameters=[IF_MATCH],
)
def restore_revision(request: Request) -> Response:
    """POST /api/clips/{id}/revisions/{revision}/restore. Repeating it changes nothing; nothing is lost by it."""
    state = state_of(request)
    return clip_response(tried(lambda: _try_to_restore(request, state), "restore the words"))


def _try_to_restore(request: Request, state: State) -> Clip | None:
    """Restore the words. None if the clip changed while the words in its cuts were looked for."""
    with state.read_session() as session:
        clip = get_clip(session, request)
        revision = _find(session, request, clip)
        timed = session.exec(Transcript.newest_with_times(clip.id)).first() if clip.cuts else None
    hidden = hidden_words(revision.text, timed, clip.cuts, clip.sound_ms or 0)
    new = Rewrite(clip.version, clip.words, revision.text, hidden)
    with folded_ahead(shown_text(new.words, hidden)), state.transaction() as transaction:
        clip = get_clip(transaction.session, request, for_update=True)
        if clip.version != new.version:
            return None
        if new.words != new.present:
            restore_text(transaction.session, clip, new, revision.language, transaction.now)
            transaction.save(clip)
    return clip


def _json_response(body: BaseModel) -> Response:
    return Response(body.model_dump_json(), media_type="application/json", headers={"Cache-Control": PRIVATE})


def _revisions_of(clip: Clip, *columns: Any) -> Select[Any]:
    return (
        select(
            col(Transcript.id),
            col(Transcript.source),
            col(Transcript.created_at),
            func.coalesce(col(Transcript.saved_at), col(Transcript.created_at)).label("saved_at"),
            col(Transcript.language),
            col(Transcript.recognizer),
            func.length(col(Transcript.text)).label("chars"),
            func.coalesce(col(Transcript.text) == func.coalesce(col(Clip.whole_text), col(Clip.text)), False).label(
                "current"
            ),
            *columns,
        )
        .join(Clip, col(Clip.id) == col(Transcript.clip_id))
        .where(col(Transcript.clip_id) == clip.id)
    )


def _find(session: Session, request: Request, clip: Clip) -> Row[Any]:
    """The revision that the path names, among those of this clip. Raises `Problem` `not-found`."""
    named = request.path_params["revision"]
    if named.isascii() and named.isdigit() and len(named) <= 9:
        statement = _revisions_of(clip, col(Transcript.text)).where(col(Transcript.id) == int(named))
        if row := session.connection().execute(statement).first():
            return row
    raise Problem("not-found", "The clip has no revision with this number; it may have been thinned out.")
