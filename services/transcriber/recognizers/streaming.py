"""Fast recognition of short stretches of audio, for captions, which may have errors that a transcript may not."""

import threading
from typing import TYPE_CHECKING, Protocol

from services.transcriber.audio.decode import SAMPLE_RATE
from services.transcriber.audio.loudness import amplify_quiet
from services.transcriber.audio.samples import Samples
from services.transcriber.hardware import available_cores
from services.transcriber.models.registry import ModelRegistry
from services.transcriber.recognizers.hallucinations import COMPRESSION_RATIO_THRESHOLD, is_hallucination
from services.transcriber.recognizers.recognizer import Word
from services.transcriber.recognizers.spoken_language import detect_language, encode_short
from services.transcriber.recognizers.voice_activity import SpeechSpan, detect_speech, is_installed
from services.transcriber.settings import TranscriberSettings

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

MAX_TOKENS_PER_S, SPARE_TOKENS = 8, 16
"""Nobody says more tokens in a second. The limit ends a pass that would repeat itself for ever."""

PREPENDED, APPENDED = "\"'“¿([{-", "\"'.。,，!！?？:：”)]}、"
"""Signs that belong to the word behind and before them: those of openai/whisper's `timing.py`."""

ENGLISH_MODEL, MULTILINGUAL_MODEL = "tiny.en", "base"
"""The fastest models that are right often enough."""

MIN_LANGUAGE_PROBABILITY = 0.7
"""A language that was detected with this probability is not detected again."""

MAX_DETECTION_S = 10.0
"""The language of so long a stretch is not detected again, whatever its probability."""


class StreamingRecognizer(Protocol):
    """Recognizes the words of one recording, stretch by stretch."""

    def load(self) -> None:
        """Load the models, before the first audio comes. Raises `RetryLater` if a model is not ready."""

    def detect_speech(self, samples: Samples) -> list[SpeechSpan]:
        """The stretches in which somebody speaks. Silence of less than half a second does not divide them."""

    def recognize_words(self, samples: Samples) -> list[Word] | None:
        """The words of at most `MAX_SPEECH_S`, with their signs and spaces; None if they cannot be recognized.

        Raises `RetryLater` if a model is not ready.
        """


def open_caption_models(settings: TranscriberSettings, models: ModelRegistry) -> "CaptionModels | None":
    """The models for captions, not loaded yet. None if captions are off, or the engine is not installed."""
    if not settings.live_captions or not is_installed():
        return None
    # An English-only choice needs no other model. With a folder as choice, there may be no network for another one.
    chosen_model = settings.whisper_model if not settings.whisper_url else ""
    is_only_model = chosen_model.endswith(".en") or chosen_model.startswith("/")
    return CaptionModels(models, chosen_model if is_only_model else MULTILINGUAL_MODEL)


class CaptionModels:
    """The models for captions. The first thread that needs a model loads it; the model gets that thread's priority."""

    def __init__(self, models: ModelRegistry, other_model: str = MULTILINGUAL_MODEL) -> None:
        """`other_model` is for languages other than English, and for the detection of a language."""
        self._models = models
        self._other_model = other_model
        self._lock = threading.Lock()
        self._loaded: dict[str, WhisperModel] = {}

    @property
    def names(self) -> set[str]:
        return {ENGLISH_MODEL, self._other_model}

    def recognizer_for(self, language: str | None) -> StreamingRecognizer:
        """A recognizer for one recording; `language` None: it detects the language."""
        return ShortWindowRecognizer(self, language)

    def model_for(self, language: str | None) -> "WhisperModel":
        """The model for a language; None: the model that detects languages. Raises `RetryLater`."""
        name = ENGLISH_MODEL if language == "en" else self._other_model
        folder = self._models.folder(name)
        with self._lock:
            if name not in self._loaded:
                self._loaded[name] = self._models.loader.load(lambda: folder, available_cores())
            return self._loaded[name]


class ShortWindowRecognizer:
    """Encodes as much audio as there is, a tenth of the work: Whisper pads every pass to thirty seconds."""

    def __init__(self, models: CaptionModels, language: str | None) -> None:
        self._models = models
        self._language = language

    def load(self) -> None:
        self._models.model_for(self._language)
        self._models.model_for("en")

    def detect_speech(self, samples: Samples) -> list[SpeechSpan]:
        return detect_speech(amplify_quiet(samples))

    def recognize_words(self, samples: Samples) -> list[Word] | None:
        from faster_whisper.tokenizer import Tokenizer
        from faster_whisper.transcribe import get_compression_ratio, merge_punctuations

        samples = amplify_quiet(samples)
        language = self._language or self._detect_language(samples)
        model = self._models.model_for(language)
        tokenizer = Tokenizer(model.hf_tokenizer, model.model.is_multilingual, task="transcribe", language=language)
        encoded, frames = encode_short(model, samples)
        prompt = [*tokenizer.sot_sequence, tokenizer.no_timestamps]
        duration_s = len(samples) / SAMPLE_RATE
        max_tokens = len(prompt) + SPARE_TOKENS + int(MAX_TOKENS_PER_S * duration_s)
        [result] = model.model.generate(
            encoded, [prompt], beam_size=1, max_length=max_tokens, return_scores=True, return_no_speech_prob=True
        )
        tokens = [token for token in result.sequences_ids[0] if token < tokenizer.eot]
        text = tokenizer.decode(tokens).strip()
        compression_ratio = get_compression_ratio(text) if text else 0.0
        if compression_ratio > COMPRESSION_RATIO_THRESHOLD:
            return None
        if not text or is_hallucination(
            text,
            "",
            no_speech_prob=result.no_speech_prob,
            avg_logprob=result.scores[0],
            compression_ratio=compression_ratio,
        ):
            return []
        [alignment] = model.find_alignment(tokenizer, [tokens], encoded, frames)
        merge_punctuations(alignment, PREPENDED, APPENDED)
        return [
            Word(round(word["start"] * 1000), round(word["end"] * 1000), word["word"])
            for word in alignment
            if word["word"] and word["start"] < duration_s
        ]

    def _detect_language(self, samples: Samples) -> str:
        """The most probable language. Once it is certain enough it is the recording's language."""
        model = self._models.model_for(None)
        if not model.model.is_multilingual:
            self._language = "en"
            return self._language
        language, probability = detect_language(model, samples)
        if probability >= MIN_LANGUAGE_PROBABILITY or len(samples) >= MAX_DETECTION_S * SAMPLE_RATE:
            self._language = language
        return language
