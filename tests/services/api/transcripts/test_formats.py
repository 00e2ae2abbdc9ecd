"""The formats of a transcript, and that no player takes words for markup."""

import json
from copy import deepcopy
from typing import Any

import pytest

from services.api.transcripts.formats import FORMATS
from shared.clips.models import Clip
from shared.redis.jobs import TRANSCRIBE
from shared.transcripts.models import Transcript
from tests.shared.clips.test_models import LEASE, NOW, new_clip

PASSAGES = [
    {"start_ms": 0, "end_ms": 1500, "text": " Hello, \n world.", "words": []},
    {"start_ms": 1500, "end_ms": 2000, "text": "  ", "words": []},
    {"start_ms": 3_723_004, "end_ms": 3_724_000, "text": "1 < 2 & 3 --> 4", "words": []},
]


@pytest.fixture
def clip() -> Clip:
    return new_clip("Q&A")


@pytest.fixture
def timed(clip: Clip) -> Transcript:
    clip.claim(TRANSCRIBE, NOW, LEASE)
    text = "Hello, world. 1 < 2 & 3 --> 4"
    passages = deepcopy(PASSAGES)
    return clip.finish_transcription(
        text=text, language="en", recognizer="ear", passages=passages, duration_ms=3_725_000, now=NOW
    )


def written(form: str, clip: Clip, timed: Transcript | None) -> str:
    return FORMATS[form].render(clip, timed)


def test_text_has_paragraphs_where_somebody_paused_and_ends_with_a_line(clip: Clip, timed: Transcript) -> None:
    assert written("txt", clip, timed) == "Hello, world.\n\n1 < 2 & 3 --> 4\n"
    assert timed.passages
    timed.passages[2]["start_ms"], timed.passages[2]["end_ms"] = 2_000, 3_000
    assert written("txt", clip, timed) == "Hello, world. 1 < 2 & 3 --> 4\n"


def test_subrip_numbers_its_cues(clip: Clip, timed: Transcript) -> None:
    assert written("srt", clip, timed) == (
        "1\r\n00:00:00,000 --> 00:00:01,500\r\nHello, world.\r\n\r\n"
        "2\r\n01:02:03,004 --> 01:02:04,000\r\n1 < 2 & 3 → 4\r\n\r\n"
    )


def test_webvtt_escapes_its_cues(clip: Clip, timed: Transcript) -> None:
    assert written("vtt", clip, timed) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\nHello, world.\n\n"
        "01:02:03.004 --> 01:02:04.000\n1 &lt; 2 &amp; 3 --&gt; 4\n\n"
    )


def test_json_has_the_passages(clip: Clip, timed: Transcript) -> None:
    found: dict[str, Any] = json.loads(written("json", clip, timed))
    assert (found["name"], found["edited"], found["language"], found["duration_ms"]) == ("Q&A", False, "en", 3_725_000)
    assert found["passages"] == PASSAGES


def test_json_says_when_each_word_of_the_text_was_said_a_persons_too(clip: Clip, timed: Transcript) -> None:
    assert timed.passages
    timed.passages[0] = {"start_ms": 100, "end_ms": 1500, "text": "", "words": [
        {"start_ms": 100, "end_ms": 600, "text": " Hello,"}, {"start_ms": 900, "end_ms": 1500, "text": " world."},
    ]}  # fmt: skip
    clip.edit("Hello, my world.", NOW)
    found: dict[str, Any] = json.loads(written("json", clip, timed))
    assert found["words"] == [
        {"start_ms": 100, "end_ms": 600, "text": "Hello,"},
        {"start_ms": 600, "end_ms": 900, "text": "my"},
        {"start_ms": 900, "end_ms": 1500, "text": "world."},
    ]
    assert [word["text"] for word in found["words"]] == found["text"].split()


def test_json_makes_up_no_times_of_words_that_no_machine_has_heard(clip: Clip) -> None:
    clip.edit("Said so.", NOW)
    found: dict[str, Any] = json.loads(written("json", clip, None))
    assert (found["text"], found["words"], found["passages"]) == ("Said so.", [], [])


def test_a_persons_words_are_at_the_times_of_the_machines(clip: Clip, timed: Transcript) -> None:
    clip.edit("Hello,\nold world. 1 < 2 & 3 --> 5", NOW)
    assert written("srt", clip, timed) == (
        "1\r\n00:00:00,000 --> 00:00:01,500\r\nHello, old world.\r\n\r\n"
        "2\r\n01:02:03,004 --> 01:02:04,000\r\n1 < 2 & 3 → 5\r\n\r\n"
    )
    assert written("txt", clip, timed) == "Hello,\nold world. 1 < 2 & 3 --> 5\n"
    assert json.loads(written("json", clip, timed))["edited"] is True


def test_words_of_which_nobody_knows_when_they_were_said_are_shown_from_the_beginning(clip: Clip) -> None:
    clip.edit("Said so.", NOW)
    assert written("vtt", clip, None) == "WEBVTT\n\n00:00:00.000 --> 00:00:01.600\nSaid so.\n\n"
    clip.duration_ms = 60_000
    assert written("vtt", clip, None) == "WEBVTT\n\n00:00:00.000 --> 00:00:01.800\nSaid so.\n\n"


def test_no_words_are_no_cues(clip: Clip) -> None:
    clip.edit(" ", NOW)
    assert written("srt", clip, None) == ""
    assert written("vtt", clip, None) == "WEBVTT\n\n"
    assert json.loads(written("json", clip, None))["passages"] == []


@pytest.mark.parametrize("form", FORMATS)
def test_numbers_are_left_as_the_model_gives_them(clip: Clip, form: str) -> None:
    clip.edit("Twenty-three or 24, ٢٥ and 3.14.", NOW)
    assert "Twenty-three or 24, ٢٥ and 3.14." in written(form, clip, None)
