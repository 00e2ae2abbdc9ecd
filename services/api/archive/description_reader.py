"""Read a clip's description, which a stranger may have made, piece by piece and within bounds.

Its revisions go to a file as they are read, so that memory holds no more than the largest text of one of them. The
parser gets a few kilobytes at a time: it gives up the interpreter's lock in between, and other requests are answered.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any, NoReturn, TypeVar

import ijson
from pydantic import BaseModel, ValidationError

from services.api.archive.manifest import (
    MAX_TEXT_CHARS,
    ArchivedPassage,
    ArchivedRevision,
    ArchivedWord,
    ClipDescription,
)
from services.api.archive.zip_reader import InvalidClip, unpacking_failure
from shared.transcripts.models import Source

MAX_TOKEN_BYTES = 64 * 1024**2
"""Bytes of one string or number, which the parser holds whole: the longest text in UTF-8, with escapes."""

MAX_VALUES = 20_000_000
"""JSON values of one description: the words of two days, with their times, in several revisions."""

MAX_REVISIONS = 50_000
"""Revisions of one description: three days of typing in a release that made one each five seconds."""

MAX_PASSAGE_WORDS = 250_000
"""Words of one passage: a day of speech that a server gave in one piece."""

MAX_FIELD_CHARS = MAX_TEXT_CHARS + 1_000_000
"""Characters of all fields of a clip without its revisions, of a revision without its passages, or of a passage."""

MAX_FIELD_VALUES = 250_000
"""Values of all fields of a clip: ten thousand originals, gaps and peaks. Many more objects would make Python's garbage
collector stop everybody."""

MAX_PASSAGE_VALUES = 8 * MAX_PASSAGE_WORDS
"""Values of a passage: a word is an object with three fields."""

MAX_DEPTH = 8
"""Containers within each other in a field that we know."""

Event = tuple[str, Any]
Events = Iterator[Event]
Span = tuple[int, int]
Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class SpooledRevision:
    """A revision in a file: where its JSON without passages begins and ends, and that of its passages."""

    source: Source | str
    saved_at: datetime
    attempt: int
    head: Span
    passages: Span | None
    chars: int


def read_description(blocks: Iterable[bytes], spool: IO[bytes]) -> tuple[ClipDescription, list[SpooledRevision]]:
    """Read a description; its revisions go to `spool`. Raises `InvalidClip` with the first fault."""
    events = _events(blocks)
    try:
        if next(events)[0] != "start_map":
            _refuse("its beginning", "it is no object")
        fields: dict[str, Any] = {}
        revisions: list[SpooledRevision] | None = None
        budget = _Budget(MAX_FIELD_VALUES)
        for key in _keys(events):
            if key == "revisions":
                revisions = _read_revisions(events, spool)
            elif key in ClipDescription.model_fields:
                fields[key] = _value(next(events), events, budget)
            else:
                _skip(next(events), events)
        for _ in events:
            pass  # what follows the object is refused by the parser
    except ijson.JSONError as error:
        raise InvalidClip("Its description is no JSON, or was cut off.") from error
    if revisions is None:
        _refuse("revisions", "Field required")
    return _validated(ClipDescription, fields), revisions


# -- events --------------------------------------------------------------------------------------------------------


def _events(blocks: Iterable[bytes]) -> Events:
    """Yield the parser's events. Raises `InvalidClip` for too many, and for a token that does not end."""
    events: Any = ijson.sendable_list()
    parser = ijson.basic_parse_coro(events, use_float=True)
    values = silent_bytes = 0
    for block in blocks:
        parser.send(block)
        silent_bytes = 0 if events else silent_bytes + len(block)
        values += len(events)
        if silent_bytes > MAX_TOKEN_BYTES or values > MAX_VALUES:
            raise InvalidClip("Its description is too large.")
        yield from events
        del events[:]
    parser.close()
    yield from events


def _keys(events: Events) -> Iterator[str]:
    """Yield the keys of an object that has begun; its reader takes each value."""
    for event, value in events:
        if event == "end_map":
            return
        yield value


def _items(events: Events) -> Iterator[Event]:
    """Yield the first event of each item of an array that has begun; its reader takes the rest of the item."""
    for event in events:
        if event[0] == "end_array":
            return
        yield event


class _Budget:
    """What the values of some fields may still take of memory."""

    def __init__(self, values: int) -> None:
        self._values, self._chars = values, MAX_FIELD_CHARS

    def spend(self, value: Any) -> None:
        self._values -= 1
        self._chars -= len(value) if isinstance(value, str) else 0
        if min(self._values, self._chars) < 0:
            raise InvalidClip("Its description is too large.")


def _value(first: Event, events: Events, budget: _Budget, depth: int = 0) -> Any:
    """Build a value that begins with an event."""
    event, value = first
    budget.spend(value)
    if depth > MAX_DEPTH:
        raise InvalidClip("Its description is nested too deeply.")
    if event == "start_array":
        return [_value(item, events, budget, depth + 1) for item in _items(events)]
    if event == "start_map":
        result = {}
        for key in _keys(events):
            budget.spend(key)
            result[key] = _value(next(events), events, budget, depth + 1)
        return result
    return value


def _skip(first: Event, events: Events) -> None:
    """Pass over a value of any depth: a field that a later version adds."""
    depth, (event, _) = 0, first
    while True:
        depth += event.startswith("start_") - event.startswith("end_")
        if depth == 0:
            return
        event, _ = next(events)


# -- revisions -----------------------------------------------------------------------------------------------------


def _read_revisions(events: Events, spool: IO[bytes]) -> list[SpooledRevision]:
    if next(events)[0] != "start_array":
        _refuse("revisions", "it is no list")
    revisions: list[SpooledRevision] = []
    for first in _items(events):
        if len(revisions) == MAX_REVISIONS:
            raise InvalidClip(f"It has more than {MAX_REVISIONS:,} revisions.")
        revisions.append(_read_revision(first, events, spool))
    return revisions


def _read_revision(first: Event, events: Events, spool: IO[bytes]) -> SpooledRevision:
    if first[0] != "start_map":
        _refuse("revisions", "one of them is no object")
    fields: dict[str, Any] = {}
    passages: Span | None = None
    budget = _Budget(MAX_FIELD_VALUES)
    for key in _keys(events):
        if key == "passages":
            passages = _read_passages(next(events), events, spool)
        elif key in ArchivedRevision.model_fields:
            fields[key] = _value(next(events), events, budget)
        else:
            _skip(next(events), events)
    head = _validated(ArchivedRevision, fields, "revisions")
    chars = len(head.text) + (passages[1] - passages[0] if passages else 0)
    span = _write(spool, head.model_dump_json())
    return SpooledRevision(head.source, head.saved_at or head.created_at, head.attempt or 0, span, passages, chars)


def _read_passages(first: Event, events: Events, spool: IO[bytes]) -> Span | None:
    """Write the passages as JSON in the form of the column; None if there are none."""
    if first[0] == "null":
        return None
    if first[0] != "start_array":
        _refuse("passages", "it is no list")
    start = spool.tell()
    separator = "["
    for passage in _items(events):
        if text := _passage_json(passage, events):
            _write(spool, separator + text)
            separator = ", "
    _, end = _write(spool, "]" if separator == ", " else "[]")
    return start, end


def _passage_json(first: Event, events: Events) -> str | None:
    """A passage as `json.dumps` writes it, so that what is exported again is the same bytes.

    None for one without times or text, of a release that is newer than this one.
    """
    if first[0] != "start_map":
        _refuse("passages", "one of them is no object")
    fields: dict[str, Any] = {}
    words: list[str] = []
    budget = _Budget(MAX_PASSAGE_VALUES)
    for key in _keys(events):
        if key == "words":
            words = _words_json(next(events), events, budget)
        elif key in ArchivedPassage.model_fields:
            fields[key] = _value(next(events), events, budget)
        else:
            _skip(next(events), events)
    if not _is_timed(fields):
        return None
    head = json.dumps(_validated(ArchivedPassage, fields, "passages").model_dump(exclude_none=True))
    return f'{head[:-1]}, "words": [{", ".join(words)}]}}'


def _words_json(first: Event, events: Events, budget: _Budget) -> list[str]:
    if first[0] != "start_array":
        _refuse("passages.words", "it is no list")
    words: list[str] = []
    for word in _items(events):
        if len(words) == MAX_PASSAGE_WORDS:
            raise InvalidClip(f"A passage of it has more than {MAX_PASSAGE_WORDS:,} words.")
        fields = _value(word, events, budget)
        if not isinstance(fields, dict) or _is_timed(fields):
            words.append(json.dumps(_validated(ArchivedWord, fields, "passages.words").model_dump()))
    return words


def _is_timed(fields: Mapping[str, Any]) -> bool:
    return ArchivedWord.model_fields.keys() <= fields.keys()


def _write(spool: IO[bytes], text: str) -> Span:
    """Append to the file. Return where the text begins and ends."""
    start = spool.tell()
    try:
        spool.write(text.encode())
    except OSError as error:
        raise unpacking_failure(error) from error
    return start, spool.tell()


# -- refusals ------------------------------------------------------------------------------------------------------


def _validated(model: type[Model], fields: Any, place: str = "") -> Model:
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        path = ".".join(map(str, [*([place] if place else []), *first["loc"]]))
        _refuse(path or "its beginning", first["msg"].removeprefix("Value error, "))


def _refuse(place: str, reason: str) -> NoReturn:
    raise InvalidClip(f"Its description is wrong at {place}: {reason}.")
