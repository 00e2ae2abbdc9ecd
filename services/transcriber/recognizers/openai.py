"""A server that speaks OpenAI's `POST /v1/audio/transcriptions`."""

from collections.abc import Callable, Mapping, Sequence

import httpx

from services.transcriber.recognizers import Passage, Recognition, Tell, server, to_nobody
from services.transcriber.settings import TranscriberSettings
from services.transcriber.sound import FetchedAudio

TIMED = {"response_format": "verbose_json", "timestamp_granularities[]": ["word", "segment"]}
PLAIN = {"response_format": "json"}
"""What newer models and smaller servers give instead."""


class OpenAIRecognizer:
    """Sends the stored file as it is; it goes through in blocks, whatever its length."""

    def __init__(self, settings: TranscriberSettings) -> None:
        self._url = settings.whisper_url
        self._model = settings.whisper_model or "whisper-1"
        self._patience_s = settings.whisper_timeout_seconds
        self._prompt = settings.whisper_prompt
        self._client = server.client(settings.whisper_api_key.get_secret_value())
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
        response = self._ask(audio, TIMED, language)
        if response.status_code in {400, 422}:
            check()
            response = self._ask(audio, PLAIN, language)
        if response.status_code != 200:
            server.refuse(response)
        found = server.answer(response)
        text = found.get("text")
        if not isinstance(text, str):
            raise server.nonsense()
        text = server.clean(text)
        passages = server.passages(found.get("segments"), found.get("words")) if text else []
        if text and not passages:
            passages = [Passage(0, audio.duration_ms, text)]
        return Recognition(text, server.language_code(found.get("language")) if text else None, passages)

    def _ask(self, audio: FetchedAudio, shape: Mapping[str, Sequence[str]], language: str | None) -> httpx.Response:
        wishes = {key: value for key, value in (("language", language), ("prompt", self._prompt)) if value}
        request = self._client.build_request(
            "POST",
            self._url,
            # Servers tell the container by the file's ending. httpx begins at the file's beginning, whenever it sends.
            files={"file": (f"audio{audio.suffix}", audio.file, audio.mime.partition(";")[0])},
            data={"model": self._model, **shape, **wishes},
            timeout=server.patience(audio, self._patience_s),
        )
        return server.send(self._client, request)
