"""The three recognizers on real speech, and the two servers in each way they are known to break."""

import io
import json
import os
import time
import tracemalloc
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from services.transcriber.audio.fetch import FetchedAudio, measure_audio
from services.transcriber.errors import AudioRejected
from services.transcriber.models.registry import BUNDLED_MODEL
from services.transcriber.recognizers import answers, block, http_client
from services.transcriber.recognizers.cog import CogRecognizer, prediction_url
from services.transcriber.recognizers.embedded import EmbeddedRecognizer
from services.transcriber.recognizers.factory import open_recognizer
from services.transcriber.recognizers.openai import OpenAIRecognizer
from services.transcriber.recognizers.recognizer import (
    Recognition,
    Recognizer,
    RecognizerBusy,
    RecognizerMisconfigured,
    RecognizerUnavailable,
)
from services.transcriber.settings import TranscriberSettings
from tests import speech
from tests.servers.whisper import API_KEY, Fault, Whisper
from tests.services.transcriber import files

MAX_WORD_ERRORS = 0.2


def measure(content: bytes, mime: str = "audio/webm;codecs=opus") -> FetchedAudio:
    return measure_audio(io.BytesIO(content), len(content), mime)


def settings(**values: Any) -> TranscriberSettings:
    """With the model that comes along, unless a server has its own: no test waits for a hundred megabytes."""
    ours: dict[str, Any] = {} if "whisper_url" in values else {"whisper_model": BUNDLED_MODEL}
    return TranscriberSettings(_env_file=None, **ours, **values)


def transcribe(recognizer: Recognizer, audio: FetchedAudio, attempt_id: str = "clip-1") -> Recognition:
    return recognizer.transcribe(audio, attempt_id=attempt_id, check_cancelled=lambda: None)


@pytest.fixture(scope="module")
def embedded() -> EmbeddedRecognizer:
    return EmbeddedRecognizer(settings(concurrency=2))


@pytest.fixture
def openai(whisper: Whisper) -> OpenAIRecognizer:
    return OpenAIRecognizer(settings(whisper_url=whisper.openai_url, whisper_api_key=API_KEY))


@pytest.fixture
def cog(whisper: Whisper) -> CogRecognizer:
    return CogRecognizer(settings(whisper_url=whisper.cog_url))


@pytest.fixture(params=["openai", "cog"])
def at_server(request: pytest.FixtureRequest) -> Recognizer:
    recognizer: Recognizer = request.getfixturevalue(request.param)
    return recognizer


@pytest.fixture(params=["embedded", "openai", "cog"])
def recognizer(request: pytest.FixtureRequest) -> Recognizer:
    recognizer: Recognizer = request.getfixturevalue(request.param)
    return recognizer


# -- what all do --------------------------------------------------------------------------------------------------


def test_real_speech_becomes_its_words(recognizer: Recognizer) -> None:
    found = transcribe(recognizer, measure(files.webm()))
    assert speech.word_errors(found.text, speech.words(files.SAID)) <= MAX_WORD_ERRORS
    assert found.text == found.text.strip()
    assert found.language == "en"
    # Passages follow each other in time, and say what the text says.
    assert speech.word_errors(" ".join(p.text for p in found.passages), found.text) == 0
    times = [time for passage in found.passages for time in (passage.start_ms, passage.end_ms)]
    assert times == sorted(times)
    assert times[-1] <= len(speech.samples(files.SAID)) / speech.RATE * 1000 + 500


@pytest.mark.parametrize("name", ["embedded", "openai"])
def test_words_have_their_times(name: str, request: pytest.FixtureRequest) -> None:
    found = transcribe(request.getfixturevalue(name), measure(files.webm()))
    for passage in found.passages:
        assert " ".join(word.text for word in passage.words).split() == passage.text.split()
        assert all(word.start_ms <= word.end_ms for word in passage.words)
        assert passage.words[0].start_ms >= passage.start_ms - 100
        assert passage.words[-1].end_ms <= passage.end_ms + 100


# -- the embedded engine ------------------------------------------------------------------------------------------


def test_the_bundled_model_has_its_usual_name(embedded: EmbeddedRecognizer) -> None:
    assert embedded.name == "faster-whisper tiny.en"


@pytest.mark.parametrize("make", [files.silence, files.noise])
def test_silence_has_no_text_and_no_language(embedded: EmbeddedRecognizer, make: Callable[[float], bytes]) -> None:
    assert transcribe(embedded, measure(make(30))) == Recognition("", None, [])


def test_speech_behind_damage_is_transcribed(embedded: EmbeddedRecognizer) -> None:
    sound = speech.samples(files.SAID)
    found = transcribe(embedded, measure(files.scratched(speech.encode(sound, "mp4", "aac"))))
    assert speech.word_errors(found.text, speech.words(files.SAID)) <= MAX_WORD_ERRORS


def test_a_lost_lease_stops_the_block(embedded: EmbeddedRecognizer) -> None:
    class Lost(Exception):
        pass

    asked = 0

    def check_cancelled() -> None:
        nonlocal asked
        asked += 1
        if asked == 2:
            raise Lost

    with pytest.raises(Lost):
        embedded.transcribe(measure(files.webm()), attempt_id="clip-1", check_cancelled=check_cancelled)


def test_each_half_a_minute_proves_progress_even_without_a_word(
    embedded: EmbeddedRecognizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large model on a slow machine takes minutes for it, and of noise there are no words."""
    options = block.TRANSCRIBE_OPTIONS | {"vad_filter": False}
    monkeypatch.setattr(block, "TRANSCRIBE_OPTIONS", options)
    checks = 0

    def check_cancelled() -> None:
        nonlocal checks
        checks += 1

    found = embedded.transcribe(measure(files.silence(90)), attempt_id="clip-1", check_cancelled=check_cancelled)
    assert found.text == ""
    assert checks >= 2 * 3


def test_a_folder_without_a_model_says_which_files_belong_there(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"no weights")
    wrong = EmbeddedRecognizer(TranscriberSettings(whisper_model=str(tmp_path)))
    assert wrong.name == f"faster-whisper {tmp_path.name}"
    with pytest.raises(RecognizerUnavailable, match=rf"{tmp_path} cannot be loaded.*put there the model\.bin"):
        transcribe(wrong, measure(files.wav()))


def test_an_english_model_rejects_another_language(embedded: EmbeddedRecognizer) -> None:
    def heard_in(language: str) -> Recognition:
        audio = measure(files.webm())
        return embedded.transcribe(audio, attempt_id="clip-1", check_cancelled=lambda: None, language=language)

    with pytest.raises(AudioRejected, match=r"tiny\.en knows English only, and this clip is said to be in German"):
        heard_in("de")
    assert heard_in("en").text


# -- the servers --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [Fault.ERROR, Fault.UNAVAILABLE, Fault.BROKEN_JSON, Fault.NONSENSE, Fault.HTML, Fault.FAILED, Fault.RESET],
)
def test_a_server_error_is_worth_a_retry(whisper: Whisper, at_server: Recognizer, fault: Fault) -> None:
    whisper.fail(fault)
    with pytest.raises(RecognizerUnavailable, match=r"^The Whisper server"):
        transcribe(at_server, measure(files.webm()))
    assert whisper.refused == []


def test_a_busy_server_is_worth_a_retry(whisper: Whisper, at_server: Recognizer) -> None:
    whisper.fail(Fault.BUSY)
    with pytest.raises(RecognizerBusy, match="busy"):
        transcribe(at_server, measure(files.wav()))


def test_a_server_that_hangs_is_left_in_time(whisper: Whisper) -> None:
    for url in (whisper.openai_url, whisper.cog_url):
        recognizer = open_recognizer(settings(whisper_url=url, whisper_api_key=API_KEY, whisper_timeout_seconds=0.2))
        assert recognizer is not None
        whisper.fail(Fault.HANG)
        began = time.monotonic()
        with pytest.raises(RecognizerUnavailable, match="in time"):
            transcribe(recognizer, measure(files.silence(1), "audio/wav"))
        # 0.2 s, and twice the length of the audio.
        assert 2 < time.monotonic() - began < 6
        whisper.heal()


def test_a_cancelled_request_ends_at_once(whisper: Whisper) -> None:
    class Lost(Exception):
        pass

    def check_cancelled() -> None:
        if whisper.requests:
            raise Lost

    for url in (whisper.openai_url, whisper.cog_url):
        recognizer = open_recognizer(settings(whisper_url=url, whisper_api_key=API_KEY))
        assert recognizer is not None
        whisper.requests.clear()
        whisper.fail(Fault.HANG)
        began = time.monotonic()
        with pytest.raises(Lost):
            recognizer.transcribe(
                measure(files.silence(1), "audio/wav"), attempt_id="clip-1", check_cancelled=check_cancelled
            )
        assert time.monotonic() - began < 10
        whisper.heal()


def test_an_unreachable_server_is_worth_a_retry() -> None:
    recognizer = open_recognizer(settings(whisper_url="http://127.0.0.1:9/v1/audio/transcriptions"))
    assert recognizer is not None
    with pytest.raises(RecognizerUnavailable, match="could not be reached"):
        transcribe(recognizer, measure(files.wav()))


@pytest.mark.parametrize(
    ("status", "body", "error", "sentence"),
    [
        (401, {"error": {"message": "bad key"}}, RecognizerMisconfigured, "WHISPER_API_KEY"),
        (404, {}, RecognizerMisconfigured, "WHISPER_URL"),
        (413, {"error": {"message": "26 MB is too much"}}, AudioRejected, "26 MB is too much"),
        (415, {"detail": [{"msg": "no such\ncodec"}]}, AudioRejected, "no such codec"),
        (408, {}, RecognizerUnavailable, "408"),
        (429, {"error": {"message": "no more money"}}, RecognizerBusy, "busy .429: no more money"),
        (500, {"detail": "out of memory"}, RecognizerUnavailable, "500: out of memory"),
        (302, {}, RecognizerUnavailable, "WHISPER_URL"),
    ],
)
def test_each_status_has_its_error(status: int, body: object, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        http_client.raise_error_for(httpx.Response(status, json=body))


def test_the_delay_is_read_from_the_response() -> None:
    def wish(value: str) -> float | None:
        with pytest.raises(RecognizerUnavailable) as caught:
            http_client.raise_error_for(httpx.Response(503, headers={"Retry-After": value}))
        return caught.value.retry_after_s

    assert wish("7") == 7
    assert wish(formatdate(time.time() + 60, usegmt=True)) == pytest.approx(60, abs=3)
    assert wish(formatdate(time.time() - 60, usegmt=True)) == 0
    assert wish("soon") is None


@pytest.mark.parametrize(
    ("found", "code"),
    [("english", "en"), ("DE", "de"), ("haitian creole", "ht"), ("yue", "yue"), ("und", None), (7, None), ("", None)],
)
def test_language_codes(found: object, code: str | None) -> None:
    assert answers.language_code(found) == code


def test_text_is_cleaned_for_every_database() -> None:
    assert http_client.clean_text(" a\0b \ud800 c\n") == "a b ? c"


def test_without_verbose_json_there_is_text_and_one_passage(whisper: Whisper, openai: OpenAIRecognizer) -> None:
    whisper.fail(Fault.ONLY_JSON)
    audio = measure(files.webm())
    found = transcribe(openai, audio)
    assert found.text
    assert [(p.start_ms, p.end_ms, p.text) for p in found.passages] == [(0, audio.duration_ms, found.text)]
    assert [asked.fields["response_format"] for asked in whisper.requests] == [["verbose_json"], ["json"]]
    assert whisper.requests[0].audio == whisper.requests[1].audio == files.webm()


def test_a_servers_refusal_is_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = httpx.Response(400, json={"error": {"message": "Audio file might be corrupted or unsupported"}})
    monkeypatch.setattr(
        http_client, "open_client", lambda api_key="": httpx.Client(transport=Streaming(lambda _: answer))
    )
    recognizer = open_recognizer(settings(whisper_url="http://whisper/v1/audio/transcriptions"))
    assert recognizer is not None
    with pytest.raises(AudioRejected, match="might be corrupted or unsupported"):
        transcribe(recognizer, measure(files.webm()))


def test_another_clips_words_are_refused(whisper: Whisper, cog: CogRecognizer) -> None:
    whisper.fail(Fault.ANOTHER)
    with pytest.raises(RecognizerUnavailable, match="another clip"):
        transcribe(cog, measure(files.wav()))


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ("http://whisper:5000", "/predictions/clip-1"),
        ("http://whisper:5000/", "/predictions/clip-1"),
        ("http://whisper:5000/predictions", "/predictions/clip-1"),
        ("http://whisper:5000/predictions/", "/predictions/clip-1"),
        ("http://whisper:5000/predictions/dictaphone", "/predictions/clip-1"),
        ("http://proxy/whisper/predictions/dictaphone", "/whisper/predictions/clip-1"),
        ("http://proxy/whisper", "/whisper/clip-1"),
    ],
)
def test_each_attempt_is_a_prediction_of_its_own(given: str, path: str) -> None:
    assert prediction_url(httpx.URL(given), "clip-1").path == path


def test_cog_gets_the_stores_address_if_there_is_one(whisper: Whisper, cog: CogRecognizer) -> None:
    audio = measure(files.webm())
    with serving(files.webm()) as url:
        audio.url = url
        assert transcribe(cog, audio).text
    assert whisper.requests[0].audio == files.webm()


@pytest.mark.parametrize("contract", ["openai", "cog"])
def test_memory_does_not_grow_with_the_recording(
    contract: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    size = 64 * 1024**2
    path = tmp_path / "long"
    path.touch()
    os.truncate(path, size)
    received = 0

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal received
        assert isinstance(request.stream, httpx.SyncByteStream)
        received = sum(len(piece) for piece in request.stream)
        assert received == int(request.headers["Content-Length"])
        body = {"text": "yes"} if contract == "openai" else {"status": "succeeded", "output": {"transcription": "yes"}}
        return httpx.Response(200, content=json.dumps(body))

    transport = Streaming(answer)
    monkeypatch.setattr(http_client, "open_client", lambda api_key="": httpx.Client(transport=transport))
    url = "http://whisper/v1/audio/transcriptions" if contract == "openai" else "http://whisper"
    recognizer = open_recognizer(settings(whisper_url=url, whisper_max_bytes=0))
    assert recognizer is not None
    with path.open("rb") as file:
        audio = FetchedAudio(file, size, "audio/webm", ".webm", 1000)
        tracemalloc.start()
        try:
            assert transcribe(recognizer, audio).text == "yes"
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert received > size
    assert peak < 4 * 1024**2


class Streaming(httpx.BaseTransport):
    """Unlike httpx's own mock, it does not read the request before the handler does."""

    def __init__(self, answer: Callable[[httpx.Request], httpx.Response]) -> None:
        self._answer = answer

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._answer(request)


class serving:  # noqa: N801  # a context manager, read as a verb
    """One file at one address, as a presigned URL gives it."""

    def __init__(self, content: bytes) -> None:
        import http.server
        import threading

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> str:
        self._thread.start()
        return f"http://127.0.0.1:{self._server.server_port}/audio?signature=x"

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def test_the_prompt_applies_to_the_whole_recording() -> None:
    """A prompt alone is forgotten after half a minute."""
    recognizer = EmbeddedRecognizer(settings(concurrency=1, whisper_prompt="Mr. Dashwoud of Nawlend."))
    twice = measure(speech.wav(np.concatenate([speech.samples(), speech.samples()])), "audio/wav")
    assert transcribe(recognizer, twice).text.count("Dashwoud") == 2
