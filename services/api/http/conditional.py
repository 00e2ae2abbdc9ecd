"""Entity tags and byte ranges (RFC 9110, sections 13 and 14)."""

import re

from services.api.http.errors import Problem

PRIVATE = "private, no-cache"
"""Cache-Control of what people said: browsers keep and revalidate it, caches that serve several people do not."""

_CODING = re.compile(r'-(?:br|gzip)"$')

_RANGE = re.compile(r"bytes=\s*(\d{0,18})-(\d{0,18})\s*", re.ASCII)


def byte_range(header: str, size: int) -> tuple[int, int] | None:
    """Parse a Range header (RFC 9110, section 14.2) into start and end (exclusive); None: send everything.

    Several ranges and other units are answered with everything, as the RFC allows. Raises `Problem` for a range that
    begins behind the end.
    """
    match = _RANGE.fullmatch(header)
    if not match or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        start, end = max(size - int(last), 0), size
    else:
        start, end = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < start:
            return None
    if start >= size or start >= end:
        raise Problem("bad-range", f"The audio has {size:,} bytes.", {"Content-Range": f"bytes */{size}"})
    return start, end


def etag_matches(header: str | None, etag: str, *, weak: bool = False) -> bool:
    """Whether an If-Match or If-None-Match header (RFC 9110, section 13.1) names this entity tag.

    `weak` selects the weak comparison of section 8.8.3.2, which If-None-Match asks for. The tag of the same
    representation in another coding (`coded_etag`) names it, too.
    """
    if header is None:
        return False
    tags = (tag.strip() for tag in header.split(","))
    if weak:
        tags = (tag.removeprefix("W/") for tag in tags)
    return any(tag in {"*", etag} or _CODING.sub('"', tag) == etag for tag in tags)


def coded_etag(etag: str, coding: str) -> str:
    """The entity tag of a representation in a content coding: other bytes have another tag (section 8.8.3.3)."""
    return f'{etag[:-1]}-{coding}"'
