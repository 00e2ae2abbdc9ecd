"""The bin: delete one clip of it for good, or all of them."""

import time

from sqlmodel import col
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.api.access.access import access_of
from services.api.access.principal import Need
from services.api.background.erasure import erase
from services.api.clips.service import NO_CLIP, get_clip
from services.api.http.conditional import PRIVATE
from services.api.http.errors import Problem
from services.api.http.operations import Json, Operation, json_answer
from services.api.state import state_of
from shared.clips import queries
from shared.clips.models import Clip

MAX_EMPTYING_S = 20
"""How long one request empties the bin: proxies wait for an answer for half a minute or more."""

BATCH_CLIPS = 50
"""Clips of one transaction: nobody else waits long for SQLite's one lock, and a store lists a folder for each."""

EMPTIED: Json = {
    "type": "object",
    "required": ["clips", "left"],
    "properties": {
        "clips": {"type": "integer", "description": "How many were deleted.", "minimum": 0},
        "left": {"type": "integer", "description": "How many still are in the bin: ask again.", "minimum": 0},
    },
}


@Operation("Delete all that is in the bin, for good", {200: json_answer("It is empty.", EMPTIED)}, problems=["away"])
def empty(request: Request) -> Response:
    """DELETE /api/bin: delete the clips that are in it now. Repeating it goes on with what is left."""
    state, library_id = state_of(request), access_of(request).library
    until, count, last = time.monotonic() + MAX_EMPTYING_S, 0, BATCH_CLIPS
    with state.transaction() as transaction:
        now = transaction.now
    while last == BATCH_CLIPS and time.monotonic() < until:
        chosen = queries.expired_in_bin(now, limit=BATCH_CLIPS).where(col(Clip.library_id) == library_id)
        last = erase(state.engine, state.store, chosen, now)
        state.relay.wake()
        count += last
    with state.read_session() as session:
        left = session.exec(queries.count_in_bin(library_id)).one()
    return JSONResponse({"clips": count, "left": left}, headers={"Cache-Control": PRIVATE})


def delete_for_good(request: Request) -> Response:
    """Delete a clip that is in the bin, with everything that is known of it."""
    state = state_of(request)
    with state.transaction() as transaction:
        clip = get_clip(transaction.session, request, for_update=True)  # and so If-Match is checked
    access_of(request).check(clip.library_id, NO_CLIP, Need.OWNS)
    chosen = Clip.by_id(clip.library_id, clip.id).where(col(Clip.deleted_at).is_not(None))
    if clip.deleted_at is None or not erase(state.engine, state.store, chosen, transaction.now):
        raise Problem("not-in-bin", "Only a clip that is in the bin can be deleted for good; move it there first.")
    state.relay.wake()
    return Response(status_code=204)
