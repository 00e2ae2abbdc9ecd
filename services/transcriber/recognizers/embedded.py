"""faster-whisper in this process, on the CPU or a GPU."""

import copy
import ctypes
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, wait
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from services.transcriber.audio.blocks import MAX_BLOCK_S, decode_blocks
from services.transcriber.audio.decode import SAMPLE_RATE
from services.transcriber.audio.fetch import FetchedAudio
from services.transcriber.audio.samples import Samples
from services.transcriber.errors import AudioRejected, CancellationCheck
from services.transcriber.models.registry import ModelRegistry
from services.transcriber.recognizers.hallucinations import is_hallucination
from services.transcriber.recognizers.missed_speech import MARGIN_S, cut_passage, find_missed_speech, merge_passages
from services.transcriber.recognizers.recognizer import (
    OnProgress,
    Passage,
    Recognition,
    RecognizerUnavailable,
    Word,
    ignore_progress,
    join_hyphenated,
)
from services.transcriber.recognizers.side_by_side import Cores, GiveWay, OrderedProgress, map_side_by_side
from services.transcriber.recognizers.voice_activity import MIN_SILENCE_MS, SpeechSpan, detect_speech
from services.transcriber.settings import TranscriberSettings
from shared.languages import LANGUAGES

if TYPE_CHECKING:
    from faster_whisper import WhisperModel
    from faster_whisper.transcribe import Segment
    from faster_whisper.transcribe import Word as WhisperWord

log = structlog.get_logger(__name__)

TRANSCRIBE_OPTIONS = {
    "beam_size": 1,  # wider beams find the same words in our speech, in more time
    "temperature": [0.0, 0.2],  # one retry; at higher temperatures the model invents words
    "vad_filter": True,  # silence gives no text, and costs nothing
    "vad_parameters": {"min_silence_duration_ms": MIN_SILENCE_MS},
    "word_timestamps": True,
    "condition_on_previous_text": False,  # same words, 0.7 of the time, and no endless repetition of a phrase
}

MODEL_STEPS = ("encode", "generate_with_fallback", "find_alignment")
"""Methods of the engine that it calls for each half a minute of sound: together they take nearly all of the time."""

MAX_LOAD_S = 900
"""Longest time for a model to load: 3 GB from a disk that reads 4 MB a second."""

CANCEL_CHECK_INTERVAL_S = 1.0
"""How often a clip that waits for the model checks whether it still must be transcribed."""

MISSED_SPEECH_OPTIONS = TRANSCRIBE_OPTIONS | {"beam_size": 5, "vad_filter": False}
"""Options that differ from those that missed the speech, for all of its samples."""


class EmbeddedRecognizer:
    """One model for the process, loaded with the first clip: a model that is loaded before a fork hangs the child."""

    def __init__(self, settings: TranscriberSettings, models: ModelRegistry | None = None) -> None:
        self._models = models or ModelRegistry(settings.data_dir / "models", settings.whisper_device)
        self._gpu_model = settings.embedded_models()[0]
        self._cpu_model = settings.model_copy(update={"whisper_device": "cpu"}).embedded_models()[0]
        # Passed as hotwords, which apply to every half minute. An initial prompt applies to the first one only.
        self._prompt = settings.whisper_prompt or None
        self._concurrency = max(sum(settings.queue_concurrency().values()), settings.engine_threads())
        self._cores = Cores(settings.engine_threads())
        self._lock = threading.Lock()
        self._loading: Future[WhisperModel] | None = None

    @property
    def name(self) -> str:
        return f"faster-whisper {Path(self._model_name).name}"

    @property
    def _model_name(self) -> str:
        return self._gpu_model if self._models.loader.uses_gpu else self._cpu_model

    def transcribe(
        self,
        audio: FetchedAudio,
        *,
        attempt_id: str,
        check_cancelled: CancellationCheck,
        on_progress: OnProgress = ignore_progress,
        language: str | None = None,
    ) -> Recognition:
        with self._gpu_errors():
            return self._transcribe(audio, check_cancelled, on_progress, language)

    def _transcribe(
        self, audio: FetchedAudio, check_cancelled: CancellationCheck, on_progress: OnProgress, language: str | None
    ) -> Recognition:
        model = self._model(check_cancelled)
        model_language = self._model_language(model, language)
        progress = OrderedProgress(on_progress)

        def transcribe_block(number: int, block: tuple[int, Samples], give_way: GiveWay) -> tuple[list[Passage], str]:
            start_ms, samples = block

            def check() -> None:
                check_cancelled()
                give_way()

            check()
            if start_ms:
                _trim_memory()
            found = self._transcribe_block(
                _checked_model(model, check),
                samples,
                start_ms,
                model_language,
                check,
                lambda position_ms, words: progress.update(number, position_ms - start_ms, words),
            )
            progress.finish(number, len(samples) * 1000 // SAMPLE_RATE)
            return found

        max_threads = 1 + audio.duration_ms // (MAX_BLOCK_S * 1000)
        with closing(decode_blocks(audio.file)) as blocks:
            results = map_side_by_side(blocks, transcribe_block, self._cores, max_threads)
        characters_by_language: Counter[str] = Counter()
        passages: list[Passage] = []
        for block_passages, block_language in results:
            passages += block_passages
            # Each block has a language of its own. One that was detected in silence has no characters.
            characters_by_language[block_language] += sum(len(passage.text) for passage in block_passages)
        detected = characters_by_language.most_common(1)[0][0] if passages else None
        return Recognition(" ".join(passage.text for passage in passages), detected, passages)

    def _transcribe_block(
        self,
        model: "WhisperModel",
        samples: Samples,
        start_ms: int,
        language: str | None,
        check_cancelled: CancellationCheck,
        on_progress: OnProgress,
    ) -> tuple[list[Passage], str]:
        """The passages of a block that starts at `start_ms`, and its language."""
        segments, info = model.transcribe(samples, language=language, hotwords=self._prompt, **TRANSCRIBE_OPTIONS)
        passages = []
        for passage in _to_passages(segments, start_ms):
            check_cancelled()
            passages.append(passage)
            on_progress(passage.end_ms, passage.text)
        for span in find_missed_speech(_word_spans(passages, start_ms), samples, detect_speech):
            check_cancelled()
            options = MISSED_SPEECH_OPTIONS | {"language": info.language, "hotwords": self._prompt}
            passages = merge_passages(passages, _transcribe_missed(model, samples, start_ms, span, options))
        return passages, info.language

    def _model_language(self, model: "WhisperModel", language: str | None) -> str | None:
        """The language to transcribe in. Raises `AudioRejected` if the model does not know it."""
        if model.model.is_multilingual:
            return language
        if language not in {None, "en"}:
            raise AudioRejected(
                f"The model {Path(self._model_name).name} knows English only, and this clip is said to be in "
                f"{LANGUAGES.get(language, language)}. Choose English or Detect, or ask whoever runs the server to set "
                "WHISPER_MODEL to one that knows it, such as base."
            )
        return "en"

    def _model(self, check_cancelled: CancellationCheck) -> "WhisperModel":
        """The model, which the first clip loads and the others wait for. Raises `RecognizerUnavailable`."""
        self._folder()  # raises `ModelNotReady` here, and not in the thread that loads
        with self._lock:
            if self._loading is None or (self._loading.done() and self._loading.exception()):
                self._loading = Future()
                threading.Thread(target=_fulfil, args=(self._loading, self._load), name="model", daemon=True).start()
            loading = self._loading
        deadline = time.monotonic() + MAX_LOAD_S
        while not wait([loading], CANCEL_CHECK_INTERVAL_S).done:
            check_cancelled()  # to load a large model from a slow disk is progress, too
            if time.monotonic() > deadline:
                raise RecognizerUnavailable("The speech model takes too long to load.")
        return loading.result()

    @contextmanager
    def _gpu_errors(self) -> Iterator[None]:
        """Raise `RecognizerUnavailable` for an error of the GPU, and load the model anew.

        After some errors each further call fails until then. If loading fails as well, the loader decides what to do.
        """
        try:
            yield
        except RuntimeError as error:
            if not self._models.loader.uses_gpu:
                raise
            with self._lock:
                self._loading = None
            raise RecognizerUnavailable(f"The GPU failed at this clip ({error}).") from error

    def _folder(self) -> Path:
        return self._models.folder(self._model_name)

    def _load(self) -> "WhisperModel":
        log.info("loading the speech model", model=self._model_name)
        try:
            return self._models.loader.load(self._folder, self._concurrency)
        except (RuntimeError, ValueError, OSError) as error:
            folder = self._folder()
            log.warning("loading the speech model failed", folder=str(folder), reason=str(error))
            raise RecognizerUnavailable(
                f"The speech model in {folder} cannot be loaded. Whoever runs the server can put there the model.bin, "
                "config.json, tokenizer.json and vocabulary of a CTranslate2 Whisper model, all of one."
            ) from error


def _fulfil(future: "Future[WhisperModel]", load: "Callable[[], WhisperModel]") -> None:
    try:
        future.set_result(load())
    except BaseException as error:
        future.set_exception(error)


def _checked_model(model: "WhisperModel", check_cancelled: CancellationCheck) -> "WhisperModel":
    """The model for one clip, which checks before each step of each half a minute of sound.

    Its segments do not: of noise there are none, and of a large model on a slow machine only one in minutes.
    """
    checked = copy.copy(model)  # others use the model meanwhile

    def check_before(step: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any, **options: Any) -> Any:
            check_cancelled()
            return step(*arguments, **options)

        return run

    for name in MODEL_STEPS:
        setattr(checked, name, check_before(getattr(checked, name)))
    return checked


def _trim_memory() -> None:
    """Return the last block's memory to the system: glibc keeps it in fragments too small for the next block."""
    malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if malloc_trim is not None:
        malloc_trim(0)


def _to_passages(segments: "Iterable[Segment]", start_ms: int) -> Iterator[Passage]:
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
            words = join_hyphenated(Word(*_times_ms(word, start_ms), word.word) for word in segment.words or ())
            yield Passage(*_times_ms(segment, start_ms), text, words)
        previous_text = text


def _transcribe_missed(
    model: "WhisperModel", samples: Samples, start_ms: int, span: SpeechSpan, options: Mapping[str, Any]
) -> Iterator[Passage]:
    """Transcribe a span of a block with margins around it. Words in the margins are dropped."""
    begin_s = max(0.0, span[0] - MARGIN_S)
    excerpt = samples[int(begin_s * SAMPLE_RATE) : int((span[1] + MARGIN_S) * SAMPLE_RATE)]
    segments, _ = model.transcribe(excerpt, **options)
    first_ms, last_ms = (start_ms + round(second * 1000) for second in span)
    for passage in _to_passages(segments, start_ms + round(begin_s * 1000)):
        words = [word for word in passage.words if first_ms <= (word.start_ms + word.end_ms) / 2 <= last_ms]
        if words:
            yield cut_passage(passage, words)


def _word_spans(passages: Iterable[Passage], start_ms: int) -> Iterator[SpeechSpan]:
    for passage in passages:
        for word in passage.words:
            yield (word.start_ms - start_ms) / 1000, (word.end_ms - start_ms) / 1000


def _times_ms(timed: "Segment | WhisperWord", start_ms: int) -> tuple[int, int]:
    return start_ms + round(timed.start * 1000), start_ms + round(timed.end * 1000)
