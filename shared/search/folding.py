"""Folding of text for search: words without accents and capitals, the same on every database. No I/O.

A text is folded character by character: compatibility forms are resolved (NFKD), combining marks dropped, capitals
folded, and every character that is neither letter nor digit separates words. Scripts that write no spaces are indexed
by pairs of characters: `東京都` becomes 東京, 京都 and 都. A run of such characters is found as a phrase, without any
dictionary.

An apostrophe or hyphen inside a word is a joint. The parts of the word are indexed as words, and the whole word without
its joints too, behind all others: `don't` is found by `don't`, `dont` and `don`.

`static/search/folding.js` has the same rules for the page. `tests/data/search.json` holds both to them.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

FOLDING = 2
"""Number of these rules. Whoever changes them increases it; then every clip is indexed again."""

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

JOINT = "'"
"""In a folded text: an apostrophe or hyphen between two characters of a word."""

WORD_CHARACTER = f"[^ {JOINT}{_UNSPACED}]"
"""In a folded text: a character of a word of a script with spaces, as a regular expression."""

RUN = re.compile(f"[{_UNSPACED}]+|{WORD_CHARACTER}+")
"""In a folded text: a run of characters of a script without spaces, or a word of a script with spaces."""

_JOINED_WORD = re.compile(f"(?<!{WORD_CHARACTER}){WORD_CHARACTER}++(?:{JOINT}{WORD_CHARACTER}++)+")
"""In a folded text: a word with joints. Nothing is tried twice, so that a long word takes no longer than its length."""

_LOOSE_JOINT = re.compile(f"(?<!{WORD_CHARACTER}){JOINT}|{JOINT}(?!{WORD_CHARACTER})")

_END_OF_WORDS = "\u2016"
"""In an index text, between its words and the joined words. No query holds it, so no phrase goes across it."""

_JOINTS = {
    *"'`\u00b4\u02b9\u02bb\u02bc\u02bd\u2018\u2019\u201b\u2032\uff07\u055a\u05f3\u05f4",  # apostrophes, also Hebrew
    *"-\u058a\u05be\u1806\u2010\u2011\u2e17\ufe63\uff0d",  # hyphens
    "\u00b7",  # the middle dot of Catalan: col·lega
}

_VOICING_MARKS = {"\u3099", "\u309a"}
"""Combining marks that are no accents: が is another syllable than か."""

_LETTER_VARIANTS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ħ": "h", "ŧ": "t", "ı": "i", "ð": "d", "œ": "oe", "æ": "ae", "ς": "σ"}
    | {"\u05f0": "\u05d5\u05d5", "\u05f1": "\u05d5\u05d9", "\u05f2": "\u05d9\u05d9"}  # Yiddish ligatures
    # Alef, yeh, kaf and heh as Lucene's normalizers of Arabic and Persian unite them, and the tatweel.
    | {"\u0671": "\u0627", "\u0649": "\u064a", "\u06cc": "\u064a", "\u06d2": "\u064a", "\u06a9": "\u0643"}
    | {"\u0629": "\u0647", "\u06c1": "\u0647", "\u06c3": "\u0647", "\u06d5": "\u0647", "\u0640": "", "\u07fa": ""}
)
"""Letters that people type differently on other keyboards, and that Unicode does not decompose."""

_HALFWIDTH_SYLLABLE = re.compile("[\u304b-\u30fd\uff66-\uff9d][\uff9e\uff9f]")
"""A kana and a half-width voicing mark: two characters that are one syllable."""


class FoldTable(dict[int, str]):
    """A table for `str.translate`: code point → folded character, computed when the code point first occurs."""

    def __init__(self) -> None:
        super().__init__()
        self.length_changing: set[str] = set()
        """Characters so far that fold to none or to several."""

    def __missing__(self, code_point: int) -> str:
        character = chr(code_point)
        if character in _JOINTS:
            self[code_point] = JOINT
            return JOINT
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
    """Return a letter or pictograph itself, a digit as 0 to 9, nothing for a lone mark or invisible character.

    An apostrophe inside a letter, as in ŉ, is a joint. All else is a space.
    """
    if char in _JOINTS:
        return JOINT
    category = unicodedata.category(char)
    if category == "Nd":
        return str(unicodedata.decimal(char))
    if unicodedata.combining(char) or category == "Cf" or "VARIATION SELECTOR" in unicodedata.name(char, ""):
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
    folded = spell_syllables(text).translate(FOLD_TABLE)
    return _LOOSE_JOINT.sub(" ", folded) if JOINT in folded else folded


def spell_syllables(text: str) -> str:
    """Replace a half-width kana and its voicing mark by their syllable and a soft hyphen: no position changes."""
    return text if text.isascii() else _HALFWIDTH_SYLLABLE.sub(_spell_syllable, text)


def _spell_syllable(pair: re.Match[str]) -> str:
    syllable = unicodedata.normalize("NFKC", pair[0])
    return f"{syllable}\u00ad" if len(syllable) == 1 else pair[0]


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
    return _words(fold(nfc(text)))


def _words(folded: str) -> list[str]:
    words: list[str] = []
    for run in RUN.findall(folded):
        if is_unspaced(run):
            words += character_pairs(run)
        else:
            words.append(run[:MAX_WORD_CHARS])
    return words


def join_parts(word: str) -> str:
    """A word without its joints, as the index holds it."""
    return word.replace(JOINT, "")[:MAX_WORD_CHARS]


def index_text(text: str) -> str:
    """The words of a text between spaces, for the index: `" a word "`; at most `MAX_INDEXED_BYTES` bytes of them.

    Behind `_END_OF_WORDS` follow the words that have joints, each once, without them.
    """
    ahead = _FOLDED_AHEAD.get()
    if ahead is not None and ahead[0] == text:
        return ahead[1]
    folded = fold(indexed_part(text))
    words = f" {' '.join(_words(folded))} "
    if joined := dict.fromkeys(map(join_parts, _JOINED_WORD.findall(folded))):
        words += f"{_END_OF_WORDS} {' '.join(joined)} "
    return _cut_words(words, MAX_INDEXED_BYTES)


MAX_BESIDE_BYTES = 100_000
"""Bytes of folded notes and markers that are indexed: they stand before the text, and must not take its place."""


def index_texts(beside: Iterable[str], text: str) -> str:
    """The words of a text, for the index, behind those of what was written beside it. No phrase goes across them."""
    before = _END_OF_WORDS.join(index_text(each) for each in beside)
    if not before.strip():
        return index_text(text)
    before = _cut_words(before, MAX_BESIDE_BYTES) + _END_OF_WORDS
    return _cut_words(before + index_text(text), MAX_INDEXED_BYTES)


def _cut_words(words: str, max_bytes: int) -> str:
    """Index text of at most so many bytes, cut at a word."""
    if len(words) * 4 <= max_bytes or len(encoded := words.encode()) <= max_bytes:
        return words
    return encoded[:max_bytes].decode(errors="ignore").rpartition(" ")[0] + " "


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
