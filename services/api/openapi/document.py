"""`/openapi.json`, generated from the routes and from what their handlers declare."""

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from typing import Literal

from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from services.api.access.needs import needs_of
from services.api.access.principal import Need
from services.api.http.errors import PROBLEMS
from services.api.http.operations import (
    OPERATIONS,
    UUID,
    Answer,
    Content,
    Json,
    Operation,
    json_answer,
    path_param,
    query_param,
)
from services.api.openapi.components import component_schemas
from services.api.transcripts import formats

LIBRARY = query_param("library", {"type": "string", "description": "Id of a library; without it, your own."})
"""Of every route that is about a library, and about no clip of it."""

SAFE_METHODS = ("get", "head", "options")

PATH_PARAMETERS = {
    "/api/clips/{id}": path_param("id", "The clip's UUID, made by whoever recorded it.", UUID),
    "/api/uploads/{id}": path_param("id", "From the creation's Location.", UUID),
    "/api/sessions/{id}": path_param("id", "As the list gives it.", UUID),
    "/api/passkeys/{id}": path_param("id", "As the list gives it.", UUID),
    "/api/tokens/{id}": path_param("id", "As the list gives it.", UUID),
    "transcript.{form}": path_param("form", "File format.", {"type": "string", "enum": [*formats.FORMATS]}),
    "/revisions/{revision}": path_param("revision", "As the list gives it.", {"type": "integer", "minimum": 1}),
    "/{name}": path_param(
        "name", "Any Unicode, slashes included, as percent-encoded UTF-8.", {"type": "string", "minLength": 1}
    ),
}
"""By a part of the path."""

Mode = Literal["validation", "serialization"]

PROBLEM: Json = {
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


@Operation("This document", {200: json_answer("OpenAPI.")})
async def document(request: Request) -> Response:
    """GET /openapi.json."""
    return JSONResponse(_document_of(request.app), headers={"Cache-Control": "no-cache"})


@cache
def _document_of(app: Starlette) -> Json:
    return build(app.routes)


def build(routes: Sequence[BaseRoute]) -> Json:
    """The whole document (OpenAPI 3.1). Raises `KeyError` for a handler that declares no operation."""
    builder = _Builder()
    paths = {}
    for route in routes:
        if isinstance(route, Route):
            path = route.path.replace(":path}", "}")
            paths[path] = builder.path_item(path, _operations(route))
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Dictaphone",
            "version": "1",
            "description": "Clips: by id for new clients, by name for those of the seed. Nothing is ever overwritten.",
        },
        "paths": paths,
        "components": {"schemas": builder.components()},
    }


def _operations(route: Route) -> Iterator[tuple[str, Operation]]:
    """Each method of a route, and what its handler and its need declare."""
    for _, method, handler, need in needs_of([route]):
        operation = OPERATIONS[inspect.unwrap(handler)]
        if need is Need.KNOWN:
            operation = replace(operation, problems=["sign-in", *operation.problems])
        elif need is not Need.OPEN:
            problems = {"sign-in": None, "not-allowed": None, "not-found": None} | dict.fromkeys(operation.problems)
            parameters = [] if "{id}" in route.path else [LIBRARY]
            operation = replace(operation, problems=[*problems], parameters=[*operation.parameters, *parameters])
        yield method.lower(), operation


class _Builder:
    """Turns operations into JSON, and collects the models that they name."""

    def __init__(self) -> None:
        self._models: dict[tuple[type[BaseModel], Mode], None] = {}

    def path_item(self, path: str, operations: Iterator[tuple[str, Operation]]) -> Json:
        parameters = [parameter for part, parameter in PATH_PARAMETERS.items() if part in path]
        item: Json = {"parameters": parameters} if parameters else {}
        for method, operation in operations:
            problems = operation.problems if method in SAFE_METHODS else [*operation.problems, "cross-site"]
            item[method] = self._operation(operation, problems)
            if operation.head_summary:
                item["head"] = item[method] | {"summary": operation.head_summary}
        return item

    def components(self) -> Json:
        return {**component_schemas(*self._models), "Problem": PROBLEM}

    def _operation(self, operation: Operation, problems: Sequence[str]) -> Json:
        responses = {str(status): self._response(answer) for status, answer in operation.answers.items()}
        result: Json = {"summary": operation.summary, "responses": responses | _problem_responses(problems)}
        if operation.parameters:
            result["parameters"] = [*operation.parameters]
        if operation.body:
            content = self._content(operation.body, "validation")
            result["requestBody"] = {"required": operation.is_body_required, "content": content}
        return result

    def _response(self, answer: Answer | str) -> Json:
        if isinstance(answer, str):
            return {"description": answer}
        return {"description": answer.description, "content": self._content(answer.content, "serialization")}

    def _content(self, content: Content, mode: Mode) -> Json:
        result: Json = {}
        for media_type, schemas in content.items():
            each = [self._schema(schema, mode) for schema in (schemas if isinstance(schemas, Sequence) else [schemas])]
            schema = {"anyOf": each} if len(each) > 1 else each[0] if each else None
            result[media_type] = {"schema": schema} if schema else {}
        return result

    def _schema(self, schema: Json | type[BaseModel], mode: Mode) -> Json:
        if isinstance(schema, dict):
            return schema
        self._models[schema, mode] = None
        return {"$ref": f"#/components/schemas/{schema.model_config.get('title') or schema.__name__}"}


def _problem_responses(slugs: Sequence[str]) -> Json:
    """The problems of an operation, those of one status together."""
    titles: dict[str, list[str]] = {}
    for slug in slugs:
        status, title = PROBLEMS[slug]
        titles.setdefault(str(int(status)), []).append(title)
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": "; or: ".join(each) + ".", "content": content} for status, each in titles.items()}
