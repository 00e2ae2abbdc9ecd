"""Names of clips: which are valid, how a path and a Content-Disposition carry them."""

import re
import unicodedata
from urllib.parse import quote, unquote_to_bytes

from starlette.requests import Request

from services.api.clips.media_types import FILE_EXTENSIONS
from services.api.http.errors import Problem
from shared.clips.models import MAX_NAME_CHARS

_DIRECTIONS = re.compile(r"[\u202a-\u202e\u2066-\u2069]")

_FORBIDDEN_CATEGORIES = {"Cc": "control characters", "Cs": "half characters (lone surrogates)"}


def clean_name(text: str) -> str:
    """The name as it is stored and looked up: NFC, otherwise unchanged.

    Raises `Problem` for a name that is empty or invisible, longer than `MAX_NAME_CHARS`, or holds control characters.
    Two names that differ in anything but their normal form (Unicode UAX 15) are two names.
    """
    name = unicodedata.normalize("NFC", text)
    for character in name:
        if words := _FORBIDDEN_CATEGORIES.get(unicodedata.category(character)):
            raise Problem("bad-name", f"A name cannot hold {words}.")
    if all(unicodedata.category(character)[0] in "CZ" for character in name):
        raise Problem("bad-name", "A clip needs a name with at least one visible character.")
    if len(name) > MAX_NAME_CHARS:
        raise Problem("bad-name", f"A name can have at most {MAX_NAME_CHARS} characters; this one has {len(name)}.")
    return name


def name_from_path(raw_path: bytes, prefix: str) -> str:
    """The name behind `prefix` in a request's path, from the bytes as they were sent.

    ASGI's decoded path replaces bytes that are not UTF-8, so that two different names could become one.
    """
    # Decoded before the prefix is removed: the router also matches `/%63lips/a` and `/clips%2Fa` as `/clips/a`.
    path = unquote_to_bytes(raw_path.partition(b"?")[0])
    try:
        return clean_name(path.removeprefix(prefix.encode()).decode())
    except UnicodeDecodeError:
        raise Problem("bad-name", "The name in the address is not percent-encoded UTF-8.") from None


def content_disposition(request: Request, name: str, extension: str) -> str:
    """Content-Disposition of a clip's audio or transcript, with its file name (RFC 6266).

    `?download` in the request makes it an attachment. Characters that file systems refuse become hyphens. A name that
    was a file's, with this extension, gets no second one.
    """
    stem = re.sub(r'[\\/:*?"<>|]', "-", without_directions(name)).strip(". ") or "clip"
    own_extension = stem.rpartition(".")[2].lower() if "." in stem else ""
    is_file_name = extension in {own_extension, FILE_EXTENSIONS.get(own_extension)}
    kind = "attachment" if "download" in request.query_params else "inline"
    return f"{kind}; filename*=UTF-8''{quote(stem if is_file_name else f'{stem}.{extension}', safe='')}"


def without_extension(name: str) -> str:
    """The name without the extension of an audio file: it is saved as a file of another kind."""
    stem, _, extension = name.rpartition(".")
    return stem if stem.strip() and extension.lower() in FILE_EXTENSIONS.values() else name


def without_directions(name: str) -> str:
    """The name without characters that turn the text behind them around: a file would seem to have another extension.

    These are the explicit directions of Unicode UAX 9; marks within Hebrew or Arabic (U+200E, U+200F) stay.
    """
    return _DIRECTIONS.sub("", name)
