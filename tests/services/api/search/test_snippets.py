"""Excerpts of texts that are found, without a server."""

from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from services.api.search import snippets
from shared.search.folding import MAX_INDEXED_BYTES, nfc
from shared.search.query import parse_query


class NoTimings:
    """No clip has times."""

    def load(self, _connection: object, _rows: object) -> dict[Any, Any]:
        return {}


@pytest.mark.parametrize(("length", "ends"), [(10, "é"), (MAX_INDEXED_BYTES * 4, " …")])
def test_a_search_composes_no_more_of_a_text_than_the_index_covers(
    monkeypatch: pytest.MonkeyPatch, length: int, ends: str
) -> None:
    composed: list[int] = []

    def counted(text: str) -> str:
        composed.append(len(text))
        return nfc(text)

    monkeypatch.setattr(snippets, "nfc", counted)
    row = SimpleNamespace(id=uuid4(), name="n", markers=[], notes="", text="word " + "é" * length)
    row.cuts = []
    connection: Any = None
    rows: Any = [row]
    timings: Any = NoTimings()
    (passage,) = snippets.search_hits(connection, rows, parse_query("word"), timings)[row.id].passages
    assert passage.text.startswith("word")
    assert max(composed) <= MAX_INDEXED_BYTES
    assert passage.text.endswith(ends)
