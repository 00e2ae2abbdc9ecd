"""A server with OpenAI's `POST /v1/audio/transcriptions`."""

from collections.abc import Mapping, Sequence

import httpx

from services.transcriber.audio.fetch import FetchedAudio
from services.transcriber.errors import CancellationCheck
from services.transcriber.recognizers import http_client
from services.transcriber.recognizers.answers import parse_recognition
from services.transcriber.recognizers.chunks import transcribe_within_limit
from services.transcriber.recognizers.recognizer import OnProgress, Recognition, ignore_progress
from services.transcriber.settings import TranscriberSettings

VERBOSE_FORM = {"response_format": "verbose_json", "timestamp_granularities[]": ["word", "segment"]}
PLAIN_FORM = {"response_format": "json"}
"""For newer models and smaller servers, which refuse the verbose one."""


class OpenAIRecognizer:
    """Sends the stored file unchanged, block by block; in chunks if the server refuses the file."""

    def __init__(self, settings: TranscriberSettings) -> None:
        self._url = settings.whisper_url
        self._model = settings.whisper_model or "whisper-1"
        self._timeout_s = settings.whisper_timeout_seconds
        self._max_bytes = settings.whisper_max_bytes
        self._prompt = settings.whisper_prompt
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
        forms: list[Mapping[str, Sequence[str]]] = [VERBOSE_FORM, PLAIN_FORM]

        def transcribe_file(file: FetchedAudio, file_language: str | None, _: str) -> Recognition:
            response = self._send(file, forms[0], file_language, check_cancelled)
            if response.status_code in {400, 422} and len(forms) > 1:
                response = self._send(file, PLAIN_FORM, file_language, check_cancelled)
                if response.status_code == 200:
                    del forms[0]  # the server would refuse the verbose form for the next chunk as well
            if response.status_code != 200:
                http_client.raise_error_for(response)
            answer = http_client.parse_object(response)
            return parse_recognition(
                answer.get("text"), answer.get("segments"), answer.get("words"), answer.get("language"), file
            )

        return transcribe_within_limit(
            audio,
            self._max_bytes,
            transcribe_file,
            check_cancelled=check_cancelled,
            on_progress=on_progress,
            language=language,
        )

    def _send(
        self,
        audio: FetchedAudio,
        form: Mapping[str, Sequence[str]],
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
