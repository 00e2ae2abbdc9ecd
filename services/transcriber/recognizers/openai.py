"""A server that speaks OpenAI's `POST /v1/audio/transcriptions`."""

from collections.abc import Callable, Mapping, Sequence

import httpx

from services.transcriber.audio.fetch import FetchedAudio
from services.transcriber.recognizers import answers, http_client
from services.transcriber.recognizers.chunks import heard
from services.transcriber.recognizers.recognizer import Recognition, Tell, to_nobody
from services.transcriber.settings import TranscriberSettings

TIMED = {"response_format": "verbose_json", "timestamp_granularities[]": ["word", "segment"]}
PLAIN = {"response_format": "json"}
"""What newer models and smaller servers give instead."""


class OpenAIRecognizer:
    """Sends the stored file as it is, a block at a time; one that the server does not take, in pieces."""

    def __init__(self, settings: TranscriberSettings) -> None:
        self._url = settings.whisper_url
        self._model = settings.whisper_model or "whisper-1"
        self._patience_s = settings.whisper_timeout_seconds
        self._most_bytes = settings.whisper_max_bytes
        self._prompt = settings.whisper_prompt
        self._client = http_client.client(settings.whisper_api_key.get_secret_value())
        self.name = f"{self._model} at {httpx.URL(self._url).host}"

    def transcribe(
        self,
        audio: FetchedAudio,
        *,
        attempt_id: str,
        check: Callable[[], None],
        tell: Tell = to_nobody,
        language: str | None = None,
    ) -> Recognition:
        shapes: list[Mapping[str, Sequence[str]]] = [TIMED, PLAIN]

        def hear(file: FetchedAudio, spoken: str | None, _: str) -> Recognition:
            response = self._ask(file, shapes[0], spoken, check)
            if response.status_code in {400, 422} and len(shapes) > 1:
                response = self._ask(file, PLAIN, spoken, check)
                if response.status_code == 200:
                    del shapes[0]  # it will not know it for the next piece either
            if response.status_code != 200:
                http_client.refuse(response)
            found = http_client.answer(response)
            return answers.recognition(
                found.get("text"), found.get("segments"), found.get("words"), found.get("language"), file
            )

        return heard(audio, self._most_bytes, hear, check=check, tell=tell, language=language)

    def _ask(
        self,
        audio: FetchedAudio,
        shape: Mapping[str, Sequence[str]],
        language: str | None,
        check: Callable[[], None],
    ) -> httpx.Response:
        wishes = {key: value for key, value in (("language", language), ("prompt", self._prompt)) if value}
        request = self._client.build_request(
            "POST",
            self._url,
            # Servers tell the container by the file's ending. httpx begins at the file's beginning, whenever it sends.
            files={"file": (f"audio{audio.suffix}", audio.file, audio.mime.partition(";")[0])},
            data={"model": self._model, **shape, **wishes},
            timeout=http_client.patience(audio, self._patience_s),
        )
        return http_client.send(self._client, request, audio, check)
