"""faster-whisper in this process, int8 on the CPU."""

import ctypes
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from services.transcriber.audio.decode import RATE, Samples
from services.transcriber.audio.fetch import FetchedAudio
from services.transcriber.errors import AudioRejected
from services.transcriber.models.registry import Models
from services.transcriber.recognizers.hallucinations import is_phantom
from services.transcriber.recognizers.missed_speech import MARGIN_S, Span, holes, part_of, woven
from services.transcriber.recognizers.recognizer import (
    Passage,
    Recognition,
    RecognizerUnavailable,
    Tell,
    Word,
    joined,
    to_nobody,
)
from services.transcriber.settings import TranscriberSettings
from shared.languages import LANGUAGES

if TYPE_CHECKING:
    from faster_whisper import WhisperModel
    from faster_whisper.transcribe import Segment
    from faster_whisper.transcribe import Word as SpokenWord

log = structlog.get_logger(__name__)

VAD = {"min_silence_duration_ms": 500}
"""At the default of 2000 whole sentences go missing."""

OPTIONS = {
    "beam_size": 1,  # wider beams find the same words on our speech, in more time
    "temperature": [0.0, 0.2],  # one second chance; hotter ones make words up
    "vad_filter": True,  # silence gives no text, and costs nothing
    "vad_parameters": VAD,
    "word_timestamps": True,
    "condition_on_previous_text": False,  # same words, 0.7 of the time, and no phrase repeated for ever
}

SECOND_OPTIONS = OPTIONS | {"beam_size": 5, "vad_filter": False}
"""For what was passed over: some other way, and all of it."""


class EmbeddedRecognizer:
    """One model for the process, loaded at the first clip: a model loaded before a fork hangs the child."""

    def __init__(self, settings: TranscriberSettings, models: Models | None = None) -> None:
        self._models = models or Models(settings.data_dir / "models")
        self._model_name = settings.models()[0]
        self.name = f"faster-whisper {Path(self._model_name).name}"
        # Given with each half minute: a prompt would be forgotten after the first one.
        self._prompt = settings.whisper_prompt or None
        self._jobs = sum(settings.lanes().values())
        self._lock = threading.Lock()
        self._loaded: WhisperModel | None = None

    def transcribe(
        self,
        audio: FetchedAudio,
        *,
        attempt_id: str,
        check: Callable[[], None],
        tell: Tell = to_nobody,
        language: str | None = None,
    ) -> Recognition:
        model = self._model()
        spoken = self._spoken(model, language)
        languages: Counter[str] = Counter()
        passages: list[Passage] = []
        for start_ms, samples in audio.blocks():
            check()
            if start_ms:
                _give_back()
            segments, info = model.transcribe(samples, language=spoken, hotwords=self._prompt, **OPTIONS)
            found = []
            for passage in _believed(segments, start_ms):
                check()
                found.append(passage)
                tell(passage.end_ms, passage.text)
            for start, end in holes(_spans(found, start_ms), samples, speech_in):
                check()
                again = SECOND_OPTIONS | {"language": info.language, "hotwords": self._prompt}
                found = woven(found, _heard_again(model, samples, start_ms, (start, end), again))
            passages += found
            tell(start_ms + len(samples) * 1000 // RATE, "")
            # Each block has one of its own; one that was found in silence is noise.
            languages[info.language] += sum(len(passage.text) for passage in found)
        language = languages.most_common(1)[0][0] if passages else None
        return Recognition(" ".join(p.text for p in passages), language, passages)

    def _spoken(self, model: "WhisperModel", language: str | None) -> str | None:
        """The language to hear in. Raises `AudioRejected` if the model knows English only, and it is another one."""
        if model.model.is_multilingual:
            return language
        if language not in {None, "en"}:
            raise AudioRejected(
                f"The model {Path(self._model_name).name} knows English only, and this clip is said to be in "
                f"{LANGUAGES.get(language, language)}. Choose English or Detect, or ask whoever runs the server to set "
                "WHISPER_MODEL to one that knows it, such as base."
            )
        return "en"

    def _model(self) -> "WhisperModel":
        folder = self._models.folder(self._model_name)
        with self._lock:
            if self._loaded is None:
                self._loaded = self._load(folder)
            return self._loaded

    def _load(self, folder: Path) -> "WhisperModel":
        from faster_whisper import WhisperModel

        log.info("loading the speech model", model=self._model_name)
        try:
            # One thread for each clip, as many clips as cores: more of them an hour than all cores on one at a time.
            return WhisperModel(
                str(folder),
                device="cpu",
                compute_type="int8",
                cpu_threads=1,
                num_workers=self._jobs,
                local_files_only=True,
            )
        except (RuntimeError, ValueError, OSError) as error:
            log.warning("the speech model could not be loaded", folder=str(folder), reason=str(error))
            raise RecognizerUnavailable(
                f"The speech model in {folder} cannot be loaded. Whoever runs the server can put there the model.bin, "
                "config.json, tokenizer.json and vocabulary of a CTranslate2 Whisper model, all of one."
            ) from error


def _give_back() -> None:
    """Let the system have what the last block needed: glibc keeps it in pieces that no array of the next one fits."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def is_installed() -> bool:
    return find_spec("faster_whisper") is not None


def _believed(segments: "Iterable[Segment]", start_ms: int) -> Iterator[Passage]:
    before = ""
    for segment in segments:
        text = segment.text.strip()
        if text and not is_phantom(
            text,
            before,
            silent=segment.no_speech_prob,
            confidence=segment.avg_logprob,
            repetition=segment.compression_ratio,
        ):
            words = joined(Word(*_times(word, start_ms), word.word) for word in segment.words or ())
            yield Passage(*_times(segment, start_ms), text, words)
        before = text


def _heard_again(
    model: "WhisperModel", samples: Samples, start_ms: int, hole: Span, options: Mapping[str, Any]
) -> Iterator[Passage]:
    """What is said in a hole, and not in the margins around it."""
    begin = max(0.0, hole[0] - MARGIN_S)
    segments, _ = model.transcribe(samples[int(begin * RATE) : int((hole[1] + MARGIN_S) * RATE)], **options)
    first_ms, last_ms = (start_ms + round(at * 1000) for at in hole)
    for passage in _believed(segments, start_ms + round(begin * 1000)):
        words = [word for word in passage.words if first_ms <= (word.start_ms + word.end_ms) / 2 <= last_ms]
        if words:
            yield part_of(passage, words)


def speech_in(samples: Samples) -> list[Span]:
    """Where somebody speaks, in seconds."""
    from faster_whisper.vad import VadOptions, get_speech_timestamps

    found = get_speech_timestamps(samples, VadOptions(**VAD, speech_pad_ms=0))
    return [(span["start"] / RATE, span["end"] / RATE) for span in found]


def _spans(passages: Iterable[Passage], start_ms: int) -> Iterator[Span]:
    for passage in passages:
        for word in passage.words:
            yield (word.start_ms - start_ms) / 1000, (word.end_ms - start_ms) / 1000


def _times(found: "Segment | SpokenWord", start_ms: int) -> tuple[int, int]:
    return start_ms + round(found.start * 1000), start_ms + round(found.end * 1000)
