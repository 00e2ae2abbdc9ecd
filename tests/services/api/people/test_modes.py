"""Who need not sign in: nobody but who sits at the machine, unless the operator has written it out."""

from typing import Any

import pytest
from starlette.datastructures import Headers

from services.api.people.modes import SignInMode
from services.api.people.names import is_loopback_name, page_address, passkey_name
from services.api.settings import ApiSettings

LOCAL_HOST = {"host": "127.0.0.1:8080"}


def mode(**settings: Any) -> SignInMode:
    return SignInMode(ApiSettings(**settings))


@pytest.mark.parametrize(
    ("settings", "is_on"),
    [
        ({}, False),
        ({"host": "localhost"}, False),
        ({"host": "::1"}, False),
        ({"host": "0.0.0.0"}, True),
        ({"host": "::"}, True),
        ({"host": "192.168.1.5"}, True),
        ({"public_url": "https://a.example"}, True),
        ({"allowed_hosts": "a.example"}, True),
        ({"fly_app_name": "a"}, True),
        ({"sign_in": "on"}, True),
        ({"sign_in": "off", "host": "0.0.0.0"}, False),
    ],
)
def test_where_everybody_signs_in(settings: dict[str, Any], is_on: bool) -> None:
    assert mode(**settings).is_on is is_on
    assert mode(**settings).is_off is (settings.get("sign_in") == "off")


@pytest.mark.parametrize(
    ("peer", "headers", "is_from_here"),
    [
        ("127.0.0.1", LOCAL_HOST, True),
        ("127.0.0.1", {"host": "localhost:8080"}, True),
        ("::1", {"host": "[::1]:8080"}, True),
        ("::ffff:127.0.0.1", {"host": "dictaphone.localhost"}, True),
        ("127.0.0.1", LOCAL_HOST | {"origin": "http://127.0.0.1:8080", "sec-fetch-site": "same-origin"}, True),
        ("127.0.0.1", LOCAL_HOST | {"origin": "https://app.example.com", "sec-fetch-site": "cross-site"}, True),
        ("192.168.1.5", LOCAL_HOST, False),
        ("127.0.0.1", {"host": "192.168.1.5:8080"}, False),
        ("127.0.0.1", {"host": "dictaphone.example.com"}, False),
        ("127.0.0.1", {}, False),
        ("127.0.0.1", LOCAL_HOST | {"x-forwarded-for": "203.0.113.5"}, False),
        ("127.0.0.1", LOCAL_HOST | {"x-forwarded-whatever": ""}, False),
        ("127.0.0.1", LOCAL_HOST | {"forwarded": "for=203.0.113.5"}, False),
        ("127.0.0.1", LOCAL_HOST | {"via": "1.1 proxy"}, False),
        ("127.0.0.1", LOCAL_HOST | {"cf-connecting-ip": "203.0.113.5"}, False),
        ("127.0.0.1", LOCAL_HOST | {"tailscale-user-login": "ada"}, False),
        # A proxy that changes Host and adds no header: our page, under a name that is not loopback.
        ("127.0.0.1", LOCAL_HOST | {"origin": "https://a.example", "sec-fetch-site": "same-origin"}, False),
    ],
)
def test_a_request_is_from_here_or_came_through_something(
    peer: str, headers: dict[str, str], is_from_here: bool
) -> None:
    assert mode().is_from_here(peer, Headers(headers)) is is_from_here


def test_a_loopback_name() -> None:
    assert all(map(is_loopback_name, ("localhost", "a.localhost", "127.9.9.9", "::1")))
    assert not any(map(is_loopback_name, ("", "localhost.example.com", "10.0.0.1", "2130706433", "0.0.0.0")))


@pytest.mark.parametrize(
    ("settings", "address"),
    [
        ({"public_url": "https://a.example:8443"}, "https://a.example:8443"),
        ({"fly_app_name": "words"}, "https://words.fly.dev"),
        ({"allowed_hosts": "b.example,a.example"}, "https://a.example"),
        ({"host": "0.0.0.0", "port": 8081}, "http://localhost:8081"),
    ],
)
def test_the_address_that_is_printed(settings: dict[str, Any], address: str) -> None:
    assert page_address(ApiSettings(**settings)) == address


@pytest.mark.parametrize(
    ("public_url", "headers", "name"),
    [
        ("https://a.example:8443", {"host": "127.0.0.1"}, "a.example"),
        ("", {"host": "localhost:8080"}, "localhost"),
        ("", {"host": "127.0.0.1:8080"}, None),
        ("", {"host": "[::1]:8080"}, None),
        ("", {"host": "inner", "x-forwarded-host": "a.example"}, "a.example"),
        ("", {}, None),
    ],
)
def test_the_name_that_passkeys_are_for(public_url: str, headers: dict[str, str], name: str | None) -> None:
    assert passkey_name(ApiSettings(public_url=public_url), Headers(headers)) == name
