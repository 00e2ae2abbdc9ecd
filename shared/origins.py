"""Rules about Host, Origin and proxies: they keep other sites away from a visitor's clips, on HTTP and WebSockets."""

import ipaddress
from collections.abc import Collection, Mapping

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def host_name(authority: str) -> str:
    """The name in `name:port` or `[address]:port`, in lower case. A malformed one gives an unknown name."""
    authority = authority.strip().lower()
    if authority.startswith("["):
        return authority[1:].partition("]")[0]
    return authority.partition(":")[0]


def is_known_host(authority: str, listen_host: str, allowed_origins: Collection[str]) -> bool:
    """Whether a request's Host header is acceptable.

    A server that listens on loopback accepts loopback names and the hosts of `ALLOWED_ORIGINS`. Any other name is
    another site's, which points to this machine (DNS rebinding), and whose pages would pass for ours. A server on a
    public address cannot know its names, and accepts all of them.
    """
    if host_name(listen_host) not in LOOPBACK or not authority:
        return True
    return host_name(authority) in LOOPBACK | {host_name(origin.partition("://")[2]) for origin in allowed_origins}


def is_same_site(origin: str, hosts: Collection[str], allowed_origins: Collection[str]) -> bool:
    """Whether an Origin header (RFC 6454) names one of our hosts, port included, or an allowed origin."""
    origin = origin.lower()
    scheme, _, authority = origin.partition("://")
    own_hosts = {host.strip().lower() for host in hosts if host.strip()}
    return origin in allowed_origins or (scheme in {"http", "https"} and authority in own_hosts)


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
