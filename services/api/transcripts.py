"""A clip's words in the forms that other programs read."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from shared.models import Clip
from shared.transcripts import Transcript


@dataclass(frozen=True)
class Form:
    """One way to write a transcript down."""

    mime: str
    render: Callable[[Clip, Transcript | None], str]


def text(clip: Clip, _timed: Transcript | None) -> str:
    return (clip.text or "") + "\n"


def srt(clip: Clip, timed: Transcript | None) -> str:
    """SubRip: numbered cues, times with a comma."""
    return "".join(
        f"{number}\n{_clock(start, ',')} --> {_clock(end, ',')}\n{words}\n\n"
        for number, (start, end, words) in enumerate(_cues(clip, timed), start=1)
    )


def vtt(clip: Clip, timed: Transcript | None) -> str:
    """WebVTT (W3C): times with a point, and nothing in a cue that could be taken for markup."""
    cues = (
        f"{_clock(start, '.')} --> {_clock(end, '.')}\n{_escaped(words)}\n\n"
        for start, end, words in _cues(clip, timed)
    )
    return "WEBVTT\n\n" + "".join(cues)


def as_json(clip: Clip, timed: Transcript | None) -> str:
    """Text, language and passages with their words, times in milliseconds."""
    return json.dumps(
        {
            "id": str(clip.id),
            "name": clip.name,
            "text": clip.text,
            "edited": clip.edited_at is not None,
            "language": clip.language,
            "recognizer": clip.recognizer,
            "duration_ms": clip.duration_ms,
            "passages": (timed.passages or []) if timed else [],
        },
        ensure_ascii=False,
    )


FORMS: Mapping[str, Form] = {
    "txt": Form("text/plain; charset=utf-8", text),
    "srt": Form("application/x-subrip; charset=utf-8", srt),
    "vtt": Form("text/vtt; charset=utf-8", vtt),
    "json": Form("application/json", as_json),
}


def _cues(clip: Clip, timed: Transcript | None) -> list[tuple[int, int, str]]:
    """Start, end and one line of words. Words without times are one cue over the whole clip.

    A person's edit has no times either, and corrected words matter more than where each was said.
    """
    if timed and timed.passages and clip.edited_at is None:
        return [
            (passage["start_ms"], passage["end_ms"], " ".join(passage["text"].split()))
            for passage in timed.passages
            if passage["text"].strip()
        ]
    words = " ".join((clip.text or "").split())
    return [(0, clip.duration_ms or 1000, words)] if words else []


def _clock(ms: int, point: str) -> str:
    seconds, ms = divmod(ms, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{point}{ms:03}"


def _escaped(words: str) -> str:
    return words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
