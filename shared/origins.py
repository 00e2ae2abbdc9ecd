"""Whose page is asking: the rule that keeps other sites away from a visitor's clips, for HTTP and for WebSockets."""

import ipaddress
from collections.abc import Collection, Mapping

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def host_name(authority: str) -> str:
    """The name in `name:port` or `[address]:port`, lower-case; what cannot be read is simply no name that we know."""
    authority = authority.strip().lower()
    if authority.startswith("["):
        return authority[1:].partition("]")[0]
    return authority.partition(":")[0]


def is_known_host(authority: str, listens_on: str, allowed_origins: Collection[str]) -> bool:
    """Whether a request's Host may be believed.

    A server that listens on loopback alone is called by a loopback name, or by one that `ALLOWED_ORIGINS` names: any
    other is a page that gave its own name this machine's address (DNS rebinding), and would pass for ours. A server
    that the world may reach is called by names that it cannot know.
    """
    if host_name(listens_on) not in LOOPBACK or not authority:
        return True
    return host_name(authority) in LOOPBACK | {host_name(origin.partition("://")[2]) for origin in allowed_origins}


def is_same_site(origin: str, hosts: Collection[str], allowed_origins: Collection[str]) -> bool:
    """Whether an Origin header (RFC 6454) names this very host, port included, or one that is allowed."""
    origin = origin.lower()
    scheme, _, authority = origin.partition("://")
    ours = {host.strip().lower() for host in hosts if host.strip()}
    return origin in allowed_origins or (scheme in {"http", "https"} and authority in ours)


IPV6_BITS = 64
"""Of an IPv6 address that tell people apart: the rest is theirs to choose."""


def client_address(peer: str, headers: Mapping[str, str], *, is_fly: bool = False) -> str:
    """Whose connections these are: the peer's or, if that is a proxy in a private network, whom the proxy names.

    `headers` have lower-case names. Fly's proxy has a header of its own, since it adds itself to the usual one; any
    other passes that header on as it came.
    """
    forwarded = headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
    named = (headers.get("fly-client-ip") if is_fly else None) or forwarded
    try:
        is_proxy = bool(named) and ipaddress.ip_address(peer).is_private
        address = ipaddress.ip_address(named if is_proxy else peer)
    except ValueError:
        return peer
    if address.version == 4:
        return str(address)
    return (
        str(address.ipv4_mapped)
        if address.ipv4_mapped
        else str(ipaddress.ip_network((address, IPV6_BITS), strict=False))
    )
