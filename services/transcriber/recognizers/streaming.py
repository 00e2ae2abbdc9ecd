"""Words of short stretches of sound, soon: for captions, which may err where a transcript may not."""

import threading
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from services.transcriber.audio.decode import RATE, Samples
from services.transcriber.models.registry import Models
from services.transcriber.recognizers.embedded import is_installed
from services.transcriber.recognizers.hallucinations import REPETITIVE, is_phantom
from services.transcriber.recognizers.missed_speech import Span
from services.transcriber.recognizers.recognizer import Word
from services.transcriber.settings import TranscriberSettings, cores

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

AIR_S, LEAST_S = 3.0, 8.0
"""Silence behind the sound, and the shortest window with it. On 82 s of our speech, in pieces of 2 s, the settled words
had 24 % errors with no air, 6.7 % with 1 s, 3.8 % with 3 s and 3.3 % in full windows, which take four times as long:
where the sound breaks off, the model goes on by saying the same again."""

MOST_S = 30.0 - AIR_S
"""More does not fit into Whisper's window."""

TOKENS, SPARE_TOKENS = 8, 16
"""More are not said in a second by anybody; a pass that would go on for ever ends there."""

PREPENDED, APPENDED = "\"'“¿([{-", "\"'.。,，!！?？:：”)]}、"
"""Signs that belong to the word behind and before them: those of openai/whisper's `timing.py`."""

VAD = {"min_silence_duration_ms": 500, "speech_pad_ms": 0}


ENGLISH, OTHERS = "tiny.en", "base"
"""The fastest model that is right often enough, for English and for all other languages."""

SURE = 0.7
"""Probability of a language from which on it is not asked for again,"""

ASKED_S = 10.0
"""or length of a stretch that must do."""


class Ear(Protocol):
    """Listens to one recording."""

    def wake(self) -> None:
        """Load what is heavy, before the first sound comes. Raises `TryLater` if it is not here yet."""

    def speech(self, samples: Samples) -> list[Span]:
        """Where somebody speaks, in seconds; what is less than half a second apart is one."""

    def words(self, samples: Samples) -> list[Word] | None:
        """What is said in at most `MOST_S` seconds; None if it cannot be made out. Signs and spaces are the words'.

        Raises `TryLater` if what it takes is not here yet.
        """


def open_ears(settings: TranscriberSettings, models: Models) -> "Ears | None":
    """Those for captions; None if nobody wants them, or the engine is not installed. Loads nothing heavy yet."""
    if not settings.live_captions or not is_installed():
        return None
    # Who chose a model that knows English only has no use for another; who chose a folder may have no network.
    chosen = settings.whisper_model if not settings.whisper_url else ""
    return Ears(models, chosen if chosen.endswith(".en") or chosen.startswith("/") else OTHERS)


class Ears:
    """The models for captions: each is loaded by the first thread that needs it, which its own threads take after."""

    def __init__(self, models: Models, others: str = OTHERS) -> None:
        """`others` is the model for languages other than English, by which it is found out which it is."""
        self._models = models
        self._others = others
        self._lock = threading.Lock()
        self._loaded: dict[str, WhisperModel] = {}

    @property
    def names(self) -> set[str]:
        return {ENGLISH, self._others}

    def of(self, language: str | None) -> Ear:
        """An ear for a recording in this language; None: it is to be found out."""
        return ShortWindowEar(self, language)

    def model(self, language: str | None) -> "WhisperModel":
        """The one for this language; for None, the one that knows languages. Raises `ModelAwaited`."""
        name = ENGLISH if language == "en" else self._others
        folder = str(self._models.folder(name))
        with self._lock:
            if name not in self._loaded:
                from faster_whisper import WhisperModel

                self._loaded[name] = WhisperModel(
                    folder, device="cpu", compute_type="int8", cpu_threads=1, num_workers=cores(), local_files_only=True
                )
            return self._loaded[name]


class ShortWindowEar:
    """Encodes as much sound as there is, where Whisper fills every pass up to thirty seconds: a tenth of the work."""

    def __init__(self, ears: Ears, language: str | None) -> None:
        self._ears = ears
        self._language = language

    def wake(self) -> None:
        self._ears.model(self._language)
        self._ears.model("en")

    def speech(self, samples: Samples) -> list[Span]:
        from faster_whisper.vad import VadOptions, get_speech_timestamps

        found = get_speech_timestamps(samples, VadOptions(**VAD))
        return [(span["start"] / RATE, span["end"] / RATE) for span in found]

    def words(self, samples: Samples) -> list[Word] | None:
        from faster_whisper.tokenizer import Tokenizer
        from faster_whisper.transcribe import get_compression_ratio, merge_punctuations

        language = self._language or self._found(samples)
        model = self._ears.model(language)
        tokenizer = Tokenizer(model.hf_tokenizer, model.model.is_multilingual, task="transcribe", language=language)
        encoded, frames = _encoded(model, samples)
        prompt = [*tokenizer.sot_sequence, tokenizer.no_timestamps]
        length_s = len(samples) / RATE
        most = len(prompt) + SPARE_TOKENS + int(TOKENS * length_s)
        [result] = model.model.generate(
            encoded, [prompt], beam_size=1, max_length=most, return_scores=True, return_no_speech_prob=True
        )
        tokens = [token for token in result.sequences_ids[0] if token < tokenizer.eot]
        text = tokenizer.decode(tokens).strip()
        repetition = get_compression_ratio(text) if text else 0.0
        if repetition > REPETITIVE:
            return None
        if not text or is_phantom(
            text, "", silent=result.no_speech_prob, confidence=result.scores[0], repetition=repetition
        ):
            return []
        [aligned] = model.find_alignment(tokenizer, [tokens], encoded, frames)
        merge_punctuations(aligned, PREPENDED, APPENDED)
        return [
            Word(round(word["start"] * 1000), round(word["end"] * 1000), word["word"])
            for word in aligned
            if word["word"] and word["start"] < length_s
        ]

    def _found(self, samples: Samples) -> str:
        """The language that is spoken, as far as anybody can tell; from a certain point on it is not asked again."""
        model = self._ears.model(None)
        if not model.model.is_multilingual:
            self._language = "en"
            return self._language
        [found] = model.model.detect_language(_encoded(model, samples)[0])
        token, probability = found[0]
        language = str(token).strip("<|>")
        if probability >= SURE or len(samples) >= ASKED_S * RATE:
            self._language = language
        return language


def _encoded(model: "WhisperModel", samples: Samples) -> tuple[Any, int]:
    """What the model makes of the sound and some silence behind it, and the number of its frames."""
    from faster_whisper.transcribe import get_ctranslate2_storage

    filled = np.pad(samples, (0, int(max(AIR_S, LEAST_S - len(samples) / RATE) * RATE)))
    features = model.feature_extractor(filled, padding=0)[None]
    return model.model.encode(get_ctranslate2_storage(features)), features.shape[-1]
