"""Speech that a server left without words. The embedded engine notes its own, in `block.py`."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from services.transcriber.audio.blocks import decode_blocks
from services.transcriber.audio.decode import SAMPLE_RATE
from services.transcriber.audio.fetch import FetchedAudio
from services.transcriber.errors import AudioRejected, CancellationCheck
from services.transcriber.recognizers.missed_speech import (
    MIN_NOT_UNDERSTOOD_S,
    find_missed_speech,
    spans_without_words,
    spoken_spans,
)
from services.transcriber.recognizers.recognizer import Recognition
from services.transcriber.recognizers.voice_activity import SpeechSpan, detect_speech, is_installed


def note_not_understood(
    recognition: Recognition, audio: FetchedAudio, check_cancelled: CancellationCheck
) -> Recognition:
    """The server's answer, with the stretches in which somebody speaks and that it has no words for.

    The file is decoded once more only where the answer leaves so long a stretch without words, and only such stretches
    are searched: an hour of Opus takes 12 s of one core, and at most 8 s more (less than 0.6 % of its length). Nothing
    is noted where the detector is not installed.
    """
    spoken = list(spoken_spans(recognition.passages))
    duration_s = audio.duration_ms / 1000
    if not is_installed() or not any(spans_without_words(spoken, duration_s, MIN_NOT_UNDERSTOOD_S)):
        return recognition
    try:
        return replace(recognition, not_understood=list(_find_not_understood(spoken, audio, check_cancelled)))
    except AudioRejected:  # the server reads what this process does not
        return recognition


def _find_not_understood(
    spoken: Sequence[SpeechSpan], audio: FetchedAudio, check_cancelled: CancellationCheck
) -> Iterator[tuple[int, int]]:
    """Start and end of each stretch, in milliseconds."""
    for start_ms, samples in decode_blocks(audio.file, track=audio.track):
        check_cancelled()
        start_s, end_s = start_ms / 1000, start_ms / 1000 + len(samples) / SAMPLE_RATE
        in_block = [(start - start_s, min(end, end_s) - start_s) for start, end in spoken if start < end_s]
        for start, end in find_missed_speech(in_block, samples, detect_speech, MIN_NOT_UNDERSTOOD_S):
            yield start_ms + round(start * 1000), start_ms + round(end * 1000)
