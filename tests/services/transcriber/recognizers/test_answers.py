"""What is believed of a server's answer."""

import json
from collections.abc import Callable

import pytest

from services.transcriber.recognizers import answers
from services.transcriber.recognizers.factory import open_recognizer
from services.transcriber.recognizers.recognizer import Passage, Recognition, Recognizer, Word
from services.transcriber.recognizers.voice_activity import is_installed
from tests import speech
from tests.servers.whisper import API_KEY, Fault, Whisper
from tests.services.transcriber import files
from tests.services.transcriber.recognizers.test_recognizers import measure, settings, transcribe

BELIEVED = {"no_speech_prob": 0.1, "avg_logprob": -0.2, "compression_ratio": 1.1}
DOUBTED = {"no_speech_prob": 0.9, "avg_logprob": -0.9, "compression_ratio": 0.9}


def at(url: str, **values: object) -> Recognizer:
    recognizer = open_recognizer(settings(whisper_url=url, whisper_api_key=API_KEY, **values))
    assert recognizer
    return recognizer


@pytest.fixture(params=["openai", "cog"])
def at_server(whisper: Whisper, request: pytest.FixtureRequest) -> Recognizer:
    return at(whisper.openai_url if request.param == "openai" else whisper.cog_url)


@pytest.mark.parametrize("make", [files.silence, files.noise])
def test_a_servers_hallucinations_in_silence_are_dropped(
    whisper: Whisper, at_server: Recognizer, make: Callable[[float], bytes]
) -> None:
    assert transcribe(at_server, measure(make(10), "audio/wav")) == Recognition("", None, [])
    assert len(whisper.requests) == 1


def test_the_text_has_the_kept_passages_only() -> None:
    segments = [
        {"start": 0, "end": 2, "text": " Thank you.", **DOUBTED},
        {"start": 2, "end": 4, "text": " He was there.", **BELIEVED},
        {"start": 4, "end": 6, "text": " Thank you.", **BELIEVED},
        {"start": 6, "end": 9, "text": " for ever", **BELIEVED},
        {"start": 9, "end": 12, "text": " for ever", **BELIEVED, "compression_ratio": 2.9},
    ]
    text = "".join(str(segment["text"]) for segment in segments)
    found = answers.parse_recognition(text, segments, None, "english", measure(files.wav(), "audio/wav"))
    assert found.text == "He was there. Thank you. for ever"
    assert [passage.start_ms for passage in found.passages] == [2000, 4000, 6000]


def test_a_text_without_scores_is_kept() -> None:
    segments = [{"start": 0, "end": 2, "text": "so"}]
    found = answers.parse_recognition("well, so", segments, None, "en", measure(files.wav()))
    assert found == Recognition("well, so", "en", [Passage(0, 2000, "so")])


@pytest.mark.parametrize(("make", "text"), [(files.silence, ""), (files.noise, ""), (None, "Thank you.")])
def test_a_stock_phrase_is_kept_if_somebody_speaks(
    make: Callable[[float], bytes] | None, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    audio = measure(make(5) if make else files.wav(), "audio/wav")
    assert answers.parse_recognition("Thank you.", None, None, None, audio).text == text
    # Without our own ears, the server's are believed.
    assert is_installed()
    monkeypatch.setattr(answers, "is_installed", lambda: False)
    assert answers.parse_recognition("Thank you.", None, None, None, audio).text == "Thank you."


def test_a_server_without_scores_has_no_hallucinations(whisper: Whisper) -> None:
    whisper.fail(Fault.ONLY_JSON)
    assert transcribe(at(whisper.openai_url), measure(files.silence(10), "audio/wav")) == Recognition("", None, [])


def test_the_language_and_the_prompt_are_sent(whisper: Whisper) -> None:
    for url in (whisper.openai_url, whisper.cog_url):
        recognizer = at(url, whisper_prompt="Mister Dashwood.")
        audio = measure(files.silence(1), "audio/wav")
        recognizer.transcribe(audio, attempt_id="clip-1", check_cancelled=lambda: None, language="de")
    spoken, heard = whisper.requests
    assert (spoken.fields["language"], spoken.fields["prompt"]) == (["de"], ["Mister Dashwood."])
    assert heard.fields == {"language": ["de"], "initial_prompt": ["Mister Dashwood."]}


def test_settings_without_a_value_are_not_sent(whisper: Whisper) -> None:
    for url in (whisper.openai_url, whisper.cog_url):
        transcribe(at(url), measure(files.silence(1), "audio/wav"))
    assert whisper.requests[0].fields.keys() == {"model", "response_format", "timestamp_granularities[]"}
    assert whisper.requests[1].fields == {}


# -- as others answer ----------------------------------------------------------------------------------------------

WHISPERLIVEKIT = """
{"task": "transcribe", "language": "unknown", "duration": 2.99, "text": "He was not an ill-disposed young man.",
 "words": [{"word": "He", "start": 0.3, "end": 0.48}, {"word": "was", "start": 0.48, "end": 0.66},
  {"word": "not", "start": 0.66, "end": 0.94}, {"word": "an", "start": 0.94, "end": 1.1},
  {"word": "ill", "start": 1.1, "end": 1.32}, {"word": "-disposed", "start": 1.32, "end": 1.9},
  {"word": "young", "start": 1.9, "end": 2.2}, {"word": "man.", "start": 2.2, "end": 2.6}],
 "segments": [{"id": 0, "start": 0.3, "end": 2.6, "text": " He was not an ill-disposed young man."}],
 "usage": {"type": "duration", "seconds": 3}}
"""
"""A recording of whisperlivekit's answer in short: words beside segments without figures, and no language."""


def test_words_beside_the_segments_are_assigned_to_them() -> None:
    given = json.loads(WHISPERLIVEKIT)
    audio = measure(speech.wav(speech.samples(["austen-0880.wav"])), "audio/wav")
    found = answers.parse_recognition(given["text"], given["segments"], given["words"], given["language"], audio)
    assert speech.word_errors(found.text, speech.words(["austen-0880.wav"])) == 0
    assert found.language is None
    [passage] = found.passages
    assert passage.words[0] == Word(300, 480, "He")
    assert " ".join(word.text for word in passage.words) == found.text
