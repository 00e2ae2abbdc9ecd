"""Names of this server, pages of other sites, and addresses of clients behind proxies."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.origins import client_address, split_authority
from shared.settings import OriginSettings

# -- names ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("authority", "name", "port"),
    [
        ("Localhost:8080", "localhost", "8080"),
        ("a.example.", "a.example", ""),
        ("[::1]:8080", "::1", "8080"),
        ("[::1]", "::1", ""),
        ("10.0.0.7", "10.0.0.7", ""),
        ("::1", "", ""),
        ("[::1].evil.example", "", ""),
        ("localhost@evil.example", "", ""),
        ("localhost/evil.example", "", ""),
        ("localhost:80:90", "", ""),
        ("localhost, evil.example", "", ""),
        ("", "", ""),
    ],
)
def test_a_malformed_authority_has_no_name(authority: str, name: str, port: str) -> None:
    assert split_authority(authority) == (name, port)


@given(st.text())
def test_any_authority_can_be_asked_about(authority: str) -> None:
    assert not OriginSettings().site_rules.are_known_hosts([f"evil.example{authority}"])


LISTENS_ON = ("127.0.0.1", "::1", "0.0.0.0", "::", "10.0.0.7", "our.lan")


@pytest.mark.parametrize("listens_on", LISTENS_ON)
@pytest.mark.parametrize("host", ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", "localhost.evil", ""])
def test_a_name_that_nobody_gave_this_server_is_unknown(listens_on: str, host: str) -> None:
    assert not OriginSettings(host=listens_on).site_rules.are_known_hosts([host])


@pytest.mark.parametrize("listens_on", LISTENS_ON)
@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST.:1", "dictaphone.localhost", "127.0.0.1:8080", "[::1]:8080", "203.0.113.5"]
)
def test_loopback_and_addresses_are_known(listens_on: str, host: str) -> None:
    rules = OriginSettings(host=listens_on).site_rules
    assert rules.are_known_hosts([host])
    assert rules.are_known_hosts([]), "no browser leaves Host out"
    assert not rules.are_known_hosts([host, "evil.example"]), "a proxy says that the browser asked for another name"


@pytest.mark.parametrize(
    ("settings", "host"),
    [
        ({"allowed_hosts": "a.example, B.example:8443"}, "a.example:1"),
        ({"allowed_hosts": "a.example, B.example:8443"}, "b.example"),
        ({"public_url": "https://a.example:8443/"}, "A.example."),
        ({"allowed_origins": "https://a.example"}, "a.example"),
        ({"fly_app_name": "myname-api"}, "myname-api.fly.dev"),
        ({"fly_app_name": "myname-api"}, "myname-api.flycast"),
        ({"fly_app_name": "myname-api"}, "myname-api.internal:8080"),
        ({"host": "our.lan"}, "our.lan:8080"),
    ],
    ids=str,
)
def test_a_name_that_an_operator_gave_is_known(settings: dict[str, str], host: str) -> None:
    rules = OriginSettings.model_validate(settings).site_rules
    assert rules.are_known_hosts([host])
    assert not rules.are_known_hosts([f"evil.{host}"])


# -- sites ---------------------------------------------------------------------------------------------------------

PAGE = "https://a.example:8443"


@pytest.mark.parametrize(
    ("settings", "forwarded_port", "same"),
    [
        ({"allowed_hosts": "a.example"}, "", False),
        ({"allowed_hosts": "a.example"}, "8443", True),
        ({"allowed_hosts": "a.example"}, "9000", False),
        ({"allowed_hosts": "a.example"}, "8443, 443", False),
        ({"allowed_hosts": "a.example:8443"}, "", True),
        ({"allowed_hosts": "a.example:9000"}, "", False),
        ({"public_url": PAGE}, "", True),
        ({"public_url": "https://a.example"}, "", False),
    ],
    ids=str,
)
def test_a_port_that_a_proxy_left_out_counts_when_somebody_names_it(
    settings: dict[str, str], forwarded_port: str, *, same: bool
) -> None:
    """`proxy_set_header Host $host` of nginx, on another port than 443."""
    rules = OriginSettings.model_validate(settings).site_rules
    assert rules.is_same_site(PAGE, ["a.example"], forwarded_port) is same
    assert not rules.is_same_site("https://a.example:3000", ["a.example"], forwarded_port), "another program's page"
    assert not rules.is_same_site(PAGE, ["b.example"], forwarded_port)


def test_a_port_in_host_is_the_one_that_counts() -> None:
    rules = OriginSettings.model_validate({"public_url": PAGE}).site_rules
    assert rules.is_same_site("http://a.example:8080", ["a.example:8080"], "8443")
    assert not rules.is_same_site(PAGE, ["a.example:8080"], "8443")


# -- addresses -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("peer", "headers", "address"),
    [
        ("9.9.9.9", {}, "9.9.9.9"),
        ("9.9.9.9", {"x-forwarded-for": "198.51.100.1"}, "9.9.9.9"),
        ("10.0.0.2", {"x-forwarded-for": "198.51.100.1"}, "198.51.100.1"),
        ("10.0.0.2", {"x-forwarded-for": "spoofed, 198.51.100.1"}, "198.51.100.1"),
        ("fd00::2", {"fly-client-ip": "2001:db8::9", "x-forwarded-for": "66.241.1.1"}, "66.241.1.1"),
        ("2600:1f18:22:33:4::1", {}, "2600:1f18:22:33::/64"),
        ("10.0.0.2", {"x-forwarded-for": "2600:1f18:22:33:aaaa::7"}, "2600:1f18:22:33::/64"),
        ("::ffff:9.9.9.9", {}, "9.9.9.9"),
        ("10.0.0.2", {"x-forwarded-for": "nonsense"}, "10.0.0.2"),
        ("127.0.0.1", {"x-forwarded-for": ""}, "127.0.0.1"),
        ("unknown", {"x-forwarded-for": "198.51.100.1"}, "unknown"),
    ],
)
def test_a_proxy_is_trusted_only_in_a_private_network(peer: str, headers: dict[str, str], address: str) -> None:
    assert client_address(peer, headers) == address


def test_on_fly_the_header_of_its_proxy_counts() -> None:
    headers = {"fly-client-ip": "198.51.100.1", "x-forwarded-for": "198.51.100.1, 66.241.1.1"}
    assert client_address("fd00::2", headers, is_fly=True) == "198.51.100.1"
    assert client_address("fd00::2", {"x-forwarded-for": "66.241.1.1"}, is_fly=True) == "66.241.1.1"
