"""What a route's handler declares about itself; `/openapi.json` is generated from it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel

Json = dict[str, Any]

Schema = Json | type[BaseModel]
"""A JSON Schema, or a model that becomes a component of the document."""

Content = Mapping[str, Schema | Sequence[Schema]]
"""By media type. Several schemas are alternatives; none says that any body may come."""

BINARY: Json = {"type": "string", "format": "binary"}
UUID: Json = {"type": "string", "format": "uuid"}

Handler = TypeVar("Handler", bound=Callable[..., Any])


@dataclass(frozen=True)
class Answer:
    """A successful answer with a body."""

    description: str
    content: Content


@dataclass(frozen=True)
class Operation:
    """One method of one path in the words of OpenAPI 3.1: a decorator of its handler."""

    summary: str
    answers: Mapping[int, Answer | str]
    """By status; a string describes an answer without a body."""
    _: KW_ONLY
    problems: Sequence[str] = ()
    """Slugs of `PROBLEMS`. `cross-site` is left out: the middleware may answer so to every unsafe method."""
    parameters: Sequence[Json] = ()
    body: Content = field(default_factory=dict)
    is_body_required: bool = True
    head_summary: str | None = None
    """Summary of HEAD, where it is worth describing beside GET."""

    def __call__(self, handler: Handler) -> Handler:
        OPERATIONS[handler] = self
        return handler


OPERATIONS: dict[Callable[..., Any], Operation] = {}
"""Every declared operation by its handler."""


def json_answer(description: str, *schemas: Schema) -> Answer:
    return Answer(description, {"application/json": schemas})


def path_param(name: str, description: str, schema: Json) -> Json:
    return {"name": name, "in": "path", "required": True, "description": description, "schema": schema}


def header_param(name: str, schema: Json, *, required: bool = False) -> Json:
    return {"name": name, "in": "header", "required": required, "schema": schema}


def query_param(name: str, schema: Json, *, required: bool = False) -> Json:
    return {"name": name, "in": "query", "required": required, "schema": schema}
