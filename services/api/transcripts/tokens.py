"""Cut a text into tokens: words, which ICU finds where a script has no spaces (ADR 22)."""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

CJK_COLUMNS = 2.625
"""Columns of a Chinese, Japanese or Korean character: 16 of them fill a line (Netflix Timed Text Style Guides)."""

MAX_COLUMNS = 42
"""Columns of a token, and of a line of subtitles. A longer word, such as an address of the web, is cut."""

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")

_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\ua9e0-\ua9fe\uaa60-\uaa7f\u1780-\u17ff"  # Thai and Lao, Burmese, Khmer
    "\u3041-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff]"
)
"""A character that is written without spaces between words. Behind the comment: kana and Chinese characters."""

_LOCALE = "ja-u-lw-phrase"
"""ICU cuts Chinese into words and Japanese into phrases by this setting, and other scripts as by any."""


class Token(NamedTuple):
    """A text that is never cut: a word, also of a script without spaces, with the punctuation at it."""

    text: str
    is_spaced: bool
    """Whether a space stands before it."""


def columns(text: str) -> float:
    """How wide a text is, in letters of the Latin alphabet. Marks over or below a letter have no width."""
    return len(text) if text.isascii() else sum(map(_character_columns, text))


@lru_cache(maxsize=8_192)
def _character_columns(character: str) -> float:
    if unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0
    return CJK_COLUMNS if unicodedata.east_asian_width(character) in "WF" else 1


def tokenize(text: str) -> list[Token]:
    """Cut a text into tokens, in order. Unprintable characters, such as NUL, are white space."""
    if text.isascii() and text.isprintable() and len(text) <= MAX_COLUMNS:
        return [Token(word, True) for word in text.split()]  # the fast path that most words of a machine take
    tokens = []
    for chunk in _UNPRINTABLE.sub(" ", text).split():
        tokens += [Token(part, index == 0) for index, part in enumerate(_cut(chunk))]
    return tokens


def visible_characters(text: str) -> str:
    """The characters of all tokens of a text, in order."""
    return "".join(_UNPRINTABLE.sub(" ", text).split())


def may_continue_word(before: str, after: str) -> bool:
    """Whether the border of two texts may lie inside a word of a script without spaces."""
    last, first = before[-1:], after[:1]
    is_tight = bool(last and first) and not last.isspace() and not first.isspace()
    return is_tight and bool(_UNSPACED.match(last) or _UNSPACED.match(first))


def is_unspaced(word: str) -> bool:
    return _UNSPACED.search(word) is not None


def _cut(chunk: str) -> Iterator[str]:
    """Cut a text without spaces between words where its script has none, and where a word is longer than a line."""
    for word in _words(chunk) if is_unspaced(chunk) else (chunk,):
        if columns(word) <= MAX_COLUMNS:
            yield word
        else:
            yield from _cut_long_word(word)


def _words(chunk: str) -> Iterator[str]:
    from icu4py.breakers import LineBreaker  # 42 MB of data, mapped when the first such text comes

    word = ""
    for segment in LineBreaker(chunk, _LOCALE):
        if word and not may_continue_word(word, segment):
            word += segment  # such as the other side of a hyphen between two Latin words
        else:
            if word:
                yield word
            word = segment
    if word:
        yield word


def _cut_long_word(word: str) -> Iterator[str]:
    part, width = "", 0.0
    for piece in word if word.isascii() else _clusters(word):
        piece_width = columns(piece)
        if part and width + piece_width > MAX_COLUMNS:
            yield part
            part, width = "", 0.0
        part, width = part + piece, width + piece_width
    yield part


def _clusters(word: str) -> Iterator[str]:
    """Letters with their marks, and emoji of several characters; single characters of what is wider than a line."""
    from icu4py.breakers import CharacterBreaker

    for cluster in CharacterBreaker(word, _LOCALE):
        yield from (cluster,) if columns(cluster) <= MAX_COLUMNS else cluster
