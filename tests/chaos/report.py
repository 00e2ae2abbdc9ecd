"""What a run prints: a line for each episode, what was found, and how long recovery took after each kind of fault."""

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from tests.chaos.ledger import Finding


@dataclass
class Round:
    """What came of one round."""

    parts: str
    seed: int
    faults: int = 0
    recovered_s: dict[str, list[float]] = field(default_factory=dict)
    """Kind of an episode → seconds from the heal until all was well, each time."""
    settled_s: float = 0.0
    counts: dict[str, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    logs: dict[str, str] = field(default_factory=dict)
    """Last lines of each service, if something was found."""

    @property
    def command(self) -> str:
        """What repeats it."""
        return f"make chaos SEED={self.seed} FAULTS={self.faults} ARGS='--parts {self.parts}'"


def say(line: str) -> None:
    """Print at once, beside the JSON."""
    print(line, file=sys.stderr, flush=True)


def recovery(rounds: Iterable[Round]) -> dict[str, dict[str, float]]:
    """Kind → how often it came, and the seconds until all was well."""
    seconds: dict[str, list[float]] = {}
    for each in rounds:
        for kind, values in each.recovered_s.items():
            seconds.setdefault(kind, []).extend(values)
    return {
        kind: {"episodes": len(values), "median_s": round(median(values), 2), "max_s": round(max(values), 2)}
        for kind, values in sorted(seconds.items())
    }


def as_table(rounds: Sequence[Round]) -> str:
    rows = [("after", "episodes", "median", "longest")]
    rows += [
        (kind, f"{row['episodes']:.0f}", f"{row['median_s']:.1f} s", f"{row['max_s']:.1f} s")
        for kind, row in recovery(rounds).items()
    ]
    table = "\n".join(f"{kind:<16}{count:>10}{middle:>10}{longest:>10}" for kind, count, middle, longest in rows)
    counts = {name: sum(each.counts[name] for each in rounds) for name in rounds[0].counts}
    said = ", ".join(f"{count:,} {name}" for name, count in counts.items())
    findings = sum(len(each.findings) for each in rounds)
    return f"{table}\n{sum(each.faults for each in rounds)} faults; {said}; {findings} findings"


def as_json(rounds: Sequence[Round]) -> str:
    whole: dict[str, Any] = {"recovery": recovery(rounds), "rounds": [asdict(each) for each in rounds]}
    return json.dumps(whole, indent=2)


def as_findings(each: Round) -> str:
    """Everything that is wrong, and how to see it again."""
    parts = [f"{len(each.findings)} findings; to repeat: {each.command}"]
    parts += [f"\n== {finding.at_s:.1f} s: {finding.what}\n{finding.evidence}" for finding in each.findings]
    parts += [f"\n-- the end of {name}'s log\n{tail}" for name, tail in each.logs.items()]
    return "\n".join(parts)
