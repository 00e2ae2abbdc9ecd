"""Write a clip's transcript in the formats that other programs read."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from services.api.transcripts import alignment, direction, subtitles
from services.api.transcripts.alignment import TimedWord
from services.api.transcripts.hidden import shown_transcript
from services.api.transcripts.subtitles import Cue, join_words
from shared.clips.models import Clip
from shared.transcripts.models import Transcript

MIN_PARAGRAPH_PAUSE_MS = 2_000
"""A pause after a sentence that begins a new paragraph. Speakers who go on pause for less."""

_SUBRIP_MARKUP = re.compile(r"-->|<(?=[/a-zA-Z])|\{")
_SUBRIP_LOOKALIKES = {"-->": "→", "<": "‹", "{": "("}
_MARKDOWN_MARKUP = re.compile(r"[\\`*_\[\]<>#|~]")


@dataclass(frozen=True)
class TranscriptFormat:
    """A media type and the function that writes a clip and its newest transcript with times, if there is one."""

    mime: str
    write: Callable[[Clip, Transcript | None], str]

    def render(self, clip: Clip, timed: Transcript | None) -> str:
        """Write a clip, without what is cut out of it. `timed` is its newest transcript with times."""
        return self.write(clip, shown_transcript(timed, clip.cuts))


def text(clip: Clip, timed: Transcript | None) -> str:
    """A person's text as it was written, or a machine's in paragraphs, which long pauses separate."""
    if clip.edited_at is not None:
        return (clip.text or "") + "\n"
    return "\n\n".join(map(join_words, _paragraphs(_timed_words(clip, timed)))) + "\n"


def srt(clip: Clip, timed: Transcript | None) -> str:
    """SubRip: numbered cues, times with a comma. Lines end with CRLF, which old players insist on."""
    blocks = (
        [str(number), _time_range(cue, ","), *map(_replace_subrip_markup, cue.lines), "", ""]
        for number, cue in enumerate(_cues(clip, timed), start=1)
    )
    return "".join("\r\n".join(lines) for lines in blocks)


def vtt(clip: Clip, timed: Transcript | None) -> str:
    """WebVTT (W3C): times with a point, and markup escaped."""
    blocks = ([_time_range(cue, "."), *map(_escape_webvtt, cue.lines), "", ""] for cue in _cues(clip, timed))
    return "WEBVTT\n\n" + "".join("\n".join(lines) for lines in blocks)


def markdown(clip: Clip, timed: Transcript | None) -> str:
    """Name, star, date, length and tags, then markers, notes and text.

    A machine's text is in paragraphs, each behind the time of its start.
    """
    facts = [*("★" if clip.starred else ""), f"{clip.created_at:%Y-%m-%d %H:%M} UTC"]
    if clip.duration_ms is not None:
        facts.append(_clock_time(clip.duration_ms))
    facts += [f"#{_escape_markdown(tag)}" for tag in clip.tags]
    if clip.edited_at is not None or not (timed and timed.passages):
        body = _escape_markdown(text(clip, timed)).strip()
    else:
        body = "\n\n".join(
            f"[{_clock_time(paragraph[0].start_ms)}] {_escape_markdown(join_words(paragraph))}"
            for paragraph in _paragraphs(_timed_words(clip, timed))
            if paragraph
        )
    markers = "\n".join(
        f"- [{_clock_time(marker['at_ms'])}] {_escape_markdown(' '.join(marker['text'].split()))}".rstrip()
        for marker in clip.shown_markers
    )
    noted = [markers, _escape_markdown(clip.notes).strip()]
    return "\n\n".join([f"# {_escape_markdown(clip.name)}", " · ".join(facts), *filter(None, noted), body]) + "\n"


def as_json(clip: Clip, timed: Transcript | None) -> str:
    """Text, language, the text's words with their times, and passages as the machine heard them; in milliseconds.

    `words` is empty where no machine has heard the clip: nobody knows when such words were said.
    """
    words = _timed_words(clip, timed) if timed and timed.passages else []
    return json.dumps(
        {
            "id": str(clip.id),
            "name": clip.name,
            "version": clip.version,
            "text": clip.text or "",
            "edited": clip.edited_at is not None,
            "language": clip.language,
            "recognizer": clip.recognizer,
            "duration_ms": clip.duration_ms,
            "starred": clip.starred,
            "notes": clip.notes,
            "markers": clip.shown_markers,
            "words": [{"start_ms": word.start_ms, "end_ms": word.end_ms, "text": word.text} for word in words],
            "passages": (timed.passages or []) if timed else [],
        },
        ensure_ascii=False,
    )


FORMATS: Mapping[str, TranscriptFormat] = {
    "txt": TranscriptFormat("text/plain; charset=utf-8", text),
    "srt": TranscriptFormat("application/x-subrip; charset=utf-8", srt),
    "vtt": TranscriptFormat("text/vtt; charset=utf-8", vtt),
    "md": TranscriptFormat("text/markdown; charset=utf-8", markdown),
    "json": TranscriptFormat("application/json", as_json),
}
"""Formats by the extension in their address."""


# -- words and cues ------------------------------------------------------------------------------------------------


def _timed_words(clip: Clip, timed: Transcript | None) -> list[TimedWord]:
    """The words of the clip's text, edited or not, at the times that the machine heard."""
    passages = (timed.passages or []) if timed else []
    return alignment.align_words(clip.text or "", passages, _duration_ms(clip, timed))


def _cues(clip: Clip, timed: Transcript | None) -> list[Cue]:
    return list(direction.embed_cues(subtitles.cut_cues(_timed_words(clip, timed), _duration_ms(clip, timed))))


def _duration_ms(clip: Clip, timed: Transcript | None) -> int:
    """The measured length of the audio, or the end of the last passage, or the time to read the text aloud slowly."""
    spoken_ms = max((passage["end_ms"] for passage in (timed and timed.passages) or []), default=0)
    return clip.duration_ms or spoken_ms or alignment.MAX_COLUMN_MS * len(clip.text or "")


def _paragraphs(words: Sequence[TimedWord]) -> Iterator[Sequence[TimedWord]]:
    start = 0
    for index, (word, following) in enumerate(pairwise(words), 1):
        if following.start_ms - word.end_ms >= MIN_PARAGRAPH_PAUSE_MS and subtitles.ends_sentence(word):
            yield words[start:index]
            start = index
    yield words[start:]


# -- spelling ------------------------------------------------------------------------------------------------------


def _clock_time(ms: int) -> str:
    hours, seconds = divmod(ms // 1000, 3600)
    return f"{hours}:{seconds // 60:02}:{seconds % 60:02}" if hours else f"{seconds // 60}:{seconds % 60:02}"


def _time_range(cue: Cue, decimal_mark: str) -> str:
    return f"{_cue_time(cue.start_ms, decimal_mark)} --> {_cue_time(cue.end_ms, decimal_mark)}"


def _cue_time(ms: int, decimal_mark: str) -> str:
    seconds, ms = divmod(ms, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{decimal_mark}{ms:03}"


def _escape_markdown(words: str) -> str:
    """Escape the characters that Markdown (CommonMark) takes for markup."""
    return _MARKDOWN_MARKUP.sub(r"\\\g<0>", words)


def _escape_webvtt(line: str) -> str:
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _replace_subrip_markup(line: str) -> str:
    """Replace what players take for a time, a tag or an override by characters that look alike.

    SubRip has no escapes.
    """
    return _SUBRIP_MARKUP.sub(lambda match: _SUBRIP_LOOKALIKES[match[0]], line)
