"""A live API that the tests of a module share; none of them may break it."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from tests.conftest import Parts
from tests.servers.stack import Stack


@pytest.fixture(scope="module")
def api(module_parts: Parts) -> Iterator[Stack]:
    """`python -m services.api`, once with SQLite and files, once with Postgres and S3."""
    with Stack(module_parts, ["api"], migrate=False) as stack:
        yield stack


@pytest.fixture
async def client(api: Stack) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=api.api_url, verify=False, timeout=60) as client:
        yield client
