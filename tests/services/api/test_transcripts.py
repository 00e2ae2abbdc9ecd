"""A transcript's forms: what subtitle players read, and that nothing in them is taken for markup."""

import json
from typing import Any

import pytest

from services.api.transcripts import FORMS
from shared.jobs import TRANSCRIBE
from shared.models import Clip
from shared.transcripts import Transcript
from tests.shared.test_models import LEASE, NOW, new_clip

PASSAGES = [
    {"start_ms": 0, "end_ms": 1500, "text": " Hello, \n world.", "words": []},
    {"start_ms": 1500, "end_ms": 2000, "text": "  ", "words": []},
    {"start_ms": 3_723_004, "end_ms": 3_725_000, "text": "1 < 2 & 3 --> 4", "words": []},
]


@pytest.fixture
def clip() -> Clip:
    return new_clip("Q&A")


@pytest.fixture
def timed(clip: Clip) -> Transcript:
    clip.claim(TRANSCRIBE, NOW, LEASE)
    text = "Hello, world. 1 < 2 & 3 --> 4"
    return clip.finish(text=text, language="en", recognizer="ear", passages=PASSAGES, duration_ms=3_725_000, now=NOW)


def written(form: str, clip: Clip, timed: Transcript | None) -> str:
    return FORMS[form].render(clip, timed)


def test_text_ends_with_a_line(clip: Clip, timed: Transcript) -> None:
    assert written("txt", clip, timed) == "Hello, world. 1 < 2 & 3 --> 4\n"


def test_subrip_numbers_its_cues(clip: Clip, timed: Transcript) -> None:
    assert written("srt", clip, timed) == (
        "1\n00:00:00,000 --> 00:00:01,500\nHello, world.\n\n2\n01:02:03,004 --> 01:02:05,000\n1 < 2 & 3 --> 4\n\n"
    )


def test_webvtt_escapes_its_cues(clip: Clip, timed: Transcript) -> None:
    assert written("vtt", clip, timed) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\nHello, world.\n\n"
        "01:02:03.004 --> 01:02:05.000\n1 &lt; 2 &amp; 3 --&gt; 4\n\n"
    )


def test_json_has_the_passages(clip: Clip, timed: Transcript) -> None:
    found: dict[str, Any] = json.loads(written("json", clip, timed))
    assert (found["name"], found["edited"], found["language"], found["duration_ms"]) == ("Q&A", False, "en", 3_725_000)
    assert found["passages"] == PASSAGES


def test_a_person_s_words_are_one_cue_over_the_whole(clip: Clip, timed: Transcript) -> None:
    clip.edit("Said\nso.", NOW)
    assert written("srt", clip, timed) == "1\n00:00:00,000 --> 01:02:05,000\nSaid so.\n\n"
    assert written("txt", clip, timed) == "Said\nso.\n"
    assert json.loads(written("json", clip, timed))["edited"] is True


def test_no_words_are_no_cues(clip: Clip) -> None:
    clip.edit(" ", NOW)
    assert written("srt", clip, None) == ""
    assert written("vtt", clip, None) == "WEBVTT\n\n"
    assert json.loads(written("json", clip, None))["passages"] == []
