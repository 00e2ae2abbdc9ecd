"""Audio that a server does not take whole: the same words, in pieces that it takes."""

import io
import json
import tracemalloc
import wave
from collections.abc import Callable
from pathlib import Path

import httpx
import numpy as np
import pytest

from services.transcriber.audio import blocks
from services.transcriber.audio.blocks import decode_blocks
from services.transcriber.audio.decode import SAMPLE_RATE
from services.transcriber.audio.fetch import FetchedAudio, measure_audio
from services.transcriber.recognizers import chunks, http_client
from services.transcriber.recognizers.factory import open_recognizer
from services.transcriber.recognizers.recognizer import FileRefused, Recognition, Recognizer, RecognizerUnavailable
from services.transcriber.settings import MIN_WHISPER_MAX_BYTES
from tests import speech
from tests.servers.whisper import API_KEY, Fault, Whisper
from tests.services.transcriber import files
from tests.services.transcriber.recognizers.test_recognizers import (
    MAX_WORD_ERRORS,
    Streaming,
    measure,
    serving,
    settings,
    transcribe,
)

SAID = speech.ALL
FEW = speech.ALL[:1]


@pytest.fixture(scope="module")
def long() -> bytes:
    """36 s: two pieces of the smallest size."""
    return speech.encode(speech.samples(SAID), bit_rate=256_000)


@pytest.fixture(params=["openai", "cog"])
def url(whisper: Whisper, request: pytest.FixtureRequest) -> str:
    return whisper.openai_url if request.param == "openai" else whisper.cog_url


def at(url: str, **values: object) -> Recognizer:
    recognizer = open_recognizer(settings(whisper_url=url, whisper_api_key=API_KEY, **values))
    assert recognizer
    return recognizer


def test_a_file_above_the_limit_is_sent_in_chunks(whisper: Whisper, url: str, long: bytes) -> None:
    assert len(long) > MIN_WHISPER_MAX_BYTES
    audio = measure(long)
    progress: list[tuple[int, str]] = []
    checks: list[int] = []
    found = at(url, whisper_max_bytes=MIN_WHISPER_MAX_BYTES).transcribe(
        audio,
        attempt_id="clip-1",
        check_cancelled=lambda: checks.append(len(whisper.requests)),
        on_progress=lambda position_ms, words: progress.append((position_ms, words)),
    )
    assert speech.word_errors(found.text, speech.words(SAID)) <= MAX_WORD_ERRORS
    assert speech.word_errors(" ".join(passage.text for passage in found.passages), found.text) == 0
    assert found.language == "en"
    times = [time for passage in found.passages for time in (passage.start_ms, passage.end_ms)]
    assert times == sorted(times)
    assert audio.duration_ms - 3000 < times[-1] <= audio.duration_ms + 500
    for passage in found.passages:
        assert all(
            passage.start_ms - 100 <= word.start_ms <= word.end_ms <= passage.end_ms + 100 for word in passage.words
        )
    assert len(whisper.requests) >= 2
    assert all(len(asked.audio) <= MIN_WHISPER_MAX_BYTES for asked in whisper.requests)
    assert len(set(whisper.prediction_ids)) == len(whisper.prediction_ids)
    # After each piece it is told how far it is, and before each it is asked whether to go on.
    assert [position_ms for position_ms, _ in progress] == sorted({position_ms for position_ms, _ in progress})
    assert progress[-1][0] == pytest.approx(audio.duration_ms, abs=100)
    assert " ".join(words for _, words in progress) == found.text
    assert set(checks) >= set(range(len(whisper.requests)))
    # What was found out from the first is said for the others.
    assert [asked.fields.get("language") for asked in whisper.requests] == [None, *[["en"]] * (len(progress) - 1)]


def test_a_limit_that_is_not_configured_is_found(whisper: Whisper, url: str, long: bytes) -> None:
    # Between the file and a piece; in cog's request both are a third larger.
    whisper.max_bytes = 1_400_000 if url == whisper.cog_url else 1_100_000
    found = transcribe(at(url), measure(long))
    assert speech.word_errors(found.text, speech.words(SAID)) <= MAX_WORD_ERRORS
    assert "413" in whisper.refused[0]
    assert len(whisper.refused) == 1


def test_a_limit_below_every_chunk_is_reported(whisper: Whisper, url: str) -> None:
    whisper.max_bytes = 1000
    with pytest.raises(FileRefused, match=r"413.*WHISPER_MAX_BYTES"):
        transcribe(at(url), measure(files.webm()))
    assert len(whisper.requests) == 2


def test_without_a_limit_nothing_is_cut(whisper: Whisper, long: bytes) -> None:
    whisper.fail(Fault.ERROR)
    with pytest.raises(RecognizerUnavailable):
        transcribe(at(whisper.openai_url, whisper_max_bytes=0), measure(long))
    assert [asked.audio for asked in whisper.requests] == [long]


def test_a_file_of_an_unknown_container_is_sent_as_wav(whisper: Whisper) -> None:
    aiff = measure(speech.encode(speech.samples(FEW), "aiff", "pcm_s16be"), "audio/aiff")
    assert aiff.suffix == ".aiff"
    found = transcribe(at(whisper.openai_url), aiff)
    assert speech.word_errors(found.text, speech.words(FEW)) <= MAX_WORD_ERRORS
    assert whisper.requests[-1].audio.startswith(b"RIFF")
    assert all("Unrecognized file format" in refused for refused in whisper.refused)


def test_audio_that_cog_fetches_is_not_split(whisper: Whisper, long: bytes) -> None:
    audio = measure(long)
    whisper.fail(Fault.ERROR)
    with serving(long) as audio.url, pytest.raises(RecognizerUnavailable):
        transcribe(at(whisper.cog_url, whisper_max_bytes=MIN_WHISPER_MAX_BYTES), audio)
    assert [asked.audio for asked in whisper.requests] == [long]


def test_audio_that_cog_cannot_fetch_is_sent(whisper: Whisper) -> None:
    audio = measure(speech.encode(speech.samples(FEW)))
    audio.url = "http://127.0.0.1:9/audio"
    found = transcribe(at(whisper.cog_url), audio)
    assert speech.word_errors(found.text, speech.words(FEW)) <= MAX_WORD_ERRORS


def test_audio_that_is_not_plain_is_sent_as_we_hear_it(whisper: Whisper, url: str) -> None:
    """A server that fetched the quiet file itself would hear nothing in it."""
    quiet = speech.wav((speech.samples(FEW) * 0.002).astype(np.int16))
    audio = measure(quiet, "audio/wav")
    audio.is_plain = False
    audio.url = "http://127.0.0.1:9/audio"
    assert speech.word_errors(transcribe(at(url), audio).text, speech.words(FEW)) <= MAX_WORD_ERRORS
    [asked] = whisper.requests
    with wave.open(io.BytesIO(asked.audio)) as sent:
        samples = np.frombuffer(sent.readframes(sent.getnframes()), "<i2")
    assert np.abs(samples).max() > 2_000


def test_no_chunk_is_larger_than_the_limit_though_there_is_a_gap_in_the_audio(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sound = [np.ones(SAMPLE_RATE * 20, np.float32), np.zeros(SAMPLE_RATE * 60, np.float32), np.ones(100, np.float32)]
    # As `decode_file` yields a gap: a minute of silence in one array.
    monkeypatch.setattr(blocks, "decode_file", lambda file, track: iter(sound))
    found = list(chunks.split_chunks(FetchedAudio(io.BytesIO(), 0, "", "", 80_000), MIN_WHISPER_MAX_BYTES))
    assert all(piece.size <= MIN_WHISPER_MAX_BYTES for _, piece in found)
    starts = [start_ms for start_ms, _ in found]
    lengths = [piece.duration_ms for _, piece in found]
    assert starts == [sum(lengths[:number]) for number in range(len(lengths))]
    assert sum(lengths) == pytest.approx(80_000, abs=110)


def test_a_chunk_that_is_too_short_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    scrap = (1000, np.zeros(SAMPLE_RATE // 20, np.float32))
    monkeypatch.setattr(chunks, "decode_blocks", lambda *_: iter([(0, np.zeros(SAMPLE_RATE, np.float32)), scrap]))
    audio = FetchedAudio(io.BytesIO(), 0, "", "", 1050)
    assert [start_ms for start_ms, _ in chunks.split_chunks(audio, 0)] == [0]


def test_a_chunk_keeps_its_samples() -> None:
    sound = np.sin(np.arange(SAMPLE_RATE) / 10).astype(np.float32)
    piece = chunks.to_wav(np.concatenate([sound, [2.0, -2.0]]).astype(np.float32))
    assert piece.size == piece.file.seek(0, 2)
    [(_, back)] = decode_blocks(measure_audio(piece.file, piece.size, piece.mime).file)
    assert np.abs(back[: len(sound)] - sound).max() < 1e-4
    assert back[-2:] == pytest.approx([1, -1], abs=1e-4)  # what is too loud is clipped, and does not wrap around


def test_memory_does_not_grow_with_the_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert isinstance(request.stream, httpx.SyncByteStream)
        for _ in request.stream:
            pass
        return httpx.Response(200, content=json.dumps({"text": "yes", "language": "english"}))

    monkeypatch.setattr(http_client, "open_client", lambda api_key="": httpx.Client(transport=Streaming(answer)))

    def peak_bytes(minutes: int) -> int:
        path = tmp_path / f"{minutes}.wav"
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(SAMPLE_RATE)
            for _ in range(minutes):
                file.writeframes(bytes(2 * 60 * SAMPLE_RATE))
        with path.open("rb") as opened:
            audio = measure_audio(opened, path.stat().st_size, "audio/wav")
            tracemalloc.start()
            try:
                found = transcribe(
                    at("http://whisper/v1/audio/transcriptions", whisper_max_bytes=MIN_WHISPER_MAX_BYTES), audio
                )
                assert len(found.text.split()) > minutes
                return tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()

    assert peak_bytes(15) < 1.1 * peak_bytes(3)


def test_a_lost_lease_stops_between_two_chunks(whisper: Whisper, long: bytes) -> None:
    class Lost(Exception):
        pass

    def check_cancelled() -> None:
        if whisper.requests:
            raise Lost

    with pytest.raises(Lost):
        at(whisper.openai_url, whisper_max_bytes=MIN_WHISPER_MAX_BYTES).transcribe(
            measure(long), attempt_id="clip-1", check_cancelled=check_cancelled
        )
    assert len(whisper.requests) == 1


def test_an_error_of_one_chunk_does_not_cost_those_before_it(
    whisper: Whisper, url: str, long: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "RETRY_DELAYS_S", (0.2, 0.2))
    whisper.fail(Fault.UNAVAILABLE, 2)
    found = transcribe(at(url, whisper_max_bytes=MIN_WHISPER_MAX_BYTES), measure(long))
    assert speech.word_errors(found.text, speech.words(SAID)) <= MAX_WORD_ERRORS
    assert len({asked.id for asked in whisper.requests}) == (len(whisper.requests) if "predictions" in url else 1)
    whisper.fail(Fault.UNAVAILABLE, 3)
    with pytest.raises(RecognizerUnavailable):
        transcribe(at(url, whisper_max_bytes=MIN_WHISPER_MAX_BYTES), measure(long))


def test_a_server_without_verbose_json_is_sent_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(b"verbose_json" in request.read())
        return httpx.Response(400 if asked[-1] else 200, content=json.dumps({"text": f"piece {len(asked)}"}))

    monkeypatch.setattr(http_client, "open_client", lambda api_key="": httpx.Client(transport=Streaming(answer)))
    audio = measure(files.silence(70), "audio/wav")
    found = transcribe(at("http://whisper/v1/audio/transcriptions", whisper_max_bytes=MIN_WHISPER_MAX_BYTES), audio)
    assert asked == [True, False, *[False] * (len(asked) - 2)]
    assert found.text == " ".join(f"piece {number}" for number in range(2, len(asked) + 1))
    assert found.passages[0].start_ms == 0
    assert found.passages[-1].end_ms == pytest.approx(70_000, abs=100)


Make = Callable[[float], bytes]


@pytest.mark.parametrize("make", [files.silence, files.noise])
def test_silence_has_no_text_in_chunks_either(whisper: Whisper, url: str, make: Make) -> None:
    found = transcribe(at(url, whisper_max_bytes=MIN_WHISPER_MAX_BYTES), measure(make(20), "audio/wav"))
    assert found == Recognition("", None, [])
