"""Descriptions of clips: read within bounds, whatever a stranger wrote, and without keeping others waiting."""

import asyncio
import contextlib
import io
import json
import time
import tracemalloc
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.archive import description_reader
from services.api.archive.description_reader import Span, read_description
from services.api.archive.zip_reader import DESCRIPTION_BLOCK_BYTES, InvalidClip

AT = "2026-01-02T03:04:05Z"
WORD = {"start_ms": 0, "end_ms": 900, "text": "One."}
PASSAGE = {**WORD, "words": [WORD]}
REVISION: dict[str, Any] = {
    "attempt": 1, "source": "machine", "text": "One.", "language": "en", "recognizer": "ear", "passages": [PASSAGE],
    "created_at": AT,
}  # fmt: skip
ABOUT: dict[str, Any] = {
    "id": str(uuid.uuid4()), "name": "One", "created_at": AT, "duration_ms": 1000, "segments": 1, "gaps": [],
    "status": "done", "text": "One.", "edited_at": None, "language": "en", "language_set": None, "recognizer": "a",
    "error": None, "tags": [], "prepared": True, "originals": [], "peaks": [1, 2], "revisions": [REVISION],
    "audio": {"file": "audio.webm", "mime": "audio/webm", "bytes": 7, "sha256": "0" * 64},
}  # fmt: skip


def blocks(content: bytes, size: int = DESCRIPTION_BLOCK_BYTES) -> Iterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


def read(about: Any, size: int = DESCRIPTION_BLOCK_BYTES) -> tuple[Any, list[dict[str, Any]]]:
    """The description, and its revisions with their text and passages."""
    spool = io.BytesIO()
    content = about if isinstance(about, bytes) else json.dumps(about).encode()
    description, revisions = read_description(blocks(content, size), spool)

    def spooled(span: Span) -> str:
        return spool.getvalue()[slice(*span)].decode()

    return description, [
        {
            **json.loads(spooled(each.head)),
            "passages": json.loads(spooled(each.passages)) if each.passages else None,
        }
        for each in revisions
    ]


def test_a_description_is_read_whatever_the_order_of_its_fields_is() -> None:
    for fields in (ABOUT, dict(reversed(ABOUT.items()))):
        for revision in (REVISION, dict(reversed(REVISION.items()))):
            later = {"more": {"deep": [[[{}]]]}, **revision, "passages": [dict(reversed(PASSAGE.items()))]}
            description, [read_revision] = read({**fields, "revisions": [later], "later": [1, {"a": [None]}]}, 7)
            assert str(description.id) == ABOUT["id"]
            assert description.text == "One."
            assert read_revision == {**REVISION, "saved_at": None}


@given(st.text(st.characters(exclude_categories=["Cs"])), st.integers(1, 50))
def test_any_text_is_read_as_it_was(text: str, size: int) -> None:
    revision = {**REVISION, "text": text, "passages": [{**WORD, "text": text, "words": [{**WORD, "text": text}] * 2}]}
    description, [read_revision] = read({**ABOUT, "text": text, "revisions": [revision]}, size)
    kept = text.replace("\0", "")
    assert (description.text, read_revision["text"]) == (kept, kept)
    [passage] = read_revision["passages"]
    assert [passage["text"], *(word["text"] for word in passage["words"])] == [kept] * 3


INVALID: dict[str, tuple[Callable[[], Any], str]] = {
    "no JSON": (lambda: b"{", "no JSON"),
    "nothing": (lambda: b"", "no JSON"),
    "a list": (lambda: b"[]", "no object"),
    "two documents": (lambda: json.dumps(ABOUT).encode() + b"{}", "no JSON"),
    "a missing field": (lambda: {name: ABOUT[name] for name in ABOUT if name != "status"}, "at status"),
    "no revisions": (lambda: {name: ABOUT[name] for name in ABOUT if name != "revisions"}, "at revisions"),
    "revisions that are none": (lambda: {**ABOUT, "revisions": {}}, "at revisions"),
    "a revision that is none": (lambda: {**ABOUT, "revisions": [1]}, "at revisions"),
    "an attempt out of bounds": (lambda: {**ABOUT, "revisions": [{**REVISION, "attempt": 2**31}]}, "attempt"),
    "a number that is too large": (lambda: {**ABOUT, "duration_ms": 10**30}, "no JSON"),
    "a day before all calendars": (lambda: {**ABOUT, "created_at": "0001-01-01T00:00:00+14:00"}, "created_at"),
    "a time without a zone": (lambda: {**ABOUT, "edited_at": "2026-01-01T00:00:00"}, "edited_at"),
    "a header in the type": (lambda: {**ABOUT, "audio": {**ABOUT["audio"], "mime": "a\r\nb: c"}}, "mime"),
    "words for sound": (lambda: {**ABOUT, "audio": {**ABOUT["audio"], "file": "clip.json"}}, "no file with sound"),
    "a word that never was": (
        lambda: {**ABOUT, "revisions": [{**REVISION, "passages": [{**PASSAGE, "words": [{**WORD, "end_ms": -1}]}]}]},
        "passages.words.end_ms",
    ),
    "passages of nothing": (lambda: {**ABOUT, "revisions": [{**REVISION, "passages": [[]]}]}, "passages"),
    "words of nothing": (
        lambda: {**ABOUT, "revisions": [{**REVISION, "passages": [{**PASSAGE, "words": 1}]}]}, "passages.words"
    ),
    "many gaps": (lambda: {**ABOUT, "gaps": [{"at_ms": 0, "length_ms": 0, "cause": "lost"}] * 10_001}, "gaps"),
    "a sentence without end": (lambda: {**ABOUT, "error": "a" * 100_001}, "error"),
    "what is nested deeply": (
        lambda: json.dumps(ABOUT).replace('"tags": []', f'"tags": {"[" * 20}{"]" * 20}').encode(), "deeply"
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", INVALID)
def test_an_invalid_description_is_refused_with_a_sentence(kind: str) -> None:
    make, because = INVALID[kind]
    with pytest.raises(InvalidClip, match=because):
        read(make())


@pytest.mark.parametrize(
    ("bound", "limit", "about"),
    [
        ("MAX_REVISIONS", 5, {**ABOUT, "revisions": [REVISION] * 6}),
        ("MAX_VALUES", 300, {**ABOUT, "later": [0] * 500}),
        ("MAX_TOKEN_BYTES", 1_000, {**ABOUT, "later": "a" * 5_000}),
        ("MAX_FIELD_CHARS", 300, {**ABOUT, "error": "a" * 500}),
        ("MAX_FIELD_VALUES", 300, {**ABOUT, "gaps": [0] * 500}),
        (
            "MAX_PASSAGE_WORDS",
            5,
            {**ABOUT, "revisions": [{**REVISION, "passages": [{**PASSAGE, "words": [WORD] * 6}]}]},
        ),
    ],
)
def test_nothing_is_counted_without_a_bound(
    monkeypatch: pytest.MonkeyPatch, bound: str, limit: int, about: dict[str, Any]
) -> None:
    monkeypatch.setattr(description_reader, bound, limit)
    read(ABOUT, 64)
    with pytest.raises(InvalidClip, match=r"too large|more than"):
        read(about, 64)


HEAVY: dict[str, Callable[[int], bytes]] = {
    "objects in a field of ours": lambda size: (
        json.dumps({**ABOUT, "peaks": 0}).encode().replace(b'"peaks": 0', b'"peaks": [' + b"{}," * (size // 3) + b"{}]")
    ),
    "nested lists": lambda size: b'{"later": ' + b"[" * size,
    "one string": lambda size: b'{"name": "' + b"a" * size,
    "words": lambda size: json.dumps(
        {**ABOUT, "revisions": [{**REVISION, "passages": [PASSAGE] * (size // 200)}]}
    ).encode(),
    "revisions": lambda size: json.dumps(
        {**ABOUT, "revisions": [{**REVISION, "passages": None}] * (size // 200)}
    ).encode(),
}


@pytest.mark.parametrize("kind", HEAVY)
def test_memory_does_not_grow_with_a_description(kind: str) -> None:
    def peak(size: int) -> int:
        content = HEAVY[kind](size)
        tracemalloc.start()
        with contextlib.suppress(InvalidClip):
            read_description(blocks(content), io.BytesIO())
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    # The parser's own buffer, the spool, and what a field may have: never the objects of all of it.
    assert peak(1_500_000) < 20_000_000, "bytes for a description of one and a half megabytes"


@pytest.mark.parametrize("kind", HEAVY)
async def test_a_heavy_description_leaves_the_event_loop_free(kind: str) -> None:
    """Parsed as a route parses it, in a thread; another machine's noise is told apart by trying thrice."""
    content = HEAVY[kind](5_000_000)

    def parse() -> None:
        with contextlib.suppress(InvalidClip):
            read_description(blocks(content), io.BytesIO())

    async def worst_share() -> float:
        """The longest time without a turn of the loop, as a share of the whole: a busy machine stretches both."""
        started = before = time.monotonic()
        parsing, max_gap_s = asyncio.ensure_future(asyncio.to_thread(parse)), 0.0
        while not parsing.done():
            await asyncio.sleep(0.001)
            now = time.monotonic()
            max_gap_s, before = max(max_gap_s, now - before), now
        await parsing
        return max_gap_s / max(time.monotonic() - started, 0.4)

    shares = []
    for _ in range(3):
        shares.append(await worst_share())
        if shares[-1] < 0.25:
            return
    pytest.fail(f"the loop stood still for {shares} of the time")
