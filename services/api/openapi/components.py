"""The schemas of models as components of an OpenAPI document, each named by its title."""

import json
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

_REF = "#/components/schemas/"


def component_schemas(*models: tuple[type[BaseModel], JsonSchemaMode]) -> dict[str, Any]:
    """Return the schemas of the models and of the models in their fields, by title.

    Pydantic names a component by its class. Clients see that name, so a model whose class was renamed keeps its name in
    the document by `model_config = ConfigDict(title=…)`.
    """
    _, schema = models_json_schema(models, ref_template=_REF + "{model}")
    text = json.dumps(schema["$defs"])
    for name, definition in schema["$defs"].items():
        text = text.replace(f'"{_REF}{name}"', f'"{_REF}{definition["title"]}"')
    return {definition["title"]: definition for definition in json.loads(text).values()}
