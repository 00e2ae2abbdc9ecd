"""All cases."""

from collections.abc import Sequence

from tests.cases.case import Case
from tests.cases.clocks import CUT, JOINED, STRANGE_CLOCKS
from tests.cases.containers import CONTAINERS, PLAIN
from tests.cases.names import AROUND, CLAIMS, REFUSED, TAGS
from tests.cases.sounds import LEVELS, TRACKS

GROUPS: dict[str, Sequence[Case]] = {
    "containers": CONTAINERS,
    "plain sound": PLAIN,
    "clocks": STRANGE_CLOCKS,
    "joined": JOINED,
    "cut": CUT,
    "tracks and channels": TRACKS,
    "levels": LEVELS,
    "claims": CLAIMS,
    "tags": TAGS,
    "around the sound": AROUND,
    "refused": REFUSED,
}

CASES: Sequence[Case] = [case for group in GROUPS.values() for case in group]
