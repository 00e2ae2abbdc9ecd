"""Texts for browsers: compressed, revalidated."""

import gzip
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

import brotli
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import Response

from services.api.http.conditional import etag_matches

REVALIDATE = "no-cache"
"""Cache-Control of the page and its files: browsers keep them, and revalidate (ETag, 304) before each use."""

FOREVER = "public, max-age=31536000, immutable"
"""Cache-Control of what never changes at its address: the digest of the content is part of it."""

TEXT_SUFFIXES = {".css", ".html", ".js", ".svg", ".webmanifest"}

ENCODERS: Mapping[str, Callable[[bytes], bytes]] = {"br": brotli.compress, "gzip": gzip.compress}
"""By content coding, the better one first; both at their best level, for what is compressed once and sent often."""

_WEIGHT = re.compile(r"q\s*=\s*(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)")


async def kept_text(body: bytes, headers: Mapping[str, str], request_headers: Headers) -> Response:
    """A text that is the same for every client, in the best coding that this one accepts, or 304 where it has it."""
    coding = best_coding(request_headers.get("accept-encoding", ""))
    etag = f'"{_digest(body)}-{coding or "identity"}"'
    headers = {**_with_coding(headers, coding), "ETag": etag}
    if etag_matches(request_headers.get("if-none-match"), etag, weak=True):
        return Response(status_code=304, headers=headers)
    return Response(await run_in_threadpool(_compress, body, coding) if coding else body, headers=headers)


def best_coding(accept_encoding: str) -> str | None:
    """The content coding of ours that a client likes best (RFC 9110, section 12.5.3); None: it takes neither."""
    weights = {}
    for item in accept_encoding.lower().split(","):
        coding, *parameters = (part.strip() for part in item.split(";"))
        weights[coding] = _weight(parameters)
    others = weights.get("*", 0.0)
    best = max(ENCODERS, key=lambda coding: weights.get(coding, others))
    weight = weights.get(best, others)
    return best if weight > 0 and weight >= weights.get("identity", 0.0) else None


def _weight(parameters: Sequence[str]) -> float:
    """The weight of an item in a list (RFC 9110, section 12.4.2); 0, not acceptable, for one that cannot be read."""
    if not parameters:
        return 1.0
    match = _WEIGHT.fullmatch(parameters[0])
    return float(match[1]) if match else 0.0


def _with_coding(headers: Mapping[str, str], coding: str | None) -> dict[str, str]:
    vary = ", ".join(filter(None, [headers.get("Vary"), "Accept-Encoding"]))
    return {**headers, "Vary": vary, **({"Content-Encoding": coding} if coding else {})}


@lru_cache(maxsize=512)
def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:16]


@lru_cache(maxsize=512)
def _compress(body: bytes, coding: str) -> bytes:
    return ENCODERS[coding](body)
