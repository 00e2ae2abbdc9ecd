"""The `Upload-Metadata` header of tus: what a client says of a file. Pure functions."""

import base64
import re
from collections.abc import Mapping

from shared.languages import LANGUAGES

_KEY = re.compile(r"[!-+\--~]+")  # visible ASCII without comma


def parse_metadata(header: str) -> Mapping[str, str]:
    """Parse comma-separated pairs of a key and a base64 value, each key once. Raises `ValueError`."""
    metadata: dict[str, str] = {}
    for pair in header.split(",") if header.strip() else ():
        key, _, encoded = pair.strip().partition(" ")
        if not _KEY.fullmatch(key) or key in metadata:
            raise ValueError(key)
        metadata[key] = base64.b64decode(encoded.strip(), validate=True).decode()
    return metadata


def format_metadata(metadata: Mapping[str, str]) -> str:
    """The header that says so."""
    return ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in metadata.items())


def language(metadata: Mapping[str, str]) -> str | None:
    """The code of the language that is spoken, as a client says it; None: it is to be detected.

    A language that this release does not know is detected, too: no sound is refused for a word beside it.
    """
    code = metadata.get("language", "")
    return code if code in LANGUAGES else None


def name_origin(metadata: Mapping[str, str]) -> str | None:
    """Who gave the name, as a client says it; None: it said a name, and not whose. Without a name, it is a default."""
    has_name = metadata.get("name") or metadata.get("filename")
    return metadata.get("name_origin") if has_name else "default"
