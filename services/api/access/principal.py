"""Who asks, and what is open to them."""

import enum
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from shared.libraries import HOME
from shared.people.roles import Role
from shared.people.tokens import Scope


class Need(enum.Enum):
    """What a route needs of the library that it is about."""

    OPEN = enum.auto()
    """Nothing: it is open to everybody, and shows nothing that people said."""
    KNOWN = enum.auto()
    """Nothing of a library: that the server knows who asks."""
    READS = enum.auto()
    WRITES = enum.auto()
    DELETES = enum.auto()
    """Moves something to the bin."""
    OWNS = enum.auto()
    """Deletes for good, or changes who comes in."""


NEEDS_OF_ROLE: Mapping[Role, frozenset[Need]] = {
    Role.READER: frozenset({Need.READS}),
    Role.EDITOR: frozenset({Need.READS, Need.WRITES, Need.DELETES}),
    Role.OWNER: frozenset({Need.READS, Need.WRITES, Need.DELETES, Need.OWNS}),
}


NEED_OF_SCOPE: Mapping[Scope, Need] = {
    Scope.READ: Need.READS,
    Scope.WRITE: Need.WRITES,
    Scope.DELETE: Need.DELETES,
}
"""No token deletes for good, nor says who comes in."""


class How(enum.StrEnum):
    """How a request says who sends it."""

    LOCAL = "local"
    """It need not: this server is one person's, and only their machine reaches it."""
    SESSION = "session"
    TOKEN = "token"  # noqa: S105
    SHARE = "share"
    PROXY = "proxy"
    UPLOAD_KEY = "upload-key"
    """Nobody is signed in any more, and a recording of theirs is sent to its end."""


@dataclass(frozen=True)
class Principal:
    """Who asks. Made in one place alone: `services.api.access.identify`."""

    how: How
    roles: Mapping[str, Role]
    """By the id of a library. Every other library does not exist for them."""
    library: str
    """The one that is meant where a request names none."""
    person_id: uuid.UUID | None = None
    session_id: uuid.UUID | None = None
    token_id: uuid.UUID | None = None
    granted: frozenset[Need] = NEEDS_OF_ROLE[Role.OWNER]
    """What a token grants at most, whatever the role is."""
    only_clip: uuid.UUID | None = None
    """The one recording that an upload key is for. None: no such bound."""

    def may(self, need: Need, library_id: str) -> bool:
        role = self.roles.get(library_id)
        return role is not None and need in NEEDS_OF_ROLE[role] & self.granted


LOCAL = Principal(How.LOCAL, {HOME: Role.OWNER}, HOME)
"""The one person of a server without sign-in."""
