"""What a tag may be."""

import unicodedata
from collections.abc import Iterable

MAX_TAG_CHARS = 50
"""Characters of a tag, after NFC: more is a sentence."""

MAX_TAGS = 20
"""Tags of one clip: more than a row could show."""


def normalize_tags(names: Iterable[str]) -> list[str]:
    """Tags as they are kept: NFC, without spaces around them, sorted, each once whatever its capitals are.

    Of two spellings the first stays. Raises `ValueError` with a sentence about the first that cannot be a tag.
    """
    kept: dict[str, str] = {}
    for name in names:
        tag = normalize_tag(name)
        kept.setdefault(tag.casefold(), tag)
    if len(kept) > MAX_TAGS:
        raise ValueError(f"a clip can have at most {MAX_TAGS} tags; these are {len(kept)}")
    return [kept[key] for key in sorted(kept)]


def normalize_tag(name: str) -> str:
    """One tag as it is kept. Raises `ValueError` with a sentence if it cannot be one."""
    tag = unicodedata.normalize("NFC", name).strip()
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in tag):
        raise ValueError("a tag cannot hold control characters or half characters (lone surrogates)")
    if all(unicodedata.category(character)[0] in "CZ" for character in tag):
        raise ValueError("a tag needs at least one visible character")
    if len(tag) > MAX_TAG_CHARS:
        raise ValueError(f"a tag can have at most {MAX_TAG_CHARS} characters; this one has {len(tag)}")
    return tag
