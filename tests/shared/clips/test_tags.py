"""Valid tags, and that a clip has each once."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.clips.tags import MAX_TAG_CHARS, MAX_TAGS, normalize_tag, normalize_tags
from tests.shared.clips.test_models import NOW, new_clip

TAG = st.text("aAbéÉßẞ東 🎙", min_size=1, max_size=MAX_TAG_CHARS).filter(str.strip)


@given(st.lists(TAG, max_size=MAX_TAGS))
def test_tags_are_normalized_once(names: list[str]) -> None:
    kept = normalize_tags(names)
    assert normalize_tags(kept) == kept
    assert {tag.casefold() for tag in kept} == {normalize_tag(name).casefold() for name in names}
    assert len({tag.casefold() for tag in kept}) == len(kept)
    assert all(tag == unicodedata.normalize("NFC", tag).strip() for tag in kept)


@pytest.mark.parametrize("name", ["", " ", "\u200b", "a\nb", "a\x00", "\ud800", "x" * (MAX_TAG_CHARS + 1)])
def test_an_invalid_tag_raises_a_sentence(name: str) -> None:
    with pytest.raises(ValueError, match=r"^a tag (needs|cannot hold|can have)"):
        normalize_tag(name)


def test_set_tags_is_one_change() -> None:
    clip = new_clip()
    clip.set_tags(["work", "Idea", " IDEA "], NOW)
    assert (clip.tags, clip.version) == (["Idea", "work"], 2)
    with pytest.raises(ValueError, match="at most 20 tags"):
        clip.set_tags([f"{number}" for number in range(MAX_TAGS + 1)], NOW)
    assert (clip.tags, clip.version) == (["Idea", "work"], 2)


def test_an_edited_clip_says_so() -> None:
    clip = new_clip()
    assert not clip.edited
    clip.edit("said", NOW)
    assert clip.edited
