"""The key that this server signs with: `SECRET_KEY`, or one of its own in a file of `DATA_DIR`."""

import hmac
import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path

from shared.settings import MIN_SECRET_KEY_CHARS, SecretSettings

FILE_NAME = "secret-key"

KEY_BYTES = 32
"""Random bytes of a key that is made here: as many as HMAC-SHA256 uses."""

MAX_FILE_BYTES = 4096
"""Bytes that are read of a key file, whatever somebody put there."""


def read_secret_key(settings: SecretSettings) -> bytes | None:
    """The key, if there is one yet. Raises `OSError` if the file is there and cannot be read."""
    if configured := settings.secret_key.get_secret_value():
        return configured.encode()
    path = settings.data_dir / FILE_NAME
    try:
        with path.open("rb") as file:
            key = file.read(MAX_FILE_BYTES).strip()
    except (FileNotFoundError, NotADirectoryError):
        return None
    if len(key) < MIN_SECRET_KEY_CHARS:
        raise OSError(f"{path} holds no key of {MIN_SECRET_KEY_CHARS} characters. Delete it, or set SECRET_KEY.")
    return key


def secret_key(settings: SecretSettings) -> bytes:
    """The key. The first process that asks makes the file; all others, on this machine, read the same one."""
    if key := read_secret_key(settings):
        return key
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    _make(settings.data_dir)
    key = read_secret_key(settings)
    assert key, "it was just made, by us or by another process"
    return key


def purpose_key(secret_key: bytes, purpose: bytes) -> bytes:
    """A key for one purpose alone: what is signed for one means nothing for another."""
    return hmac.digest(secret_key, b"dictaphone:" + purpose, "sha256")


def _make(folder: Path) -> None:
    """Write the key file whole and then give it its name. Whoever is first wins; 0600 from its first moment."""
    descriptor, name = tempfile.mkstemp(prefix=f".{FILE_NAME}-", dir=folder)
    written = Path(name)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(KEY_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            (folder / FILE_NAME).hardlink_to(written)
    finally:
        written.unlink(missing_ok=True)
