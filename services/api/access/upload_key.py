"""Who sends a recording to its end: its person, or its key after the session has ended."""

import uuid

from anyio import to_thread
from starlette.requests import HTTPConnection

from services.api.access.principal import How, Need, Principal
from services.api.people import upload_keys
from services.api.state import State, state_of
from shared.clips.models import Clip
from shared.people.roles import Role
from shared.uploads import metadata
from shared.uploads.models import Upload


async def with_upload_key(connection: HTTPConnection, principal: Principal | None) -> Principal | None:
    """Who sends a part of a recording, of whom `principal` is known by other means.

    A key of another person than the one who is signed in wins: their recording goes on in a tab that is still theirs.
    A key that does not count is nobody, and never that other person: to them the recording would be gone.
    """
    key = connection.headers.get(upload_keys.HEADER)
    if key is None or (principal and principal.person_id in {None, upload_keys.claimed_person(key)}):
        return principal
    return await to_thread.run_sync(_by_key, state_of(connection), connection, key)


def _by_key(state: State, connection: HTTPConnection, key: str) -> Principal | None:
    clip_id = _clip_of(state, connection)
    person_id = clip_id and upload_keys.person_of_key(state.settings, key, clip_id)
    roles = person_id and upload_keys.roles_of(state.engine, person_id)
    if not clip_id or not roles:
        return None
    own = next((id for id, role in roles.items() if role is Role.OWNER), next(iter(roles)))
    granted = frozenset({Need.READS, Need.WRITES})
    return Principal(How.UPLOAD_KEY, roles, own, person_id=person_id, granted=granted, only_clip=clip_id)


def _clip_of(state: State, connection: HTTPConnection) -> uuid.UUID | None:
    """The recording that a request is about: by the id of an upload or clip in its path, or in its metadata."""
    path_id = connection.path_params.get("id")
    try:
        if path_id is None:
            said = metadata.parse_metadata(connection.headers.get("upload-metadata", ""))
            return uuid.UUID(said["clip_id"]) if "segment" in said else None
        id = uuid.UUID(path_id)
    except (ValueError, KeyError):
        return None
    with state.read_session() as session:
        upload = session.get(Upload, id)
        return upload.clip_id if upload else id if session.get(Clip, id) else None
