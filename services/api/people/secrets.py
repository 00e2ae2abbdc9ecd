"""Secrets that open something: made here, shown once, kept as a hash alone."""

import hashlib
import secrets

SECRET_BYTES = 32
"""256 bits: nobody guesses one, so a plain hash of it can be kept."""

CODE_BYTES = 16
"""128 bits, for what a person may have to type; it counts for an hour at most."""

MAX_SECRET_CHARS = 128
"""Characters of what a client presents as a secret: more are none of ours."""


def new_secret() -> str:
    return secrets.token_urlsafe(SECRET_BYTES)


def new_code() -> str:
    return secrets.token_urlsafe(CODE_BYTES)


def digest(secret: str) -> str:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
