"""A live API to break."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.conftest import Parts, StartStack
from tests.servers.seaweedfs import SeaweedFS
from tests.servers.stack import Stack


@pytest.fixture
def api(start_stack: StartStack, parts: Parts) -> Stack:
    """`python -m services.api`, on SQLite and files and on Postgres and S3."""
    return start_stack(parts, "api")


@pytest.fixture
async def client(api: Stack) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=api.api_url, verify=False, timeout=60) as client:
        yield client


@pytest.fixture
def stored(request: pytest.FixtureRequest, parts: Parts) -> "Stored":
    return Stored(parts, request.getfixturevalue("seaweedfs") if "BUCKET_NAME" in parts else None)


class Stored:
    """What lies in the store and beside it, seen from outside."""

    def __init__(self, parts: Parts, seaweedfs: SeaweedFS | None) -> None:
        self._parts, self._seaweedfs = parts, seaweedfs

    def objects(self) -> list[str]:
        """Every object of the store."""
        if self._seaweedfs is not None:
            return self._seaweedfs.keys(self._parts["BUCKET_NAME"])
        return _files(Path(self._parts["DATA_DIR"], "objects"))

    def leftovers(self) -> list[str]:
        """Files of bodies on their way in."""
        return _files(Path(self._parts["DATA_DIR"], "incoming"))


def _files(folder: Path) -> list[str]:
    return [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]
