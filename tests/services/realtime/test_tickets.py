"""Which library a socket follows: the one that its ticket names, and no other."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from services.realtime.server import CLOSE_SIGNED_OUT
from services.realtime.settings import RealtimeSettings
from services.realtime.tickets import is_local, is_reachable, ticket_in
from shared.libraries import HOME
from shared.people.roles import Role
from shared.people.secret_key import purpose_key
from shared.people.tickets import LIFETIME, PURPOSE, TICKET_HEADER, Ticket
from tests.servers.valkey import Valkey
from tests.services.realtime.conftest import Open, Page, Realtime

SECRET = "s" * 32


def ticket(library: str, secret: str = SECRET, age: timedelta = timedelta()) -> str:
    return Ticket.issue(library, Role.READER, datetime.now(UTC) - age).sign(purpose_key(secret.encode(), PURPOSE))


@pytest.fixture
def closed(valkey: Valkey) -> Iterator[Realtime]:
    """A server with a key: it demands a ticket."""
    server = Realtime(valkey, SECRET_KEY=SECRET)
    server.start()
    yield server
    server.close()


async def test_each_socket_is_told_of_its_own_library_alone(closed: Realtime, open_page: Open) -> None:
    pages: dict[str, list[Page]] = {}
    for library in ("one", "two"):
        text = ticket(library)
        addresses: list[dict[str, object]] = [
            {"additional_headers": {TICKET_HEADER: text}},
            {"additional_headers": {"Fly-Replay-Src": f"instance=1;region=ams;t=17;state={text}"}},
            {"uri": f"ws://127.0.0.1:{closed.port}/websocket?since=&ticket={text}"},
        ]
        pages[library] = [await open_page(closed, since="", **address) for address in addresses]
    for page in [*pages["one"], *pages["two"]]:
        assert await page.receives_resync() is None  # its stream is read from now on
        assert await page.receives_resync()
    ids = {library: closed.publish(f"of {library}", library) for library in ("one", "two", HOME)}
    for library, followers in pages.items():
        for page in followers:
            await page.receives(ids[library], f"of {library}")


@pytest.mark.parametrize("text", [None, "", "nonsense", ticket(HOME, "t" * 32), ticket(HOME, age=LIFETIME)])
async def test_a_socket_without_a_good_ticket_is_closed_so_that_its_page_sees_why(
    closed: Realtime, open_page: Open, text: str | None
) -> None:
    page = await open_page(closed, additional_headers={} if text is None else {TICKET_HEADER: text})
    closed.publish("nothing for you")
    assert await page.close_code() == CLOSE_SIGNED_OUT
    assert "ticket" in (page.socket.close_reason or "")


async def test_without_a_key_this_machine_follows_home_and_nothing_else(realtime: Realtime, open_page: Open) -> None:
    for headers in ({}, {TICKET_HEADER: ticket(HOME)}, {"X-Forwarded-For": "127.0.0.1"}):
        page = await open_page(realtime, additional_headers=headers)
        await page.receives(realtime.publish("now"), "now")
    for headers in ({TICKET_HEADER: ticket("other")}, {"X-Forwarded-For": "203.0.113.9"}, {"X-Real-IP": "127.0.0.1"}):
        page = await open_page(realtime, additional_headers=headers)
        assert await page.close_code() == CLOSE_SIGNED_OUT


async def test_without_a_key_a_server_that_others_reach_is_closed(valkey: Valkey, open_page: Open) -> None:
    realtime = Realtime(valkey, HOST="0.0.0.0")
    try:
        realtime.start()
        assert await (await open_page(realtime)).close_code() == CLOSE_SIGNED_OUT
    finally:
        await asyncio.to_thread(realtime.close)


def test_where_a_ticket_is_found() -> None:
    assert ticket_in("/websocket?since=", {}) is None
    assert ticket_in("/websocket?ticket=a&since=", {}) == "a"
    assert ticket_in("/websocket", {"fly-replay-src": "instance=1; state=b;region=x"}) == "b"
    assert ticket_in("/websocket?ticket=a", {"x-dictaphone-ticket": "c", "fly-replay-src": "state=b"}) == "c"


def test_what_is_reached_by_others() -> None:
    assert not any(is_reachable(RealtimeSettings(host=host)) for host in ("127.0.0.1", "::1", "localhost"))
    assert is_reachable(RealtimeSettings(host="0.0.0.0"))
    assert is_reachable(RealtimeSettings(public_url="https://dictaphone.example"))
    assert is_local({"x-forwarded-for": "127.0.0.1, ::1"})
    assert not is_local({"x-forwarded-for": "127.0.0.1, 203.0.113.9"})
    assert not is_local({"x-forwarded-for": "unknown"})
