"""The rules of tags: which are valid, and how they are normalized."""

import unicodedata
from collections.abc import Iterable
from typing import Any

MAX_TAG_CHARS = 50
"""Characters of a tag, after NFC: a longer one is a sentence."""

MAX_TAGS = 20
"""Tags of one clip: more than a row could show."""


def normalize_tags(names: Iterable[str]) -> list[str]:
    """Normalize tags: NFC, without spaces around them, sorted, each once whatever its capitals.

    Of two spellings the first stays. Raises `ValueError` with a sentence about the first invalid tag.
    """
    tags: dict[str, str] = {}
    for name in names:
        tag = normalize_tag(name)
        tags.setdefault(tag.casefold(), tag)
    if len(tags) > MAX_TAGS:
        raise ValueError(f"a clip can have at most {MAX_TAGS} tags; these are {len(tags)}")
    return [tags[key] for key in sorted(tags)]


def normalize_tag(name: str) -> str:
    """Normalize one tag. Raises `ValueError` with a sentence if it is invalid."""
    tag = unicodedata.normalize("NFC", name).strip()
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in tag):
        raise ValueError("a tag cannot hold control characters or half characters (lone surrogates)")
    if all(unicodedata.category(character)[0] in "CZ" for character in tag):
        raise ValueError("a tag needs at least one visible character")
    if len(tag) > MAX_TAG_CHARS:
        raise ValueError(f"a tag can have at most {MAX_TAG_CHARS} characters; this one has {len(tag)}")
    return tag


def readable_tags(stored: Any) -> list[str]:
    """The tags of a row that are text: a newer release may have written others."""
    return [tag for tag in stored if isinstance(tag, str)] if isinstance(stored, list) else []
