"""Direction of subtitles: marks that keep punctuation and foreign words of right-to-left lines on the right side.

SubRip has no field for a direction, and players built on libass, such as mpv and Kodi, lay every line out from left to
right: the full stop of a Hebrew line stands at its beginning. libass recommends a right-to-left embedding
(https://github.com/libass/libass/issues/295), which older players know too, unlike isolates. In WebVTT, browsers take
the direction from the first strong character of a line (https://www.w3.org/TR/webvtt1/#webvtt-cue-text-alignment):
wrong where a Hebrew line begins with an English word. An embedding is right there too, so both formats have the same.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import replace

from services.api.transcripts.subtitles import Cue

_LEFT_TO_RIGHT, _RIGHT_TO_LEFT, _END = "\u202a", "\u202b", "\u202c"
"""LEFT-TO-RIGHT EMBEDDING, RIGHT-TO-LEFT EMBEDDING, POP DIRECTIONAL FORMATTING."""


MIN_RIGHT_TO_LEFT_WORDS = 0.4
"""Share of its words from which a text is read from right to left: many of such a text are foreign names."""


def embed_cues(cues: Sequence[Cue]) -> Iterator[Cue]:
    """Mark each line that is read from right to left, or that a player might take for such a line.

    A cue with right-to-left words is read so if it has many of them, or if all cues have: a Hebrew sentence may hold
    more English words than Hebrew ones.
    """
    is_mainly = _is_right_to_left(" ".join(line for cue in cues for line in cue.lines))
    for cue in cues:
        said = " ".join(cue.lines)
        if "R" not in _word_directions(said):
            yield cue
        elif is_mainly or _is_right_to_left(said):
            yield replace(cue, lines=tuple(f"{_RIGHT_TO_LEFT}{line}{_END}" for line in cue.lines))
        else:
            yield replace(cue, lines=tuple(map(_embed_foreign_start, cue.lines)))


def _embed_foreign_start(line: str) -> str:
    return f"{_LEFT_TO_RIGHT}{line}{_END}" if _word_directions(line)[:1] == ["R"] else line


def _is_right_to_left(text: str) -> bool:
    directions = _word_directions(text)
    return directions.count("R") > len(directions) * MIN_RIGHT_TO_LEFT_WORDS


def _word_directions(text: str) -> list[str]:
    """L or R for each word with a letter, as its first letter has it."""
    if text.isascii():
        return ["L" for word in text.split() if not word.isdigit()]
    return [direction for word in text.split() if (direction := _first_direction(word))]


def _first_direction(word: str) -> str | None:
    directions = map(unicodedata.bidirectional, word)
    strong = next((direction for direction in directions if direction in {"L", "R", "AL"}), None)
    return "R" if strong == "AL" else strong
