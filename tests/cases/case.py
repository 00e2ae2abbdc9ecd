"""What a case is: a file, and what is right for it."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.cases.source import LENGTH_S, said

UNTYPED = "application/octet-stream"
"""What a browser claims for a file of a kind that it does not know."""


@dataclass(frozen=True)
class Copy:
    """The speech, or a part of it, from some time on."""

    at_s: float = 0.0
    """Where it begins on the clip's clock: 0 is the container's start."""
    from_s: float = 0.0
    to_s: float = LENGTH_S

    @property
    def words(self) -> str:
        return said(self.from_s, self.to_s)


@dataclass(frozen=True)
class Case:
    """One file. By default it holds the whole speech once, from 0 on, and a browser that plays it keeps its clock."""

    name: str
    make: Callable[[], bytes]
    mime: str = ""
    """As the API stores it, without codecs. Empty: the file is refused at the door."""
    copies: tuple[Copy, ...] = (Copy(),)
    length_s: float = LENGTH_S
    has_true_clock: bool | None = True
    """None: either will do, since players differ; what counts is that the played thing keeps the clock."""
    remarks: tuple[str, ...] = ()
    """Kinds of remarks on the clip's sound."""
    sentence: str = ""
    """A part of what a refusal says, at the door or on the clip."""
    claim: str = UNTYPED
    has_words: bool = True
    """False: too short, too quiet or too damaged for a word to be expected, but it is taken."""
    tolerance_s: float = 0.08
    """How far the sound may be from its place: some containers do not say how long their encoder's delay is."""

    @property
    def is_heard(self) -> bool:
        """Whether the file becomes a clip with sound."""
        return bool(self.mime) and not self.sentence

    @property
    def words(self) -> str:
        return " ".join(copy.words for copy in self.copies) if self.has_words else ""
