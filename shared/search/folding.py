"""What a search compares: words without accents and capitals, the same on every database. Nothing here asks one.

A text is folded letter by letter: compatibility forms are resolved (NFKD), combining marks dropped, capitals folded,
and whatever is neither letter nor digit parts words. Scripts that write no spaces are indexed by pairs of characters:
`東京都` is 東京, 京都 and 都, so that a run of them is found as a phrase, which needs no dictionary.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

LONGEST_WORD = 64
"""Characters of a word that count: no language has longer ones, and Postgres refuses those of 2 KB."""

MOST_INDEXED = 340_000
"""Bytes of a folded text that are indexed, six hours of speech. With the beginnings of words they become thrice as many
at most, which is less than the 1 MiB that a tsvector holds: no text is refused for its words."""

MOST_PHRASES = 16
"""Words and phrases of one search: what comes behind them is not looked at."""

_SPACELESS = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai and Lao, Burmese, Khmer
    "\u3005-\u3007\u3041-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff"  # kana, Chinese characters
    "\u2600-\u27bf\U0001f000-\U0001faff"  # pictures
)
_RUN = re.compile(f"[{_SPACELESS}]+|[^ {_SPACELESS}]+")
"""A run of characters without spaces, or a word."""

_IN_WORD = f"[^ {_SPACELESS}]"

_CHUNK = re.compile('["“”„«»]([^"“”„«»]*)(["“”„«»]?)|([^\\s"“”„«»]+)')
"""A phrase in quotes, of which the second may not be typed yet, or what stands between two spaces."""

_VOICED = {"\u3099", "\u309a"}
"""Marks that are no accents: が is another syllable than か."""

_STROKES = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ħ": "h", "ŧ": "t", "ı": "i", "ð": "d", "œ": "oe", "æ": "ae", "ς": "σ"}
)
"""Letters that people without such a keyboard write otherwise, and that Unicode does not take apart."""


class _Letters(dict[int, str]):
    """What each character is folded to, found out when it comes first; a space parts words."""

    def __init__(self) -> None:
        super().__init__()
        self.uneven: set[str] = set()
        """Those met so far that become none or several."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        folded = self[code] = "".join(map(_said, _plain(_plain(character).casefold()).translate(_STROKES)))
        if len(folded) != 1:
            self.uneven.add(character)
        return folded


def _plain(text: str) -> str:
    """Without accents: what they stood on stays, and syllables that they make up are put together again."""
    apart = unicodedata.normalize("NFKD", text)
    kept = "".join(letter for letter in apart if not unicodedata.combining(letter) or letter in _VOICED)
    return unicodedata.normalize("NFC", kept)


def _said(letter: str) -> str:
    """The letter itself, a space for what parts words, nothing for what nobody sees or for a mark that stands alone."""
    category = unicodedata.category(letter)
    if unicodedata.combining(letter) or category == "Cf" or unicodedata.name(letter, "").startswith("VARIATION"):
        return ""
    is_picture = category == "So" and _RUN.match(letter) and re.match(f"[{_SPACELESS}]", letter)
    return letter if category[0] in "LMN" or is_picture else " "


_LETTERS = _Letters()


# -- folding ---------------------------------------------------------------------------------------------------


def nfc(text: str) -> str:
    """The text with its letters put together: what is folded, and what offsets count in."""
    return text if unicodedata.is_normalized("NFC", text) else unicodedata.normalize("NFC", text)


def folded(text: str) -> str:
    """A text in NFC, folded letter by letter; every character that is none becomes a space."""
    return text.translate(_LETTERS)


def tokens(text: str) -> list[str]:
    """The words of a text as an index has them, in order, with their repetitions."""
    found: list[str] = []
    for run in _RUN.findall(folded(nfc(text))):
        if _is_spaceless(run):
            found += _pairs(run)
        else:
            found.append(run[:LONGEST_WORD])
    return found


def indexed(text: str) -> str:
    """The words of a text between spaces, for an index: `" a word "`; at most `MOST_INDEXED` bytes of them."""
    words = f" {' '.join(tokens(text[:MOST_INDEXED]))} "
    if len(words) * 4 > MOST_INDEXED and len(coded := words.encode()) > MOST_INDEXED:
        words = coded[:MOST_INDEXED].decode(errors="ignore").rpartition(" ")[0] + " "
    return words


def sort_key(name: str) -> str:
    """What names are ordered by: without accents and capitals, numbers by their size; its first 64 characters."""
    words = " ".join(_RUN.findall(folded(nfc(name))))
    return re.sub("[0-9]+", lambda number: number[0].lstrip("0").rjust(9, "0"), words)[:LONGEST_WORD]


def _pairs(run: str) -> list[str]:
    """Each character with the one behind it, the last one alone."""
    return [run[at : at + 2] for at in range(len(run))]


def _is_spaceless(run: str) -> bool:
    return re.match(f"[{_SPACELESS}]", run) is not None


# -- queries ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Phrase:
    """Words that must follow each other; mostly it is one."""

    words: tuple[str, ...]
    """As an index has them."""
    is_open: bool
    """Whether the last word may go on."""
    pattern: str
    """A regular expression that finds it in a folded text."""

    @property
    def needle(self) -> str:
        """What `indexed` holds where this is said."""
        return f" {' '.join(self.words)}{'' if self.is_open else ' '}"


@dataclass(frozen=True)
class Query:
    """What somebody looks for: all of these phrases, in any order."""

    phrases: tuple[Phrase, ...]

    def __bool__(self) -> bool:
        return bool(self.phrases)

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Finds any of them; the number of its group says which."""
        return re.compile("|".join(f"({phrase.pattern})" for phrase in self.phrases))


def parse(typed: str) -> Query:
    """Read what somebody typed: words, and phrases in quotes.

    The last word may be unfinished: it finds what begins so, unless a quote or a full stop ends it. What has no word in
    it at all makes a query that is false, and finds nothing.
    """
    chunks = []
    for quoted, end, plain in _CHUNK.findall(nfc(typed)):
        shown = folded(quoted or plain)
        if runs := _RUN.findall(shown):
            chunks.append((runs, not end and not shown.endswith(" ")))
    chunks = chunks[:MOST_PHRASES]
    return Query(
        tuple(_phrase(runs, goes_on and place == len(chunks) - 1) for place, (runs, goes_on) in enumerate(chunks))
    )


def _phrase(runs: list[str], is_unfinished: bool) -> Phrase:
    words: list[str] = []
    for run in runs:
        words += _pairs(run) if _is_spaceless(run) else [run[:LONGEST_WORD]]
    is_open = is_unfinished
    if _is_spaceless(runs[-1]):
        # What follows the last character is not known, so the index may have it in a pair.
        is_open = len(runs[-1]) == 1
        if not is_open:
            words.pop()
    return Phrase(tuple(words), is_open, "".join(_pattern(runs, is_unfinished)))


def _pattern(runs: list[str], is_unfinished: bool) -> Iterator[str]:
    for place, run in enumerate(runs):
        if place:
            is_parted = _is_spaceless(runs[place - 1]) == _is_spaceless(run)
            yield " +" if is_parted else " *"
        elif not _is_spaceless(run):
            yield f"(?<!{_IN_WORD})"
        yield re.escape(run[:LONGEST_WORD]) if not _is_spaceless(run) else re.escape(run)
        if not _is_spaceless(run):
            is_cut = len(run) >= LONGEST_WORD
            goes_on = is_cut or (is_unfinished and place == len(runs) - 1)
            yield f"{_IN_WORD}*" if goes_on else f"(?!{_IN_WORD})"


# -- matches ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Match:
    """Where a phrase of a query stands in a text."""

    start: int
    end: int
    phrase: int
    """Its place in the query."""


def matches(text: str, query: Query) -> Iterator[Match]:
    """Where a text in NFC holds what is looked for, in order; offsets are of its characters."""
    if not query:
        return
    shown = folded(text)
    uneven = _LETTERS.uneven.intersection(text) if not text.isascii() else set()
    place = _places(text, uneven) if uneven else None
    for found in query.pattern.finditer(shown):
        start, end = found.span()
        if place:
            start, end = place[start], place[end - 1] + 1
        # A letter keeps what stands on it.
        while end < len(text) and unicodedata.category(text[end])[0] == "M":
            end += 1
        yield Match(start, end, (found.lastindex or 1) - 1)


def _places(text: str, uneven: set[str]) -> list[int]:
    """For each character of the folded text, the one that it was made of."""
    places: list[int] = []
    for place, character in enumerate(text):
        places += [place] * len(_LETTERS[ord(character)]) if character in uneven else [place]
    return places
