"""What this server is, what it takes, and how much of it is used."""

from typing import Any

from sqlalchemy import Select, and_, func, select
from sqlmodel import col
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.api.access.access import access_of
from services.api.clips.schemas import MAX_TEXT_CHARS
from services.api.http.conditional import PRIVATE
from services.api.http.operations import Json, Operation, json_answer
from services.api.state import state_of
from shared.clips.markers import MAX_MARKERS, MAX_NOTES_CHARS
from shared.clips.models import MAX_NAME_CHARS, Clip
from shared.clips.renditions import Rendition
from shared.uploads.models import Piece, Upload
from shared.version import VERSION

COUNT: Json = {"type": "integer", "minimum": 0}


def _object(**properties: Json) -> Json:
    return {"type": "object", "required": [*properties], "properties": properties}


ABOUT = _object(
    version={"type": "string"},
    live_captions={"type": "boolean"},
    limits=_object(
        upload_bytes=COUNT,
        audio_hours={"type": "number"},
        bin_days=COUNT,
        name_chars=COUNT,
        notes_chars=COUNT,
        text_chars=COUNT,
        markers=COUNT,
    ),
)
STORAGE = _object(
    clips=COUNT,
    bytes={**COUNT, "description": "Of all audio: as it came, as it is played, and in other forms."},
    duration_ms=COUNT,
    bin=_object(clips=COUNT, bytes=COUNT),
)


@Operation("What this server is, and what it takes", {200: json_answer("Version and limits.", ABOUT)})
async def about(request: Request) -> Response:
    """GET /api/about."""
    settings = state_of(request).settings
    body = {
        "version": VERSION,
        "live_captions": settings.live_captions,
        "limits": {
            "upload_bytes": settings.max_upload_bytes,
            "audio_hours": settings.max_audio_hours,
            "bin_days": settings.bin_days,
            "name_chars": MAX_NAME_CHARS,
            "notes_chars": MAX_NOTES_CHARS,
            "text_chars": MAX_TEXT_CHARS,
            "markers": MAX_MARKERS,
        },
    }
    return JSONResponse(body, headers={"Cache-Control": PRIVATE})


@Operation(
    "How much the library holds",
    {200: json_answer("Clips, bytes and length; those in the bin apart.", STORAGE)},
)
def storage(request: Request) -> Response:
    """GET /api/storage: what the library holds, and what of it is in the bin. Each object counts once."""
    library_id = access_of(request).library
    in_bin = col(Clip.deleted_at).is_not(None)
    is_joined, is_original = col(Clip.audio_key) != "", col(Piece.key) != col(Clip.audio_key)
    is_of_clip = and_(col(Upload.clip_id) == col(Clip.id), col(Upload.library_id) == library_id)
    clips = _by_bin(
        library_id, in_bin, func.count(), func.sum(col(Clip.bytes)).filter(is_joined), func.sum(col(Clip.duration_ms))
    )
    originals = _by_bin(library_id, in_bin, func.sum(col(Piece.end) - col(Piece.start)))
    originals = originals.join(Upload, is_of_clip).join(Piece).where(is_original)
    renditions = (
        _by_bin(library_id, in_bin, func.sum(col(Rendition.bytes))).join(Rendition).where(col(Rendition.key) != "")
    )
    totals = {deleted: {"clips": 0, "bytes": 0, "duration_ms": 0} for deleted in (False, True)}
    with state_of(request).read_session() as session:
        connection = session.connection()
        for deleted, count, size, duration_ms in connection.execute(clips):
            totals[bool(deleted)] = {"clips": count, "bytes": int(size or 0), "duration_ms": int(duration_ms or 0)}
        for further in (originals, renditions):
            for deleted, size in connection.execute(further):
                totals[bool(deleted)]["bytes"] += int(size or 0)
    bin_totals = {name: totals[True][name] for name in ("clips", "bytes")}
    return JSONResponse({**totals[False], "bin": bin_totals}, headers={"Cache-Control": PRIVATE})


def _by_bin(library_id: str, *columns: Any) -> Select[Any]:
    """Sums of a library's clips, by the first column."""
    statement: Select[Any] = select(*columns)
    return statement.select_from(Clip).where(col(Clip.library_id) == library_id).group_by(columns[0])
