"""faster-whisper in this process, on the CPU or a GPU."""

import copy
import ctypes
import threading
import time
from collections.abc import Callable, Iterator
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
from services.transcriber.recognizers.block import BlockRecognition, BlockTranscriber
from services.transcriber.recognizers.recognizer import (
    OnProgress,
    Recognition,
    RecognizerUnavailable,
    ignore_progress,
    join_languages,
)
from services.transcriber.recognizers.side_by_side import Cores, GiveWay, OrderedProgress, map_side_by_side
from services.transcriber.settings import TranscriberSettings
from shared.languages import LANGUAGES

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

log = structlog.get_logger(__name__)

MODEL_STEPS = ("encode", "generate_with_fallback", "find_alignment")
"""Methods of the engine that it calls for each half a minute of sound: together they take nearly all of the time."""

MAX_LOAD_S = 900
"""Longest time for a model to load: 3 GB from a disk that reads 4 MB a second."""

CANCEL_CHECK_INTERVAL_S = 1.0
"""How often a clip that waits for the model checks whether it still must be transcribed."""


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
        loading = self._loaded(check_cancelled)
        with self._gpu_errors(loading):
            return self._transcribe(loading.result(), audio, check_cancelled, on_progress, language)

    def _transcribe(
        self,
        model: "WhisperModel",
        audio: FetchedAudio,
        check_cancelled: CancellationCheck,
        on_progress: OnProgress,
        language: str | None,
    ) -> Recognition:
        model_language = self._model_language(model, language)
        progress = OrderedProgress(on_progress)

        def transcribe_block(number: int, block: tuple[int, Samples], give_way: GiveWay) -> BlockRecognition:
            start_ms, samples = block

            def check() -> None:
                check_cancelled()
                give_way()

            check()
            if start_ms:
                _trim_memory()
            transcriber = BlockTranscriber(_checked_model(model, check), model_language, self._prompt, check)
            found = transcriber.transcribe(
                samples, start_ms, lambda position_ms, words: progress.update(number, position_ms - start_ms, words)
            )
            progress.finish(number, len(samples) * 1000 // SAMPLE_RATE)
            return found

        max_threads = 1 + audio.duration_ms // (MAX_BLOCK_S * 1000)
        with closing(decode_blocks(audio.file, track=audio.track)) as blocks:
            results = map_side_by_side(blocks, transcribe_block, self._cores, max_threads)
        # Each block has a language of its own.
        passages, detected = join_languages((block.passages, block.language) for block in results)
        not_understood = [span for block in results for span in block.not_understood]
        text = " ".join(passage.text for passage in passages)
        return Recognition(text, detected, passages, not_understood=not_understood)

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

    def _loaded(self, check_cancelled: CancellationCheck) -> "Future[WhisperModel]":
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
        loading.result()
        return loading

    @contextmanager
    def _gpu_errors(self, used: "Future[WhisperModel]") -> Iterator[None]:
        """Raise `RecognizerUnavailable` for an error of the GPU, and load the model that was used anew.

        After some errors each further call fails until then. If loading fails as well, the loader decides what to do.
        Many clips may fail at once: only the first one has the model loaded anew.
        """
        is_on_gpu = self._models.loader.uses_gpu  # another clip's error may bring later models to the CPU meanwhile
        try:
            yield
        except RuntimeError as error:
            if not is_on_gpu:
                raise
            with self._lock:
                if self._loading is used:
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
