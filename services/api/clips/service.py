"""Clips for several packages: look one up by a request, store its audio, answer with it."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self, TypeVar

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from services.api.access.access import access_of
from services.api.clips.media_types import resolve_media_type
from services.api.http.body import ReceivedBody
from services.api.http.conditional import PRIVATE, etag_matches
from services.api.http.errors import Problem
from services.api.http.params import clip_id, date_header, instant_param, int_param
from services.api.state import State
from shared.clips.dates import plausible_date
from shared.clips.models import Clip, NameOrigin, name_origin
from shared.clips.schemas import PublicClip
from shared.db.columns import MAX_DURATION_MS
from shared.storage.keys import file_key
from shared.uploads.models import MAX_TRACK

T = TypeVar("T")

NO_CLIP = "There is no clip with this id."

MAX_TRIES = 5
"""How often the words are compared again because the clip changed meanwhile. Somebody who types saves every few
seconds, and an hour of words takes less than one."""


def get_clip(session: Session, request: Request, *, for_update: bool = False) -> Clip:
    """Look up the clip that the path names, if the sender may do with it what the route does.

    `for_update` locks it and checks If-Match. Raises `Problem` `not-found`, `not-allowed` or `stale`.
    """
    clip = find_clip(session, request, clip_id(request), for_update=for_update)
    if clip is None:
        raise Problem("not-found", NO_CLIP)
    if_match = request.headers.get("if-match")
    if for_update and if_match is not None and not etag_matches(if_match, version_etag(clip)):
        etag = {"ETag": version_etag(clip)}
        raise Problem("stale", f"The clip is at version {clip.version} now; read it again.", etag)
    return clip


def find_clip(session: Session, request: Request, id: uuid.UUID, *, for_update: bool = False) -> Clip | None:
    """Look up any clip by its id; None: there is none for the sender. Raises `Problem` `not-allowed`."""
    access = access_of(request)
    statement = Clip.visible_to(access.libraries, id)
    clip = session.exec(statement.with_for_update() if for_update else statement).first()
    if clip is not None:
        access.check(clip.library_id, NO_CLIP)
    return clip


def tried(attempt: Callable[[], T | None], deed: str) -> T:
    """Repeat an attempt that compares words of a clip before it locks the row; None: the clip changed meanwhile.

    `deed` is what somebody wants to do: "cut it". Raises `Problem` `stale` if the clip never stays as it is.
    """
    for _ in range(MAX_TRIES):
        if (result := attempt()) is not None:
            return result
    raise Problem("stale", f"The clip changes all the time; {deed} when it is quiet.")


@dataclass(frozen=True)
class FileDetails:
    """What a request says of the file that is its body."""

    duration_ms: int | None
    recorded_at: datetime | None
    """What the sender said, or else when the file was changed last."""
    is_dated: bool
    """Whether the sender said `recorded_at`, so that no date in the file replaces it."""
    track: int | None
    name_origin: NameOrigin

    @classmethod
    def of_request(cls, request: Request) -> Self:
        """Read the parameters in `FILE_PARAMETERS`. Raises `Problem`."""
        now = datetime.now(UTC)
        recorded_at = instant_param(request, "recorded_at")
        last_modified = date_header(request, "Last-Modified")
        changed_at = plausible_date(last_modified, now) if last_modified else None
        return cls(
            duration_ms=int_param(request, "duration_ms", minimum=0, maximum=MAX_DURATION_MS, default=0) or None,
            recorded_at=min(recorded_at, now) if recorded_at else changed_at,
            is_dated=recorded_at is not None,
            track=int_param(request, "track", minimum=1, maximum=MAX_TRACK, default=None),
            name_origin=name_origin(request.query_params.get("name_origin")),
        )


def store_audio(
    state: State, library_id: str, id: uuid.UUID, name: str, body: ReceivedBody, details: FileDetails
) -> Clip:
    """Check the audio, put it into the store, and return its clip, which is still to be saved. Raises `Problem`."""
    mime = resolve_media_type(body.file, body.content_type)
    key = file_key(library_id, id, 0, body.size, body.size)
    state.store.put(key, body.file, body.size, mime, body.sha256)
    return Clip.new_upload(
        id,
        name=name,
        mime=mime,
        bytes=body.size,
        sha256=body.sha256,
        audio_key=key,
        duration_ms=details.duration_ms,
        recorded_at=details.recorded_at,
        is_dated=details.is_dated,
        track=details.track,
        name_origin=details.name_origin,
        now=datetime.now(UTC),
        library_id=library_id,
    )


def id_taken() -> Problem:
    return Problem("id-taken", "This id belongs to another clip, and nothing is overwritten here.")


def clip_response(clip: Clip, status: int = 200) -> Response:
    """Answer with the public clip; its version is the entity tag."""
    return Response(
        PublicClip.model_validate(clip).model_dump_json(),
        status_code=status,
        media_type="application/json",
        headers={"ETag": version_etag(clip), "Cache-Control": PRIVATE},
    )


def version_etag(clip: Clip) -> str:
    return f'"{clip.version}"'
