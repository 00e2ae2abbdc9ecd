"""A server with OpenAI's `POST /v1/audio/transcriptions`."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import httpx

from services.transcriber.audio.fetch import FetchedAudio
from services.transcriber.errors import CancellationCheck
from services.transcriber.recognizers import http_client
from services.transcriber.recognizers.answers import parse_recognition
from services.transcriber.recognizers.chunks import transcribe_within_limit
from services.transcriber.recognizers.recognizer import OnProgress, Recognition, ignore_progress
from services.transcriber.recognizers.speakers import ChunkSpeakers
from services.transcriber.settings import TranscriberSettings

VERBOSE_FORM = {"response_format": "verbose_json", "timestamp_granularities[]": ["word", "segment"]}
PLAIN_FORM = {"response_format": "json"}
"""For newer models and smaller servers, which refuse the verbose one."""

DIARIZED_FORM = {"response_format": "diarized_json", "chunking_strategy": "auto"}
"""For models that tell voices apart. They refuse the verbose form, a prompt, and a request without `chunking_strategy`
(in any format, whatever the length): https://platform.openai.com/docs/api-reference/audio/createTranscription."""

UNDIARIZED_FORM = {"response_format": "json", "chunking_strategy": "auto"}
"""For a server that has such a model and does not name its voices."""

REFUSALS = {400, 422}
"""Statuses of a server that does not know a field or a format."""

Form = Mapping[str, str | Sequence[str]]


class OpenAIRecognizer:
    """Sends the stored file unchanged, block by block; in chunks if the server refuses the file."""

    def __init__(self, settings: TranscriberSettings) -> None:
        self._url = settings.whisper_url
        self._model = settings.whisper_model or "whisper-1"
        self._timeout_s = settings.whisper_timeout_seconds
        self._max_bytes = settings.whisper_max_bytes
        self._is_diarizing = "diariz" in self._model.lower()
        self._prompt = "" if self._is_diarizing else settings.whisper_prompt
        self._client = http_client.open_client(settings.whisper_api_key.get_secret_value())
        self.name = f"{self._model} at {httpx.URL(self._url).host}"

    def transcribe(
        self,
        audio: FetchedAudio,
        *,
        attempt_id: str,
        check_cancelled: CancellationCheck,
        on_progress: OnProgress = ignore_progress,
        language: str | None = None,
    ) -> Recognition:
        forms: list[Form] = [DIARIZED_FORM, UNDIARIZED_FORM] if self._is_diarizing else [VERBOSE_FORM, PLAIN_FORM]
        speakers = ChunkSpeakers()

        def transcribe_file(file: FetchedAudio, file_language: str | None, _: str) -> Recognition:
            voices = speakers.fields_for(file, self._max_bytes)
            response, form = self._send_accepted(
                file, [{**forms[0], **voices}, *forms] if voices else forms, file_language, check_cancelled
            )
            if response.status_code != 200:
                http_client.raise_error_for(response)
            if voices and not form.keys() >= voices.keys():
                speakers.are_sent, voices = False, {}
            if form in forms:
                del forms[: forms.index(form)]  # the server would refuse them for the next chunk as well
            answer = http_client.parse_object(response)
            recognition = parse_recognition(
                answer.get("text"), answer.get("segments"), answer.get("words"), answer.get("language"), file
            )
            if file is audio:
                return recognition
            return replace(recognition, passages=speakers.name(recognition.passages, file, voices))

        return transcribe_within_limit(
            audio,
            self._max_bytes,
            transcribe_file,
            check_cancelled=check_cancelled,
            on_progress=on_progress,
            language=language,
        )

    def _send_accepted(
        self,
        audio: FetchedAudio,
        forms: Sequence[Form],
        language: str | None,
        check_cancelled: CancellationCheck,
    ) -> tuple[httpx.Response, Form]:
        """Send the audio in one form after another until one is not refused. Return the last response and its form."""
        for form in forms[:-1]:
            response = self._send(audio, form, language, check_cancelled)
            if response.status_code not in REFUSALS:
                return response, form
        return self._send(audio, forms[-1], language, check_cancelled), forms[-1]

    def _send(
        self,
        audio: FetchedAudio,
        form: Form,
        language: str | None,
        check_cancelled: CancellationCheck,
    ) -> httpx.Response:
        options = {key: value for key, value in (("language", language), ("prompt", self._prompt)) if value}
        request = self._client.build_request(
            "POST",
            self._url,
            # Servers detect the container by the file's suffix. httpx rewinds the file before it sends it.
            files={"file": (f"audio{audio.suffix}", audio.file, audio.mime.partition(";")[0])},
            data={"model": self._model, **form, **options},
            timeout=http_client.timeout_for(audio, self._timeout_s),
        )
        return http_client.send(self._client, request, audio, check_cancelled)
