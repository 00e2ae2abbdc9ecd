"""One stack for the tests that break nothing, and somebody in front of each browser."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.browser.browsers import PAGES, missing, open_page
from tests.browser.person import Person
from tests.conftest import Parts
from tests.servers.stack import Stack


@pytest.fixture(scope="module")
def calm_stack(module_local_parts: Parts) -> Iterator[Stack]:
    """Api and realtime on SQLite and files, for a whole module; nobody transcribes."""
    with Stack(module_local_parts, ["api", "realtime"], migrate=False) as stack:
        yield stack


@pytest.fixture(scope="module", params=tuple(PAGES))
async def person(request: pytest.FixtureRequest) -> AsyncIterator[Person]:
    """Somebody with a browser of their own; where that is missing, the test is reported as not run."""
    if why := missing(request.param):
        pytest.skip(why)
    async with open_page(request.param) as page:
        yield Person(page)
