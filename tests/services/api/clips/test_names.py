"""Names of clips: which are kept as they are, which are one name, and which are rejected."""

import contextlib
import unicodedata
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from services.api.clips.names import clean_name, content_disposition, name_from_path
from services.api.http.errors import Problem

ODD = [
    "a/b", "/", "//", "a//b", "a/", "/a", ".", "..", "../..", "%2e%2e", "%", "%zz", "100%", "why? #1", "a?b", "a#b",
    "a b", " a ", "a  b", "it's", '"quoted"', "back\\slash", "semi;colon=1&2+3", "🎙", "👨‍👩‍👧", "é", "ﬁ", "ＦＵＬＬ",
    "שלום", "日本語", "\u202eevil", "a\u200bb", "nul", "CON", "-rf", "~", "*", "<script>alert(1)</script>",
    "' OR 1=1 --", "x" * 255, "🎙" * 255, "\u00a0a",
]  # fmt: skip
"""Valid names, each different from all others."""

REFUSED = {
    "": "at least one visible",
    " ": "at least one visible",
    "\u00a0\u2003": "at least one visible",
    "a\nb": "control characters",
    "a\x00b": "control characters",
    "\x7f": "control characters",
    "a\x85": "control characters",
    "x" * 256: "at most 255 characters; this one has 256",
    "\ud800": "half characters",
}
"""Invalid name → a part of the error."""


@pytest.mark.parametrize("name", ODD)
def test_odd_names_stay_what_they_are(name: str) -> None:
    assert clean_name(name) == name
    assert name_from_path(b"/clips/" + quote(name, safe="").encode(), "/clips/") == name
    assert name_from_path(b"/clips/" + quote(name, safe="/").encode(), "/clips/") == name


@pytest.mark.parametrize(
    ("name", "extension", "file"),
    [
        ("Minutes", "wav", "Minutes.wav"),
        ("a.wav", "wav", "a.wav"),
        ("a.WAV", "wav", "a.WAV"),
        ("a.mp4", "m4a", "a.mp4"),
        ("a.wav", "webm", "a.wav.webm"),
        ("a.wav", "txt", "a.wav.txt"),
        ("wav", "wav", "wav.wav"),
        (".wav", "wav", "wav.wav"),
        ("evil\u202egpj", "wav", "evilgpj.wav"),
        ("\u2066\u202e\u2069", "wav", "clip.wav"),
        ("שלום\u200f 1", "wav", "שלום\u200f 1.wav"),
    ],
)
def test_a_file_has_one_extension_and_no_hidden_direction(name: str, extension: str, file: str) -> None:
    request = Request({"type": "http", "query_string": b"download", "headers": []})
    assert content_disposition(request, name, extension) == f"attachment; filename*=UTF-8''{quote(file, safe='')}"


def test_forms_of_one_name_are_one_name() -> None:
    assert clean_name("e\u0301") == clean_name("é") == "é"
    assert clean_name("e\u0301" * 255) == "é" * 255, "the length is counted after normalising"


@pytest.mark.parametrize(("name", "words"), REFUSED.items(), ids=[ascii(name)[:12] for name in REFUSED])
def test_an_invalid_name_is_rejected_with_a_reason(name: str, words: str) -> None:
    with pytest.raises(Problem, match=words) as refused:
        clean_name(name)
    assert refused.value.slug == "bad-name"


@pytest.mark.parametrize("path", [b"/clips/%ff", b"/clips/%c3", b"/clips/a%80", b"/clips/%ed%a0%80", b"/clips/\xff"])
def test_bytes_that_are_no_utf_8_are_refused(path: bytes) -> None:
    with pytest.raises(Problem, match="percent-encoded UTF-8"):
        name_from_path(path, "/clips/")


@pytest.mark.parametrize("path", [b"/clips/a", b"/clips/%61", b"/%63lips/a", b"/clips%2Fa", b"/clips/a?b"])
def test_every_spelling_of_an_address_is_that_address(path: bytes) -> None:
    assert name_from_path(path, "/clips/") == "a"


visible = st.characters(exclude_categories=["C", "Z"])
anything = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=30)


@given(st.builds(str.__add__, visible, anything))
def test_any_name_goes_through_an_address_unchanged_but_for_its_normal_form(name: str) -> None:
    path = b"/audio/" + quote(name, safe="").encode()
    assert name_from_path(path, "/audio/") == unicodedata.normalize("NFC", name)


@given(st.binary(max_size=40))
def test_any_bytes_are_a_name_or_refused(encoded: bytes) -> None:
    with contextlib.suppress(Problem):
        name = name_from_path(b"/clips/" + encoded, "/clips/")
        assert clean_name(name) == name
