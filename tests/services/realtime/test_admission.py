"""Admission: the sites that may connect. Its limits are tested with hostile clients."""

import pytest

from services.realtime.admission import HandshakeSite
from shared.settings import OriginSettings

RULES = OriginSettings.model_validate({"allowed_origins": "https://app.example.com"}).site_rules


@pytest.mark.parametrize(
    ("headers", "answer"),
    [
        ([], True),
        ([("Host", "a.example"), ("Origin", "https://a.example")], True),
        ([("Host", "A.example:8081"), ("Origin", "http://a.EXAMPLE:8081")], True),
        ([("Host", "10.0.0.7:8081"), ("X-Forwarded-Host", "a.example"), ("Origin", "https://a.example")], True),
        ([("Host", "a.example"), ("Origin", "https://app.example.com")], True),
        ([("Host", "a.example"), ("Origin", "https://b.example")], False),
        ([("Host", "a.example:8081"), ("Origin", "http://a.example:9000")], False),
        ([("Host", "a.example"), ("X-Forwarded-Port", "8443"), ("Origin", "https://a.example:8443")], True),
        ([("Host", "a.example"), ("Origin", "https://a.example:8443")], False),
        ([("Host", "a.example"), ("Origin", "https://a.example.evil")], False),
        ([("Host", "a.example"), ("Origin", "https://evil/a.example")], False),
        ([("Host", "a.example"), ("Origin", "file://a.example")], False),
        ([("Host", "a.example"), ("Origin", "null")], False),
        ([("Host", ""), ("Origin", "https://")], False),
        ([("Host", "a.example"), ("Origin", "http://[")], False),
        ([("Host", "a.example"), ("Origin", "https://a.example"), ("Origin", "https://b.example")], False),
    ],
)
def test_allowed_sites(headers: list[tuple[str, str]], *, answer: bool) -> None:
    assert HandshakeSite.of(headers).is_allowed(RULES) is answer
