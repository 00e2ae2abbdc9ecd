"""`make chaos`: random faults against the whole system, round after round. Ends with 1 if anything was found."""

import argparse
import asyncio
import itertools
import random
import sys
import time
from collections.abc import Sequence
from typing import cast

from tests.chaos import disk, report
from tests.chaos.report import Round, say
from tests.chaos.round import Limit, play
from tests.chaos.system import Parts

ROUND_S = 300
"""Longest time of one round: what is found then is seen again within minutes."""

BOTH: Sequence[Parts] = ("servers", "local")


async def run(wish: argparse.Namespace) -> list[Round]:
    """Play rounds, on both kinds of parts in turn, until the time or the number of faults is reached."""
    rounds: list[Round] = []
    ends = time.monotonic() + wish.minutes * 60
    faults = wish.faults or sys.maxsize
    kinds = itertools.cycle(BOTH if wish.parts == "both" else (cast("Parts", wish.parts),))
    for seed, parts in zip(itertools.count(wish.seed), kinds):
        left_s, left = ends - time.monotonic(), faults - sum(each.faults for each in rounds)
        if (rounds and left_s <= 0) or left <= 0:
            return rounds
        rounds.append(await play(parts, seed, Limit(min(left_s, wish.round), left)))
        if rounds[-1].findings:
            say(report.as_findings(rounds[-1]))
    return rounds


def main() -> None:
    disk.enter_namespace([sys.executable, "-m", "tests.chaos", *sys.argv[1:]])
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, help="how long; 5 without a number of faults")
    parser.add_argument("--faults", type=int, help="how many")
    parser.add_argument("--seed", type=int, help="of the first round; the next one has the next; drawn if not given")
    parser.add_argument("--parts", choices=[*BOTH, "both"], default="both", help="both: in turn")
    parser.add_argument("--round", type=float, default=ROUND_S, help="longest time of a round, in seconds")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    wish = parser.parse_args()
    wish.seed = random.SystemRandom().randrange(1_000_000) if wish.seed is None else wish.seed
    wish.minutes = wish.minutes or (7 * 24 * 60 if wish.faults else 5)
    rounds = asyncio.run(run(wish))
    print(report.as_json(rounds) if wish.json else report.as_table(rounds))
    sys.exit(1 if any(each.findings for each in rounds) else 0)


if __name__ == "__main__":
    main()
