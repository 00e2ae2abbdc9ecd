"""Write a clip's description into the zip, one revision at a time: an hour of words with their times is a megabyte."""

import uuid
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Row
from sqlmodel import Session, col

from services.api.archive.manifest import ArchivedRevision, ClipDescription
from services.api.state import State
from shared.transcripts.models import Transcript

BLOCK_CHARS = 64 * 1024
"""Characters that are written and packed at once, so that the zip goes out while it is made."""


def description_blocks(state: State, description: ClipDescription, revision_ids: list[int]) -> Iterator[bytes]:
    """Yield the JSON of a description in blocks. A revision that was thinned out meanwhile is left out."""
    yield from _blocks(description.model_dump_json(indent=1).removesuffix("\n}") + ',\n "revisions": [')
    separator = "\n"
    for id in revision_ids:
        with state.read_session() as session:
            row = load_revision(session, id)
        if row is not None:
            yield from _blocks(separator + _revision_json(row))
            separator = ",\n"
    yield b"\n ]\n}"


def load_revision(session: Session, id: int) -> Row[Any] | None:
    """A revision whose `passages` are JSON text, as the database holds it: parsing it would take more memory."""
    columns: list[Any] = [getattr(Transcript, name) for name in ArchivedRevision.model_fields]
    columns.append(sa.cast(col(Transcript.passages), sa.Text).label("passages"))
    statement: sa.Select[Any] = sa.select(*columns)
    return session.connection().execute(statement.where(col(Transcript.id) == id)).first()


def revision_ids_of(session: Session, clip_id: uuid.UUID) -> list[int]:
    """The ids of a clip's revisions, oldest first."""
    ids = sa.select(col(Transcript.id)).where(col(Transcript.clip_id) == clip_id).order_by(col(Transcript.id))
    return [*session.connection().execute(ids).scalars()]


def _revision_json(row: Row[Any]) -> str:
    """The revision as one line."""
    head = ArchivedRevision.model_construct(**{name: getattr(row, name) for name in ArchivedRevision.model_fields})
    return f'{head.model_dump_json().removesuffix("}")},"passages":{row.passages or "null"}}}'


def _blocks(text: str) -> Iterator[bytes]:
    for start in range(0, len(text), BLOCK_CHARS):
        yield text[start : start + BLOCK_CHARS].encode()
