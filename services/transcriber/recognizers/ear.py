"""Words of short stretches of sound, soon: for captions, which may err where a transcript may not."""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

import numpy as np

from services.transcriber.recognizers import Word
from services.transcriber.recognizers.embedded import bundled_model, is_installed
from services.transcriber.recognizers.holes import Span
from services.transcriber.recognizers.phantoms import REPETITIVE, is_phantom
from services.transcriber.settings import TranscriberSettings, cores
from services.transcriber.sound import RATE, Samples

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


class Ear(Protocol):
    """Any number of threads may use one."""

    def wake(self) -> None:
        """Load what is heavy, before the first sound comes."""

    def speech(self, samples: Samples) -> list[Span]:
        """Where somebody speaks, in seconds; what is less than half a second apart is one."""

    def words(self, samples: Samples) -> list[Word] | None:
        """What is said in at most `MOST_S` seconds; None if it cannot be made out. Signs and spaces are the words'."""


def open_ear(settings: TranscriberSettings) -> "ShortWindowEar | None":
    """The one for captions; None if nobody wants them, or the engine is not installed. Loads nothing heavy yet."""
    if not settings.live_captions or not is_installed():
        return None

    def load() -> "WhisperModel":
        from faster_whisper import WhisperModel

        # It has as many threads as may be in it at once, and each is as patient as the one that loads it.
        return WhisperModel(str(bundled_model()), device="cpu", compute_type="int8", cpu_threads=1, num_workers=cores())

    return ShortWindowEar(load)


class ShortWindowEar:
    """Encodes as much sound as there is, where Whisper fills every pass up to thirty seconds: a tenth of the work."""

    def __init__(self, load: Callable[[], "WhisperModel"]) -> None:
        """`load` is called once, by the first thread that listens: so that one decides what its threads inherit."""
        self._load = load
        self._lock = threading.Lock()
        self._loaded: WhisperModel | None = None

    def wake(self) -> None:
        self.words(np.zeros(RATE, np.float32))

    def speech(self, samples: Samples) -> list[Span]:
        from faster_whisper.vad import VadOptions, get_speech_timestamps

        found = get_speech_timestamps(samples, VadOptions(**VAD))
        return [(span["start"] / RATE, span["end"] / RATE) for span in found]

    def words(self, samples: Samples) -> list[Word] | None:
        from faster_whisper.tokenizer import Tokenizer
        from faster_whisper.transcribe import get_compression_ratio, get_ctranslate2_storage, merge_punctuations

        model = self._model()
        tokenizer = Tokenizer(model.hf_tokenizer, model.model.is_multilingual, task="transcribe", language="en")
        length_s = len(samples) / RATE
        filled = np.pad(samples, (0, int(max(AIR_S, LEAST_S - length_s) * RATE)))
        features = model.feature_extractor(filled, padding=0)[None]
        encoded = model.model.encode(get_ctranslate2_storage(features))
        prompt = [*tokenizer.sot_sequence, tokenizer.no_timestamps]
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
        [aligned] = model.find_alignment(tokenizer, [tokens], encoded, features.shape[-1])
        merge_punctuations(aligned, PREPENDED, APPENDED)
        return [
            Word(round(word["start"] * 1000), round(word["end"] * 1000), word["word"])
            for word in aligned
            if word["word"] and word["start"] < length_s
        ]

    def _model(self) -> "WhisperModel":
        with self._lock:
            if self._loaded is None:
                self._loaded = self._load()
            return self._loaded
