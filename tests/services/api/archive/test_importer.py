"""The importer without a server: what happens beside it while it works."""

import hashlib
import io
import threading
import uuid
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from services.api.archive import importer
from services.api.archive.importer import ImportResult, import_zip
from services.api.archive.manifest import DESCRIPTION, MANIFEST, ClipDescription, Manifest, OriginalFile
from services.api.background.clip_rows import load_rows
from services.api.settings import ApiSettings
from services.api.state import State
from shared.clips.models import Status
from shared.db.engine import read_session
from shared.search.folding import folded_ahead
from tests.recordings import WEBM_HEAD
from tests.services.api.background.conftest import MaintenanceSetup, setup

__all__ = ["setup"]  # a fixture

SOUND = WEBM_HEAD + b"a recording"


class NoRelay:
    """Nothing is sent."""

    def wake(self) -> None: ...


def library(id: uuid.UUID, setup: MaintenanceSetup) -> io.BytesIO:
    """A zip with one recording that nobody has prepared."""
    sound = OriginalFile(
        file="original-0.webm", mime="audio/webm", bytes=len(SOUND), sha256=hashlib.sha256(SOUND).hexdigest(),
        segment=0, is_recording=True, name="r", recorded_at=setup.now,
    )  # fmt: skip
    description = ClipDescription(
        id=id, name="r", created_at=setup.now, duration_ms=None, segments=1, gaps=[], status=Status.PENDING, text=None,
        edited_at=None, language=None, language_set=None, recognizer=None, error=None, tags=[], prepared=False,
        audio=None, originals=[sound], peaks=None,
    )  # fmt: skip
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("r/original-0.webm", SOUND)
        archive.writestr(f"r/{DESCRIPTION}", description.model_dump_json()[:-1] + ', "revisions": []}')
        archive.writestr(MANIFEST, Manifest(clips=1, made_at=setup.now).model_dump_json())
    return out


@pytest.mark.parametrize("parts", ["local"], indirect=True)
def test_an_import_of_hours_deletes_no_sound_that_was_found_meanwhile(
    setup: MaintenanceSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = uuid.uuid4()

    @contextmanager
    def folded_after_hours(text: str | None) -> Iterator[None]:
        setup.maintenance.compare_store(setup.now + timedelta(hours=2))
        with folded_ahead(text):
            yield

    monkeypatch.setattr(importer, "folded_ahead", folded_after_hours)
    settings, relay = ApiSettings(), NoRelay()
    incoming = settings.data_dir / "incoming"
    incoming.mkdir(parents=True, exist_ok=True)
    unused: Any = relay
    state = State(settings, setup.engine, setup.store, unused, incoming)
    zipped = library(id, setup)
    result: ImportResult = import_zip(state, zipped, len(zipped.getvalue()), threading.Event())
    assert (result.imported, len(result.refused)) == (0, 1)
    with read_session(setup.engine) as session:
        rows = load_rows(session, {id: ()})[id]
    assert rows.clip
    assert rows.clip.found_at
    assert [b"".join(setup.store.read(key)) for key in rows.own_keys] == [SOUND]
