"""Marks of direction in subtitles: players show each line as its reader reads it."""

import pytest

from services.api.transcripts.direction import embed_cues
from services.api.transcripts.formats import FORMATS
from services.api.transcripts.subtitles import Cue
from tests.services.api.transcripts.test_subtitles import transcribed

RTL, LTR, END = "\u202b", "\u202a", "\u202c"


@pytest.mark.parametrize(
    ("lines", "marked"),
    [
        (["שלום, עולם."], [f"{RTL}שלום, עולם.{END}"]),
        (["مرحبا!"], [f"{RTL}مرحبا!{END}"]),
        (["سلام، خوبی؟"], [f"{RTL}سلام، خوبی؟{END}"]),
        (["Windows 11 הוא כאן."], [f"{RTL}Windows 11 הוא כאן.{END}"]),
        (["שלום לכולם, זה כאן.", "VS Code זה."], [f"{RTL}שלום לכולם, זה כאן.{END}", f"{RTL}VS Code זה.{END}"]),
        (["שלום לכולם, זה משפט.", "All in English."], [f"{RTL}שלום לכולם, זה משפט.{END}", "All in English."]),
        (["English.", "שלום is Hebrew."], ["English.", f"{LTR}שלום is Hebrew.{END}"]),
        (["All of this is English, 1984."], ["All of this is English, 1984."]),
        (["Größe, 東京。"], ["Größe, 東京。"]),
        (["1984!"], ["1984!"]),
        ([], []),
    ],
)
def test_lines_are_embedded_in_their_direction(lines: list[str], marked: list[str]) -> None:
    cues = [Cue(0, 1, (line,)) for line in lines]
    assert [cue.lines[0] for cue in embed_cues(cues)] == marked


def test_both_forms_of_subtitles_are_marked_and_texts_are_not() -> None:
    said = "שלום עולם, זה Dictaphone."
    clip, timed = transcribed(said)
    for form in ("srt", "vtt"):
        assert f"{RTL}{said}{END}" in FORMATS[form].render(clip, timed)
    for form in ("txt", "md", "json"):
        assert not {RTL, LTR, END} & set(FORMATS[form].render(clip, timed))
