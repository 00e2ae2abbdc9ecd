"""Which dates of files are believed."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.clips.dates import plausible_date

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


@pytest.mark.parametrize("text", ["1961-01-20T17:00:00Z", "2000-01-03T00:00:00Z", "2026-11-30T11:59:59Z"])
def test_real_dates_are_believed(text: str) -> None:
    at = datetime.fromisoformat(text)
    assert plausible_date(at, NOW) == at


@pytest.mark.parametrize(
    "text",
    [
        "1904-01-01T00:00:00Z",
        "1970-01-01T00:00:00Z",
        "1969-12-31T16:00:00Z",
        "1980-01-01T13:37:00Z",
        "1999-12-31T23:00:00Z",
        "0001-01-01T00:00:00Z",
        "2036-02-07T06:28:16Z",
    ],
)
def test_clocks_that_nobody_set_are_not(text: str) -> None:
    assert plausible_date(datetime.fromisoformat(text), NOW) is None


def test_a_clock_that_is_a_little_ahead_means_now() -> None:
    assert plausible_date(NOW + timedelta(hours=13), NOW) == NOW
