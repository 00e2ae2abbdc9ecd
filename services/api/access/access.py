"""What the sender of a request may do, as its handler asks for it."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import HTTPConnection

from services.api.access.identify import challenge, identify
from services.api.access.principal import Need, Principal
from services.api.access.upload_key import with_upload_key
from services.api.http.errors import Problem

NO_LIBRARY = "There is no library with this id."


@dataclass(frozen=True)
class Access:
    """A principal in front of a route."""

    principal: Principal
    need: Need
    named: str | None
    """The library that the request names, if it names one."""

    @property
    def library(self) -> str:
        """The library of a request that is about no clip: the one it names, or the principal's. Raises `Problem`."""
        library_id = self.principal.library if self.named is None else self.named
        self.check(library_id, NO_LIBRARY)
        return library_id

    @property
    def libraries(self) -> Sequence[str]:
        """The libraries that the principal may read; a row of any other one is not there for them."""
        return [id for id in self.principal.roles if self.principal.may(Need.READS, id)]

    def check_clip(self, clip_id: uuid.UUID, absent: str) -> None:
        """Raise `Problem` if an upload key is for another recording than this one."""
        if self.principal.only_clip not in {None, clip_id}:
            raise Problem("not-found", absent)

    def check(self, library_id: str, absent: str, need: Need | None = None) -> None:
        """Raise `Problem` unless what the route needs, or `need`, is given in this library.

        To somebody who may not read it, it is `absent`: not that it is there, and not what it holds.
        """
        if not self.principal.may(Need.READS, library_id):
            raise Problem("not-found", absent)
        if not self.principal.may(need or self.need, library_id):
            raise Problem("not-allowed", "You may read this library, and not do that in it.")


async def admit(connection: HTTPConnection, need: Need, *, takes_upload_key: bool = False) -> Access:
    """Note who sends this request, for `access_of`. With `takes_upload_key` its handler calls `check_clip`.

    Raises `Problem`: `sign-in` if nobody known does, `not-found` or `not-allowed` for the library that it names.
    """
    principal = await identify(connection)
    if takes_upload_key:
        principal = await with_upload_key(connection, principal)
    if principal is None:
        raise Problem(
            "sign-in", "Sign in first: this server shows nothing to somebody it does not know.", challenge(connection)
        )
    access = Access(principal, need, connection.query_params.get("library"))
    if access.named is not None:
        access.check(access.named, NO_LIBRARY)
    connection.state.access = access
    return access


def access_of(connection: HTTPConnection) -> Access:
    """What the sender of this request may do. Routes that are open to everybody have none."""
    access: Access = connection.state.access
    return access
