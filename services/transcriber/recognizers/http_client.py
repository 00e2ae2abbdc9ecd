"""HTTP to a Whisper server: time limits, cancellation, and the errors that its responses stand for."""

import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn

import httpx

from services.transcriber.audio.fetch import FetchedAudio
from services.transcriber.errors import CancellationCheck
from services.transcriber.recognizers.recognizer import (
    FileRefused,
    RecognizerBusy,
    RecognizerMisconfigured,
    RecognizerUnavailable,
)

CONNECT_TIMEOUT_S = 10
"""A server that sleeps behind a proxy accepts the connection at once and wakes up later."""

MAX_REALTIME_FACTOR = 2
"""Times the audio's length that a slow server may need."""

MAX_WAIT_S = 3 * 3600
"""Longest wait for one response, whatever length a file claims to have."""

MAX_ANSWER_BYTES, MAX_ANSWER_BYTES_PER_S = 1_000_000, 4_000
"""Longest response: a fixed part, and a part for each second of audio. Three words a second with their times, the
segments around them and Whisper's tokens take 1,000."""

MAX_REASON_CHARS = 300
"""Characters of a server's own error message that are passed on."""

CANCEL_CHECK_INTERVAL_S = 1.0
"""How often a clip that waits for a response checks whether it still must be transcribed."""

TIMED_OUT = "The Whisper server did not answer in time."


def open_client(api_key: str = "") -> httpx.Client:
    """A client for all threads. It keeps no connection: a proxy would drop one in the minutes between two clips."""
    return httpx.Client(
        # Not compressed: a small compressed response may be endless when it is unpacked.
        headers={"Accept-Encoding": "identity"} | ({"Authorization": f"Bearer {api_key}"} if api_key else {}),
        limits=httpx.Limits(max_keepalive_connections=0),
    )


def timeout_for(audio: FetchedAudio, base_s: float) -> httpx.Timeout:
    """Scaled to the audio: the server sends nothing until it has transcribed all of it."""
    response_s = min(base_s + MAX_REALTIME_FACTOR * audio.duration_ms / 1000, MAX_WAIT_S)
    return httpx.Timeout(response_s, connect=min(CONNECT_TIMEOUT_S, base_s))


def send(
    client: httpx.Client, request: httpx.Request, audio: FetchedAudio, check_cancelled: CancellationCheck
) -> httpx.Response:
    """Send the request and read the response. Raises `RecognizerUnavailable`, and what `check_cancelled` raises."""
    max_bytes = MAX_ANSWER_BYTES + MAX_ANSWER_BYTES_PER_S * audio.duration_ms // 1000
    with _deadline(request, check_cancelled) as is_over:
        try:
            with closing(client.send(request, stream=True)) as stream:
                response = _read(stream, max_bytes)
        except httpx.HTTPError as error:
            check_cancelled()
            if is_over.is_set() or isinstance(error, httpx.TimeoutException):
                sentence = TIMED_OUT
            elif isinstance(error, httpx.ConnectError):
                sentence = "The Whisper server could not be reached."
            else:
                sentence = "The Whisper server broke off the connection."
            raise RecognizerUnavailable(sentence) from error
    check_cancelled()
    if is_over.is_set():  # a response that ends with its connection looks complete when the connection is cut
        raise RecognizerUnavailable(TIMED_OUT)
    return response


@contextmanager
def _deadline(request: httpx.Request, check_cancelled: CancellationCheck) -> Iterator[threading.Event]:
    """Cut the connection when the time is over or the check raises. Yield the event that is set then.

    httpx' timeouts are for each read and write: a response that drips, or is announced again and again, never exceeds
    them.
    """
    is_over = threading.Event()
    sockets: list[socket.socket] = []

    def cut_connections() -> None:
        is_over.set()
        for each in sockets:
            with suppress(OSError):
                # Not the TLS socket's own `shutdown`: it would unwrap the stream that the other thread reads.
                socket.socket.shutdown(each, socket.SHUT_RDWR)

    def trace(event: str, info: Mapping[str, Any]) -> None:
        if event.endswith((".connect_tcp.complete", ".start_tls.complete")):
            sockets.append(info["return_value"].get_extra_info("socket"))
            if is_over.is_set():
                cut_connections()

    request.extensions["trace"] = trace
    deadline = time.monotonic() + request.extensions["timeout"]["read"]
    is_done = threading.Event()

    def watch() -> None:
        try:
            while not is_done.wait(max(0.0, min(CANCEL_CHECK_INTERVAL_S, deadline - time.monotonic()))):
                check_cancelled()
                if time.monotonic() >= deadline:
                    return cut_connections()
        except Exception:
            cut_connections()  # the sender calls the check again, and gets its error

    threading.Thread(target=watch, name="deadline", daemon=True).start()
    try:
        yield is_over
    finally:
        is_done.set()


def _read(stream: httpx.Response, max_bytes: int) -> httpx.Response:
    """The response with its content. Raises `RecognizerUnavailable` if the content is too long."""
    content = bytearray()
    for block in stream.iter_bytes():
        content += block
        if len(content) > max_bytes:
            raise RecognizerUnavailable("The Whisper server's answer is longer than any transcript of this audio.")
    headers = {name: stream.headers[name] for name in ("Content-Type", "Retry-After") if name in stream.headers}
    return httpx.Response(stream.status_code, headers=headers, content=bytes(content))


def raise_error_for(response: httpx.Response) -> NoReturn:
    """Raise the error that a response without a transcript stands for, by its status."""
    status = response.status_code
    if status in {202, 409, 429}:
        raise RecognizerBusy(f"The Whisper server is busy ({status}: {reason(response)}).", retry_after_s(response))
    if status == 408 or status >= 500:
        sentence = f"The Whisper server is in trouble ({status}: {reason(response)})."
        raise RecognizerUnavailable(sentence, retry_after_s(response))
    if status in {401, 402, 403}:
        raise RecognizerMisconfigured(
            f"The Whisper server does not let us in ({status}); its key is set with WHISPER_API_KEY."
        )
    if status in {404, 405}:
        raise RecognizerMisconfigured(
            f"The Whisper server knows nothing at this address, or not this model ({status}: {reason(response)}); "
            "they are set with WHISPER_URL and WHISPER_MODEL."
        )
    if status == 413:
        raise FileRefused(
            f"The Whisper server takes no audio of this size ({status}): {reason(response)}; "
            "WHISPER_MAX_BYTES can be set to what it takes.",
            is_too_large=True,
        )
    if status >= 400:
        raise FileRefused(f"The Whisper server refused this audio ({status}): {reason(response)}")
    raise RecognizerUnavailable(f"The Whisper server answered {status} and no transcript; WHISPER_URL may be wrong.")


def parse_object(response: httpx.Response) -> dict[str, Any]:
    """The JSON object of a success. Anything else may come from a proxy: raises `RecognizerUnavailable`."""
    try:
        body = response.json()
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise not_a_transcript()
    return body


def not_a_transcript() -> RecognizerUnavailable:
    return RecognizerUnavailable("The Whisper server answered with something that is no transcript.")


def retry_after_s(response: httpx.Response) -> float | None:
    """The delay that the server asks for, in seconds or as a date (RFC 9110, 10.2.3)."""
    header_value = response.headers.get("Retry-After", "").strip()
    if header_value.isascii() and header_value.isdigit():
        return float(header_value)
    try:
        return max(0.0, parsedate_to_datetime(header_value).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def reason(response: httpx.Response) -> str:
    """The server's own error message: `{"error": {"message"}}`, `{"detail"}` and the like, or plain text."""
    try:
        body: Any = response.json()
    except (ValueError, RecursionError):
        body = response.text
    while isinstance(body, dict | list):
        if isinstance(body, dict):
            body = next((body[key] for key in ("error", "message", "detail", "msg") if body.get(key)), "")
        else:
            body = body[0] if body else ""
    return clean_text(str(body))[:MAX_REASON_CHARS] or "it gave no reason"


def clean_text(text: str) -> str:
    """One line of characters that every database accepts: no NUL, no lone surrogates."""
    return " ".join(text.replace("\0", " ").encode(errors="replace").decode().split())
