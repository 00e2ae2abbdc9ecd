"""Static files for browsers: comments removed, compressed, revalidated."""

import gzip
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import brotli
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import FileResponse, Response

from services.api.http.conditional import etag_matches

REVALIDATE = "no-cache"
"""Cache-Control of the page and its files: browsers keep them, and revalidate (ETag, 304) before each use."""

STRIPPED_SUFFIXES = {".css", ".js"}
TEXT_SUFFIXES = STRIPPED_SUFFIXES | {".html", ".svg", ".webmanifest"}

COMMENT = re.compile(r"^[ \t]*(?:/\*(?:(?!\*/).)*\*/[ \t]*|//[^\n]*)$|/\*\* @[^\n]*?\*/ ?", re.DOTALL | re.MULTILINE)
"""A comment that has its lines to itself, or a JSDoc type inside a line: the kinds that our files have.

Comments are a third of the bytes. Their line breaks stay, so that line numbers in a browser's error messages hold for
the file. A test holds the stripped script to be the same program.
"""

INDENTATION = re.compile(r"^[ \t]+", re.MULTILINE)

CSS_WHITE_SPACE = re.compile(r"""("[^"]*")|\s*([{};,])\s*""")
"""A string (group 1), or a separator (group 2) with the white space around it."""

CSS_COLON = re.compile(r"(?<=[{;])([a-z-]+): ")
"""A property's name (group 1) and the colon behind it, after `CSS_WHITE_SPACE` was applied."""

ENCODERS: Mapping[str, Callable[[bytes], bytes]] = {"br": brotli.compress, "gzip": gzip.compress}
"""By content coding, the better one first; both at their best level, since each file is compressed once."""


_WEIGHT = re.compile(r"q\s*=\s*(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)")


async def compressed(file: FileResponse, request_headers: Headers) -> Response:
    """The file in the best content coding that the client accepts; unchanged if there is none, or if it is no text."""
    path = Path(file.path)
    if path.suffix not in TEXT_SUFFIXES:
        return file
    coding = best_coding(request_headers.get("accept-encoding", ""))
    file.headers["Vary"] = "Accept-Encoding"
    if coding is None:
        return file
    stat = await run_in_threadpool(path.stat)
    etag = f'"{stat.st_mtime_ns:x}-{stat.st_size:x}-{coding}"'
    headers = {name: value for name, value in file.headers.items() if name not in {"content-length", "etag"}}
    headers |= {"ETag": etag, "Content-Encoding": coding}
    if etag_matches(request_headers.get("if-none-match"), etag, weak=True):
        return Response(status_code=304, headers=headers)
    return Response(await run_in_threadpool(_compress, path, coding, etag), headers=headers)


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


@lru_cache(maxsize=512)
def _compress(path: Path, coding: str, _etag: str) -> bytes:
    text = path.read_text()
    if path.suffix in STRIPPED_SUFFIXES:
        text = strip_comments(text)
    if path.suffix == ".css":
        text = minify_css(text)
    return ENCODERS[coding](text.encode())


def strip_comments(text: str) -> str:
    """Remove comments and indentation of a script or style sheet; every line keeps its number."""
    return INDENTATION.sub("", COMMENT.sub(lambda comment: "\n" * comment[0].count("\n"), text))


def minify_css(text: str) -> str:
    """Remove the white space that a style sheet does not need. Its line numbers are lost: no message names them."""
    return CSS_COLON.sub(r"\1:", CSS_WHITE_SPACE.sub(lambda match: match[1] or match[2], text))
