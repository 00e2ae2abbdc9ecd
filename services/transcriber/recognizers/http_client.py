"""What both kinds of Whisper server have in common: how long we wait, what is worth another try, what is believed."""

import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn

import httpx

from services.transcriber.audio.fetch import FetchedAudio
from services.transcriber.recognizers.recognizer import (
    NotTaken,
    RecognizerBusy,
    RecognizerUnavailable,
    WronglySet,
)

CONNECT_S = 10
"""Seconds for a connection: a server that sleeps behind a proxy accepts at once and wakes up later."""

SLOWEST = 2
"""Times the audio's length that a slow server may need."""

LONGEST_WAIT_S = 3 * 3600
"""Longest wait for one answer, whatever length a file claims to have."""

ANSWER_BYTES, ANSWER_S_BYTES = 1_000_000, 4_000
"""Longest answer that is read: so much, and so much for each second of audio. Three words a second with their times,
the segments around them and Whisper's tokens take 1,000."""

REASON_LENGTH = 300
"""Characters of a server's own words that are passed on."""

CHECK_S = 1.0
"""How often a clip that waits for an answer asks whether it is still wanted."""

LATE = "The Whisper server did not answer in time."


def client(api_key: str = "") -> httpx.Client:
    """One for all threads. It keeps no connection: in the minutes between two clips a proxy would have dropped it."""
    return httpx.Client(
        # Not compressed: what is small on the wire may be endless when it is unpacked.
        headers={"Accept-Encoding": "identity"} | ({"Authorization": f"Bearer {api_key}"} if api_key else {}),
        limits=httpx.Limits(max_keepalive_connections=0),
    )


def patience(audio: FetchedAudio, base_s: float) -> httpx.Timeout:
    """Scaled to the audio: nothing arrives until the server has heard all of it."""
    answer_s = min(base_s + SLOWEST * audio.duration_ms / 1000, LONGEST_WAIT_S)
    return httpx.Timeout(answer_s, connect=min(CONNECT_S, base_s))


def send(
    client: httpx.Client, request: httpx.Request, audio: FetchedAudio, check: Callable[[], None]
) -> httpx.Response:
    """Send, read the answer, or say in a sentence why none came; `check` raises as soon as nobody wants it any more."""
    most_bytes = ANSWER_BYTES + ANSWER_S_BYTES * audio.duration_ms // 1000
    with _deadline(request, check) as is_over:
        try:
            with closing(client.send(request, stream=True)) as response:
                answer = _read(response, most_bytes)
        except httpx.HTTPError as error:
            check()
            if is_over.is_set() or isinstance(error, httpx.TimeoutException):
                sentence = LATE
            elif isinstance(error, httpx.ConnectError):
                sentence = "The Whisper server could not be reached."
            else:
                sentence = "The Whisper server broke off the connection."
            raise RecognizerUnavailable(sentence) from error
    check()
    if is_over.is_set():  # where the connection's end is the answer's end, a cut one looks whole
        raise RecognizerUnavailable(LATE)
    return answer


@contextmanager
def _deadline(request: httpx.Request, check: Callable[[], None]) -> Iterator[threading.Event]:
    """Break the exchange off when its time is over, or `check` raises, and set the event that it yields.

    httpx' limits are for each read and write: an answer that drips, or that is promised again and again, keeps to them
    for ever.
    """
    is_over = threading.Event()
    sockets: list[socket.socket] = []

    def end() -> None:
        is_over.set()
        for each in sockets:
            with suppress(OSError):
                socket.socket.shutdown(each, socket.SHUT_RDWR)  # not TLS' own farewell, which the other thread reads in

    def trace(event: str, info: Mapping[str, Any]) -> None:
        if event.endswith((".connect_tcp.complete", ".start_tls.complete")):
            sockets.append(info["return_value"].get_extra_info("socket"))
            if is_over.is_set():
                end()

    request.extensions["trace"] = trace
    deadline = time.monotonic() + request.extensions["timeout"]["read"]
    is_done = threading.Event()

    def watch() -> None:
        try:
            while not is_done.wait(max(0.0, min(CHECK_S, deadline - time.monotonic()))):
                check()
                if time.monotonic() >= deadline:
                    return end()
        except Exception:
            end()  # whoever sent it asks `check` again, and hears why

    threading.Thread(target=watch, name="deadline", daemon=True).start()
    try:
        yield is_over
    finally:
        is_done.set()


def _read(response: httpx.Response, most_bytes: int) -> httpx.Response:
    """The answer with all its content, which is not let grow for ever."""
    content = bytearray()
    for piece in response.iter_bytes():
        content += piece
        if len(content) > most_bytes:
            raise RecognizerUnavailable("The Whisper server's answer is longer than any transcript of this audio.")
    headers = {name: response.headers[name] for name in ("Content-Type", "Retry-After") if name in response.headers}
    return httpx.Response(response.status_code, headers=headers, content=bytes(content))


def refuse(response: httpx.Response) -> NoReturn:
    """Turn an answer that is no success into the exception that says whether to come back."""
    status = response.status_code
    if status in {202, 409, 429}:
        raise RecognizerBusy(f"The Whisper server is busy ({status}: {reason(response)}).", retry_after(response))
    if status == 408 or status >= 500:
        sentence = f"The Whisper server is in trouble ({status}: {reason(response)})."
        raise RecognizerUnavailable(sentence, retry_after(response))
    if status in {401, 402, 403}:
        raise WronglySet(f"The Whisper server does not let us in ({status}); its key is set with WHISPER_API_KEY.")
    if status in {404, 405}:
        raise WronglySet(
            f"The Whisper server knows nothing at this address, or not this model ({status}: {reason(response)}); "
            "they are set with WHISPER_URL and WHISPER_MODEL."
        )
    if status == 413:
        raise NotTaken(
            f"The Whisper server takes no audio of this size ({status}): {reason(response)}; "
            "WHISPER_MAX_BYTES can be set to what it takes.",
            is_too_large=True,
        )
    if status >= 400:
        raise NotTaken(f"The Whisper server refused this audio ({status}): {reason(response)}")
    raise RecognizerUnavailable(f"The Whisper server answered {status} and no transcript; WHISPER_URL may be wrong.")


def answer(response: httpx.Response) -> dict[str, Any]:
    """The JSON object of a success; anything else may come from a proxy, and is worth another try."""
    try:
        body = response.json()
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise nonsense()
    return body


def nonsense() -> RecognizerUnavailable:
    return RecognizerUnavailable("The Whisper server answered with something that is no transcript.")


def retry_after(response: httpx.Response) -> float | None:
    """Seconds that the server asks us to wait, given as such or as a date (RFC 9110, 10.2.3)."""
    given = response.headers.get("Retry-After", "").strip()
    if given.isascii() and given.isdigit():
        return float(given)
    try:
        return max(0.0, parsedate_to_datetime(given).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def reason(response: httpx.Response) -> str:
    """The server's own words, from the shapes that servers use: `{"error": {"message"}}`, `{"detail"}`, plain text."""
    try:
        found: Any = response.json()
    except (ValueError, RecursionError):
        found = response.text
    while isinstance(found, dict | list):
        if isinstance(found, dict):
            found = next((found[key] for key in ("error", "message", "detail", "msg") if found.get(key)), "")
        else:
            found = found[0] if found else ""
    return clean(str(found))[:REASON_LENGTH] or "it gave no reason"


def clean(text: str) -> str:
    """One line of characters that every database takes: neither NUL nor halves of surrogate pairs."""
    return " ".join(text.replace("\0", " ").encode(errors="replace").decode().split())
