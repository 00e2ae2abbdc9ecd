"""Speech that a recognizer missed: Whisper skips whole sentences in silence, more or fewer by its settings.

The stretches without words are searched for speech, and each stretch of missed speech is transcribed by itself. Times
are seconds within one block of samples.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from services.transcriber.audio.decode import SAMPLE_RATE
from services.transcriber.audio.samples import Samples
from services.transcriber.recognizers.recognizer import Passage, Word
from services.transcriber.recognizers.voice_activity import SpeechSpan

MIN_MISSED_S = 1.0
"""Three words. A shorter stretch may be a breath."""

MAX_WORD_S = 1.5
"""A longer word was stretched over the speech that was missed behind it."""

MIN_NOT_UNDERSTOOD_S = 2.0
"""Less speech without words is not worth a person's time: a cough, a laugh, a name across the room."""

MARGIN_S = 0.3
"""Added on either side of missed speech before it is transcribed, so that no word is cut."""


def spoken_spans(passages: Iterable[Passage], start_ms: int = 0) -> Iterator[SpeechSpan]:
    """The stretches with words of a block that starts at `start_ms`. A passage whose words are not known is one."""
    for passage in passages:
        spans = [(word.start_ms, min(word.end_ms, word.start_ms + MAX_WORD_S * 1000)) for word in passage.words]
        for begin_ms, end_ms in spans or [(passage.start_ms, passage.end_ms)]:
            yield (begin_ms - start_ms) / 1000, (end_ms - start_ms) / 1000


def spans_without_words(
    spoken: Iterable[SpeechSpan], duration_s: float, min_s: float = MIN_MISSED_S
) -> Iterator[SpeechSpan]:
    """The stretches of a block without words, in order, if they are long enough to hold missed speech."""
    position_s = 0.0
    for start, end in sorted(spoken):
        if start - position_s >= min_s:
            yield position_s, start
        position_s = max(position_s, end)
    if duration_s - position_s >= min_s:
        yield position_s, duration_s


def find_missed_speech(
    spoken: Iterable[SpeechSpan],
    samples: Samples,
    detect_speech: Callable[[Samples], list[SpeechSpan]],
    min_s: float = MIN_MISSED_S,
) -> Iterator[SpeechSpan]:
    """The stretches without words in which somebody speaks for so long, from the first speech to the last."""
    for start, end in spans_without_words(spoken, len(samples) / SAMPLE_RATE, min_s):
        speech = detect_speech(samples[int(start * SAMPLE_RATE) : int(end * SAMPLE_RATE)])
        if sum(speech_end - speech_start for speech_start, speech_end in speech) >= min_s:
            yield start + speech[0][0], start + speech[-1][1]


def is_long_speech(samples: Samples, span: SpeechSpan, detect_speech: Callable[[Samples], list[SpeechSpan]]) -> bool:
    """Whether there is so much speech in a span that a person should know that it has no words."""
    speech = detect_speech(samples[int(span[0] * SAMPLE_RATE) : int(span[1] * SAMPLE_RATE)])
    return sum(end - start for start, end in speech) >= MIN_NOT_UNDERSTOOD_S


def cut_passage(passage: Passage, words: Sequence[Word]) -> Passage:
    """The part of a passage with these of its words. Its text is a slice: not all scripts separate words by spaces."""
    begin = end = position = 0
    for word in passage.words:
        found_at = passage.text.find(word.text, position)
        if found_at < 0:  # the passage's text spells the word differently
            return _with_words(passage, " ".join(word.text for word in words), words)
        position = found_at + len(word.text)
        begin = found_at if word is words[0] else begin
        end = position if word is words[-1] else end
    return _with_words(passage, passage.text[begin:end], words)


def _with_words(passage: Passage, text: str, words: Sequence[Word]) -> Passage:
    return replace(passage, start_ms=words[0].start_ms, end_ms=words[-1].end_ms, text=text, words=list(words))


def merge_passages(passages: Iterable[Passage], missed: Iterable[Passage]) -> list[Passage]:
    """Both kinds of passages by time. A passage that spans the missed ones is cut there."""
    added = list(missed)
    if not added:
        return list(passages)
    at_ms = added[0].start_ms
    merged: list[Passage] = []
    for passage in passages:
        halves = (
            [word for word in passage.words if word.start_ms < at_ms],
            [word for word in passage.words if word.start_ms >= at_ms],
        )
        merged += [cut_passage(passage, half) for half in halves] if all(halves) else [passage]
    return sorted([*merged, *added], key=lambda passage: passage.start_ms)
