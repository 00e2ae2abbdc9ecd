"""What the two kinds of Whisper server have in common: how long to wait, and which faults are worth another try."""

import time
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn

import httpx

from services.transcriber.recognizers import Passage, RecognizerBusy, RecognizerUnavailable, Word, joined
from services.transcriber.sound import AudioRejected, FetchedAudio
from shared.languages import CODES

CONNECT_S = 10
"""Seconds for a connection: a server that sleeps behind a proxy accepts at once and wakes up later."""

SLOWEST = 2
"""Times the audio's length that a slow server may need."""

LONGEST_WAIT_S = 3 * 3600
"""Longest wait for one answer, whatever length a file claims to have."""

REASON_LENGTH = 300
"""Characters of a server's own words that are passed on."""


def client(api_key: str = "") -> httpx.Client:
    """One for all threads. It keeps no connection: in the minutes between two clips a proxy would have dropped it."""
    return httpx.Client(
        headers={"Authorization": f"Bearer {api_key}"} if api_key else {},
        limits=httpx.Limits(max_keepalive_connections=0),
    )


def patience(audio: FetchedAudio, base_s: float) -> httpx.Timeout:
    """Scaled to the audio: nothing arrives until the server has heard all of it."""
    answer_s = min(base_s + SLOWEST * audio.duration_ms / 1000, LONGEST_WAIT_S)
    return httpx.Timeout(answer_s, connect=min(CONNECT_S, base_s))


def send(client: httpx.Client, request: httpx.Request) -> httpx.Response:
    """Send, and say in a sentence why no answer came."""
    try:
        return client.send(request)
    except httpx.TimeoutException as error:
        raise RecognizerUnavailable("The Whisper server did not answer in time.") from error
    except httpx.HTTPError as error:
        raise RecognizerUnavailable("The Whisper server could not be reached.") from error


def refuse(response: httpx.Response) -> NoReturn:
    """Turn an answer that is no success into the exception that says whether to come back."""
    status = response.status_code
    if status in {202, 409, 429}:
        raise RecognizerBusy("The Whisper server is busy.", retry_after(response))
    if status == 408 or status >= 500:
        raise RecognizerUnavailable(f"The Whisper server is in trouble (it answered {status}).", retry_after(response))
    if status in {401, 403}:
        raise AudioRejected(f"The Whisper server does not let us in ({status}); its key is set with WHISPER_API_KEY.")
    if status in {404, 405}:
        raise AudioRejected(f"The Whisper server knows nothing at this address ({status}); it is set with WHISPER_URL.")
    if status >= 400:
        raise AudioRejected(f"The Whisper server refused this audio ({status}): {reason(response)}")
    raise RecognizerUnavailable(f"The Whisper server answered {status} and no transcript; WHISPER_URL may be wrong.")


def answer(response: httpx.Response) -> dict[str, Any]:
    """The JSON object of a success; anything else may come from a proxy, and is worth another try."""
    try:
        body = response.json()
    except ValueError:
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
    except ValueError:
        return None


def reason(response: httpx.Response) -> str:
    """The server's own words, from the shapes that servers use: `{"error": {"message"}}`, `{"detail"}`, plain text."""
    try:
        found: Any = response.json()
    except ValueError:
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


def passages(found: Any, words: Any = None) -> list[Passage]:
    """Whisper's `segments`, and its `words`, which stand beside them at OpenAI and inside them at others."""
    try:
        loose = joined(_word(word) for word in words or ())
        return [
            Passage(
                start_ms := _ms(segment["start"]),
                end_ms := _ms(segment["end"]),
                text,
                joined(_word(word) for word in segment.get("words") or ())
                or [word for word in loose if start_ms <= (word.start_ms + word.end_ms) / 2 < end_ms],
            )
            for segment in found or ()
            if (text := clean(str(segment["text"])))
        ]
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise nonsense() from error


def _word(found: dict[str, Any]) -> Word:
    text = found["word"] if "word" in found else found["text"]
    return Word(_ms(found["start"]), _ms(found["end"]), clean(str(text)))


def _ms(seconds: float) -> int:
    return max(0, round(float(seconds) * 1000))


def language_code(found: Any) -> str | None:
    """`en` for `en`, `EN` and `english`: OpenAI's server gives names."""
    if not isinstance(found, str) or not found:
        return None
    name = found.strip().lower()
    return CODES.get(name, name if len(name) <= 3 else None)
