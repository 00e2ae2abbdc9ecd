"""A cog server: `PUT /predictions/{id}` with an address of the audio."""

import base64
import json
from collections.abc import Callable, Iterator, Mapping

import httpx

from services.transcriber.audio.fetch import FetchedAudio
from services.transcriber.recognizers import answers, http_client
from services.transcriber.recognizers.chunks import heard
from services.transcriber.recognizers.recognizer import Recognition, RecognizerUnavailable, Tell, to_nobody
from services.transcriber.settings import TranscriberSettings

PIECE_BYTES = 3 * 64 * 1024
"""Read at a time for a data: address; a multiple of 3, so that the base64 of the pieces is the base64 of the whole."""


class CogRecognizer:
    """Each attempt is a prediction of its own: under an id that it knows a busy server answers with the older text."""

    def __init__(self, settings: TranscriberSettings) -> None:
        self._url = httpx.URL(settings.whisper_url)
        self._patience_s = settings.whisper_timeout_seconds
        self._most_bytes = settings.whisper_max_bytes
        self._prompt = settings.whisper_prompt
        self._client = http_client.client(settings.whisper_api_key.get_secret_value())
        self.name = f"whisper at {self._url.host}"

    def transcribe(
        self,
        audio: FetchedAudio,
        *,
        attempt_id: str,
        check: Callable[[], None],
        tell: Tell = to_nobody,
        language: str | None = None,
    ) -> Recognition:
        def hear(file: FetchedAudio, spoken: str | None, part: str) -> Recognition:
            return self._predict(file, attempt_id + part, spoken, check)

        # What it fetches itself is not in the request; a file that is goes through a limit of cog's own, too.
        most_bytes = 0 if audio.url else self._most_bytes
        return heard(audio, most_bytes, hear, check=check, tell=tell, language=language)

    def _predict(self, audio: FetchedAudio, id: str, language: str | None, check: Callable[[], None]) -> Recognition:
        wishes = {key: value for key, value in (("language", language), ("initial_prompt", self._prompt)) if value}
        size, body = _by_address(audio.url, wishes) if audio.url else _by_value(audio, wishes)
        request = self._client.build_request(
            "PUT",
            prediction_url(self._url, id),
            content=body,
            headers={"Content-Type": "application/json", "Content-Length": str(size)},
            timeout=http_client.patience(audio, self._patience_s),
        )
        response = http_client.send(self._client, request, audio, check)
        if response.status_code not in {200, 201}:
            http_client.refuse(response)
        found = http_client.answer(response)
        if found.get("id") not in (None, id):  # anything may stand there, what no set can hold too
            raise RecognizerUnavailable("The Whisper server answered with the words of another clip.")
        if found.get("status") not in (None, "succeeded"):
            why = http_client.reason(response) if found.get("error") else f"its status is {found['status']}"
            raise RecognizerUnavailable(f"The Whisper server could not do it: {why}")
        output = found.get("output")
        if not isinstance(output, dict):
            raise http_client.nonsense()
        language_name = output.get("language") or output.get("detected_language")
        return answers.recognition(output.get("transcription"), output.get("segments"), None, language_name, audio)


def prediction_url(given: httpx.URL, id: str) -> httpx.URL:
    """`…/predictions/{id}`; the seed was given the address of one prediction, whose id is replaced."""
    path = given.path.rstrip("/") or "/predictions"
    above, found, _ = path.rpartition("/predictions/")
    return given.copy_with(path=f"{above}{found}{id}" if found else f"{path}/{id}")


def _by_address(url: str, wishes: Mapping[str, str]) -> tuple[int, Iterator[bytes]]:
    body = json.dumps({"input": {"audio": url, **wishes}}).encode()
    return len(body), iter([body])


def _by_value(audio: FetchedAudio, wishes: Mapping[str, str]) -> tuple[int, Iterator[bytes]]:
    """The same request around a data: address (RFC 2397), made while it is sent."""
    address = f"data:{audio.mime.partition(';')[0]};base64,"
    tail = b'"}}'
    head = json.dumps({"input": {**wishes, "audio": address}}).encode().removesuffix(tail)

    def pieces() -> Iterator[bytes]:
        audio.file.seek(0)
        yield head
        while piece := audio.file.read(PIECE_BYTES):
            yield base64.b64encode(piece)
        yield tail

    return len(head) + (audio.size + 2) // 3 * 4 + len(tail), pieces()
