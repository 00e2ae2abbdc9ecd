"""Entity tags and byte ranges (RFC 9110, sections 13 and 14)."""

import re

from services.api.http.errors import Problem

_RANGE = re.compile(r"bytes=\s*(\d{0,18})-(\d{0,18})\s*", re.ASCII)


def byte_range(asked: str, size: int) -> tuple[int, int] | None:
    """First byte and the one after the last of a Range header (RFC 9110, section 14.2), or None to send the whole.

    Several ranges and other units may be answered with the whole; a range that begins behind the end is a `Problem`.
    """
    match = _RANGE.fullmatch(asked)
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
    """Whether an If-Match or If-None-Match header (RFC 9110, section 13.1) names this entity tag."""
    if header is None:
        return False
    tags = (tag.strip() for tag in header.split(","))
    return any(tag in {"*", etag} or (weak and tag == f"W/{etag}") for tag in tags)
