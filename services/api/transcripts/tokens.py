"""Cut a text into tokens: words, or single characters of a script without spaces."""

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

CJK_COLUMNS = 2.625
"""Columns of a Chinese, Japanese or Korean character: 16 of them fill a line (Netflix Timed Text Style Guides)."""

MAX_COLUMNS = 42
"""Columns of a token, and of a line of subtitles. A longer word, such as an address of the web, is cut."""

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")

_SPACELESS = re.compile("[\u3041-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
"""Kana and Chinese characters: no space says where a line may end, so a line may end after any of them."""

_NEVER_LAST = {"Ps", "Pi"}
_NEVER_FIRST = {"Mn", "Mc", "Me", "Cf", "Pe", "Pf", "Po", "Lm"}
"""Unicode categories of characters that never end a line, and of those that never begin one."""


class Token(NamedTuple):
    """A text that is never cut: a word, or a character of a script without spaces."""

    text: str
    is_spaced: bool
    """Whether a space stands before it."""


def columns(text: str) -> float:
    """How wide a text is, in letters of the Latin alphabet."""
    if text.isascii():
        return len(text)
    return sum(CJK_COLUMNS if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def tokenize(text: str) -> list[Token]:
    """Cut a text into tokens, in order. Unprintable characters, such as NUL, are white space."""
    if text.isascii() and text.isprintable() and len(text) <= MAX_COLUMNS:
        return [Token(word, True) for word in text.split()]  # the fast path that most words of a machine take
    tokens = []
    for chunk in _UNPRINTABLE.sub(" ", text).split():
        tokens += [Token(part, index == 0) for index, part in enumerate(_cut(chunk))]
    return tokens


def _cut(chunk: str) -> Iterator[str]:
    """Cut a text without spaces where its script has none, and where the text is longer than a line."""
    if len(chunk) <= MAX_COLUMNS and chunk.isascii():
        yield chunk
        return
    start, width = 0, columns(chunk[0])
    for index in range(1, len(chunk)):
        before, after = chunk[index - 1], chunk[index]
        width += columns(after)
        if width > MAX_COLUMNS or _may_cut(before, after):
            yield chunk[start:index]
            start, width = index, columns(after)
    yield chunk[start:]


def _may_cut(before: str, after: str) -> bool:
    if not (_SPACELESS.match(before) or _SPACELESS.match(after)):
        return False
    return unicodedata.category(before) not in _NEVER_LAST and unicodedata.category(after) not in _NEVER_FIRST
