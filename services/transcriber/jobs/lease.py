"""The lease on a clip: how a worker keeps a clip to itself while it works on it."""

import uuid
from dataclasses import dataclass, field

from shared.clips.models import Clip

RENEWALS = 3
"""Renewals in the time of one lease, at least: two may fail before anybody else may take the clip."""


NOTICED_S = 3
"""Longest time until a worker notices that its clip was deleted, and works for somebody else."""


@dataclass(frozen=True)
class Claim:
    """One attempt at one clip, ours as long as nobody deletes the clip, asks again or finds our lease run out."""

    clip_id: uuid.UUID
    attempt: int
    clip: Clip = field(compare=False, repr=False)
    """The clip as it was when it was claimed."""

    @property
    def attempt_id(self) -> str:
        return f"{self.clip_id}-{self.attempt}"
