"""Rules about Host, Origin and proxies: they keep other sites away from a visitor's clips, on HTTP and WebSockets."""

import ipaddress
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Self

LOOPBACK_NAME = "localhost"
"""Browsers lead this name, and all names in it, to their own machine, whatever a name server says (RFC 6761, section
6.3)."""

FLY_SUFFIXES = ("fly.dev", "flycast", "internal")
"""Domains in which Fly gives an app its name: the public one, and two of its private network, which nobody can buy."""

_AUTHORITY = re.compile(r"(?:\[([0-9a-f:.]+)\]|([^\[\]:/?#@\\,\s]+))(?::([0-9]{0,5}))?")
"""Host and port (RFC 3986, section 3.2.2, without user information): an IPv6 address, or a name; and the port."""


def split_authority(authority: str) -> tuple[str, str]:
    """The name, in lower case, and the port of `name:port` or `[address]:port`. A malformed one gives no name."""
    match = _AUTHORITY.fullmatch(authority.strip().lower())
    if not match:
        return "", ""
    address, name, port = match.groups("")
    return address or name.removesuffix("."), port


@dataclass(frozen=True)
class SiteRules:
    """The names of this server, and the origins of the pages that may call it."""

    host_names: frozenset[str]
    """Names by which this server is called, in lower case, without ports."""
    authorities: frozenset[str]
    """`name:port` of our own pages, where a person has named the port."""
    allowed_origins: frozenset[str]
    """Origins of other sites that may call."""

    @classmethod
    def of(
        cls,
        *,
        listen_host: str,
        allowed_hosts: Iterable[str],
        public_url: str,
        fly_app_name: str,
        origins: Iterable[str],
    ) -> Self:
        """Build the rules from the settings: every name that an operator has written somewhere is ours."""
        named = {*allowed_hosts, *filter(None, [_authority(public_url)])}
        allowed_origins = frozenset(origins)
        authorities = {*named, listen_host.lower(), *map(_authority, allowed_origins)}
        names = {split_authority(authority)[0] for authority in authorities}
        names |= {f"{fly_app_name}.{suffix}".lower() for suffix in FLY_SUFFIXES if fly_app_name}
        return cls(frozenset(names - {""}) | {LOOPBACK_NAME}, frozenset(named), allowed_origins)

    def are_known_hosts(self, hosts: Iterable[str]) -> bool:
        """Whether all Host and X-Forwarded-Host headers of a request name this server.

        Any other name is another site's, which points to this machine (DNS rebinding), and whose pages would pass for
        ours. An IP address is no site's name. Every browser sends Host; a client that sends none is no browser.
        """
        return all(self._is_known(split_authority(host)[0]) for host in hosts)

    def is_same_site(self, origin: str, hosts: Collection[str], forwarded_port: str = "") -> bool:
        """Whether an Origin header (RFC 6454) names one of our hosts, port included, or an allowed origin.

        A proxy may leave the port out of Host (nginx: `Host $host`). Then the port is the one of X-Forwarded-Port, or
        the one that PUBLIC_URL or ALLOWED_HOSTS name beside this host. Without either, a page on another port is
        another site: nothing tells its server from ours.
        """
        origin = origin.lower()
        scheme, _, authority = origin.partition("://")
        own = {host.strip().lower() for host in hosts if host.strip()}
        names = {name for name, port in map(split_authority, own) if not port}
        own |= {named for named in self.authorities if split_authority(named)[0] in names}
        if forwarded_port.isascii() and forwarded_port.isdigit():
            own |= {f"{host}:{forwarded_port}" for host in own if not split_authority(host)[1]}
        return origin in self.allowed_origins or (scheme in {"http", "https"} and authority in own)

    def _is_known(self, name: str) -> bool:
        if name in self.host_names or name.endswith(f".{LOOPBACK_NAME}"):
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True


def hosts_of(host_headers: Iterable[str], forwarded_host_headers: Iterable[str]) -> list[str]:
    """The hosts that a request names: those of Host, and those that its proxies add in X-Forwarded-Host."""
    return [*host_headers, *(host.strip() for header in forwarded_host_headers for host in header.split(","))]


def _authority(url: str) -> str:
    return url.partition("://")[2].lower()


IPV6_PREFIX_BITS = 64
"""Bits of an IPv6 address that identify a client's network. The client chooses the rest."""


def client_address(peer: str, headers: Mapping[str, str], *, is_fly: bool = False) -> str:
    """The address of a client: the peer or, if the peer is a proxy in a private network, the address that it forwards.

    `headers` have lower-case names. Fly's proxy sends a header of its own, and adds itself to the usual one. Other
    proxies pass Fly's header on as a client sent it, so that it counts on Fly only.
    """
    last_hop = headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
    forwarded = (headers.get("fly-client-ip") if is_fly else None) or last_hop
    try:
        is_proxy = bool(forwarded) and ipaddress.ip_address(peer).is_private
        address = ipaddress.ip_address(forwarded if is_proxy else peer)
    except ValueError:
        return peer
    if address.version == 4:
        return str(address)
    return (
        str(address.ipv4_mapped)
        if address.ipv4_mapped
        else str(ipaddress.ip_network((address, IPV6_PREFIX_BITS), strict=False))
    )
