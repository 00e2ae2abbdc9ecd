"""What a tag may be."""

import unicodedata
from collections.abc import Iterable

LONGEST = 50
"""Characters of a tag, after NFC: more is a sentence."""

MOST = 20
"""Tags of one clip: more than a row could show."""


def tidy(names: Iterable[str]) -> list[str]:
    """Tags as they are kept: NFC, without spaces around them, sorted, each once whatever its capitals are.

    Of two spellings the first stays. Raises `ValueError` with a sentence about the first that cannot be a tag.
    """
    kept: dict[str, str] = {}
    for name in names:
        tag = clean(name)
        kept.setdefault(tag.casefold(), tag)
    if len(kept) > MOST:
        raise ValueError(f"a clip can have at most {MOST} tags; these are {len(kept)}")
    return [kept[key] for key in sorted(kept)]


def clean(name: str) -> str:
    """One tag as it is kept. Raises `ValueError` with a sentence if it cannot be one."""
    tag = unicodedata.normalize("NFC", name).strip()
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in tag):
        raise ValueError("a tag cannot hold control characters or half characters (lone surrogates)")
    if all(unicodedata.category(character)[0] in "CZ" for character in tag):
        raise ValueError("a tag needs at least one visible character")
    if len(tag) > LONGEST:
        raise ValueError(f"a tag can have at most {LONGEST} characters; this one has {len(tag)}")
    return tag
