"""A device with passkeys, in software: it answers as a browser would, and can be told to do it wrong."""

import hashlib
import json
import os
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2.cose import ES256, CoseKey
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import AttestationObject, AttestedCredentialData, AuthenticatorData

Json = dict[str, Any]

FLAG = AuthenticatorData.FLAG
PRESENT = FLAG.UP


@dataclass
class Authenticator:
    """One device. `origin` is the page that its browser shows."""

    origin: str
    flags: AuthenticatorData.FLAG = FLAG.UP | FLAG.UV
    counter: int = 0
    keys: dict[bytes, tuple[ec.EllipticCurvePrivateKey, str, bytes]] = field(default_factory=dict)
    """By credential id: key, name of the server, and whom it is for."""

    def create(self, options: Json) -> Json:
        """`navigator.credentials.create`."""
        assert options["authenticatorSelection"]["residentKey"] == "required"
        assert options["authenticatorSelection"]["userVerification"] == "required"
        known = {websafe_decode(each["id"]) for each in options.get("excludeCredentials", [])}
        assert not known & self.keys.keys(), "this device has one already"
        key, id, rp_id = ec.generate_private_key(ec.SECP256R1()), os.urandom(32), options["rp"]["id"]
        self.keys[id] = key, rp_id, websafe_decode(options["user"]["id"])
        credential = AttestedCredentialData.create(bytes(16), id, _cose(key))
        data = AuthenticatorData.create(_hash(rp_id), self.flags | FLAG.AT, self.counter, credential)
        attestation = AttestationObject.create("none", data, {})
        client_data = self._client_data("webauthn.create", options["challenge"])
        return _answer(id, clientDataJSON=client_data, attestationObject=bytes(attestation))

    def get(self, options: Json, *, id: bytes | None = None) -> Json:
        """`navigator.credentials.get`, with a passkey that the device has for this server."""
        assert options["userVerification"] == "required"
        id = id or next(each for each, (_, rp_id, _) in self.keys.items() if rp_id == options["rpId"])
        key, rp_id, handle = self.keys[id]
        self.counter += 1
        data = bytes(AuthenticatorData.create(_hash(rp_id), self.flags, self.counter))
        client_data = self._client_data("webauthn.get", options["challenge"])
        signature = key.sign(data + hashlib.sha256(client_data).digest(), ec.ECDSA(hashes.SHA256()))
        return _answer(id, clientDataJSON=client_data, authenticatorData=data, signature=signature, userHandle=handle)

    def _client_data(self, kind: str, challenge: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}).encode()


def _answer(id: bytes, **response: bytes) -> Json:
    encoded = {name: websafe_encode(value) for name, value in response.items()}
    return {
        "id": websafe_encode(id), "rawId": websafe_encode(id), "type": "public-key", "response": encoded,
        "clientExtensionResults": {},
    }  # fmt: skip


def _cose(key: ec.EllipticCurvePrivateKey) -> CoseKey:
    return ES256.from_cryptography_key(key.public_key())  # type: ignore[no-untyped-call,no-any-return]


def _hash(rp_id: str) -> bytes:
    return hashlib.sha256(rp_id.encode()).digest()
