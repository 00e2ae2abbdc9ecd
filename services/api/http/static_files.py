"""The page's files on their way: as they are written, without comments, and compressed."""

import gzip
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path

import brotli
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import FileResponse, Response

from services.api.http.conditional import etag_matches

REVALIDATE = "no-cache"
"""Cache-Control of page and files: kept by the browser, and asked about (ETag, 304) before each use."""

COMMENTED = {".css", ".js"}
TEXTS = COMMENTED | {".html", ".svg", ".webmanifest"}

COMMENT = re.compile(r"^[ \t]*(?:/\*(?:(?!\*/).)*\*/[ \t]*|//[^\n]*)$|/\*\* @[^\n]*?\*/ ?", re.DOTALL | re.MULTILINE)
"""One that has its lines to itself, or a type inside a line: all that we write. A third of what would be sent.

Lines keep their numbers, so that what a browser says about one is true of the file. A test holds what is left to be
the same program.
"""

INDENTATION = re.compile(r"^[ \t]+", re.MULTILINE)

SPACE = re.compile(r"""("[^"]*")|\s*([{};,])\s*""")
"""A string of a style sheet, or what parts two things there with the white space around it."""

VALUE = re.compile(r"(?<=[{;])([a-z-]+): ")
"""What stands between a property and its value, where no other white space is."""

PACKERS: Mapping[str, Callable[[bytes], bytes]] = {"br": brotli.compress, "gzip": gzip.compress}
"""By content coding, the better one first; both at their best, since each file is packed once."""


async def packed(file: FileResponse, asked: Headers) -> Response:
    """The file in the best coding that the request takes; as it lies there, if it takes none or is no text."""
    path = Path(file.path)
    if path.suffix not in TEXTS:
        return file
    accepted = {word.strip() for word in asked.get("accept-encoding", "").lower().split(",")}
    coding = next((coding for coding in PACKERS if coding in accepted), None)
    file.headers["Vary"] = "Accept-Encoding"
    if coding is None:
        return file
    found = await run_in_threadpool(path.stat)
    etag = f'"{found.st_mtime_ns:x}-{found.st_size:x}-{coding}"'
    headers = {name: value for name, value in file.headers.items() if name not in {"content-length", "etag"}}
    headers |= {"ETag": etag, "Content-Encoding": coding}
    if etag_matches(asked.get("if-none-match"), etag, weak=True):
        return Response(status_code=304, headers=headers)
    return Response(await run_in_threadpool(_packed, path, coding, etag), headers=headers)


@lru_cache(maxsize=512)
def _packed(path: Path, coding: str, _etag: str) -> bytes:
    text = path.read_text()
    if path.suffix in COMMENTED:
        text = bare(text)
    return PACKERS[coding]((tight(text) if path.suffix == ".css" else text).encode())


def bare(text: str) -> str:
    """A script or style sheet without its comments and indentation, line for line."""
    return INDENTATION.sub("", COMMENT.sub(lambda comment: "\n" * comment[0].count("\n"), text))


def tight(style: str) -> str:
    """A style sheet without white space where none is needed: nothing ever says in which line of it something is."""
    return VALUE.sub(r"\1:", SPACE.sub(lambda found: found[1] or found[2], style))
