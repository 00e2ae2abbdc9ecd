"""Tickets: what is signed is read back, and nothing else is."""

import base64
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.people.roles import Role
from shared.people.secret_key import purpose_key
from shared.people.tickets import CLOCK_SKEW, LIFETIME, MAX_TICKET_CHARS, PURPOSE, Ticket, TicketRefused, library_named

KEY = purpose_key(b"k" * 32, PURPOSE)
NOW = datetime(2026, 12, 1, 3, 0, 0, 123_000, tzinfo=UTC)

ids = st.none() | st.uuids()
tickets = st.builds(
    Ticket,
    st.text(min_size=1, max_size=64),
    st.sampled_from(Role),
    st.just(NOW + LIFETIME),
    session_id=ids,
    person_id=ids,
    share_id=ids,
    token_id=ids,
)


@given(tickets)
def test_a_ticket_is_read_as_it_was_signed(ticket: Ticket) -> None:
    text = ticket.sign(KEY)
    assert Ticket.verify(text, KEY, NOW) == ticket
    assert library_named(text) == ticket.library_id
    assert text.isascii()
    assert not set(text) & set('+/=;, "')  # it goes into a header, into fly-replay's state and into a query


@given(tickets, st.data())
def test_a_changed_ticket_is_refused(ticket: Ticket, data: st.DataObject) -> None:
    signed = bytearray(base64.urlsafe_b64decode(ticket.sign(KEY) + "=="))
    signed[data.draw(st.integers(0, len(signed) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(TicketRefused):
        Ticket.verify(base64.urlsafe_b64encode(signed).decode().rstrip("="), KEY, NOW)


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "ü" * 80, "A" * 80, "A" * (MAX_TICKET_CHARS + 1), "A" * 44])
def test_what_is_no_ticket_is_refused(text: str) -> None:
    with pytest.raises(TicketRefused):
        Ticket.verify(text, KEY, NOW)
    assert library_named(text) is None


@given(st.text())
def test_any_text_is_refused_and_nothing_else_happens(text: str) -> None:
    with pytest.raises(TicketRefused):
        Ticket.verify(text, KEY, NOW)


def test_a_ticket_is_good_for_a_minute() -> None:
    ticket = Ticket.issue("home", Role.OWNER, NOW, session_id=uuid.uuid4())
    assert (ticket.expires_at - NOW, ticket.issued_at) == (timedelta(seconds=60), NOW)
    text = ticket.sign(KEY)
    for late in (timedelta(), LIFETIME - timedelta(milliseconds=1), -CLOCK_SKEW):
        Ticket.verify(text, KEY, NOW + late)
    for late in (LIFETIME, timedelta(days=1), -CLOCK_SKEW - timedelta(seconds=1)):
        with pytest.raises(TicketRefused):
            Ticket.verify(text, KEY, NOW + late)


def test_a_signature_for_another_purpose_or_by_another_key_is_refused() -> None:
    ticket = Ticket.issue("home", Role.READER, NOW)
    for key in (purpose_key(b"k" * 32, b"upload key"), purpose_key(b"j" * 32, PURPOSE)):
        with pytest.raises(TicketRefused, match="SECRET_KEY"):
            Ticket.verify(ticket.sign(key), KEY, NOW)
