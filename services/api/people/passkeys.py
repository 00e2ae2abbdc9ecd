"""Passkeys: how one is made and how it signs somebody in (Web Authentication Level 3, by fido2)."""

import uuid
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

import structlog
from fido2 import cbor
from fido2.cose import CoseKey
from fido2.server import Fido2Server
from fido2.webauthn import (
    AttestationConveyancePreference,
    AttestedCredentialData,
    AuthenticationResponse,
    AuthenticatorData,
    PublicKeyCredentialDescriptor,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialType,
    PublicKeyCredentialUserEntity,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)
from sqlmodel import Session

from services.api.http.errors import Problem
from services.api.people import ceremonies
from shared.origins import LOOPBACK_NAME
from shared.people.models import MAX_CREDENTIAL_BYTES, Passkey, Person

LIFETIME = timedelta(minutes=5)
"""A person looks for the key or the phone; browsers wait as long."""

MAKING, SIGNING_IN = "make-passkey", "use-passkey"
"""Kinds of ceremonies."""

MAX_PASSKEYS = 50
"""Of one person: each is named to the browser, so that no device makes two."""

NO_AAGUID = bytes(16)

log = structlog.get_logger(__name__)

Result = TypeVar("Result")


def begin_making(
    session: Session, rp_id: str, person: Person, now: datetime, *, is_new: bool = False
) -> tuple[dict[str, Any], str]:
    """What the browser needs to make a passkey (`navigator.credentials.create`), and the secret of the ceremony."""
    existing = [] if is_new else session.exec(Passkey.of_person(person.id)).all()
    if len(existing) >= MAX_PASSKEYS:
        raise Problem("bad-request", f"A person can have {MAX_PASSKEYS} passkeys. Remove one first.")
    options, state = _server(rp_id).register_begin(
        PublicKeyCredentialUserEntity(id=person.id.bytes, name=person.name, display_name=person.name),
        [
            PublicKeyCredentialDescriptor(type=PublicKeyCredentialType.PUBLIC_KEY, id=passkey.credential_id)
            for passkey in existing
        ],
        # The device keeps who it is for: nobody types a name. And it asks for a finger, a face or a PIN, so that
        # whoever finds the device is not in.
        resident_key_requirement=ResidentKeyRequirement.REQUIRED,
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    data = {"state": state, "rp_id": rp_id, "person_id": str(person.id)}
    return dict(options), ceremonies.begin(session, MAKING, data, LIFETIME, now)


def finish_making(
    session: Session, rp_id: str, secret: str, credential: Mapping[str, Any], name: str, now: datetime
) -> Passkey:
    """The passkey that a browser has made, which the caller adds: `person_id` says for whom it was begun."""
    data = _take(session, MAKING, secret, rp_id, now)
    made: AuthenticatorData = _checked(lambda: _server(rp_id).register_complete(data["state"], credential))
    new = made.credential_data
    if new is None or len(new.credential_id) > MAX_CREDENTIAL_BYTES:
        raise _refused("it has no usable id")
    if session.exec(Passkey.by_credential(new.credential_id)).first() is not None:
        raise _refused("its id is known")
    return Passkey(
        id=uuid.uuid4(),
        person_id=uuid.UUID(data["person_id"]),
        credential_id=new.credential_id,
        public_key=cbor.encode(dict(new.public_key)),
        sign_count=made.counter,
        rp_id=rp_id,
        name=name,
        created_at=now,
    )


def begin_signing_in(session: Session, rp_id: str, now: datetime) -> tuple[dict[str, Any], str]:
    """What the browser needs to ask for a passkey (`navigator.credentials.get`), and the secret of the ceremony."""
    options, state = _server(rp_id).authenticate_begin(user_verification=UserVerificationRequirement.REQUIRED)
    data = {"state": state, "rp_id": rp_id}
    return dict(options), ceremonies.begin(session, SIGNING_IN, data, LIFETIME, now)


def finish_signing_in(
    session: Session, rp_id: str, secret: str, credential: Mapping[str, Any], now: datetime
) -> Person:
    """The person whose passkey has signed. Raises `Problem`."""
    data = _take(session, SIGNING_IN, secret, rp_id, now)
    answer: AuthenticationResponse = _checked(lambda: AuthenticationResponse.from_dict(credential))
    passkey = session.exec(Passkey.by_credential(answer.raw_id).with_for_update()).first()
    if passkey is None or passkey.rp_id != rp_id:
        raise _refused("nobody has it")
    handle = answer.response.user_handle
    if handle is not None and handle != passkey.person_id.bytes:
        raise _refused("it is another person's")
    known = AttestedCredentialData.create(
        NO_AAGUID, passkey.credential_id, CoseKey.parse(cast("Mapping[int, Any]", cbor.decode(passkey.public_key)))
    )
    _checked(lambda: _server(rp_id).authenticate_complete(data["state"], [known], answer))
    counter = answer.response.authenticator_data.counter
    if (counter or passkey.sign_count) and counter <= passkey.sign_count:
        log.warning("a passkey has signed less often than before: it may be a copy", passkey=str(passkey.id))
        raise _refused("it may be a copy")
    passkey.sign_count, passkey.used_at = counter, now
    session.add(passkey)
    person = session.get(Person, passkey.person_id)
    if person is None or not person.may_come_in:
        raise _refused("its person may not come in")
    return person


def _take(session: Session, kind: str, secret: str, rp_id: str, now: datetime) -> dict[str, Any]:
    data = ceremonies.take(session, kind, secret, now)
    if data is None or data.get("rp_id") != rp_id:
        raise Problem("wrong-code", "This took too long, or was done already. Begin again.")
    return data


def _server(rp_id: str) -> Fido2Server:
    entity = PublicKeyCredentialRpEntity(name="Dictaphone", id=rp_id)
    return Fido2Server(entity, AttestationConveyancePreference.NONE, verify_origin=lambda at: is_page_of(rp_id, at))


def is_page_of(rp_id: str, origin: str) -> bool:
    """Whether a page is the server's own: of this very name, not of a name in it, and over https or on `localhost`."""
    try:
        parts = urlsplit(origin)
        is_local = rp_id == LOOPBACK_NAME or rp_id.endswith(f".{LOOPBACK_NAME}")
        return parts.hostname == rp_id and (parts.scheme == "https" or (parts.scheme == "http" and is_local))
    except ValueError:
        return False


def _checked(check: Callable[[], Result]) -> Result:
    """Run what reads a stranger's bytes: whatever it raises, the passkey is not accepted."""
    try:
        return check()
    except Exception as error:
        raise _refused(str(error)) from error


def _refused(reason: str) -> Problem:
    log.info("passkey refused", reason=reason[:200])
    return Problem("wrong-credentials", "This passkey does not open this server.")
