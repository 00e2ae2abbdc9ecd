"""Send a server audio within its limits: whole if possible, otherwise in WAV chunks that are cut at pauses."""

import io
import time
import wave
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import structlog

from services.transcriber.audio.blocks import MAX_BLOCK_S, decode_blocks
from services.transcriber.audio.decode import SAMPLE_RATE
from services.transcriber.audio.fetch import FetchedAudio
from services.transcriber.audio.samples import Samples
from services.transcriber.errors import CancellationCheck
from services.transcriber.recognizers.not_understood import note_not_understood
from services.transcriber.recognizers.recognizer import (
    FileRefused,
    OnProgress,
    Passage,
    Recognition,
    RecognizerUnavailable,
    join_languages,
)
from services.transcriber.settings import MIN_WHISPER_MAX_BYTES

log = structlog.get_logger(__name__)

SAMPLE_BYTES = 2
HEADER_BYTES = 44
"""Of a WAV file. Every server reads WAV, and its size is known in advance: five minutes are 9.6 MB. FLAC would be half
of that, and Opus a tenth, but Opus would encode the audio a second time."""

MIN_CHUNK_S = 0.1
"""OpenAI refuses shorter audio, and it holds no word."""

RETRY_DELAYS_S = (2.0, 15.0)
"""Before a chunk is sent again. A restart takes no longer; a longer fault ends the attempt."""

MIN_LANGUAGE_CHARS = 200
"""Characters of a chunk that make its detected language reliable."""

TranscribeFile = Callable[[FetchedAudio, str | None, str], Recognition]
"""Sends one file to a server, with the language if it is known, and a suffix that makes the request's id unique."""


def transcribe_within_limit(
    audio: FetchedAudio,
    max_bytes: int,
    transcribe_file: TranscribeFile,
    *,
    check_cancelled: CancellationCheck,
    on_progress: OnProgress,
    language: str | None,
) -> Recognition:
    """Transcribe the file as it is if it is plain and has at most `max_bytes` (0: no limit), otherwise in chunks.

    A server may have a limit of bytes or minutes that is not configured, or may not know the container: a file that it
    refuses is sent once more, in WAV chunks. Raises the errors of `transcribe_file`.
    """
    if audio.is_plain and (not max_bytes or audio.size <= max_bytes):
        try:
            return note_not_understood(transcribe_file(audio, language, ""), audio, check_cancelled)
        except FileRefused as error:
            log.info("the server refused the file; sending it in chunks", bytes=audio.size, reason=str(error))
            # The limit may be that of a proxy before the server. The smallest common one is 1 MiB.
            max_bytes = MIN_WHISPER_MAX_BYTES if error.is_too_large else max_bytes
    detected_language, texts = None, []
    parts: list[tuple[list[Passage], str | None]] = []
    not_understood: list[tuple[int, int]] = []
    for number, (start_ms, chunk) in enumerate(split_chunks(audio, max_bytes)):
        # Closed here: httpx' request and response refer to each other, and keep the chunk until a garbage collection.
        with chunk.file:
            recognition = _transcribe_with_retries(
                transcribe_file, chunk, language or detected_language, f"-{number}", check_cancelled
            )
            recognition = note_not_understood(recognition, chunk, check_cancelled)
        # A few words in noise may be detected as any language, and must not decide on the chunks that follow.
        if not detected_language and len(recognition.text) >= MIN_LANGUAGE_CHARS:
            detected_language = recognition.language
        texts.append(recognition.text)
        parts.append(([_shift(passage, start_ms) for passage in recognition.passages], recognition.language))
        not_understood += [(begin + start_ms, end + start_ms) for begin, end in recognition.not_understood]
        on_progress(start_ms + chunk.duration_ms, recognition.text)
    passages, most_common = join_languages(parts)
    return Recognition(" ".join(filter(None, texts)), most_common, passages, not_understood=not_understood)


def _transcribe_with_retries(
    transcribe_file: TranscribeFile,
    chunk: FetchedAudio,
    language: str | None,
    id_suffix: str,
    check_cancelled: CancellationCheck,
) -> Recognition:
    """Transcribe one chunk. A fault of some seconds does not cost the chunks before it."""
    for number, delay_s in enumerate(RETRY_DELAYS_S):
        check_cancelled()
        try:
            return transcribe_file(chunk, language, f"{id_suffix}-{number}")
        except RecognizerUnavailable as error:
            wait_s = max(delay_s, error.retry_after_s or 0)
            if wait_s > max(RETRY_DELAYS_S):
                raise
            log.warning("a chunk failed; retrying", chunk=id_suffix, reason=str(error), retry_in_s=wait_s)
        deadline = time.monotonic() + wait_s
        while (remaining_s := deadline - time.monotonic()) > 0:
            time.sleep(min(1.0, remaining_s))
            check_cancelled()
    check_cancelled()
    return transcribe_file(chunk, language, f"{id_suffix}-{len(RETRY_DELAYS_S)}")


def split_chunks(audio: FetchedAudio, max_bytes: int) -> Iterator[tuple[int, FetchedAudio]]:
    """Yield each chunk's start in milliseconds and the chunk. One chunk is in memory at a time."""
    max_s = (max_bytes - HEADER_BYTES) // (SAMPLE_RATE * SAMPLE_BYTES) if max_bytes else MAX_BLOCK_S
    for start_ms, samples in decode_blocks(audio.file, min(max_s, MAX_BLOCK_S), audio.track):
        if len(samples) >= MIN_CHUNK_S * SAMPLE_RATE:
            yield start_ms, to_wav(samples)


def to_wav(samples: Samples) -> FetchedAudio:
    file = io.BytesIO()
    with wave.open(file, "wb") as output:
        output.setnchannels(1)
        output.setsampwidth(SAMPLE_BYTES)
        output.setframerate(SAMPLE_RATE)
        output.writeframes((samples.clip(-1, 1) * np.iinfo(np.int16).max).astype("<i2").tobytes())
    return FetchedAudio(file, file.getbuffer().nbytes, "audio/wav", ".wav", len(samples) * 1000 // SAMPLE_RATE)


def _shift(passage: Passage, by_ms: int) -> Passage:
    words = [replace(word, start_ms=word.start_ms + by_ms, end_ms=word.end_ms + by_ms) for word in passage.words]
    return replace(passage, start_ms=passage.start_ms + by_ms, end_ms=passage.end_ms + by_ms, words=words)
