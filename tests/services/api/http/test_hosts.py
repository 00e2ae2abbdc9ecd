"""The names that a server answers to, whatever address it listens on, and proxies before it."""

import uuid

import httpx

from tests.conftest import Parts, StartStack
from tests.recordings import recording
from tests.services.api.clips.test_routes import WEBM, assert_problem


async def test_an_unknown_host_is_rejected_on_a_public_address(start_stack: StartStack, local_parts: Parts) -> None:
    api = start_stack(local_parts, "api", HOST="0.0.0.0", ALLOWED_HOSTS="dictaphone.example.com", SIGN_IN="off")
    async with httpx.AsyncClient(base_url=api.api_url, verify=False) as client:
        evil = {"Host": "evil.example", "Sec-Fetch-Site": "same-origin"}
        for answer in (
            await client.get("/api/clips", headers=evil),
            await client.delete(f"/api/clips/{uuid.uuid4()}", headers=evil),
            await client.get("/api/clips", headers={"X-Forwarded-Host": "evil.example"}),
        ):
            assert "ALLOWED_HOSTS" in assert_problem(answer, 421, "unknown-host")
        for host in ("dictaphone.example.com", "localhost", "192.168.1.5:8080"):
            assert (await client.get("/api/clips", headers={"Host": host})).status_code == 200


async def test_a_change_through_a_proxy_that_leaves_the_port_out(start_stack: StartStack, local_parts: Parts) -> None:
    api = start_stack(local_parts, "api", PUBLIC_URL="http://dictaphone.example:8443", SIGN_IN="off")
    headers = {**WEBM, "Host": "dictaphone.example", "Origin": "http://dictaphone.example:8443"}
    async with httpx.AsyncClient(base_url=api.api_url) as client:
        assert (await client.put("/clips/a", content=recording(), headers=headers)).status_code == 201
        headers["Origin"] = "http://dictaphone.example:3000"
        problem = await client.put("/clips/a", content=recording(), headers=headers)
        assert "PUBLIC_URL" in assert_problem(problem, 403, "cross-site")
