"""`/openapi.json`: what app.ROUTES answer, for people and for machines. A test holds the two together."""

from functools import cache
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.api.archive.routes import MAX_IDS
from services.api.clips.schemas import ClipPatch
from services.api.http.errors import PROBLEMS
from services.api.openapi import list_parameters
from services.api.openapi.components import component_schemas
from services.api.search.schemas import ClipPage, SearchPage
from services.api.transcripts.formats import FORMATS
from services.api.uploads.finish import Finish
from services.api.uploads.tus import BODY_TYPE, VERSION
from shared.clips.models import MAX_NAME_CHARS
from shared.clips.schemas import PublicClip
from shared.db.columns import MAX_DURATION_MS
from shared.uploads.models import MAX_SEGMENTS

Json = dict[str, Any]

AUDIO: Json = {"audio/*": {"schema": {"type": "string", "format": "binary"}}}
IF_MATCH: Json = {
    "name": "If-Match",
    "in": "header",
    "description": "Do it only while the clip is at this version.",
    "schema": {"type": "string", "pattern": '^("[0-9]+"|\\*)$'},
}
RANGE: Json = {
    "name": "Range",
    "in": "header",
    "schema": {"type": "string", "pattern": "^bytes=[0-9]{0,9}-[0-9]{0,9}$"},
}

TIMES: Json = {"start_ms": {"type": "integer"}, "end_ms": {"type": "integer"}, "text": {"type": "string"}}
TIMED: Json = {
    "type": "object",
    "required": ["text", "edited", "words", "passages"],
    "properties": {
        "text": {"type": "string"},
        "edited": {"type": "boolean"},
        "words": {
            "description": "Those of `text`, in its order, a person's too; none where nobody knows the times.",
            "type": "array",
            "items": {"type": "object", "required": [*TIMES], "properties": TIMES},
        },
        "passages": {"description": "As the machine heard them.", "type": "array", "items": {"type": "object"}},
    },
}


async def document(_request: Request) -> Response:
    """GET /openapi.json."""
    return JSONResponse(build(), headers={"Cache-Control": "no-cache"})


@cache
def build() -> Json:
    """The whole document (OpenAPI 3.1)."""
    schemas = component_schemas(
        *((model, "serialization") for model in (PublicClip, ClipPage, SearchPage)),
        *((model, "validation") for model in (ClipPatch, Finish)),
    )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Dictaphone",
            "version": "1",
            "description": "Clips: by id for new clients, by name for those of the seed. Nothing is ever overwritten.",
        },
        "paths": {**_pages(), **_clips(), **_library(), **_uploads(), **_by_name(), **_process()},
        "components": {"schemas": {**schemas, "Problem": _problem()}},
    }


def _clips() -> Json:
    one = "/api/clips/{id}"
    id = _path("id", "The clip's UUID, made by whoever recorded it.", {"type": "string", "format": "uuid"})
    form = _path("form", "File format.", {"type": "string", "enum": [*FORMATS]})
    return {
        "/api/clips": {
            "get": _does(
                "List clips, or find some, one page at a time",
                {
                    "200": _json(
                        "A page of clips, the address for events, and the limits; with `q`, why each was found.",
                        "ClipPage",
                        "SearchPage",
                    ),
                    **_no("bad-request"),
                },
                [_query(name, schema) for name, schema in list_parameters.FILTERS.items()],
            )
        },
        "/api/tags": {
            "get": _does(
                "All tags, most used first",
                {
                    "200": {
                        "description": "Each with its number of clips.",
                        "content": {"application/json": {"schema": list_parameters.TAGS}},
                    }
                },
            )
        },
        one: {
            "parameters": [id],
            "get": _does(
                "Read a clip", {"200": _clip("The clip."), "304": _nothing("It has not changed."), **_no("not-found")}
            ),
            "put": _does(
                "Store a recording under an id that its browser made; the same again is the same clip",
                {
                    "201": _clip("It is stored."),
                    "200": _clip("It was stored already."),
                    **_no("bad-name", "cross-site", "not-found", "id-taken", "too-large", "not-audio", "away", "full"),
                },
                [
                    _query("name", {"type": "string", "minLength": 1, "maxLength": MAX_NAME_CHARS}, required=True),
                    _query("duration_ms", {"type": "integer", "minimum": 0, "maximum": MAX_DURATION_MS}),
                ],
                body=AUDIO,
            ),
            "patch": _does(
                "Rename or tag a clip, correct its words or say its language, in which it is then heard again",
                {
                    "200": _clip("The changed clip."),
                    **_no("bad-request", "cross-site", "not-found", "too-large", "stale"),
                },
                [IF_MATCH],
                body={"application/json": {"schema": {"$ref": "#/components/schemas/ClipPatch"}}},
            ),
            "delete": _does(
                "Move a clip to the bin",
                {"204": _nothing("It is in the bin."), **_no("cross-site", "not-found", "stale")},
                [IF_MATCH],
            ),
        },
        f"{one}/restore": {
            "parameters": [id],
            "post": _does(
                "Take a clip out of the bin",
                {"200": _clip("The clip."), **_no("cross-site", "not-found", "stale")},
                [IF_MATCH],
            ),
        },
        f"{one}/transcription": {
            "parameters": [id],
            "post": _does(
                "Transcribe a clip again",
                {"202": _clip("The clip, waiting."), **_no("cross-site", "not-found", "in-bin", "stale")},
                [IF_MATCH],
            ),
        },
        f"{one}/finish": {
            "parameters": [id],
            "post": _does(
                "Finish a recording; without a body, with what has arrived",
                {"200": _clip("The clip, waiting."), **_no("bad-request", "cross-site", "not-found", "unfinished")},
                body={"application/json": {"schema": {"$ref": "#/components/schemas/Finish"}}},
                required=False,
            ),
        },
        f"{one}/waveform": {
            "parameters": [id],
            "get": _does(
                "The outline of a clip's sound",
                {
                    "200": {
                        "description": "Loudest sample of each of equal stretches, 0 to 255.",
                        "content": {"application/json": {}},
                    },
                    **_no("not-found"),
                },
            ),
        },
        f"{one}/audio": {
            "parameters": [id],
            **_audio(_query("segment", {"type": "integer", "minimum": 0, "maximum": MAX_SEGMENTS})),
        },
        f"{one}/transcript.{{form}}": {
            "parameters": [id, form],
            "get": _does(
                "Read a clip's words",
                {
                    "200": {
                        "description": "The words; subtitles of an edited text keep the times of what was said.",
                        "content": {form.mime.partition(";")[0]: {} for form in FORMATS.values()}
                        | {"application/json": {"schema": TIMED}},
                    },
                    **_no("not-found"),
                },
            ),
        },
    }


def _library() -> Json:
    ids = {"type": "array", "items": {"type": "string", "format": "uuid"}, "maxItems": MAX_IDS}
    archive: Json = {"application/zip": {"schema": {"type": "string", "format": "binary"}}}
    counts = {"type": "integer", "minimum": 0}
    return {
        "/api/library.zip": {
            "get": _does(
                "All clips that are not in the bin, or those with these ids, as a zip",
                {
                    "200": {"description": "Sound, words and all that `POST /api/library` needs.", "content": archive},
                    **_no("bad-request", "not-found"),
                },
                [_query("id", ids)],
            )
        },
        "/api/library": {
            "post": _does(
                "Take in such a zip; clips that are here already stay as they are",
                {
                    "200": {
                        "description": "How many were taken in, known already, and refused, and why.",
                        "content": {
                            "application/json": {
                                "schema": {
                                    "type": "object",
                                    "required": ["taken", "known", "refused"],
                                    "properties": {
                                        "taken": counts,
                                        "known": counts,
                                        "refused": {"type": "array", "items": {"type": "object"}},
                                    },
                                }
                            }
                        },
                    },
                    **_no("empty-audio", "bad-library", "cross-site", "too-large", "away", "full"),
                },
                body=archive,
            )
        },
    }


def _uploads() -> Json:
    id = _path("id", "From the creation's Location.", {"type": "string", "format": "uuid"})
    offset = _header("Upload-Offset", {"type": "integer", "minimum": 0}, required=True)
    resumable = _header("Tus-Resumable", {"const": VERSION}, required=True)
    body: Json = {BODY_TYPE: {"schema": {"type": "string", "format": "binary"}}}
    refusals = ("bad-request", "cross-site", "not-found", "offset", "gone", "tus-version", "too-large", "bad-type")
    bytes_refused = _no(*refusals, "checksum", "away", "full")
    return {
        "/api/uploads": {
            "options": _does("What this server can do (tus 1.0.0)", {"204": _nothing("In the Tus headers.")}),
            "post": _does(
                "Begin a resumable upload; `segment` in its metadata makes it a recording",
                {"201": _nothing("It begins, or began already, at Location."), **_no("id-taken"), **bytes_refused},
                [
                    resumable,
                    _header("Upload-Length", {"type": "integer", "minimum": 0}),
                    _header("Upload-Defer-Length", {"const": "1"}),
                    _header(
                        "Upload-Metadata",
                        {"type": "string", "description": "clip_id, name, filetype, recorded_at, segment."},
                    ),
                ],
                body=body,
                required=False,
            ),
        },
        "/api/uploads/{id}": {
            "parameters": [id],
            "head": _does(
                "How far is it?",
                {"200": _nothing("In Upload-Offset."), **_no("not-found", "gone", "tus-version")},
                [resumable],
            ),
            "patch": _does(
                "Add the bytes that follow",
                {"204": _nothing("They are durable."), **bytes_refused},
                [
                    resumable,
                    offset,
                    _header("Upload-Checksum", {"type": "string"}),
                    _header("Upload-Length", {"type": "integer", "minimum": 0}),
                ],
                body=body,
            ),
            "delete": _does(
                "Give it up",
                {"204": _nothing("It is gone."), **_no("cross-site", "not-found", "gone", "finished", "tus-version")},
                [resumable],
            ),
            "post": _does(
                "The same for clients that know no PATCH, by X-HTTP-Method-Override",
                {
                    "204": _nothing("Done."),
                    "200": _nothing("In Upload-Offset."),
                    **_no("method-not-allowed", "finished"),
                    **bytes_refused,
                },
                [
                    resumable,
                    _header("X-HTTP-Method-Override", {"enum": ["PATCH", "DELETE", "HEAD"]}, required=True),
                    _header("Upload-Offset", {"type": "integer", "minimum": 0}),
                ],
                body=body,
                required=False,
            ),
        },
    }


def _by_name() -> Json:
    name = _path("name", "Any Unicode, slashes included, as percent-encoded UTF-8.", {"type": "string", "minLength": 1})
    return {
        f"/{root}/{{name}}": {
            "parameters": [name],
            **_audio(),
            "put": _does(
                "Store a new clip under a name; the one that had it goes to the bin",
                {
                    "201": _clip("It is stored."),
                    **_no("bad-name", "cross-site", "too-large", "not-audio", "away", "full"),
                },
                body=AUDIO,
            ),
            "delete": _does(
                "Move every clip of this name to the bin",
                {"204": _nothing("None is left."), **_no("bad-name", "cross-site")},
            ),
        }
        for root in ("clips", "audio")
    }


def _audio(*parameters: Json) -> Json:
    answers = {
        "200": {"description": "The audio.", "content": AUDIO},
        "206": {"description": "The bytes asked for.", "content": AUDIO},
        "304": _nothing("It has not changed."),
        "307": _nothing("The audio is in the bucket, at this address."),
        **_no("bad-request", "not-found", "bad-range", "away"),
    }
    return {
        "get": _does("Play or download the audio", answers, [RANGE, *parameters]),
        "head": _does("Ask about the audio", answers, [RANGE, *parameters]),
    }


def _pages() -> Json:
    return {
        "/": {
            "get": _does(
                "The page",
                {"200": {"description": "HTML.", "content": {"text/html": {}}}, **_no("other-version")},
                [_query("shell", {"type": "string", "description": "Only this version: asked by a service worker."})],
            )
        },
        "/service-worker.js": {
            "get": _does(
                "What keeps the page on a device",
                {"200": {"description": "A script.", "content": {"text/javascript": {}}}},
            )
        },
        "/openapi.json": {
            "get": _does("This document", {"200": {"description": "OpenAPI.", "content": {"application/json": {}}}})
        },
    }


def _process() -> Json:
    text = {"description": "Text.", "content": {"text/plain": {}}}
    parts = {"description": "How each part is.", "content": {"application/json": {"schema": {"type": "object"}}}}
    return {
        "/healthz": {"get": _does("Is this process alive?", {"200": text})},
        "/readyz": {"get": _does("Can it do its work?", {"200": parts, "503": parts})},
        "/metrics": {"get": _does("Figures for Prometheus", {"200": text})},
        "/websocket": {
            "get": _does(
                "Events: a WebSocket that sends a frame on each change",
                {
                    "101": _nothing("Connected."),
                    "307": _nothing("For Fly's proxy."),
                    **_no("cross-site", "upgrade-required", "away"),
                },
                [_query("since", {"type": "string", "description": "Id of the last frame seen."})],
            )
        },
    }


def _problem() -> Json:
    return {
        "type": "object",
        "description": "RFC 9457. `detail` is one sentence that may be shown to a person.",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": {"type": "string", "enum": [f"urn:dictaphone:problem:{slug}" for slug in PROBLEMS]},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
        },
    }


def _does(
    summary: str,
    responses: Json,
    parameters: list[Json] | None = None,
    body: Json | None = None,
    *,
    required: bool = True,
) -> Json:
    operation: Json = {"summary": summary, "responses": responses}
    if parameters:
        operation["parameters"] = parameters
    if body:
        operation["requestBody"] = {"required": required, "content": body}
    return operation


def _no(*slugs: str) -> Json:
    """The refusals of an operation, those of one status together."""
    refusals: dict[str, list[str]] = {}
    for slug in slugs:
        status, title = PROBLEMS[slug]
        refusals.setdefault(str(int(status)), []).append(title)
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        status: {"description": "; or: ".join(titles) + ".", "content": content} for status, titles in refusals.items()
    }


def _json(description: str, *schemas: str) -> Json:
    """An answer of one of these kinds."""
    kinds = [{"$ref": f"#/components/schemas/{schema}"} for schema in schemas]
    schema: Json = kinds[0] if len(kinds) == 1 else {"anyOf": kinds}
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _clip(description: str) -> Json:
    return _json(description, "PublicClip")


def _nothing(description: str) -> Json:
    return {"description": description}


def _path(name: str, description: str, schema: Json) -> Json:
    return {"name": name, "in": "path", "required": True, "description": description, "schema": schema}


def _header(name: str, schema: Json, *, required: bool = False) -> Json:
    return {"name": name, "in": "header", "required": required, "schema": schema}


def _query(name: str, schema: Json, *, required: bool = False) -> Json:
    return {"name": name, "in": "query", "required": required, "schema": schema}
