"""List clips, search them, and list tags."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.api.access.access import access_of
from services.api.access.principal import Principal
from services.api.access.tickets import own_socket_address, socket_address
from services.api.http.conditional import PRIVATE
from services.api.http.cursor import Cursor
from services.api.http.operations import Operation, json_answer
from services.api.http.params import choice_param, int_param
from services.api.search import full_text, pages, snippets
from services.api.search.filters import ClipQuery
from services.api.search.operations import LIST_PARAMETERS, TAGS
from services.api.search.pages import (
    LISTED_COLUMNS,
    MAX_PAGE_SIZE,
    PAGE_SIZE,
    SEARCH_PAGE_SIZE,
    SHORT_COLUMNS,
    ClipRows,
)
from services.api.search.schemas import FORMS, ClipPage, Limits, Realtime, SearchPage
from services.api.search.tag_counts import count_tags
from services.api.state import State, state_of
from shared.clips.schemas import PublicClip, ShortClip
from shared.search.query import parse_query


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
    parameters=LIST_PARAMETERS,
)
def list_clips(request: Request) -> Response:
    """GET /api/clips: one page of the list or of a search, with what a page needs to stay current."""
    state = state_of(request)
    clip_query = ClipQuery.of(request)
    is_short = choice_param(request, "form", FORMS) == "short"
    default_limit = SEARCH_PAGE_SIZE if clip_query.typed else PAGE_SIZE
    limit = int_param(request, "limit", minimum=1, maximum=MAX_PAGE_SIZE, default=default_limit)
    cursor = Cursor.decode(request.query_params.get("cursor"), clip_query.fingerprint)
    # The event cursor is read before the rows: a change in between arrives twice rather than never.
    event_cursor = state.relay.cursor(clip_query.library_id)
    query = parse_query(clip_query.typed)
    with state.read_session() as session:
        connection = session.connection()
        if not clip_query.typed:
            rows, next_cursor = pages.fetch_page(
                connection, clip_query, cursor, limit, columns=SHORT_COLUMNS if is_short else LISTED_COLUMNS
            )
        elif query:
            rows, next_cursor = full_text.fetch_page(connection, clip_query, query, cursor, limit)
        else:
            rows, next_cursor = [], None  # punctuation alone: no clip matches
        hits = snippets.search_hits(connection, rows, query, state.word_timings) if clip_query.typed else None
    realtime = Realtime(url=socket_address(request), cursor=event_cursor)
    common = _common(state, rows, clip_query, next_cursor, realtime, is_short=is_short)
    page = ClipPage(**common) if hits is None else SearchPage(**common, found=hits)
    return Response(page.model_dump_json(), media_type="application/json", headers={"Cache-Control": PRIVATE})


def first_page(state: State, principal: Principal) -> ClipPage:
    """The first page of somebody's own list in its short form, for the page to bring along."""
    clip_query = ClipQuery(library_id=principal.library)
    event_cursor = state.relay.cursor(principal.library)
    with state.read_session() as session:
        rows, next_cursor = pages.fetch_page(session.connection(), clip_query, None, PAGE_SIZE, columns=SHORT_COLUMNS)
    realtime = Realtime(url=own_socket_address(state, principal), cursor=event_cursor)
    return ClipPage(**_common(state, rows, clip_query, next_cursor, realtime, is_short=True))


def _common(
    state: State,
    rows: ClipRows,
    clip_query: ClipQuery,
    next_cursor: Cursor | None,
    realtime: Realtime,
    *,
    is_short: bool,
) -> dict[str, Any]:
    """What every page of a list has."""
    return {
        "clips": [(ShortClip if is_short else PublicClip).model_validate(row) for row in rows],
        "next": next_cursor.encode(clip_query.fingerprint) if next_cursor else None,
        "realtime": realtime,
        "limits": Limits(upload_bytes=state.settings.max_upload_bytes, bin_days=state.settings.bin_days),
    }


@Operation("All tags, most used first", {200: json_answer("Each with its number of clips.", TAGS)})
def list_tags(request: Request) -> Response:
    """GET /api/tags: every tag and how many clips have it, most used first. Spellings of one tag are one tag."""
    with state_of(request).read_session() as session:
        rows = session.connection().execute(count_tags(access_of(request).library)).all()
    tags = [{"name": name, "clips": clips} for name, clips in rows]
    return JSONResponse({"tags": tags}, headers={"Cache-Control": PRIVATE})
