"""One stack for the tests that break nothing."""

from collections.abc import Iterator

import pytest

from tests.conftest import Parts
from tests.servers.stack import Stack


@pytest.fixture(scope="module")
def calm_stack(module_local_parts: Parts) -> Iterator[Stack]:
    """Api and realtime on SQLite and files, for a whole module; nobody transcribes."""
    with Stack(module_local_parts, ["api", "realtime"], migrate=False) as stack:
        yield stack
