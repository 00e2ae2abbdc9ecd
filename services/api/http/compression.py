"""Compression of answers that are text: lists, clips, transcripts, the page.

Only whole bodies are compressed. What streams is sound or a zip, which is compressed already. Starlette's
`GZipMiddleware` has no Brotli, and gives the compressed answer the entity tag of the plain one.
"""

import gzip
from collections.abc import Callable, Mapping

import brotli
from anyio import to_thread
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.api.http.conditional import coded_etag
from services.api.http.static_files import best_coding

MIN_BYTES = 1_000
"""Bytes of a body that is compressed: a shorter one fits into one packet anyway."""

MAX_INLINE_BYTES = 16 * 1024
"""Bytes that are compressed on the event loop, within a quarter of a millisecond. More is a thread's work."""

TEXT_TYPES = frozenset(
    {
        "application/json",
        "application/problem+json",
        "application/x-subrip",
        "text/html",
        "text/javascript",
        "text/markdown",
        "text/plain",
        "text/vtt",
    }
)

ENCODERS: Mapping[str, Callable[[bytes], bytes]] = {
    "br": lambda body: brotli.compress(body, mode=brotli.MODE_TEXT, quality=4),
    "gzip": lambda body: gzip.compress(body, compresslevel=5, mtime=0),
}
"""Levels for what is compressed anew with each request: a tenth larger than the best, in a twentieth of its time."""


class CompressionMiddleware:
    """Compress a body in the coding that the client likes best. Its entity tag names the coding (RFC 9110, 8.8.3.3).

    Pages of other sites read nothing here (`services.api.http.middleware`), so the length of an answer tells them
    nothing of what is in it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_headers = Headers(scope=scope)
        coding = best_coding(request_headers.get("accept-encoding", ""))
        start: Message | None = None

        async def send_compressed(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                if coding and message["status"] == 304:
                    _name_coding(message, coding, request_headers.get("if-none-match", ""))
                elif _is_text(message):
                    start = message  # its head depends on its body
                    return
            elif start is not None:
                if coding and not message.get("more_body") and len(message.get("body", b"")) >= MIN_BYTES:
                    await _compress(start, message, coding)
                await send(start)
                start = None
            await send(message)

        await self._app(scope, receive, send_compressed)


def _is_text(start: Message) -> bool:
    """Whether the body may be compressed. The answer then says that it varies with what the client accepts."""
    headers = MutableHeaders(scope=start)
    content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type not in TEXT_TYPES or start["status"] == 206 or "content-encoding" in headers:
        return False
    if "accept-encoding" not in headers.get("vary", "").lower():
        headers.add_vary_header("Accept-Encoding")
    return True


async def _compress(start: Message, body: Message, coding: str) -> None:
    encode, plain = ENCODERS[coding], body["body"]
    is_long = len(plain) > MAX_INLINE_BYTES
    body["body"] = await to_thread.run_sync(encode, plain) if is_long else encode(plain)
    headers = MutableHeaders(scope=start)
    headers["Content-Encoding"] = coding
    headers["Content-Length"] = str(len(body["body"]))
    if etag := headers.get("etag"):
        headers["ETag"] = coded_etag(etag, coding)


def _name_coding(start: Message, coding: str, if_none_match: str) -> None:
    """Answer 304 with the entity tag that the client has: that of a compressed body, if it asked with that."""
    headers = MutableHeaders(scope=start)
    etag = headers.get("etag")
    if etag and (coded := coded_etag(etag, coding)) in if_none_match:
        headers["ETag"] = coded
