"""Parameters and tags of the list of clips in `/openapi.json`."""

from typing import Any

from services.api.search.filters import MOST_FILTERS, MOST_QUERY, SORTS
from services.api.search.routes import FOUND_PAGE, MOST_PER_PAGE, PAGE
from shared.clips.tags import MAX_TAG_CHARS
from shared.db.columns import MAX_DURATION_MS, Status

_MS = {"type": "integer", "minimum": 0, "maximum": MAX_DURATION_MS}
_AT = {"type": "string", "format": "date-time"}
_TAG = {"type": "string", "minLength": 1, "maxLength": MAX_TAG_CHARS}
_WORDS = (
    "Only clips with all of these words in name, text or tags, whatever their accents and capitals. "
    'The last one may go on; "words in quotes" follow each other.'
)

FILTERS: dict[str, dict[str, Any]] = {
    "limit": {
        "type": "integer",
        "minimum": 1,
        "maximum": MOST_PER_PAGE,
        "default": PAGE,
        "description": f"Without it, {FOUND_PAGE} with a `q`.",
    },
    "cursor": {"type": "string", "description": "`next` of the page before, of the same list."},
    "q": {"type": "string", "maxLength": MOST_QUERY, "description": _WORDS},
    "from": {**_AT, "description": "Made at this instant or later."},
    "to": {**_AT, "description": "Made before this instant."},
    "shortest_ms": {**_MS, "description": "At least so long."},
    "longest_ms": {**_MS, "description": "At most so long."},
    "status": {"type": "array", "items": {"enum": [*Status]}, "description": "One of these."},
    "tag": {"type": "array", "items": _TAG, "maxItems": MOST_FILTERS, "description": "All of these."},
    "sort": {"enum": [*SORTS], "description": "Without it: `best` if there is a `q`, otherwise `newest`."},
    "deleted": {"type": "boolean", "description": "The bin instead of the library."},
}

TAGS: dict[str, Any] = {
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
