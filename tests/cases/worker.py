"""What the worker alone makes of a case: the door's verdict, the job that prepares a clip, and the samples it hears."""

import io
import uuid
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import SecretStr

from services.api.clips.media_types import resolve_media_type
from services.api.http.errors import Problem
from services.transcriber.audio.decode import SAMPLE_RATE, decode_file
from services.transcriber.jobs.prepare import PrepareJob
from services.transcriber.settings import TranscriberSettings
from shared.clips.models import Clip, Status
from shared.db.engine import open_engine
from shared.storage.factory import open_store
from tests.cases.case import Case
from tests.cases.places import Places, Row, expected_places, find_speech
from tests.services.transcriber.library import Library


@dataclass(frozen=True)
class Prepared:
    """A case after its preparation."""

    mime: str
    """Empty: it was refused at the door."""
    sentence: str | None
    clip: Clip | None
    places: Places


class CaseWorker(Library):
    """A library on SQLite and files, and a job that prepares its clips."""

    def __init__(self, database_url: str, folder: Path) -> None:
        settings = TranscriberSettings(data_dir=folder, database_url=SecretStr(database_url), lease_seconds=30)
        super().__init__(open_engine(settings), open_store(settings))
        self.job = PrepareJob(self.engine, self.store, settings, lambda: None)

    def prepare(self, case: Case, content: bytes) -> Prepared:
        try:
            mime = resolve_media_type(io.BytesIO(content), case.claim)
        except Problem as problem:
            return Prepared("", problem.detail, None, Places(None, None))
        id: uuid.UUID = self.put(content, mime)
        assert self.job.run(id) is None
        clip = self.clip(id)
        places = Places(None, None) if clip.status == Status.FAILED else heard_places(case, decoded(content))
        return Prepared(mime, clip.error, clip, places)


def decoded(content: bytes) -> Row:
    """The samples on the clock of the transcript."""
    return np.concatenate([np.zeros(0, np.float32), *decode_file(io.BytesIO(content))])


def heard_places(case: Case, sound: Row, rate: int = SAMPLE_RATE) -> Places:
    """Where the case's words stand in a sound that was made of it."""
    if not case.copies:
        return Places(None, None)
    return find_speech(sound, rate, case.copies[0].from_s, case.copies[0].to_s)


def right_places(case: Case) -> Places:
    """Where they should."""
    if not case.copies:
        return Places(None, None)
    first, last = case.copies[0], case.copies[-1]
    return expected_places(first.at_s, first.from_s, first.to_s, last.at_s)
