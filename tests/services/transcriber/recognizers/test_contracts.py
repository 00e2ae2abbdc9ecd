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
from tests.services.transcriber.recognizers.test_recognizers import MOST_ERRORS, fetched, hear, settings

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
    found = hear(at(foreign, whisper_prompt="Mister Dashwood"), fetched(files.webm()))
    assert speech.word_errors(found.text, speech.words(files.SAID)) <= MOST_ERRORS
    assert found.language == "en"
    assert speech.word_errors(" ".join(passage.text for passage in found.passages), found.text) == 0
    assert found.passages[-1].end_ms > 10_000


def test_a_language_is_said_in_a_way_that_is_understood(foreign: Foreign) -> None:
    audio = fetched(files.mp4(), "audio/mp4")
    found = at(foreign).transcribe(audio, attempt_id="clip-2", check_cancelled=lambda: None, language="en")
    assert speech.word_errors(found.text, speech.words(files.SAID)) <= MOST_ERRORS


def test_long_audio_in_pieces_has_the_same_words(foreign: Foreign) -> None:
    sound = speech.samples()
    long = speech.wav(sound)
    assert len(long) > 3_000_000
    found = hear(at(foreign, whisper_max_bytes=1_000_000), fetched(long, "audio/wav"), "clip-3")
    assert speech.word_errors(found.text, speech.words()) <= MOST_ERRORS
    assert found.passages[-1].end_ms > len(sound) / speech.RATE * 1000 - 2000


def test_what_it_makes_up_in_silence_is_left_out(foreign: Foreign) -> None:
    """Both hear "you", and say themselves that it is not to be believed."""
    assert hear(at(foreign), fetched(files.silence(30), "audio/wav"), "clip-4") == Recognition("", None, [])


def test_what_it_cannot_read_is_its_fault(foreign: Foreign) -> None:
    audio = fetched(files.wav(), "audio/wav")
    audio.file.seek(0)
    audio.file.write(b"no sound at all")
    with pytest.raises(RecognizerUnavailable, match=r"Invalid data found|in trouble \(500"):
        hear(at(foreign), audio, "clip-5")


def test_one_that_is_frozen_or_gone_is_left_in_time(foreign: Foreign) -> None:
    short = fetched(files.silence(0.5), "audio/wav")
    foreign.pause()
    with pytest.raises(RecognizerUnavailable, match="in time"):
        hear(at(foreign, whisper_timeout_seconds=0.5), short, "clip-6")
    foreign.kill()
    with pytest.raises(RecognizerUnavailable, match="could not be reached"):
        hear(at(foreign), short, "clip-7")


def test_cog_at_work_is_busy(cog: Cog) -> None:
    found: list[Recognition] = []
    recognizer = at(cog)
    first = threading.Thread(target=lambda: found.append(hear(recognizer, fetched(files.webm()), "clip-8")))
    first.start()
    while cog.status() != "BUSY":
        time.sleep(0.01)
    with pytest.raises(RecognizerBusy):
        hear(recognizer, fetched(files.webm()), "clip-9")
    first.join()
    assert found[0].text


def test_the_next_one_hears_what_the_preferred_one_cannot(cog: Cog, faster_whisper_server: FasterWhisperServer) -> None:
    recognizer = at(faster_whisper_server, cog)
    faster_whisper_server.kill()
    found = hear(recognizer, fetched(files.webm()), "clip-10")
    assert speech.word_errors(found.text, speech.words(files.SAID)) <= MOST_ERRORS
    assert found.recognizer == "whisper at 127.0.0.1"
