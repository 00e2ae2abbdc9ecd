"""List clips, search them, and list tags."""

from sqlalchemy import func, select
from sqlmodel import col
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.api.http.cursor import Cursor
from services.api.http.operations import Json, Operation, json_answer, query_param
from services.api.http.params import int_param
from services.api.search import full_text, pages, snippets
from services.api.search.filters import MAX_QUERY_CHARS, MAX_TAGS, SORTS, ClipQuery
from services.api.search.schemas import ClipPage, Limits, Realtime, SearchPage
from services.api.state import state_of
from shared.clips.models import Clip, Status
from shared.clips.schemas import PublicClip
from shared.clips.tags import MAX_TAG_CHARS
from shared.db.columns import MAX_DURATION_MS
from shared.libraries import HOME
from shared.search.index import ClipTag
from shared.search.query import parse_query

PAGE_SIZE = 50
"""Clips of one page: more than a screen shows, and a few milliseconds of work."""

SEARCH_PAGE_SIZE = 20
"""Clips of one page of a search, where each clip comes with snippets."""

MAX_PAGE_SIZE = 200
"""Clips that a client may ask for at once."""


_MS: Json = {"type": "integer", "minimum": 0, "maximum": MAX_DURATION_MS}
_INSTANT: Json = {"type": "string", "format": "date-time"}

LIST_PARAMETERS: dict[str, Json] = {
    "limit": {
        "type": "integer",
        "minimum": 1,
        "maximum": MAX_PAGE_SIZE,
        "default": PAGE_SIZE,
        "description": f"Without it, {SEARCH_PAGE_SIZE} with a `q`.",
    },
    "cursor": {"type": "string", "description": "`next` of the page before, of the same list."},
    "q": {
        "type": "string",
        "maxLength": MAX_QUERY_CHARS,
        "description": (
            "Only clips with all of these words in name, text or tags, whatever their accents and capitals. "
            'The last one may go on; "words in quotes" follow each other.'
        ),
    },
    "from": {**_INSTANT, "description": "Made at this instant or later."},
    "to": {**_INSTANT, "description": "Made before this instant."},
    "shortest_ms": {**_MS, "description": "At least so long."},
    "longest_ms": {**_MS, "description": "At most so long."},
    "status": {"type": "array", "items": {"enum": [*Status]}, "description": "One of these."},
    "tag": {
        "type": "array",
        "items": {"type": "string", "minLength": 1, "maxLength": MAX_TAG_CHARS},
        "maxItems": MAX_TAGS,
        "description": "All of these.",
    },
    "sort": {"enum": [*SORTS], "description": "Without it: `best` if there is a `q`, otherwise `newest`."},
    "deleted": {"type": "boolean", "description": "The bin instead of the library."},
}


@Operation(
    "List clips, or find some, one page at a time",
    {
        200: json_answer(
            "A page of clips, the address for events, and the limits; with `q`, why each was found.",
            ClipPage,
            SearchPage,
        )
    },
    problems=["bad-request"],
    parameters=[query_param(name, schema) for name, schema in LIST_PARAMETERS.items()],
)
def list_clips(request: Request) -> Response:
    """GET /api/clips: one page of the list or of a search, with what a page needs to stay current."""
    state = state_of(request)
    clip_query = ClipQuery.of(request)
    default_limit = SEARCH_PAGE_SIZE if clip_query.typed else PAGE_SIZE
    limit = int_param(request, "limit", minimum=1, maximum=MAX_PAGE_SIZE, default=default_limit)
    cursor = Cursor.decode(request.query_params.get("cursor"), clip_query.fingerprint)
    # The event cursor is read before the rows: a change in between arrives twice rather than never.
    event_cursor = state.relay.cursor(HOME)
    query = parse_query(clip_query.typed)
    with state.read_session() as session:
        connection = session.connection()
        if not clip_query.typed:
            rows, next_cursor = pages.fetch_page(connection, clip_query, cursor, limit)
        elif query:
            rows, next_cursor = full_text.fetch_page(connection, clip_query, query, cursor, limit)
        else:
            rows, next_cursor = [], None  # punctuation alone: no clip matches
        hits = snippets.search_hits(connection, rows, query, state.word_timings) if clip_query.typed else None
    common = {
        "clips": [PublicClip.model_validate(row) for row in rows],
        "next": next_cursor.encode(clip_query.fingerprint) if next_cursor else None,
        "realtime": Realtime(url=state.settings.realtime_url or "/websocket", cursor=event_cursor),
        "limits": Limits(upload_bytes=state.settings.max_upload_bytes),
    }
    page = ClipPage(**common) if hits is None else SearchPage(**common, found=hits)
    return Response(page.model_dump_json(), media_type="application/json", headers={"Cache-Control": "no-cache"})


TAGS: Json = {
    "type": "object",
    "required": ["tags"],
    "properties": {
        "tags": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name", "clips"],
                "properties": {"name": {"type": "string"}, "clips": {"type": "integer"}},
            },
        }
    },
}


@Operation("All tags, most used first", {200: json_answer("Each with its number of clips.", TAGS)})
def list_tags(request: Request) -> Response:
    """GET /api/tags: every tag and how many clips have it, most used first. Spellings of one tag are one tag."""
    clip_count = func.count()
    statement = (
        select(func.max(ClipTag.name), clip_count)
        .join(Clip, col(Clip.id) == col(ClipTag.clip_id))
        .where(col(ClipTag.library_id) == HOME, col(Clip.deleted_at).is_(None))
        .group_by(col(ClipTag.key))
        .order_by(clip_count.desc(), col(ClipTag.key))
    )
    with state_of(request).read_session() as session:
        rows = session.connection().execute(statement).all()
    tags = [{"name": name, "clips": clips} for name, clips in rows]
    return JSONResponse({"tags": tags}, headers={"Cache-Control": "no-cache"})
