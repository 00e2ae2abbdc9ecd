"""Parameters of the list and the tags in `/openapi.json`."""

from services.api.http.operations import Json, query_param
from services.api.search.filters import MAX_QUERY_CHARS, SORTS
from services.api.search.pages import MAX_PAGE_SIZE, PAGE_SIZE, SEARCH_PAGE_SIZE
from services.api.search.schemas import FORMS
from shared.clips.models import Status
from shared.clips.tags import MAX_TAG_CHARS, MAX_TAGS
from shared.db.columns import MAX_DURATION_MS

_MS = {"type": "integer", "minimum": 0, "maximum": MAX_DURATION_MS}
_AT = {"type": "string", "format": "date-time"}
_TAG = {"type": "string", "minLength": 1, "maxLength": MAX_TAG_CHARS}
_WORDS = (
    "Only clips with all of these words in name, text, tags, notes or markers, whatever their accents and capitals. "
    'The last one may go on; "words in quotes" follow each other.'
)

_SCHEMAS: dict[str, Json] = {
    "limit": {
        "type": "integer",
        "minimum": 1,
        "maximum": MAX_PAGE_SIZE,
        "default": PAGE_SIZE,
        "description": f"Without it, {SEARCH_PAGE_SIZE} with a `q`.",
    },
    "cursor": {"type": "string", "description": "`next` of the page before, of the same list."},
    "q": {"type": "string", "maxLength": MAX_QUERY_CHARS, "description": _WORDS},
    "from": {**_AT, "description": "Made at this instant or later."},
    "to": {**_AT, "description": "Made before this instant."},
    "shortest_ms": {**_MS, "description": "At least so long."},
    "longest_ms": {**_MS, "description": "At most so long."},
    "status": {"type": "array", "items": {"enum": [*Status]}, "description": "One of these."},
    "tag": {"type": "array", "items": _TAG, "maxItems": MAX_TAGS, "description": "All of these."},
    "starred": {"type": "boolean", "description": "Only those with a star."},
    "sort": {"enum": [*SORTS], "description": "Without it: `best` if there is a `q`, otherwise `newest`."},
    "form": {"enum": [*FORMS], "default": "whole", "description": "`short`: without text, notes and markers."},
    "deleted": {"type": "boolean", "description": "The bin instead of the library."},
}

LIST_PARAMETERS = [query_param(name, schema) for name, schema in _SCHEMAS.items()]

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
