"""The list of clips, what is found in it, and the tags that there are."""

from sqlalchemy import func, select
from sqlmodel import col
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.api.http.cursor import Cursor
from services.api.http.params import int_param
from services.api.search import filters, full_text, snippets
from services.api.search.filters import Wish
from services.api.search.schemas import ClipPage, Limits, Realtime, SearchPage
from services.api.state import state_of
from shared.clips.models import HOME, Clip
from shared.clips.schemas import PublicClip
from shared.search.index import ClipTag
from shared.search.query import parse_query

PAGE = 50
"""Clips of one page: more than a screen shows, and a few milliseconds of work."""

FOUND_PAGE = 20
"""The same of a search, where each clip comes with excerpts."""

MOST_PER_PAGE = 200
"""The most that a client may ask for at once."""


def listing(request: Request) -> Response:
    """GET /api/clips: one page of the list or of what is found, with what a page needs to stay current."""
    state = state_of(request)
    wish = Wish.of(request)
    usual = FOUND_PAGE if wish.typed else PAGE
    limit = int_param(request, "limit", minimum=1, maximum=MOST_PER_PAGE, default=usual)
    place = Cursor.decode(request.query_params.get("cursor"), wish.stamp)
    # The event cursor first, the rows second: what changes in between arrives twice rather than never.
    cursor = state.relay.cursor(HOME)
    query = parse_query(wish.typed)
    with state.read_session() as session:
        connection = session.connection()
        if not wish.typed:
            rows, following = filters.page(connection, wish, place, limit)
        elif query:
            rows, following = full_text.page(connection, wish, query, place, limit)
        else:
            rows, following = [], None  # punctuation alone: there is nothing to look for
        found = snippets.of(connection, rows, query, state.word_timings) if wish.typed else None
    shared = {
        "clips": [PublicClip.model_validate(row) for row in rows],
        "next": following.encode(wish.stamp) if following else None,
        "realtime": Realtime(url=state.settings.realtime_url or "/websocket", cursor=cursor),
        "limits": Limits(upload_bytes=state.settings.max_upload_bytes),
    }
    answered = ClipPage(**shared) if found is None else SearchPage(**shared, found=found)
    return Response(answered.model_dump_json(), media_type="application/json", headers={"Cache-Control": "no-cache"})


def tags(request: Request) -> Response:
    """GET /api/tags: every tag and how many clips have it, most used first. Spellings of one tag are one."""
    number = func.count()
    used = (
        select(func.max(ClipTag.name), number)
        .join(Clip, col(Clip.id) == col(ClipTag.clip_id))
        .where(col(ClipTag.library_id) == HOME, col(Clip.deleted_at).is_(None))
        .group_by(col(ClipTag.key))
        .order_by(number.desc(), col(ClipTag.key))
    )
    with state_of(request).read_session() as session:
        rows = session.connection().execute(used).all()
    told = [{"name": name, "clips": clips} for name, clips in rows]
    return JSONResponse({"tags": told}, headers={"Cache-Control": "no-cache"})
