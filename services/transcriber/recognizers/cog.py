"""A cog server: `PUT /predictions/{id}` with an address of the audio."""

import base64
import json
from collections.abc import Iterator, Mapping

import httpx

from services.transcriber.audio.fetch import FetchedAudio
from services.transcriber.errors import CancellationCheck
from services.transcriber.recognizers import http_client
from services.transcriber.recognizers.answers import parse_recognition
from services.transcriber.recognizers.chunks import transcribe_within_limit
from services.transcriber.recognizers.recognizer import (
    OnProgress,
    Recognition,
    RecognizerUnavailable,
    ignore_progress,
)
from services.transcriber.settings import TranscriberSettings

READ_BYTES = 3 * 64 * 1024
"""Read at a time for a data: address. A multiple of 3, so that the base64 blocks join to the base64 of the file."""


class CogRecognizer:
    """Makes one prediction for each attempt: a busy server answers a known id with the text of the older request."""

    def __init__(self, settings: TranscriberSettings) -> None:
        self._url = httpx.URL(settings.whisper_url)
        self._timeout_s = settings.whisper_timeout_seconds
        self._max_bytes = settings.whisper_max_bytes
        self._prompt = settings.whisper_prompt
        self._client = http_client.open_client(settings.whisper_api_key.get_secret_value())
        self.name = f"whisper at {self._url.host}"

    def transcribe(
        self,
        audio: FetchedAudio,
        *,
        attempt_id: str,
        check_cancelled: CancellationCheck,
        on_progress: OnProgress = ignore_progress,
        language: str | None = None,
    ) -> Recognition:
        def transcribe_file(file: FetchedAudio, file_language: str | None, id_suffix: str) -> Recognition:
            return self._predict(file, attempt_id + id_suffix, file_language, check_cancelled)

        # Audio that the server fetches itself is not in the request. A file in the request must keep to cog's limit.
        max_bytes = 0 if audio.url and audio.is_plain else self._max_bytes
        return transcribe_within_limit(
            audio,
            max_bytes,
            transcribe_file,
            check_cancelled=check_cancelled,
            on_progress=on_progress,
            language=language,
        )

    def _predict(
        self, audio: FetchedAudio, id: str, language: str | None, check_cancelled: CancellationCheck
    ) -> Recognition:
        options = {key: value for key, value in (("language", language), ("initial_prompt", self._prompt)) if value}
        size, body = _body_with_url(audio.url, options) if audio.url else _body_with_file(audio, options)
        request = self._client.build_request(
            "PUT",
            prediction_url(self._url, id),
            content=body,
            headers={"Content-Type": "application/json", "Content-Length": str(size)},
            timeout=http_client.timeout_for(audio, self._timeout_s),
        )
        response = http_client.send(self._client, request, audio, check_cancelled)
        if response.status_code not in {200, 201}:
            http_client.raise_error_for(response)
        answer = http_client.parse_object(response)
        if answer.get("id") not in (None, id):  # a tuple: the id may be unhashable nonsense
            raise RecognizerUnavailable("The Whisper server answered with the words of another clip.")
        if answer.get("status") not in (None, "succeeded"):
            reason = http_client.reason(response) if answer.get("error") else f"its status is {answer['status']}"
            raise RecognizerUnavailable(f"The Whisper server could not do it: {reason}")
        output = answer.get("output")
        if not isinstance(output, dict):
            raise http_client.not_a_transcript()
        language_name = output.get("language") or output.get("detected_language")
        return parse_recognition(output.get("transcription"), output.get("segments"), None, language_name, audio)


def prediction_url(server_url: httpx.URL, id: str) -> httpx.URL:
    """`…/predictions/{id}`. The seed configured the address of one prediction; its id is replaced."""
    path = server_url.path.rstrip("/") or "/predictions"
    parent, collection, _ = path.rpartition("/predictions/")
    return server_url.copy_with(path=f"{parent}{collection}{id}" if collection else f"{path}/{id}")


def _body_with_url(url: str, options: Mapping[str, str]) -> tuple[int, Iterator[bytes]]:
    """The size of the request's body, and the body."""
    body = json.dumps({"input": {"audio": url, **options}}).encode()
    return len(body), iter([body])


def _body_with_file(audio: FetchedAudio, options: Mapping[str, str]) -> tuple[int, Iterator[bytes]]:
    """The same body with a data: address (RFC 2397), which is encoded while it is sent."""
    address = f"data:{audio.mime.partition(';')[0]};base64,"
    tail = b'"}}'
    head = json.dumps({"input": {**options, "audio": address}}).encode().removesuffix(tail)

    def blocks() -> Iterator[bytes]:
        audio.file.seek(0)
        yield head
        while block := audio.file.read(READ_BYTES):
            yield base64.b64encode(block)
        yield tail

    return len(head) + (audio.size + 2) // 3 * 4 + len(tail), blocks()
