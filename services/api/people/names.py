"""Names and addresses under which this server is reached, as far as signing in depends on them."""

import ipaddress

from starlette.datastructures import Headers

from services.api.settings import ApiSettings
from shared.origins import LOOPBACK_NAME, hosts_of, split_authority


def is_loopback_name(name: str) -> bool:
    """Whether a host, in lower case, is this very machine, from wherever it is asked."""
    if name == LOOPBACK_NAME or name.endswith(f".{LOOPBACK_NAME}"):
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def page_address(settings: ApiSettings) -> str:
    """The address of the page to print for a person, as well as the settings tell it.

    `localhost` and no IP address: there are no passkeys on one.
    """
    if settings.public_url:
        return settings.public_url
    if settings.fly_app_name:
        return f"https://{settings.fly_app_name}.fly.dev"
    if settings.allowed_hosts:
        return f"https://{min(settings.allowed_hosts)}"
    return f"http://{LOOPBACK_NAME}:{settings.port}"


def requested_address(settings: ApiSettings, headers: Headers) -> str:
    """The address of the page that sends a request; where it does not say so, the one of the settings."""
    return settings.public_url or headers.get("origin", "") or page_address(settings)


def passkey_name(settings: ApiSettings, headers: Headers) -> str | None:
    """The name for which passkeys are made and asked (RP ID). None: at an IP address there are none."""
    hosts = hosts_of(headers.getlist("host"), headers.getlist("x-forwarded-host"))
    authority = settings.public_url.partition("://")[2] or (hosts[-1] if hosts else "")
    name = split_authority(authority)[0]
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name or None
    return None
