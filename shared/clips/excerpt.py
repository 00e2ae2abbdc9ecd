"""The excerpt of a clip's words, which a list shows in place of all of them. A pure function."""

import re
import unicodedata

MAX_EXCERPT_CHARS = 400
"""Characters of an excerpt: some six lines on a phone."""

READ_EXCERPT_CHARS = MAX_EXCERPT_CHARS + 1
"""Characters that an excerpt is cut from: one more, which tells whether a word ends there."""

MAX_WORD_CHARS = 60
"""How far back a cut looks for a space. Scripts without spaces have none, and a longer word is cut."""

_LAST_SPACE = re.compile(r"\s+\S*\Z")


def excerpt_of(text: str | None) -> str | None:
    """The first words of a text, `MAX_EXCERPT_CHARS` characters at most, cut at a word. None: there is no text."""
    if text is None or len(text) <= MAX_EXCERPT_CHARS:
        return text
    head = text[:READ_EXCERPT_CHARS]
    space = _LAST_SPACE.search(head, READ_EXCERPT_CHARS - MAX_WORD_CHARS)
    if space and head[: space.start()].strip():
        return head[: space.start()]
    end = MAX_EXCERPT_CHARS
    while end > MAX_EXCERPT_CHARS - MAX_WORD_CHARS and unicodedata.category(head[end])[0] == "M":
        end -= 1  # an accent, or a vowel sign, belongs to the letter before it
    return head[:end]
