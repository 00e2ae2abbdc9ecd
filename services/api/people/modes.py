"""When nobody need sign in: on one's own machine, or where the operator has written it out."""

import structlog
from starlette.datastructures import Headers

from services.api.people.names import is_loopback_name
from services.api.settings import ApiSettings
from shared.origins import hosts_of, split_authority

log = structlog.get_logger(__name__)

FORWARDING_HEADERS = frozenset({
    "forwarded", "via", "x-real-ip", "x-client-ip", "x-cluster-client-ip", "true-client-ip", "cf-connecting-ip",
    "cf-ray", "cdn-loop", "fly-client-ip", "fastly-client-ip", "x-original-host", "x-original-url",
    "tailscale-user-login",
})  # fmt: skip
"""What proxies add, beside all that begins with `x-forwarded-`. Browsers send none of it."""


class SignInMode:
    """Whether requests need a sign-in, as far as settings and the request tell."""

    def __init__(self, settings: ApiSettings) -> None:
        self._setting = settings.sign_in
        has_public_name = bool(settings.public_url or settings.allowed_hosts or settings.fly_app_name)
        self._is_private = is_loopback_name(settings.host.lower()) and not has_public_name

    @property
    def is_off(self) -> bool:
        """Whether nobody ever signs in."""
        return self._setting == "off"

    @property
    def is_on(self) -> bool:
        """Whether everybody signs in, wherever they come from."""
        return self._setting == "on" or (self._setting == "auto" and not self._is_private)

    def is_from_here(self, peer: str, headers: Headers) -> bool:
        """Whether a request comes from this very machine, and through no proxy; only then can `auto` be off.

        A proxy on this machine that adds no header and changes Host looks like a browser here. So a server that has
        been claimed asks everybody.
        """
        if not is_loopback_name(peer):
            return False
        if any(name in FORWARDING_HEADERS or name.startswith("x-forwarded-") for name in headers):
            return False
        hosts = hosts_of(headers.getlist("host"), ())
        if not hosts or not all(is_loopback_name(split_authority(host)[0]) for host in hosts):
            return False
        # Our own page, loaded under another name than this request has: a proxy has changed Host.
        origin = headers.get("origin", "")
        is_own_page = headers.get("sec-fetch-site") == "same-origin"
        return not (is_own_page and origin and not is_loopback_name(split_authority(origin.partition("://")[2])[0]))

    def warn(self) -> None:
        """Say in the log, at each start, that a server which others may reach lets everybody in."""
        if self.is_off and not self._is_private:
            log.warning(
                "SIGN_IN=off: whoever reaches this server reads, changes and deletes everything. Leave SIGN_IN out "
                "unless something before it lets in only those who may"
            )
