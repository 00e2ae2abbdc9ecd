"""The cookie of a session: its name and its flags, as this server is reached."""

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import Response

from services.api.http.errors import Problem
from services.api.people.names import is_loopback_name
from services.api.people.sign_ins import LIFETIME
from services.api.settings import ApiSettings
from shared.origins import hosts_of, split_authority

COOKIE = "__Host-dictaphone"
"""Browsers take a cookie of this prefix only from the host itself, over https, and for all of its paths."""

LOOPBACK_COOKIE = "dictaphone-loopback"
"""The same on `http://localhost`, where not every browser keeps a cookie that is Secure. It counts nowhere else."""


def secret_of(connection: HTTPConnection, settings: ApiSettings) -> str:
    """The secret of the session that a request names; empty if it names none."""
    name = LOOPBACK_COOKIE if is_plain_loopback(connection.headers, settings) else COOKIE
    return connection.cookies.get(name, "")


def set_secret(response: Response, connection: HTTPConnection, settings: ApiSettings, secret: str) -> None:
    """Have the browser keep the secret. Raises `Problem` on a page where it would not."""
    is_plain = is_plain_loopback(connection.headers, settings)
    reject_insecure_page(connection.headers)
    response.set_cookie(
        LOOPBACK_COOKIE if is_plain else COOKIE,
        secret,
        max_age=int(LIFETIME.total_seconds()),
        path="/",
        secure=not is_plain,
        httponly=True,
        samesite="lax",
    )


def clear_secret(response: Response, connection: HTTPConnection, settings: ApiSettings) -> None:
    is_plain = is_plain_loopback(connection.headers, settings)
    name = LOOPBACK_COOKIE if is_plain else COOKIE
    response.set_cookie(name, "", max_age=0, path="/", secure=not is_plain, httponly=True, samesite="lax")


def is_plain_loopback(headers: Headers, settings: ApiSettings) -> bool:
    """Whether the page was loaded over http from this very machine."""
    if settings.public_url.startswith("https://") or settings.fly_app_name:
        return False
    if "https" in headers.get("x-forwarded-proto", "").lower() or headers.get("origin", "").startswith("https://"):
        return False
    hosts = hosts_of(headers.getlist("host"), headers.getlist("x-forwarded-host"))
    return bool(hosts) and all(is_loopback_name(split_authority(host)[0]) for host in hosts)


def reject_insecure_page(headers: Headers) -> None:
    """Raise `Problem` on a page that came over http from another machine: a password would be read on its way."""
    scheme, _, authority = headers.get("origin", "").partition("://")
    if scheme == "http" and not is_loopback_name(split_authority(authority)[0]):
        raise Problem(
            "insecure-page",
            "Signing in needs https, or http://localhost on the server's own machine: anybody on the way could read a "
            "password that is sent over http.",
        )
