"""A minute of `make chaos`: nothing is lost, nothing is stuck, and the logs are clean."""

import pytest

from tests.chaos.report import as_findings
from tests.chaos.round import Limit, play
from tests.chaos.system import Parts

SEED = 1
"""The same faults in each run; `make chaos` draws others."""

ROUND_S, LONG_ROUND_S = 15.0, 100.0
"""Seconds of faults, and with `--slow`. To start the servers and to let all settle takes as long again."""


@pytest.mark.parametrize("kind", ["servers", "local"])
async def test_nothing_is_lost_or_stuck_whatever_breaks(kind: Parts, full_length: bool) -> None:
    result = await play(kind, SEED, Limit(LONG_ROUND_S if full_length else ROUND_S, 1_000))
    assert not result.findings, as_findings(result)
    assert result.faults > 3
    assert result.counts["clips"] > 10
