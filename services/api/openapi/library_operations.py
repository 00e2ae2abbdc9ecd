"""Operations on the whole library in `/openapi.json`: the list, its tags, and the archive."""

from services.api.archive import routes as archive
from services.api.http.operations import BINARY, UUID, Answer, Content, Json, Operation, json_answer, query_param
from services.api.openapi.list_parameters import FILTERS, TAGS
from services.api.search import routes as search
from services.api.search.schemas import ClipPage, SearchPage

ARCHIVE: Content = {"application/zip": BINARY}
COUNT: Json = {"type": "integer", "minimum": 0}

Operation(
    "List clips, or find some, one page at a time",
    {
        200: json_answer(
            "A page of clips, the address for events, and the limits; with `q`, why each was found.",
            ClipPage,
            SearchPage,
        )
    },
    problems=["bad-request"],
    parameters=[query_param(name, schema) for name, schema in FILTERS.items()],
)(search.list_clips)

Operation("All tags, most used first", {200: json_answer("Each with its number of clips.", TAGS)})(search.list_tags)

Operation(
    "All clips that are not in the bin, or those with these ids, as a zip",
    {200: Answer("Sound, words and all that `POST /api/library` needs.", ARCHIVE)},
    problems=["bad-request", "not-found"],
    parameters=[query_param("id", {"type": "array", "items": UUID, "maxItems": archive.MAX_IDS})],
)(archive.export_library)

Operation(
    "Take in such a zip; clips that are here already stay as they are",
    {
        200: json_answer(
            "How many were taken in, known already, and refused, and why.",
            {
                "type": "object",
                "required": ["taken", "known", "refused"],
                "properties": {
                    "taken": COUNT,
                    "known": COUNT,
                    "refused": {"type": "array", "items": {"type": "object"}},
                },
            },
        )
    },
    problems=["empty-audio", "bad-library", "too-large", "away", "full"],
    body=ARCHIVE,
)(archive.import_library)
