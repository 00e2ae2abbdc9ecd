"""Who is asked, in which order, and what is said when nobody can do it."""

import threading
from collections.abc import Callable

import pytest

from services.transcriber.audio.fetch import FetchedAudio
from services.transcriber.errors import AudioRejected, CancellationCheck, LeaseLost
from services.transcriber.models.registry import BUNDLED_MODEL, ModelDownload, ModelNotReady
from services.transcriber.recognizers import fallback
from services.transcriber.recognizers.factory import open_recognizer
from services.transcriber.recognizers.fallback import FallbackRecognizer
from services.transcriber.recognizers.recognizer import (
    FileRefused,
    OnProgress,
    Passage,
    Recognition,
    RecognizerBusy,
    RecognizerMisconfigured,
    RecognizerUnavailable,
    ignore_progress,
)
from tests import speech
from tests.servers.whisper import API_KEY, Fault, Whisper
from tests.services.transcriber import files
from tests.services.transcriber.recognizers.test_recognizers import MAX_WORD_ERRORS, measure, settings, transcribe

AWAY = RecognizerUnavailable("It is away.")


class ScriptedRecognizer:
    """Says its name, or raises what it is given; a function is called first."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.fault: Exception | None = None
        self.during_transcription: Callable[[], object] = lambda: None
        self.attempts: list[str] = []

    def transcribe(
        self,
        audio: FetchedAudio,
        *,
        attempt_id: str,
        check_cancelled: CancellationCheck,
        on_progress: OnProgress = ignore_progress,
        language: str | None = None,
    ) -> Recognition:
        self.attempts.append(attempt_id)
        self.during_transcription()
        if self.fault:
            raise self.fault
        on_progress(900, self.name)
        return Recognition(self.name, language or "en", [Passage(0, 900, self.name)])


@pytest.fixture
def recognizers() -> list[ScriptedRecognizer]:
    return [ScriptedRecognizer(name) for name in ("first", "second", "third")]


@pytest.fixture
def recognizer(recognizers: list[ScriptedRecognizer]) -> FallbackRecognizer:
    return FallbackRecognizer([(each, 1) for each in recognizers])


@pytest.fixture(scope="module")
def audio() -> FetchedAudio:
    return measure(files.silence(1), "audio/wav")


def test_only_the_preferred_recognizer_is_called(
    recognizer: FallbackRecognizer, recognizers: list[ScriptedRecognizer], audio: FetchedAudio
) -> None:
    progress: list[tuple[int, str]] = []
    found = recognizer.transcribe(
        audio,
        attempt_id="clip-1",
        check_cancelled=lambda: None,
        on_progress=lambda position_ms, words: progress.append((position_ms, words)),
        language="de",
    )
    assert found == Recognition("first", "de", [Passage(0, 900, "first")], "first")
    assert progress == [(900, "first")]
    assert [len(each.attempts) for each in recognizers] == [1, 0, 0]
    assert recognizer.name == "first, else second, else third"


@pytest.mark.parametrize(
    ("fault", "is_asked_last"),
    [
        (AWAY, True),
        (RecognizerMisconfigured("The key is wrong."), True),
        (ModelNotReady(ModelDownload("base")), True),
        (RecognizerBusy("It is busy."), False),
        (FileRefused("It knows no such file."), False),
        (AudioRejected("It knows English only."), False),
    ],
)
def test_the_next_recognizer_is_called_after_an_error(
    recognizer: FallbackRecognizer,
    recognizers: list[ScriptedRecognizer],
    audio: FetchedAudio,
    fault: Exception,
    is_asked_last: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recognizers[0].fault = fault
    found = transcribe(recognizer, audio, "clip-1")
    assert (found.text, found.recognizer) == ("second", "second")
    recognizers[0].fault = None
    assert transcribe(recognizer, audio, "clip-2").text == ("second" if is_asked_last else "first")
    # When nobody else can do it, who was away is asked all the same, and if it can, is preferred again.
    recognizers[1].fault = recognizers[2].fault = RecognizerBusy("It is busy.")
    assert transcribe(recognizer, audio, "clip-3").text == "first"
    recognizers[1].fault = recognizers[2].fault = None
    assert transcribe(recognizer, audio, "clip-4").text == "first"


def test_an_unavailable_recognizer_is_preferred_again_after_a_while(
    recognizer: FallbackRecognizer,
    recognizers: list[ScriptedRecognizer],
    audio: FetchedAudio,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [1000.0]
    monkeypatch.setattr(fallback, "monotonic", lambda: now[0])
    recognizers[0].fault = AWAY
    transcribe(recognizer, audio, "clip-1")
    recognizers[0].fault = None
    now[0] += fallback.UNAVAILABLE_S - 1
    assert transcribe(recognizer, audio, "clip-2").text == "second"
    now[0] += 2
    assert transcribe(recognizer, audio, "clip-3").text == "first"


def test_each_call_has_an_id_of_its_own(
    recognizer: FallbackRecognizer, recognizers: list[ScriptedRecognizer], audio: FetchedAudio
) -> None:
    recognizers[0].fault = recognizers[1].fault = AWAY
    for _ in range(3):
        transcribe(recognizer, audio, "clip-1")
    attempts = [attempt for each in recognizers for attempt in each.attempts]
    assert len(attempts) == len(set(attempts)) == 5
    assert all(attempt.startswith("clip-1-") for attempt in attempts)


BUSY, BUSY_LONG = RecognizerBusy("It is busy.", 7), RecognizerBusy("It is busy.", 90)
REFUSED, WRONG = FileRefused("No such file."), RecognizerMisconfigured("The key is wrong.")


@pytest.mark.parametrize(
    ("faults", "kind", "sentence", "wish"),
    [
        ([AWAY, BUSY, BUSY_LONG], RecognizerUnavailable, "It is away. Nor could any other do it.", None),
        ([BUSY_LONG, BUSY, BUSY_LONG], RecognizerBusy, "It is busy. Nor could any other do it.", 7),
        ([BUSY_LONG, REFUSED, WRONG], RecognizerUnavailable, "It is busy. Nor could any other do it.", 90),
        ([REFUSED, WRONG, AWAY], RecognizerUnavailable, "It is away. Nor could any other do it.", None),
        ([REFUSED, WRONG, REFUSED], RecognizerMisconfigured, "The key is wrong.", None),
        ([REFUSED, REFUSED, REFUSED], FileRefused, "No such file.", None),
    ],
)
def test_if_all_fail_the_first_sentence_and_the_shortest_delay_count(
    recognizer: FallbackRecognizer,
    recognizers: list[ScriptedRecognizer],
    audio: FetchedAudio,
    faults: list[Exception],
    kind: type[Exception],
    sentence: str,
    wish: float | None,
) -> None:
    for each, fault in zip(recognizers, faults, strict=True):
        each.fault = fault
    with pytest.raises(Exception, match=sentence) as caught:
        transcribe(recognizer, audio)
    assert type(caught.value) is kind
    assert getattr(caught.value, "retry_after_s", None) == wish
    assert [len(each.attempts) for each in recognizers] == [1, 1, 1]


def test_a_lost_lease_calls_no_other_recognizer(
    recognizer: FallbackRecognizer, recognizers: list[ScriptedRecognizer], audio: FetchedAudio
) -> None:
    recognizers[0].fault = LeaseLost()
    with pytest.raises(LeaseLost):
        transcribe(recognizer, audio)
    recognizers[0].fault = None
    assert transcribe(recognizer, audio).text == "first"  # its place is free again
    assert recognizers[1].attempts == []


def test_a_recognizer_without_a_free_slot_is_called_last(
    recognizer: FallbackRecognizer,
    recognizers: list[ScriptedRecognizer],
    audio: FetchedAudio,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fallback, "CANCEL_CHECK_INTERVAL_S", 0.02)
    entered, leave = threading.Semaphore(0), threading.Event()

    def meanwhile() -> None:
        entered.release()
        leave.wait(10)

    for each in recognizers:
        each.during_transcription = meanwhile
    found: list[Recognition] = []
    threads = [threading.Thread(target=lambda: found.append(transcribe(recognizer, audio))) for _ in recognizers]
    for thread in threads:
        thread.start()
        assert entered.acquire(timeout=10)
    assert [len(each.attempts) for each in recognizers] == [1, 1, 1]

    checks = 0

    def check_cancelled() -> None:
        nonlocal checks
        checks += 1
        if checks == 3:
            raise LeaseLost

    with pytest.raises(LeaseLost):
        recognizer.transcribe(audio, attempt_id="clip-1", check_cancelled=check_cancelled)
    last = threading.Thread(target=lambda: found.append(transcribe(recognizer, audio)))
    last.start()
    leave.set()
    for thread in (*threads, last):
        thread.join()
    assert sorted(each.text for each in found) == ["first", "first", "second", "third"]


# -- real ones -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [Fault.ERROR, Fault.BUSY, Fault.FAILED, Fault.RESET])
def test_the_embedded_recognizer_does_what_no_server_can(whisper: Whisper, fault: Fault) -> None:
    recognizer = open_recognizer(
        settings(
            whisper_url=f"{whisper.openai_url}, {whisper.cog_url} embedded",
            whisper_api_key=f"{API_KEY} - -",
            whisper_model=f"- - {BUNDLED_MODEL}",
        )
    )
    assert recognizer
    whisper.fail(fault)
    said = ["austen-0930.wav"]
    found = transcribe(recognizer, measure(speech.wav(speech.samples(said)), "audio/wav"))
    assert speech.word_errors(found.text, speech.words(said)) <= MAX_WORD_ERRORS
    assert found.recognizer == "faster-whisper tiny.en"
    assert [asked.contract for asked in whisper.requests] == ["openai", "cog"]
    assert whisper.refused == []
