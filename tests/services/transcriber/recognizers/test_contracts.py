"""The two server contracts, against servers that others wrote."""

import threading
import time
from collections.abc import Iterator

import pytest

from services.transcriber.recognizers.factory import open_recognizer
from services.transcriber.recognizers.recognizer import Recognition, Recognizer, RecognizerBusy, RecognizerUnavailable
from tests import speech
from tests.servers.foreign import Cog, FasterWhisperServer
from tests.services.transcriber import files
from tests.services.transcriber.recognizers.test_recognizers import MAX_WORD_ERRORS, measure, settings, transcribe

Foreign = Cog | FasterWhisperServer


@pytest.fixture(scope="module")
def cog() -> Iterator[Cog]:
    with Cog() as server:
        yield server


@pytest.fixture(scope="module")
def faster_whisper_server() -> Iterator[FasterWhisperServer]:
    with FasterWhisperServer() as server:
        yield server


@pytest.fixture(params=["cog", "faster_whisper_server"])
def foreign(request: pytest.FixtureRequest) -> Iterator[Foreign]:
    server: Foreign = request.getfixturevalue(request.param)
    yield server
    server.start()


def at(*servers: Foreign, **values: object) -> Recognizer:
    recognizer = open_recognizer(settings(whisper_url=" ".join(server.url for server in servers), **values))
    assert recognizer
    return recognizer


def test_real_speech_becomes_its_words(foreign: Foreign) -> None:
    found = transcribe(at(foreign, whisper_prompt="Mister Dashwood"), measure(files.webm()))
    assert speech.word_errors(found.text, speech.words(files.SAID)) <= MAX_WORD_ERRORS
    assert found.language == "en"
    assert speech.word_errors(" ".join(passage.text for passage in found.passages), found.text) == 0
    assert found.passages[-1].end_ms > 10_000


def test_the_language_is_sent_as_the_server_expects(foreign: Foreign) -> None:
    audio = measure(files.mp4(), "audio/mp4")
    found = at(foreign).transcribe(audio, attempt_id="clip-2", check_cancelled=lambda: None, language="en")
    assert speech.word_errors(found.text, speech.words(files.SAID)) <= MAX_WORD_ERRORS


def test_long_audio_in_chunks_has_the_same_words(foreign: Foreign) -> None:
    sound = speech.samples()
    long = speech.wav(sound)
    assert len(long) > 3_000_000
    found = transcribe(at(foreign, whisper_max_bytes=1_000_000), measure(long, "audio/wav"), "clip-3")
    assert speech.word_errors(found.text, speech.words()) <= MAX_WORD_ERRORS
    assert found.passages[-1].end_ms > len(sound) / speech.RATE * 1000 - 2000


def test_hallucinations_in_silence_are_dropped(foreign: Foreign) -> None:
    """Both hear "you", and say themselves that it is not to be believed."""
    assert transcribe(at(foreign), measure(files.silence(30), "audio/wav"), "clip-4") == Recognition("", None, [])


def test_an_unreadable_file_is_refused(foreign: Foreign) -> None:
    audio = measure(files.wav(), "audio/wav")
    audio.file.seek(0)
    audio.file.write(b"no sound at all")
    with pytest.raises(RecognizerUnavailable, match=r"Invalid data found|in trouble \(500"):
        transcribe(at(foreign), audio, "clip-5")


def test_a_frozen_or_stopped_server_is_left_in_time(foreign: Foreign) -> None:
    short = measure(files.silence(0.5), "audio/wav")
    foreign.pause()
    with pytest.raises(RecognizerUnavailable, match="in time"):
        transcribe(at(foreign, whisper_timeout_seconds=0.5), short, "clip-6")
    foreign.kill()
    with pytest.raises(RecognizerUnavailable, match="could not be reached"):
        transcribe(at(foreign), short, "clip-7")


def test_a_working_cog_is_busy(cog: Cog) -> None:
    found: list[Recognition] = []
    recognizer = at(cog)
    first = threading.Thread(target=lambda: found.append(transcribe(recognizer, measure(files.webm()), "clip-8")))
    first.start()
    while cog.status() != "BUSY":
        time.sleep(0.01)
    with pytest.raises(RecognizerBusy):
        transcribe(recognizer, measure(files.webm()), "clip-9")
    first.join()
    assert found[0].text


def test_the_next_recognizer_does_what_the_preferred_one_cannot(
    cog: Cog, faster_whisper_server: FasterWhisperServer
) -> None:
    recognizer = at(faster_whisper_server, cog)
    faster_whisper_server.kill()
    found = transcribe(recognizer, measure(files.webm()), "clip-10")
    assert speech.word_errors(found.text, speech.words(files.SAID)) <= MAX_WORD_ERRORS
    assert found.recognizer == "whisper at 127.0.0.1"
