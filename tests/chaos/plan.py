"""The plan of a run: which fault comes when, where and for how long. A seed gives the same plan each time."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What goes wrong."""

    KILL = "kill -9"
    TERMINATE = "SIGTERM"
    FREEZE = "SIGSTOP"
    FLUSH = "FLUSHALL"
    RESTART = "server killed"
    FILL = "full disk"
    CUT = "network cut"
    HANG = "network hangs"
    DELAY = "network slow"


SECONDS: Mapping[Kind, tuple[float, float]] = {
    Kind.KILL: (0.0, 1.5),
    Kind.TERMINATE: (0.0, 1.0),
    Kind.FREEZE: (0.5, 5.0),
    Kind.FLUSH: (0.0, 0.0),
    Kind.RESTART: (0.2, 3.0),
    Kind.FILL: (1.0, 4.0),
    Kind.CUT: (0.5, 4.0),
    # Some last longer than the answer of Redis may take, which is five seconds.
    Kind.HANG: (0.5, 7.0),
    Kind.DELAY: (1.0, 4.0),
}
"""Shortest and longest time until a fault is healed. What is away for longer only makes a run longer."""

PAIR_CHANCE = 0.2
"""Share of the episodes in which two faults come at once."""

PAUSE_S = (0.1, 1.0)
"""Seconds of quiet before an episode."""


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong, and for how long."""

    kind: Kind
    target: str
    seconds: float

    def __str__(self) -> str:
        return f"{self.kind}: {self.target}" + (f", {self.seconds:.1f} s" if self.seconds else "")


@dataclass(frozen=True)
class Episode:
    """One fault, or two at once, after a pause."""

    pause_s: float
    faults: tuple[Fault, ...]

    @property
    def name(self) -> str:
        """The kind, as the report counts it."""
        return self.faults[0].kind if len(self.faults) == 1 else "two at once"


def episodes(seed: int, targets: Mapping[Kind, Sequence[str]]) -> Iterator[Episode]:
    """Deal the kinds like cards, so that a short run has all of them; `targets` says what each kind can hit."""
    chance = random.Random(f"{seed}/faults")
    kinds = [kind for kind in Kind if targets.get(kind)]
    deck: list[Kind] = []

    def draw(hit: set[str]) -> Fault | None:
        if not deck:
            deck.extend(chance.sample(kinds, len(kinds)))
        kind = deck.pop()
        free = [target for target in targets[kind] if target not in hit]
        target, seconds = chance.choice(free or [""]), round(chance.uniform(*SECONDS[kind]), 2)
        return Fault(kind, target, seconds) if target else None

    while True:
        pause_s, is_pair = round(chance.uniform(*PAUSE_S), 2), chance.random() < PAIR_CHANCE
        first = draw(set())
        assert first is not None
        second = draw({first.target}) if is_pair else None
        yield Episode(pause_s, (first,) if second is None else (first, second))
