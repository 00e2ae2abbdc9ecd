"""What a tag may be, and that a clip has each once."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.clips.tags import LONGEST, MOST, clean, tidy
from tests.shared.clips.test_models import NOW, new_clip

TAG = st.text("aAbéÉßẞ東 🎙", min_size=1, max_size=LONGEST).filter(str.strip)


@given(st.lists(TAG, max_size=MOST))
def test_tags_are_tidied_once(names: list[str]) -> None:
    kept = tidy(names)
    assert tidy(kept) == kept
    assert {tag.casefold() for tag in kept} == {clean(name).casefold() for name in names}
    assert len({tag.casefold() for tag in kept}) == len(kept)
    assert all(tag == unicodedata.normalize("NFC", tag).strip() for tag in kept)


@pytest.mark.parametrize("name", ["", " ", "\u200b", "a\nb", "a\x00", "\ud800", "x" * (LONGEST + 1)])
def test_what_is_no_tag_is_said(name: str) -> None:
    with pytest.raises(ValueError, match=r"^a tag (needs|cannot hold|can have)"):
        clean(name)


def test_a_clip_takes_its_tags_as_one_change() -> None:
    clip = new_clip()
    clip.tag(["work", "Idea", " IDEA "], NOW)
    assert (clip.tags, clip.version) == (["Idea", "work"], 2)
    with pytest.raises(ValueError, match="at most 20 tags"):
        clip.tag([f"{number}" for number in range(MOST + 1)], NOW)
    assert (clip.tags, clip.version) == (["Idea", "work"], 2)


def test_a_clip_knows_whether_a_person_wrote_its_words() -> None:
    clip = new_clip()
    assert not clip.edited
    clip.edit("said", NOW)
    assert clip.edited
