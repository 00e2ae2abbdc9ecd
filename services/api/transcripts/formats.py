"""A clip's words in the forms that other programs read."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from services.api.transcripts import alignment, subtitles
from shared.clips.models import Clip
from shared.transcripts.models import Transcript

PARAGRAPH_MS = 2_000
"""A pause behind a sentence that begins a new paragraph: people who go on pause for less."""

_MARKUP = re.compile(r"-->|<(?=[/a-zA-Z])|\{")
_MARKS = re.compile(r"[\\`*_\[\]<>#|~]")
_LIKENESS = {"-->": "→", "<": "‹", "{": "("}


@dataclass(frozen=True)
class Form:
    """One way to write a transcript down."""

    mime: str
    render: Callable[[Clip, Transcript | None], str]


def text(clip: Clip, timed: Transcript | None) -> str:
    """A person's words as they were written; a machine's in paragraphs, which long pauses part."""
    if clip.edited_at is not None:
        return (clip.text or "") + "\n"
    return "\n\n".join(map(subtitles.text_of, _paragraphs(_words(clip, timed)))) + "\n"


def srt(clip: Clip, timed: Transcript | None) -> str:
    """SubRip: numbered cues, times with a comma. Lines end as those of SubRip itself, which old players insist on."""
    blocks = (
        [str(number), f"{_clock(cue.start_ms, ',')} --> {_clock(cue.end_ms, ',')}", *map(_unmarked, cue.lines), "", ""]
        for number, cue in enumerate(_cues(clip, timed), start=1)
    )
    return "".join("\r\n".join(lines) for lines in blocks)


def vtt(clip: Clip, timed: Transcript | None) -> str:
    """WebVTT (W3C): times with a point, and nothing in a cue that could be taken for markup."""
    blocks = (
        [f"{_clock(cue.start_ms, '.')} --> {_clock(cue.end_ms, '.')}", *map(_escaped, cue.lines), "", ""]
        for cue in _cues(clip, timed)
    )
    return "WEBVTT\n\n" + "".join("\n".join(lines) for lines in blocks)


def markdown(clip: Clip, timed: Transcript | None) -> str:
    """Name, date, length and tags, and the words: a machine's in paragraphs, each behind the moment it begins at."""
    facts = [f"{clip.created_at:%Y-%m-%d %H:%M} UTC"]
    if clip.duration_ms is not None:
        facts.append(_moment(clip.duration_ms))
    facts += [f"#{_literal(tag)}" for tag in clip.tags]
    if clip.edited_at is not None or not (timed and timed.passages):
        words = _literal(text(clip, timed)).strip()
    else:
        paragraphs = _paragraphs(_words(clip, timed))
        words = "\n\n".join(
            f"[{_moment(said[0].start_ms)}] {_literal(subtitles.text_of(said))}" for said in paragraphs if said
        )
    return f"# {_literal(clip.name)}\n\n{' · '.join(facts)}\n\n{words}\n"


def as_json(clip: Clip, timed: Transcript | None) -> str:
    """Text, language, the text's words with their times, and passages as the machine heard them; in milliseconds.

    `words` is empty where no machine has heard anything: nobody knows when such words were said.
    """
    words = _words(clip, timed) if timed and timed.passages else []
    return json.dumps(
        {
            "id": str(clip.id),
            "name": clip.name,
            "text": clip.text,
            "edited": clip.edited_at is not None,
            "language": clip.language,
            "recognizer": clip.recognizer,
            "duration_ms": clip.duration_ms,
            "words": [{"start_ms": word.start_ms, "end_ms": word.end_ms, "text": word.text} for word in words],
            "passages": (timed.passages or []) if timed else [],
        },
        ensure_ascii=False,
    )


FORMS: Mapping[str, Form] = {
    "txt": Form("text/plain; charset=utf-8", text),
    "srt": Form("application/x-subrip; charset=utf-8", srt),
    "vtt": Form("text/vtt; charset=utf-8", vtt),
    "md": Form("text/markdown; charset=utf-8", markdown),
    "json": Form("application/json", as_json),
}


def _words(clip: Clip, timed: Transcript | None) -> list[alignment.Word]:
    """The clip's words, a person's too, at the times of what the machine heard."""
    return alignment.timed(clip.text or "", (timed.passages or []) if timed else [], _length_ms(clip, timed))


def _cues(clip: Clip, timed: Transcript | None) -> list[subtitles.Cue]:
    return subtitles.cues(_words(clip, timed), _length_ms(clip, timed))


def _length_ms(clip: Clip, timed: Transcript | None) -> int:
    """Of the audio; as long as nobody measured it, of what was heard, or of somebody who reads the words aloud."""
    heard_ms = max((passage["end_ms"] for passage in (timed and timed.passages) or []), default=0)
    return clip.duration_ms or heard_ms or alignment.SLOWEST_MS * len(clip.text or "")


def _paragraphs(words: Sequence[alignment.Word]) -> Iterator[Sequence[alignment.Word]]:
    start = 0
    for at, (word, following) in enumerate(pairwise(words), 1):
        if following.start_ms - word.end_ms >= PARAGRAPH_MS and subtitles.ends_sentence(word):
            yield words[start:at]
            start = at
    yield words[start:]


def _moment(ms: int) -> str:
    hours, seconds = divmod(ms // 1000, 3600)
    return f"{hours}:{seconds // 60:02}:{seconds % 60:02}" if hours else f"{seconds // 60}:{seconds % 60:02}"


def _literal(words: str) -> str:
    """Without what Markdown (CommonMark) would take for markup."""
    return _MARKS.sub(r"\\\g<0>", words)


def _clock(ms: int, point: str) -> str:
    seconds, ms = divmod(ms, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{point}{ms:03}"


def _escaped(line: str) -> str:
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _unmarked(line: str) -> str:
    """Without what players take for a time, for a tag or for an override: SubRip has no way to escape."""
    return _MARKUP.sub(lambda found: _LIKENESS[found[0]], line)
