"""Servers that break the rules of HTTP, of time and of JSON: none holds a worker, fills its memory or stops it."""

import contextlib
import gzip
import json
import math
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import settings as tries
from hypothesis import strategies as st

from services.transcriber.recognizers import http_client
from services.transcriber.recognizers.factory import open_recognizer
from services.transcriber.recognizers.recognizer import FileRefused, Passage, Recognizer, RecognizerUnavailable, Word
from shared.db.columns import MAX_DURATION_MS
from tests.services.transcriber import files
from tests.services.transcriber.recognizers.test_recognizers import measure, settings, transcribe

CONTRACTS = {"openai": "/v1/audio/transcriptions", "cog": "/predictions"}
MAX_S = 5.0
"""A server that never ends is left after the patience of 0.4 s and twice the length of the audio, 0.3 s."""

Answer = Callable[[socketserver.StreamRequestHandler], None]


@contextlib.contextmanager
def rude(answer: Answer, *, reads: bool = True) -> Iterator[tuple[str, list[str]]]:
    """A server that reads a request, or does not, and then does what the test says; yield its address and its calls."""
    called: list[str] = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            called.append("")
            with contextlib.suppress(OSError):
                if reads:
                    length = 0
                    while (line := self.rfile.readline()).strip():
                        if line.lower().startswith(b"content-length:"):
                            length = int(line.partition(b":")[2])
                    self.rfile.read(length)
                answer(self)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

    with Server(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.server_address[1]}", called
        finally:
            listening.shutdown()
            thread.join()


def at(url: str) -> Recognizer:
    recognizer = open_recognizer(settings(whisper_url=url, whisper_timeout_seconds=0.4))
    assert recognizer
    return recognizer


def head(status: str = "200 OK", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()


def dripping(given: bytes, drop: bytes) -> Answer:
    def answer(connection: socketserver.StreamRequestHandler) -> None:
        connection.wfile.write(given)
        while True:
            connection.wfile.write(drop)
            time.sleep(0.05)

    return answer


def pouring(given: bytes, piece: bytes) -> Answer:
    def answer(connection: socketserver.StreamRequestHandler) -> None:
        connection.wfile.write(given)
        while True:
            connection.wfile.write(piece)

    return answer


def saying(given: bytes) -> Answer:
    def answer(connection: socketserver.StreamRequestHandler) -> None:
        connection.wfile.write(given)

    return answer


def sleeping(connection: socketserver.StreamRequestHandler) -> None:
    time.sleep(2 * MAX_S)


ZEROS = b"%x\r\n%b\r\n" % (65_536, b" " * 65_536)


@pytest.mark.parametrize("contract", CONTRACTS)
@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        pytest.param(dripping(head(Content_Length="1000000"), b" "), "in time", id="a body that drips"),
        pytest.param(dripping(head(), b" "), "in time", id="a body that drips and has no length"),
        pytest.param(dripping(b"HTTP/1.1 200 OK\r\nX: ", b"x"), "in time", id="a header that drips"),
        pytest.param(dripping(b"", head("102 Processing")), "in time", id="promises"),
        pytest.param(pouring(head(Transfer_Encoding="chunked"), ZEROS), "longer than any", id="no end"),
        pytest.param(pouring(b"HTTP/1.1 200 OK\r\nX: ", b"x" * 65_536), "broke off", id="a header without end"),
        pytest.param(
            saying(head(Content_Encoding="gzip") + gzip.compress(b" " * 100_000_000)), "longer than any", id="a bomb"
        ),
        pytest.param(saying(head(Content_Length="1000") + b'{"text": "hel'), "broke off", id="half an answer"),
        pytest.param(saying(b""), "broke off", id="no answer"),
        pytest.param(saying(b"SSH-2.0-OpenSSH_9.6\r\n"), "broke off", id="another protocol"),
        pytest.param(saying(head(Content_Length="9") + b"[" * 9), "no transcript", id="no JSON"),
        pytest.param(saying(head() + b"[" * 200_000), "no transcript", id="JSON too deep"),
        pytest.param(saying(head("429 No", Retry_After="7")), "busy", id="too many"),
        pytest.param(sleeping, "in time", id="nothing"),
    ],
)
def test_a_hostile_server_is_left_with_a_sentence(contract: str, answer: Answer, sentence: str) -> None:
    began = time.monotonic()
    with rude(answer) as (url, called):
        with pytest.raises(RecognizerUnavailable, match=sentence) as caught:
            transcribe(at(url + CONTRACTS[contract]), measure(files.silence(0.3), "audio/wav"))
        assert time.monotonic() - began < MAX_S
        assert len(called) == 1
    assert caught.value.retry_after_s == (7 if sentence == "busy" else None)


@pytest.mark.parametrize("contract", CONTRACTS)
def test_a_server_that_does_not_read_is_left(contract: str) -> None:
    began = time.monotonic()
    audio = measure(files.silence(0.3), "audio/wav")
    audio.file.seek(0, 2)
    audio.file.write(bytes(20_000_000))  # more than fits between two sockets
    audio.size = audio.file.tell()
    with rude(sleeping, reads=False) as (url, _), pytest.raises(RecognizerUnavailable, match="in time"):
        transcribe(at(url + CONTRACTS[contract]), audio)
    assert time.monotonic() - began < MAX_S


@pytest.mark.parametrize("contract", CONTRACTS)
def test_no_redirect_is_followed_with_the_audio_and_the_key(contract: str) -> None:
    with rude(saying(head("200 OK") + b"{}")) as (elsewhere, called):
        for status in ("301 Moved", "302 Found", "307 Temporary", "308 Permanent"):
            moved = saying(head(status, Location=elsewhere, Content_Length="0"))
            with rude(moved) as (url, _), pytest.raises(RecognizerUnavailable, match="WHISPER_URL may be wrong"):
                transcribe(at(url + CONTRACTS[contract]), measure(files.silence(0.3), "audio/wav"))
        assert called == []


def test_an_early_refusal_is_read() -> None:
    def refuse(connection: socketserver.StreamRequestHandler) -> None:
        connection.wfile.write(head("413 Too Large", Content_Length="0"))
        while connection.request.recv(1 << 16):
            pass

    audio = measure(files.silence(1), "audio/wav")
    audio.file.seek(0, 2)
    audio.file.write(bytes(20_000_000))
    audio.size = audio.file.tell()
    with rude(refuse, reads=False) as (url, called), pytest.raises(FileRefused, match="WHISPER_MAX_BYTES"):
        transcribe(at(url + CONTRACTS["openai"]), audio)
    assert len(called) == 2  # the file, and its sound


# -- JSON ----------------------------------------------------------------------------------------------------------


class StubTransport(httpx.BaseTransport):
    """Answers with one document."""

    def __init__(self) -> None:
        self.document: Any = None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=json.dumps(self.document))


@pytest.fixture(scope="module")
def stub() -> Iterator[StubTransport]:
    transport = StubTransport()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(http_client, "open_client", lambda api_key="": httpx.Client(transport=transport))
        yield transport


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("nan") | st.just(1e300),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
TIME = st.floats(-1, 1e6) | ODD
WORD = st.fixed_dictionaries({}, optional={"word": st.text() | ODD, "text": ODD, "start": TIME, "end": TIME})
SEGMENT = st.fixed_dictionaries(
    {},
    optional={
        "text": st.text() | ODD, "start": TIME, "end": TIME, "words": st.lists(WORD, max_size=3) | ODD,
        "no_speech_prob": ODD, "avg_logprob": ODD, "compression_ratio": ODD,
    },
)  # fmt: skip
SEGMENTS = st.lists(SEGMENT, max_size=3) | ODD
OPENAI = st.fixed_dictionaries(
    {}, optional={"text": st.text() | ODD, "segments": SEGMENTS, "words": st.lists(WORD) | ODD, "language": ODD}
)
OUTPUT = st.fixed_dictionaries(
    {}, optional={"transcription": st.text() | ODD, "segments": SEGMENTS, "language": ODD, "detected_language": ODD}
)
COG = st.fixed_dictionaries(
    {}, optional={"id": st.just("clip-1") | ODD, "status": st.just("succeeded") | ODD, "error": ODD, "output": OUTPUT}
)


@tries(deadline=None)
@given(document=OPENAI | COG | ODD)
@pytest.mark.parametrize("contract", CONTRACTS)
def test_any_document_is_a_transcript_or_an_error(stub: StubTransport, contract: str, document: object) -> None:
    stub.document = document
    try:
        found = transcribe(at("http://whisper" + CONTRACTS[contract]), measure(files.silence(0.3), "audio/wav"))
    except RecognizerUnavailable:
        return
    found.text.encode()
    assert bool(found.text) == bool(found.passages)
    spoken: list[Passage | Word] = [*found.passages, *(word for passage in found.passages for word in passage.words)]
    for each in spoken:
        assert 0 <= each.start_ms <= each.end_ms <= MAX_DURATION_MS
        assert "\0" not in each.text


@pytest.mark.parametrize("time", [math.nan, math.inf, -math.inf, "soon", None, [], {}])
def test_an_invalid_time_is_an_error(stub: StubTransport, time: object) -> None:
    stub.document = {"text": "hello", "segments": [{"start": 0, "end": time, "text": "hello"}]}
    with pytest.raises(RecognizerUnavailable, match="no transcript"):
        transcribe(at("http://whisper" + CONTRACTS["openai"]), measure(files.silence(0.3), "audio/wav"))


def test_a_time_before_the_beginning_is_the_beginning(stub: StubTransport) -> None:
    stub.document = {"text": "hello", "segments": [{"start": -3, "end": -1.5, "text": "hello"}]}
    [passage] = transcribe(
        at("http://whisper" + CONTRACTS["openai"]), measure(files.silence(0.3), "audio/wav")
    ).passages
    assert (passage.start_ms, passage.end_ms) == (0, 0)
