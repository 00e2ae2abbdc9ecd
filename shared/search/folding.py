"""What a search compares: words without accents and capitals, the same on every database. Nothing here asks one.

A text is folded letter by letter: compatibility forms are resolved (NFKD), combining marks dropped, capitals folded,
and whatever is neither letter nor digit parts words. Scripts that write no spaces are indexed by pairs of characters:
`東京都` is 東京, 京都 and 都, so that a run of them is found as a phrase, which needs no dictionary.
"""

import re
import unicodedata

MAX_WORD_CHARS = 64
"""Characters of a word that count: no language has longer ones, and Postgres refuses those of 2 KB."""

MAX_INDEXED_BYTES = 340_000
"""Bytes of a folded text that are indexed, six hours of speech. With the beginnings of words they become thrice as many
at most, which is less than the 1 MiB that a tsvector holds: no text is refused for its words."""


_SPACELESS = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai and Lao, Burmese, Khmer
    "\u3005-\u3007\u3041-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff"  # kana, Chinese characters
    "\u2600-\u27bf\U0001f000-\U0001faff"  # pictures
)
_RUN = re.compile(f"[{_SPACELESS}]+|[^ {_SPACELESS}]+")
"""A run of characters without spaces, or a word."""

_IN_WORD = f"[^ {_SPACELESS}]"


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


def fold(text: str) -> str:
    """A text in NFC, folded letter by letter; every character that is none becomes a space."""
    return text.translate(_LETTERS)


def tokenize(text: str) -> list[str]:
    """The words of a text as an index has them, in order, with their repetitions."""
    found: list[str] = []
    for run in _RUN.findall(fold(nfc(text))):
        if _is_spaceless(run):
            found += _pairs(run)
        else:
            found.append(run[:MAX_WORD_CHARS])
    return found


def index_text(text: str) -> str:
    """The words of a text between spaces, for an index: `" a word "`; at most `MAX_INDEXED_BYTES` bytes of them."""
    words = f" {' '.join(tokenize(text[:MAX_INDEXED_BYTES]))} "
    if len(words) * 4 > MAX_INDEXED_BYTES and len(coded := words.encode()) > MAX_INDEXED_BYTES:
        words = coded[:MAX_INDEXED_BYTES].decode(errors="ignore").rpartition(" ")[0] + " "
    return words


def sort_key(name: str) -> str:
    """What names are ordered by: without accents and capitals, numbers by their size; its first 64 characters."""
    words = " ".join(_RUN.findall(fold(nfc(name))))
    return re.sub("[0-9]+", lambda number: number[0].lstrip("0").rjust(9, "0"), words)[:MAX_WORD_CHARS]


def _pairs(run: str) -> list[str]:
    """Each character with the one behind it, the last one alone."""
    return [run[at : at + 2] for at in range(len(run))]


def _is_spaceless(run: str) -> bool:
    return re.match(f"[{_SPACELESS}]", run) is not None


# -- queries ---------------------------------------------------------------------------------------------------


# -- matches ---------------------------------------------------------------------------------------------------
