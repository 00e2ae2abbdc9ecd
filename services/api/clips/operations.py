"""What the operations on clips have in common in `/openapi.json`."""

from services.api.http.operations import BINARY, UUID, Answer, Content, Json, header_param, json_answer, query_param
from services.api.transcripts import formats
from shared.clips.models import NameOrigin
from shared.clips.renditions import FORMS
from shared.clips.schemas import PublicClip
from shared.db.columns import MAX_DURATION_MS
from shared.uploads.models import MAX_SEGMENTS, MAX_TRACK

AUDIO: Content = {"audio/*": BINARY}

MEDIA_TYPE: Json = {"type": "object", "required": ["mime"], "properties": {"mime": {"type": "string"}}}

ALL_TRACKS = "all"

TRACK: Json = {"type": "integer", "minimum": 1, "maximum": MAX_TRACK}

FILE_PARAMETERS: tuple[Json, ...] = (
    query_param("duration_ms", {"type": "integer", "minimum": 0, "maximum": MAX_DURATION_MS}),
    query_param("recorded_at", {"type": "string", "format": "date-time"}),
    query_param("track", TRACK),
    query_param("name_origin", {"enum": [*NameOrigin], "default": NameOrigin.PERSON}),
    header_param("Last-Modified", {"type": "string"}),
)
"""What a request may say of the file that is its body: `services.api.clips.service.FileDetails`."""

SEGMENT = query_param("segment", {"type": "integer", "minimum": 0, "maximum": MAX_SEGMENTS})

AS: Json = {
    "name": "as",
    "in": "query",
    "description": "The form: made for any device, or the bytes that came. Without it, what is played here.",
    "schema": {"type": "string", "enum": ["original", *FORMS]},
}
DOWNLOAD: Json = {
    "name": "download",
    "in": "query",
    "description": "Save it as a file; the bytes that came, unless `as` says otherwise.",
    "allowEmptyValue": True,
    "schema": {"type": "string"},
}
IF_MATCH: Json = {
    "name": "If-Match",
    "in": "header",
    "description": "Do it only while the clip is at this version.",
    "schema": {"type": "string", "pattern": '^("[0-9]+(-br|-gzip)?"|\\*)$'},
}
SITTING: Json = {
    "name": "Sitting",
    "in": "header",
    "description": "An id that a client gives to all that one person saves in one go; it makes one revision.",
    "schema": UUID,
}
RANGE: Json = {
    "name": "Range",
    "in": "header",
    "schema": {"type": "string", "pattern": "^bytes=[0-9]{0,9}-[0-9]{0,9}$"},
}

AUDIO_ANSWERS: dict[int, Answer | str] = {
    200: Answer("The audio.", AUDIO),
    206: Answer("The bytes asked for.", AUDIO),
    304: "It has not changed.",
    307: "The audio is in the bucket, at this address.",
}
MAKING = json_answer(
    "This form is being made; `Retry-After` says when to ask again.",
    {
        "type": "object",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": {"const": "urn:dictaphone:making"},
            "title": {"type": "string"},
            "status": {"const": 202},
            "detail": {"type": "string"},
        },
    },
)
AUDIO_PROBLEMS = ("bad-request", "not-found", "bad-range", "away")

TIMES: Json = {"start_ms": {"type": "integer"}, "end_ms": {"type": "integer"}, "text": {"type": "string"}}

TIMED_TRANSCRIPT: Json = {
    "type": "object",
    "required": ["version", "text", "edited", "words", "passages"],
    "properties": {
        "version": {"description": "The clip's, as these words are.", "type": "integer"},
        "text": {"description": "Empty while the clip has no words.", "type": "string"},
        "edited": {"type": "boolean"},
        "starred": {"type": "boolean"},
        "notes": {"type": "string"},
        "markers": {"type": "array", "items": {"type": "object"}},
        "words": {
            "description": "Those of `text`, in its order, a person's too; none where nobody knows the times.",
            "type": "array",
            "items": {"type": "object", "required": [*TIMES], "properties": TIMES},
        },
        "passages": {"description": "As the machine heard them.", "type": "array", "items": {"type": "object"}},
    },
}
"""Schema of `transcript.json`."""

TRANSCRIPTS: Content = {form.mime.partition(";")[0]: () for form in formats.FORMATS.values()} | {
    "application/json": TIMED_TRANSCRIPT
}


def clip_answer(description: str) -> Answer:
    return json_answer(description, PublicClip)
