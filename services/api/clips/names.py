"""What a clip may be called."""

import re
import unicodedata
from urllib.parse import quote, unquote_to_bytes

from starlette.requests import Request

from services.api.http.errors import Problem
from shared.clips.models import MAX_NAME_CHARS

_REFUSED = {"Cc": "control characters", "Cs": "half characters (lone surrogates)"}


def clean_name(given: str) -> str:
    """The name as it is stored and looked up: NFC, otherwise unchanged.

    Raises `Problem` for a name that is empty or invisible, longer than `MAX_NAME_CHARS`, or holds control characters.
    Two names that differ in anything but their normal form (Unicode UAX 15) are two names.
    """
    name = unicodedata.normalize("NFC", given)
    for character in name:
        if words := _REFUSED.get(unicodedata.category(character)):
            raise Problem("bad-name", f"A name cannot hold {words}.")
    if all(unicodedata.category(character)[0] in "CZ" for character in name):
        raise Problem("bad-name", "A clip needs a name with at least one visible character.")
    if len(name) > MAX_NAME_CHARS:
        raise Problem("bad-name", f"A name can have at most {MAX_NAME_CHARS} characters; this one has {len(name)}.")
    return name


def name_in_path(raw_path: bytes, prefix: str) -> str:
    """The name that stands behind `prefix` in a request's path, from its bytes as they came.

    The decoded path will not do: a server replaces bytes that are not UTF-8, and so mixes up names that differ there.
    """
    # Decoded first: `/%63lips/a` and `/clips%2Fa` are spellings of `/clips/a`, and were routed as it.
    path = unquote_to_bytes(raw_path.partition(b"?")[0])
    try:
        return clean_name(path.removeprefix(prefix.encode()).decode())
    except UnicodeDecodeError:
        raise Problem("bad-name", "The name in the address is not percent-encoded UTF-8.") from None


def content_disposition(request: Request, name: str, extension: str) -> str:
    """The Content-Disposition of a clip's audio or words: the name to save under (RFC 6266), and `?download` to do so.

    What file systems refuse is left out.
    """
    stem = re.sub(r'[\\/:*?"<>|]', "-", name).strip(". ") or "clip"
    way = "attachment" if "download" in request.query_params else "inline"
    return f"{way}; filename*=UTF-8''{quote(f'{stem}.{extension}', safe='')}"
