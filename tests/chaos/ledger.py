"""What was acknowledged, and what may or may not have been done because no answer came."""

import itertools
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from tests.chaos.plan import Kind

T = TypeVar("T")


class Known(Generic[T]):
    """What a field of a clip may be now: the last acknowledged value, or one whose answer was lost since.

    Every change names the version that it is made upon, so a change that arrives late changes nothing.
    """

    def __init__(self, value: T) -> None:
        self.possible = {value}
        self._version = 0

    def trying(self, value: T) -> None:
        self.possible.add(value)

    def refused(self, value: T) -> None:
        self.possible.discard(value)

    def acknowledged(self, value: T, version: int) -> None:
        """`version` is the clip's, with this change."""
        if version > self._version:
            self.possible, self._version = {value}, version


@dataclass
class Segment:
    """Bytes that lie end to end: a file, or a part of a recording."""

    data: bytes
    acknowledged: int = 0
    """Bytes that the server has confirmed."""


@dataclass
class Clip:
    """A clip as its maker knows it."""

    id: str
    numbers: list[int]
    """What is said in it (`tests.chaos.sounds`)."""
    segments: list[Segment]
    name: Known[str]
    text: Known[str]
    in_bin: Known[bool] = field(default_factory=lambda: Known(False))
    is_stored: bool = False
    """Whether the server has confirmed the whole of it."""
    is_awaited: bool = False
    """Whether the probe waits for its words: it gets none in the bin, so nobody deletes it meanwhile."""
    is_abandoned: bool = False
    """Whether its recorder went away in the middle: what came is kept, and the words are those of that."""


@dataclass
class Named:
    """One name of the seed's contract, `PUT /clips/{name}`: each PUT is a clip, and the last one has the name."""

    name: str
    acknowledged: list[tuple[str, int]] = field(default_factory=list)
    """Id and number of each clip, in order."""
    unanswered: list[int] = field(default_factory=list)
    """Numbers of clips that may have been stored."""


@dataclass(frozen=True)
class Finding:
    """Something that is wrong."""

    at_s: float
    what: str
    evidence: str = ""


class Ledger:
    """Everything that the people of one round know."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.clips: dict[str, Clip] = {}
        self.names: list[Named] = []
        self.findings: list[Finding] = []
        self.broken_by: set[Kind] = set()
        """What is broken at this moment."""
        self.counts = dict.fromkeys(("clips", "bytes", "edits", "deletions", "unanswered", "events", "resyncs"), 0)
        self._numbers = itertools.count(1)

    def next_number(self) -> int:
        """A number that no other recording of this round says."""
        return next(self._numbers)

    def add(self, id: str, name: str, numbers: list[int], segments: Iterable[bytes], text: str) -> Clip:
        clip = Clip(id, numbers, [Segment(data) for data in segments], Known(name), Known(text))
        self.clips[id] = clip
        return clip

    def stored(self, clip: Clip) -> None:
        """Note that the server has confirmed the whole clip."""
        clip.is_stored = True
        self.counts["clips"] += 1
        self.counts["bytes"] += sum(segment.acknowledged for segment in clip.segments)

    def find(self, what: str, evidence: str = "") -> None:
        self.findings.append(Finding(round(time.monotonic() - self.began, 1), what, evidence))

    def find_once(self, what: str, evidence: str) -> None:
        """Note it unless the very same is noted already."""
        if not any((finding.what, finding.evidence) == (what, evidence) for finding in self.findings):
            self.find(what, evidence)
