"""The words of one block of sound by the embedded engine, with what its first pass missed or heard in a wrong language.

Whisper hears a block in one language. Speech in another one it leaves out, translates, or spells as it sounds. So each
stretch without words, and each whose words are doubtful, is heard again in the language that is found in it alone.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from services.transcriber.audio.decode import SAMPLE_RATE
from services.transcriber.audio.samples import Samples
from services.transcriber.errors import CancellationCheck
from services.transcriber.recognizers.hallucinations import is_hallucination
from services.transcriber.recognizers.missed_speech import (
    MARGIN_S,
    cut_passage,
    find_missed_speech,
    is_long_speech,
    merge_passages,
    spoken_spans,
)
from services.transcriber.recognizers.recognizer import OnProgress, Passage, Word, join_hyphenated
from services.transcriber.recognizers.spoken_language import detect_language
from services.transcriber.recognizers.voice_activity import MIN_SILENCE_MS, SpeechSpan, detect_speech

if TYPE_CHECKING:
    from faster_whisper import WhisperModel
    from faster_whisper.transcribe import Segment
    from faster_whisper.transcribe import Word as WhisperWord

TRANSCRIBE_OPTIONS = {
    "beam_size": 1,  # wider beams find the same words in our speech, in more time
    "temperature": [0.0, 0.2],  # one retry; at higher temperatures the model invents words
    "vad_filter": True,  # silence gives no text, and costs nothing
    "vad_parameters": {"min_silence_duration_ms": MIN_SILENCE_MS},
    "word_timestamps": True,
    "condition_on_previous_text": False,  # same words, 0.7 of the time, and no endless repetition of a phrase
}

MISSED_SPEECH_OPTIONS = TRANSCRIBE_OPTIONS | {"beam_size": 5, "vad_filter": False}
"""Options that differ from those that missed the speech, for all of its samples."""

MIN_WORD_PROBABILITY = 0.8
"""A passage is doubted below this mean of the model's probabilities of its words. In the right language they are 0.85
to 0.95, in a wrong one 0.24 to 0.43, and 0.8 where the language changes within the passage."""

MIN_LANGUAGE_PROBABILITY = 0.7
"""A stretch is heard again in a language that has at least this probability there."""

MIN_LANGUAGE_S = 2.0
"""The language of a shorter doubtful stretch is too often found to be a wrong one."""

MARGIN_MS = round(MARGIN_S * 1000)

MIN_GAIN = 0.1
"""The words in another language replace the doubtful ones if they are so much more probable."""


class Heard(NamedTuple):
    """A passage, and the mean of the probabilities of its words."""

    passage: Passage
    probability: float


@dataclass
class BlockRecognition:
    """The words of a block. Passages in another language than the block's have their own."""

    passages: list[Passage]
    language: str
    not_understood: list[tuple[int, int]] = field(default_factory=list)


@dataclass(frozen=True)
class BlockTranscriber:
    """Transcribes blocks with one model."""

    model: "WhisperModel"
    language: str | None
    """The only language that is spoken; None: it is detected."""
    prompt: str | None
    check_cancelled: CancellationCheck

    def transcribe(self, samples: Samples, start_ms: int, on_progress: OnProgress) -> BlockRecognition:
        """Transcribe a block that starts at `start_ms` of the clip."""
        segments, info = self.model.transcribe(
            samples, language=self.language, hotwords=self.prompt, **TRANSCRIBE_OPTIONS
        )
        heard = []
        for each in to_passages(segments, start_ms):
            self.check_cancelled()
            heard.append(each)
            on_progress(each.passage.end_ms, each.passage.text)
        passages = self._correct_languages(heard, samples, start_ms, info.language)
        return self._add_missed(BlockRecognition(passages, info.language), samples, start_ms)

    def _correct_languages(
        self, heard: Sequence[Heard], samples: Samples, start_ms: int, language: str
    ) -> list[Passage]:
        """The passages, with those that are doubtful heard in another language if that is the one of the stretch."""
        passages: list[Passage] = []
        stretches = list(_stretches(heard))
        for number, (is_doubtful, stretch) in enumerate(stretches):
            passages += [each.passage for each in stretch]
            begin_ms = stretches[number - 1][1][-1].passage.end_ms if number else start_ms
            following = stretches[number + 1 : number + 2]
            end_ms = following[0][1][0].passage.start_ms if following else start_ms + _length_ms(samples)
            first_ms, last_ms = stretch[0].passage.start_ms, stretch[-1].passage.end_ms
            if not is_doubtful or last_ms - first_ms < MIN_LANGUAGE_S * 1000:
                continue
            other = self._language_of(samples, _seconds((first_ms, last_ms), start_ms))
            if other is None or other == language:
                continue
            # The times of doubtful words are doubtful, too: their neighbours say how far they may reach.
            span = max(begin_ms, first_ms - MARGIN_MS), min(end_ms, last_ms + MARGIN_MS)
            again = list(self._hear_again(samples, start_ms, _seconds(span, start_ms), other))
            if again and _mean_probability(again) >= _mean_probability(stretch) + MIN_GAIN:
                passages[-len(stretch) :] = [replace(each.passage, language=other) for each in again]
        return passages

    def _add_missed(self, block: BlockRecognition, samples: Samples, start_ms: int) -> BlockRecognition:
        """Add the words of the stretches in which somebody speaks and that have none, or note the stretch."""
        for span in find_missed_speech(spoken_spans(block.passages, start_ms), samples, detect_speech):
            language = self._language_of(samples, span) or block.language
            found = [each.passage for each in self._hear_again(samples, start_ms, span, language)]
            if language != block.language:
                found = [replace(passage, language=language) for passage in found]
            block.passages = merge_passages(block.passages, found)
            if not found and is_long_speech(samples, span, detect_speech):
                block.not_understood.append((start_ms + round(span[0] * 1000), start_ms + round(span[1] * 1000)))
        return block

    def _language_of(self, samples: Samples, span: SpeechSpan) -> str | None:
        """The language of a span, if it may be any and is certain enough."""
        if self.language is not None:
            return None
        self.check_cancelled()
        language, probability = detect_language(self.model, _excerpt(samples, span))
        return language if probability >= MIN_LANGUAGE_PROBABILITY else None

    def _hear_again(self, samples: Samples, start_ms: int, span: SpeechSpan, language: str) -> Iterator[Heard]:
        """Transcribe a span of a block with margins around it. Words in the margins are dropped."""
        self.check_cancelled()
        begin_s = max(0.0, span[0] - MARGIN_S)
        excerpt = _excerpt(samples, (begin_s, span[1] + MARGIN_S))
        segments, _ = self.model.transcribe(excerpt, language=language, hotwords=self.prompt, **MISSED_SPEECH_OPTIONS)
        first_ms, last_ms = (start_ms + round(second * 1000) for second in span)
        for passage, probability in to_passages(segments, start_ms + round(begin_s * 1000)):
            words = [word for word in passage.words if first_ms <= (word.start_ms + word.end_ms) / 2 <= last_ms]
            if words:
                yield Heard(cut_passage(passage, words), probability)


def to_passages(segments: "Iterable[Segment]", start_ms: int) -> Iterator[Heard]:
    """The segments of a block that starts at `start_ms`, without hallucinations."""
    previous_text = ""
    for segment in segments:
        text = segment.text.strip()
        if text and not is_hallucination(
            text,
            previous_text,
            no_speech_prob=segment.no_speech_prob,
            avg_logprob=segment.avg_logprob,
            compression_ratio=segment.compression_ratio,
        ):
            said = segment.words or ()
            words = join_hyphenated(Word(*_times_ms(word, start_ms), word.word) for word in said)
            probability = sum(word.probability for word in said) / len(said) if said else 1.0
            yield Heard(Passage(*_times_ms(segment, start_ms), text, words), probability)
        previous_text = text


def _stretches(heard: Iterable[Heard]) -> Iterator[tuple[bool, list[Heard]]]:
    """Passages one behind the other that are doubtful, or are not."""
    for is_doubtful, group in groupby(heard, lambda each: each.probability < MIN_WORD_PROBABILITY):
        yield is_doubtful, list(group)


def _mean_probability(heard: Sequence[Heard]) -> float:
    """Of the words of all passages."""
    weights = [max(1, len(each.passage.words)) for each in heard]
    return sum(weight * each.probability for weight, each in zip(weights, heard, strict=True)) / sum(weights)


def _length_ms(samples: Samples) -> int:
    return len(samples) * 1000 // SAMPLE_RATE


def _seconds(span_ms: tuple[int, int], start_ms: int) -> SpeechSpan:
    """A span of the clip, within the block that starts at `start_ms`."""
    return (span_ms[0] - start_ms) / 1000, (span_ms[1] - start_ms) / 1000


def _excerpt(samples: Samples, span: SpeechSpan) -> Samples:
    return samples[int(span[0] * SAMPLE_RATE) : int(span[1] * SAMPLE_RATE)]


def _times_ms(timed: "Segment | WhisperWord", start_ms: int) -> tuple[int, int]:
    return start_ms + round(timed.start * 1000), start_ms + round(timed.end * 1000)
