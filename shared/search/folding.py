"""Folding of text for search: words without accents and capitals, the same on every database. No I/O.

A text is folded character by character: compatibility forms are resolved (NFKD), combining marks dropped, capitals
folded, and every character that is neither letter nor digit separates words. Scripts that write no spaces are indexed
by pairs of characters: `東京都` becomes 東京, 京都 and 都. A run of such characters is found as a phrase, without any
dictionary.
"""

import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

MAX_WORD_CHARS = 64
"""Characters of a word that count: no language has longer words, and Postgres refuses those of 2 KB."""

MAX_INDEXED_BYTES = 340_000
"""Bytes of a folded text that are indexed: six hours of speech. With the prefixes of words they triple at most, and a
tsvector holds 1 MiB: no text is refused for its words."""

_FOLD_SLICE_CHARS = 4_096
"""Characters that are folded before their words are counted: one character may fold to eighteen."""

_NFC_SLICE_CHARS = 256
"""Characters that are composed at once: sorting a run of combining marks takes the square of its length."""

_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai and Lao, Burmese, Khmer
    "\u3005-\u3007\u3041-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff"  # kana, Chinese characters
    "\u2600-\u27bf\U0001f000-\U0001faff"  # pictographs
)
"""Characters that are written without spaces between words, as ranges of a regular expression."""

RUN = re.compile(f"[{_UNSPACED}]+|[^ {_UNSPACED}]+")
"""In a folded text: a run of characters of a script without spaces, or a word of a script with spaces."""

WORD_CHARACTER = f"[^ {_UNSPACED}]"
"""In a folded text: a character of a word of a script with spaces, as a regular expression."""

_VOICING_MARKS = {"\u3099", "\u309a"}
"""Combining marks that are no accents: が is another syllable than か."""

_LETTER_VARIANTS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ħ": "h", "ŧ": "t", "ı": "i", "ð": "d", "œ": "oe", "æ": "ae", "ς": "σ"}
)
"""Letters that people type differently on other keyboards, and that Unicode does not decompose."""


class FoldTable(dict[int, str]):
    """A table for `str.translate`: code point → folded character, computed when the code point first occurs."""

    def __init__(self) -> None:
        super().__init__()
        self.length_changing: set[str] = set()
        """Characters so far that fold to none or to several."""

    def __missing__(self, code_point: int) -> str:
        character = chr(code_point)
        letters = _strip_accents(_strip_accents(character).casefold()).translate(_LETTER_VARIANTS)
        folded = self[code_point] = "".join(map(_letter_or_space, letters))
        if len(folded) != 1:
            self.length_changing.add(character)
        return folded


def _strip_accents(text: str) -> str:
    """Decompose the text and drop its accents. Syllables that are not accented letters are composed again."""
    decomposed = unicodedata.normalize("NFKD", text)
    letters = "".join(char for char in decomposed if not unicodedata.combining(char) or char in _VOICING_MARKS)
    return unicodedata.normalize("NFC", letters)


def _letter_or_space(char: str) -> str:
    """Return a letter, digit or pictograph itself, nothing for a lone mark or invisible character, else a space."""
    category = unicodedata.category(char)
    if unicodedata.combining(char) or category == "Cf" or unicodedata.name(char, "").startswith("VARIATION"):
        return ""
    is_pictograph = category == "So" and is_unspaced(char)
    return char if category[0] in "LMN" or is_pictograph else " "


FOLD_TABLE = FoldTable()


def nfc(text: str) -> str:
    """Compose the text's characters (NFC). `fold` expects that form, and offsets of matches count in it.

    The time is in proportion to the text's length, whatever the text is. A run of hundreds of combining marks, which no
    language has, is composed in parts.
    """
    if text.isascii():
        return text
    return "".join(unicodedata.normalize("NFC", part) for part in _nfc_slices(text))


def _nfc_slices(text: str) -> Iterator[str]:
    """Cut a text where no character composes with the one before, after at most `2 * _NFC_SLICE_CHARS` characters."""
    start = 0
    while start < len(text):
        end = min(start + _NFC_SLICE_CHARS, len(text))
        latest = min(end + _NFC_SLICE_CHARS, len(text))
        while end < latest and _may_compose_with_previous(text[end]):
            end += 1
        yield text[start:end]
        start = end


def _may_compose_with_previous(character: str) -> bool:
    """Whether the character is a mark, or a vowel or final consonant of Hangul."""
    return unicodedata.category(character)[0] == "M" or "\u1160" <= character <= "\u11ff"


def fold(text: str) -> str:
    """Fold a text in NFC, character by character. Characters that separate words become spaces."""
    return text.translate(FOLD_TABLE)


def indexed_part(text: str) -> str:
    """The beginning of a text that the index covers, in NFC; a few thousand characters more at most."""
    part = nfc(text[:MAX_INDEXED_BYTES])
    if part.isascii():
        return part
    indexed_bytes = 0
    for start in range(0, len(part), _FOLD_SLICE_CHARS):
        end = start + _FOLD_SLICE_CHARS
        indexed_bytes += len(" ".join(tokenize(part[start:end])).encode())
        if indexed_bytes > MAX_INDEXED_BYTES:
            return part[:end]
    return part


def tokenize(text: str) -> list[str]:
    """The words of a text as the index holds them, in order, with repetitions."""
    words: list[str] = []
    for run in RUN.findall(fold(nfc(text))):
        if is_unspaced(run):
            words += character_pairs(run)
        else:
            words.append(run[:MAX_WORD_CHARS])
    return words


def index_text(text: str) -> str:
    """The words of a text between spaces, for the index: `" a word "`; at most `MAX_INDEXED_BYTES` bytes of them."""
    ahead = _FOLDED_AHEAD.get()
    if ahead is not None and ahead[0] == text:
        return ahead[1]
    words = f" {' '.join(tokenize(indexed_part(text)))} "
    if len(words) * 4 > MAX_INDEXED_BYTES and len(encoded := words.encode()) > MAX_INDEXED_BYTES:
        words = encoded[:MAX_INDEXED_BYTES].decode(errors="ignore").rpartition(" ")[0] + " "
    return words


_FOLDED_AHEAD: ContextVar[tuple[str, str] | None] = ContextVar("folded_ahead", default=None)


@contextmanager
def folded_ahead(text: str | None) -> Iterator[None]:
    """Fold a text before a block whose transaction saves it: nobody waits for a lock while this thread folds.

    Inside the block, `index_text` of the same text returns what was computed before.
    """
    token = _FOLDED_AHEAD.set((text, index_text(text)) if text else None)
    try:
        yield
    finally:
        _FOLDED_AHEAD.reset(token)


def sort_key(name: str) -> str:
    """The key by which names are ordered: without accents and capitals, numbers by value; 64 characters at most."""
    words = " ".join(RUN.findall(fold(nfc(name))))
    return re.sub("[0-9]+", lambda number: number[0].lstrip("0").rjust(9, "0"), words)[:MAX_WORD_CHARS]


def character_pairs(run: str) -> list[str]:
    """Each character with the next one; the last one alone."""
    return [run[start : start + 2] for start in range(len(run))]


def is_unspaced(run: str) -> bool:
    """Whether a run of `RUN` belongs to a script without spaces."""
    return re.match(f"[{_UNSPACED}]", run) is not None
