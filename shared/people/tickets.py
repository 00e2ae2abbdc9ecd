"""Tickets: what the api says about whoever opens a socket, signed, so that the realtime server needs no database.

A ticket is a version byte, a JSON object and an HMAC-SHA256 over both, in base64url. It is worth a minute: long enough
for a proxy to carry it on, short enough to be of no use in a log.
"""

import base64
import binascii
import hmac
import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from shared.people.roles import Role

TICKET_HEADER = "X-Dictaphone-Ticket"
"""Header that carries a ticket on the api's own pipe."""

TICKET_PARAMETER = "ticket"
"""Query parameter that carries a ticket to a realtime server at an address of its own."""

LIFETIME = timedelta(seconds=60)
"""How long a ticket is good for, at most."""

CLOCK_SKEW = timedelta(seconds=30)
"""By how much the clocks of two servers may differ before a ticket is refused for being made in the future."""

MAX_TICKET_CHARS = 1024
"""Characters of a ticket. One with every field has some 400."""

PURPOSE = b"realtime ticket"
"""What the key is derived for: a signature made for anything else is worth nothing here."""

_VERSION = b"\x01"
_MAC_BYTES = 32


class TicketRefused(ValueError):
    """A ticket that is not one of ours, or not any more. The message names the reason, and nothing of the ticket."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """Who opens a socket, for which library. Ids are None where they do not apply: a share link has no person."""

    library_id: str
    role: Role
    expires_at: datetime
    session_id: uuid.UUID | None = None
    person_id: uuid.UUID | None = None
    share_id: uuid.UUID | None = None
    token_id: uuid.UUID | None = None

    @classmethod
    def issue(cls, library_id: str, role: Role, now: datetime, **ids: uuid.UUID | None) -> Self:
        """Make a ticket that is good from now on, for as long as tickets are."""
        return cls(library_id, role, now + LIFETIME, **ids)

    @property
    def issued_at(self) -> datetime:
        return self.expires_at - LIFETIME

    def sign(self, key: bytes) -> str:
        """Write the ticket down. `key` is the one for `PURPOSE` (`shared.people.secret_key.purpose_key`)."""
        said = {
            "library": self.library_id,
            "role": self.role.value,
            "expires": round(self.expires_at.timestamp() * 1000),
            "session": self.session_id,
            "person": self.person_id,
            "share": self.share_id,
            "token": self.token_id,
        }
        body = json.dumps({name: value for name, value in said.items() if value}, default=str, separators=(",", ":"))
        signed = _VERSION + body.encode()
        return base64.urlsafe_b64encode(signed + _mac(key, signed)).rstrip(b"=").decode()

    @classmethod
    def verify(cls, text: str, key: bytes, now: datetime) -> Self:
        """Read a ticket that was signed with this key and is good now. Raises `TicketRefused`."""
        signed, mac = _split(text)
        if not hmac.compare_digest(mac, _mac(key, signed)):
            raise TicketRefused("It was not signed with this server's SECRET_KEY.")
        if not signed.startswith(_VERSION):
            raise TicketRefused("It was made by another release.")
        ticket = cls._read(signed[len(_VERSION) :])
        if now >= ticket.expires_at:
            raise TicketRefused("Its time is over.")
        if ticket.expires_at > now + LIFETIME + CLOCK_SKEW:
            raise TicketRefused("It comes from the future: the clocks of two servers differ.")
        return ticket

    @classmethod
    def _read(cls, body: bytes) -> Self:
        try:
            said = json.loads(body)
            ids = {f"{name}_id": _uuid(said.get(name)) for name in ("session", "person", "share", "token")}
            expires_at = datetime.fromtimestamp(said["expires"] / 1000, UTC)
            return cls(str(said["library"]), Role(said["role"]), expires_at, **ids)
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError, OSError) as error:
            # It is signed, so a server of ours wrote it: a newer one.
            raise TicketRefused("This release cannot read it.") from error


def library_named(text: str) -> str | None:
    """The library that a ticket names, whoever signed it. It proves nothing; None if it cannot be read."""
    try:
        return Ticket._read(_split(text)[0][len(_VERSION) :]).library_id
    except TicketRefused:
        return None


def _split(text: str) -> tuple[bytes, bytes]:
    """The signed bytes of a ticket, and its signature."""
    if not text.isascii() or len(text) > MAX_TICKET_CHARS:
        raise TicketRefused("It is no ticket.")
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        raise TicketRefused("It is no ticket.") from None
    if len(data) <= len(_VERSION) + _MAC_BYTES:
        raise TicketRefused("It is no ticket.")
    return data[:-_MAC_BYTES], data[-_MAC_BYTES:]


def _mac(key: bytes, signed: bytes) -> bytes:
    return hmac.digest(key, signed, "sha256")


def _uuid(value: Any) -> uuid.UUID | None:
    return None if value is None else uuid.UUID(value)
