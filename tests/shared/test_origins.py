"""Addresses of clients behind proxies."""

import pytest

from shared.origins import client_address


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
