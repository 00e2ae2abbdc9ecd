"""Audio that a server does not take as it is: sent in pieces, which are cut at pauses, as plain sound."""

import io
import time
import wave
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import structlog

from services.transcriber.audio.blocks import BLOCK_S
from services.transcriber.audio.decode import RATE, Samples
from services.transcriber.audio.fetch import FetchedAudio
from services.transcriber.recognizers.recognizer import NotTaken, Passage, Recognition, RecognizerUnavailable, Tell
from services.transcriber.settings import LEAST_MAX_BYTES

log = structlog.get_logger(__name__)

SAMPLE_BYTES = 2
HEADER_BYTES = 44
"""Of a WAV file. WAV is what every server reads, and its size is known before it is made: five minutes are 9.6 MB.
FLAC would be half of that; Opus a tenth, but the sound would have been encoded twice."""

LEAST_S = 0.1
"""Shorter ones are refused by OpenAI, and hold no word."""

PAUSES_S = (2.0, 15.0)
"""Before a piece is sent again: a restart takes no longer. What takes longer is a fault of the whole clip."""

KNOWN_BY = 200
"""Characters of a piece by which its language is known."""

Hear = Callable[[FetchedAudio, str | None, str], Recognition]
"""Asks a server about one file; given the language, if it is known, and what makes this file's id another one."""


def heard(
    audio: FetchedAudio,
    most_bytes: int,
    hear: Hear,
    *,
    check: Callable[[], None],
    tell: Tell,
    language: str | None,
) -> Recognition:
    """Have audio heard as it is, if it has at most so many bytes (0: however many), otherwise in pieces.

    A server may have a limit, of bytes or of minutes, that we do not know of, or may not know the container. What it
    did not take as a file it is given as plain sound, once. Raises what `hear` raises.
    """
    if not most_bytes or audio.size <= most_bytes:
        try:
            return hear(audio, language, "")
        except NotTaken as refused:
            log.info("the server does not take the file; it is sent in pieces", bytes=audio.size, reason=str(refused))
            # Its limit may be that of a proxy before it, and the smallest common one is 1 MiB.
            most_bytes = LEAST_MAX_BYTES if refused.is_too_large else most_bytes
    spoken, texts, passages = None, [], []
    languages: Counter[str] = Counter()
    for number, (start_ms, piece) in enumerate(cut(audio, most_bytes)):
        with piece.file:  # httpx' request and response hold each other, and would hold it until the collector comes
            found = _again_and_again(hear, piece, language or spoken, f"-{number}", check)
        if found.language:
            languages[found.language] += len(found.text)
            # Some words in noise may be taken for any language; all others are not to be heard in it.
            spoken = spoken or (found.language if len(found.text) >= KNOWN_BY else None)
        texts.append(found.text)
        passages += [_later(passage, start_ms) for passage in found.passages]
        tell(start_ms + piece.duration_ms, found.text)
    most = languages.most_common(1)
    return Recognition(" ".join(filter(None, texts)), most[0][0] if most else None, passages)


def _again_and_again(
    hear: Hear, piece: FetchedAudio, language: str | None, part: str, check: Callable[[], None]
) -> Recognition:
    """Hear one piece; a fault that passes in seconds does not cost those that were heard before it."""
    for number, pause_s in enumerate(PAUSES_S):
        check()
        try:
            return hear(piece, language, f"{part}-{number}")
        except RecognizerUnavailable as error:
            wait_s = max(pause_s, error.retry_after_s or 0)
            if wait_s > max(PAUSES_S):
                raise
            log.warning("a piece is sent again", part=part, reason=str(error), in_s=wait_s)
        until = time.monotonic() + wait_s
        while (left_s := until - time.monotonic()) > 0:
            time.sleep(min(1.0, left_s))
            check()
    check()
    return hear(piece, language, f"{part}-{len(PAUSES_S)}")


def cut(audio: FetchedAudio, most_bytes: int) -> Iterator[tuple[int, FetchedAudio]]:
    """Yield each piece's start in milliseconds and the piece; one is in memory at a time."""
    longest_s = (most_bytes - HEADER_BYTES) // (RATE * SAMPLE_BYTES) if most_bytes else BLOCK_S
    for start_ms, samples in audio.blocks(min(longest_s, BLOCK_S)):
        if len(samples) >= LEAST_S * RATE:
            yield start_ms, as_wav(samples)


def as_wav(samples: Samples) -> FetchedAudio:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(SAMPLE_BYTES)
        sound.setframerate(RATE)
        sound.writeframes((samples.clip(-1, 1) * np.iinfo(np.int16).max).astype("<i2").tobytes())
    return FetchedAudio(file, file.getbuffer().nbytes, "audio/wav", ".wav", len(samples) * 1000 // RATE)


def _later(passage: Passage, by_ms: int) -> Passage:
    words = [replace(word, start_ms=word.start_ms + by_ms, end_ms=word.end_ms + by_ms) for word in passage.words]
    return Passage(passage.start_ms + by_ms, passage.end_ms + by_ms, passage.text, words)
