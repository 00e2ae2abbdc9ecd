"""`/openapi.json` describes every route, and a live API answers as described to valid and invalid requests."""

import asyncio
import contextlib
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.endpoints import HTTPEndpoint
from starlette.routing import Route

from services.api.app import ROUTES
from services.api.openapi.document import build
from services.api.uploads.tus import BODY_TYPE
from tests.recordings import recording
from tests.services.api.clips.test_routes import put_clip

DOCUMENT = build(ROUTES)

METHODS = {"get", "head", "put", "post", "patch", "delete"}

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]

EXAMPLES = 10
"""Requests for each of 27 operations, valid and invalid, on both kinds of parts: 1,080 in about 17 seconds."""

FRAMING = {"transfer-encoding", "content-length", "connection", "upgrade", "expect", "host"}
"""Headers that frame a request: nonsense in them is rejected before any operation sees it."""


def routes_and_methods() -> Iterator[tuple[str, str]]:
    """Every (path, method) of the route table, without HEAD."""
    for route in ROUTES:
        if isinstance(route, Route):
            path = re.sub(r":path\}", "}", route.path)
            if isinstance(route.endpoint, type) and issubclass(route.endpoint, HTTPEndpoint):
                methods = {method for method in METHODS if hasattr(route.endpoint, method)}
            else:
                methods = {method.lower() for method in route.methods or ()}
            yield from ((path, method) for method in methods - {"head"})


def test_the_document_and_the_routes_are_the_same() -> None:
    described = {
        (path, method) for path, operations in DOCUMENT["paths"].items() for method in operations if method in METHODS
    }
    assert {(path, method) for path, method in described if method != "head"} == set(routes_and_methods())
    heads = {(path, "head") for path, _ in described} - {("/api/uploads/{id}", "head")}
    assert all((path, "get") in described for path, method in described & heads)


def test_every_parameter_of_a_path_is_described() -> None:
    for path, item in DOCUMENT["paths"].items():
        assert re.findall(r"\{(\w+)\}", path) == [parameter["name"] for parameter in item.get("parameters", ())]


def test_every_reference_leads_somewhere() -> None:
    text = str(DOCUMENT)
    schemas = DOCUMENT["components"]["schemas"]
    assert set(re.findall(r"#/components/schemas/(\w+)", text)) <= set(schemas)


async def test_the_document_is_served(client: httpx.AsyncClient) -> None:
    assert (await client.get("/openapi.json")).json() == DOCUMENT


schemathesis.serializer.alias(["audio/webm", "application/zip", BODY_TYPE], "application/octet-stream")
schemathesis.openapi.media_type(
    "audio/webm", st.sampled_from([recording(), recording(1), b"", b"<html>"]) | st.binary()
)


@pytest.mark.parametrize("mode", GenerationMode)
async def test_every_answer_is_one_that_the_document_describes(client: httpx.AsyncClient, mode: GenerationMode) -> None:
    """Valid and invalid requests generated from the document: no 5xx, and no answer that it does not describe."""
    known = [(await put_clip(client, f"known {number}", number))["id"] for number in range(3)]
    schema = schemathesis.openapi.from_dict(DOCUMENT)
    schema.config.update(base_url=str(client.base_url))
    with requests.Session() as session:
        for result in schema.get_all_operations():
            assert isinstance(result, Ok)
            await asyncio.to_thread(send_examples, result.ok(), mode, known, session)


def send_examples(operation: Any, mode: GenerationMode, known: list[str], session: requests.Session) -> None:
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        database=None,
        derandomize=True,
    )
    @given(st.data())
    def send(data: st.DataObject) -> None:
        case = data.draw(operation.as_strategy(generation_mode=mode))
        if "id" in case.path_parameters and data.draw(st.booleans()):
            case.path_parameters["id"] = data.draw(st.sampled_from(known))
        for name in [name for name in case.headers or () if name.lower() in FRAMING]:
            del case.headers[name]
        case.call_and_validate(session=session, checks=CHECKS, allow_redirects=False)

    # An operation without parameters cannot be called wrongly.
    with contextlib.suppress(Unsatisfiable) if mode is GenerationMode.NEGATIVE else contextlib.nullcontext():
        send()
