"""Who opens a socket, and for which library: by its ticket or, where nobody signs in, by coming without one."""

import ipaddress
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import structlog

from services.realtime.settings import RealtimeSettings
from shared.libraries import HOME
from shared.people.secret_key import purpose_key, read_secret_key
from shared.people.tickets import PURPOSE, TICKET_HEADER, TICKET_PARAMETER, Ticket, TicketRefused, library_named

log = structlog.get_logger(__name__)

FLY_SOURCE_HEADER = "fly-replay-src"
"""Header by which Fly's proxy tells where a replayed request comes from; its `state` is what the api put there."""

FORWARDING_HEADERS = ("forwarded", "x-real-ip", "fly-client-ip", "cf-connecting-ip")
"""Headers of proxies. A request that has one has come from elsewhere."""


class TicketOffice:
    """Reads tickets. The key may come later than this process: where it is a file, the api makes it."""

    def __init__(self, settings: RealtimeSettings) -> None:
        self._settings = settings
        self._key: bytes | None = None
        self._is_open_to_all = settings.sign_in == "off" or (settings.sign_in == "auto" and not is_reachable(settings))
        """Whether nobody signs in here, as far as the settings tell."""
        if self._find_key() is None and not self._is_open_to_all:
            log.error("SECRET_KEY is not set: nobody is told of any change. Set the one that the api has.")

    def read(self, target: str, headers: Mapping[str, str]) -> tuple[str, Ticket | None]:
        """Return the library of a socket, and its ticket if it needs one. Raises `TicketRefused`."""
        text, key = ticket_in(target, headers), self._find_key()
        if key is not None:
            if text is None:
                raise TicketRefused("It comes without a ticket.")
            ticket = Ticket.verify(text, key, datetime.now(UTC))
            return ticket.library_id, ticket
        # Without a key no ticket can be told from another. Whoever needs none may follow `home`, and nothing else.
        if not (self._is_open_to_all and (self._settings.sign_in == "off" or is_local(headers))):
            raise TicketRefused("This server has no SECRET_KEY.")
        if text is not None and library_named(text) != HOME:
            raise TicketRefused("It is for another library, and this server has no SECRET_KEY.")
        return HOME, None

    def _find_key(self) -> bytes | None:
        if self._key is None:
            try:
                secret = read_secret_key(self._settings)
            except OSError as error:
                log.error("the key cannot be read", reason=str(error))
                return None
            self._key = secret and purpose_key(secret, PURPOSE)
        return self._key


def ticket_in(target: str, headers: Mapping[str, str]) -> str | None:
    """Find the ticket of a handshake: on the api's own pipe, in what Fly's proxy passes on, or in the address."""
    if (text := headers.get(TICKET_HEADER.lower())) is not None:
        return text
    for part in headers.get(FLY_SOURCE_HEADER, "").split(";"):
        name, _, value = part.strip().partition("=")
        if name == "state":
            return value
    if f"{TICKET_PARAMETER}=" not in target:
        return None
    return parse_qs(urlsplit(target).query, keep_blank_values=True).get(TICKET_PARAMETER, [None])[-1]


def is_reachable(settings: RealtimeSettings) -> bool:
    """Whether others than this machine's own programs reach this server, as far as the settings tell."""
    if settings.public_url or settings.allowed_hosts or settings.fly_app_name:
        return True
    return settings.host != "localhost" and not _is_loopback(settings.host)


def is_local(headers: Mapping[str, str]) -> bool:
    """Whether a request comes from this machine. The api's own pipe says for whom it asks."""
    if any(name in headers for name in FORWARDING_HEADERS):
        return False
    return all(_is_loopback(hop.strip()) for hop in headers.get("x-forwarded-for", "127.0.0.1").split(","))


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address.strip("[]")).is_loopback
    except ValueError:
        return False
