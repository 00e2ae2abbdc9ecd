"""Speech that a recognizer passed over: Whisper skips whole sentences in silence, and how many is decided by settings.

So the stretches without words are laid against the speech that is in them; what was passed over is heard again, by
itself. Times here are seconds within one block of samples.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

from services.transcriber.audio.decode import RATE, Samples
from services.transcriber.recognizers.recognizer import Passage, Word

LEAST_S = 1.0
"""Shortest hole: three words. A shorter one may be how somebody drew a breath."""

LONGEST_WORD_S = 1.5
"""No word lasts longer: one that does was stretched over what was passed over behind it."""

MARGIN_S = 0.3
"""Heard on either side of a hole, so that no word is cut."""

Span = tuple[float, float]
"""From where to where, in seconds."""


def wordless(words: Iterable[Span], length_s: float) -> Iterator[Span]:
    """The stretches of a block in which no word was heard, in order, if they are long enough for a hole."""
    at = 0.0
    for start, end in sorted(words):
        if start - at >= LEAST_S:
            yield at, start
        at = max(at, min(end, start + LONGEST_WORD_S))
    if length_s - at >= LEAST_S:
        yield at, length_s


def holes(words: Iterable[Span], samples: Samples, speech_in: Callable[[Samples], list[Span]]) -> Iterator[Span]:
    """The stretches without words in which somebody speaks: from the first sound of speech to the last."""
    for start, end in wordless(words, len(samples) / RATE):
        spoken = speech_in(samples[int(start * RATE) : int(end * RATE)])
        if sum(to - since for since, to in spoken) >= LEAST_S:
            yield start + spoken[0][0], start + spoken[-1][1]


def part_of(passage: Passage, words: Sequence[Word]) -> Passage:
    """The part of a passage with these of its words, cut out of its text: not all scripts part words by spaces."""
    begin = end = at = 0
    for word in passage.words:
        found = passage.text.find(word.text, at)
        if found < 0:  # it is written otherwise there
            return Passage(words[0].start_ms, words[-1].end_ms, " ".join(word.text for word in words), list(words))
        at = found + len(word.text)
        begin = found if word is words[0] else begin
        end = at if word is words[-1] else end
    return Passage(words[0].start_ms, words[-1].end_ms, passage.text[begin:end], list(words))


def woven(passages: Iterable[Passage], found: Iterable[Passage]) -> list[Passage]:
    """The passages in the order of time, with what was found in a hole; one that spans the hole is cut there."""
    added = list(found)
    if not added:
        return list(passages)
    at_ms = added[0].start_ms
    whole: list[Passage] = []
    for passage in passages:
        parts = (
            [word for word in passage.words if word.start_ms < at_ms],
            [word for word in passage.words if word.start_ms >= at_ms],
        )
        whole += [part_of(passage, part) for part in parts] if all(parts) else [passage]
    return sorted([*whole, *added], key=lambda passage: passage.start_ms)
