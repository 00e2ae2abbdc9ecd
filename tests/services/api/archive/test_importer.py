"""The importer without a server: what happens beside it while it works."""

import hashlib
import io
import json
import threading
import uuid
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from services.api.archive import importer
from services.api.archive.importer import ImportResult, import_zip
from services.api.archive.manifest import DESCRIPTION, MANIFEST, ClipDescription, Manifest, OriginalFile
from services.api.background.clip_rows import Place, load_rows
from services.api.people.modes import SignInMode
from services.api.people.sign_ins import SignIns
from services.api.people.tokens import Tokens
from services.api.settings import ApiSettings
from services.api.state import State
from shared.clips.models import Clip, Status
from shared.clips.renditions import Rendition
from shared.db.engine import read_session
from shared.libraries import HOME
from shared.outbox.models import EVENT, OutboxRow
from shared.search.folding import folded_ahead
from tests.recordings import WEBM_HEAD
from tests.services.api.background.conftest import MaintenanceSetup, setup

__all__ = ["setup"]  # a fixture

SOUND = WEBM_HEAD + b"a recording"


class NoRelay:
    """Nothing is sent."""

    def wake(self) -> None: ...


def library(id: uuid.UUID, setup: MaintenanceSetup, **said: Any) -> io.BytesIO:
    """A zip with one recording that nobody has prepared, unless it is said; None: the description does not say it."""
    sound = OriginalFile(
        file="original-0.webm", mime="audio/webm", bytes=len(SOUND), sha256=hashlib.sha256(SOUND).hexdigest(),
        segment=0, is_recording=True, name="r", recorded_at=setup.now,
    )  # fmt: skip
    description = ClipDescription(
        id=id, name="r", created_at=setup.now, duration_ms=None, segments=1, gaps=[], status=Status.PENDING, text=None,
        edited_at=None, language=None, language_set=None, recognizer=None, error=None, tags=[], prepared=False,
        audio=None, originals=[sound], peaks=None,
    )  # fmt: skip
    fields = description.model_dump(mode="json") | said | {"revisions": []}
    fields = {name: value for name, value in fields.items() if name not in said or value is not None}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("r/original-0.webm", SOUND)
        archive.writestr(f"r/{DESCRIPTION}", json.dumps(fields))
        archive.writestr(MANIFEST, Manifest(clips=1, made_at=setup.now).model_dump_json())
    return out


def import_into(setup: MaintenanceSetup, zipped: io.BytesIO) -> ImportResult:
    settings, relay = ApiSettings(), NoRelay()
    incoming = settings.data_dir / "incoming"
    incoming.mkdir(parents=True, exist_ok=True)
    unused: Any = relay
    state = State(
        settings,
        setup.engine,
        setup.store,
        unused,
        incoming,
        SignIns(setup.engine),
        SignInMode(settings),
        Tokens(setup.engine),
    )
    return import_zip(state, HOME, zipped, len(zipped.getvalue()), threading.Event())


PLAYED = {"file": "original-0.webm", "bytes": len(SOUND), "sha256": hashlib.sha256(SOUND).hexdigest()}
REMARKS = [{"kind": "tracks", "heard": [2], "silent": [1]}, {"kind": "not-understood", "at_ms": 5, "length_ms": 9}]


@pytest.mark.parametrize("parts", ["local"], indirect=True)
def test_what_was_found_out_about_the_sound_comes_along(setup: MaintenanceSetup) -> None:
    """And other devices get a rendition at once where they need one: an export has none."""
    of_release = {"has_true_clock": False, "track_set": 2, "is_dated": False, "remarks": REMARKS}
    older = dict.fromkeys(of_release)  # an export of a release before them
    clips = {
        "this release": ("audio/webm;codecs=opus", of_release),
        "older": ("audio/webm;codecs=opus", older),
        "older, of a phone": ("audio/amr", older),
    }
    for name, (mime, said) in clips.items():
        id = uuid.uuid4()
        audio = {**PLAYED, "mime": mime}
        zipped = library(id, setup, status="done", text="Words.", prepared=True, audio=audio, **said)
        assert import_into(setup, zipped).refused == []
        with read_session(setup.engine) as session:
            clip = session.get_one(Clip, id)
            forms = [rendition.form for rendition in session.exec(Rendition.of_clip(id))]
            jobs = session.exec(select(OutboxRow.topic).where(OutboxRow.clip_id == id, OutboxRow.topic != EVENT)).all()
        known = {field: getattr(clip, field) for field in of_release}
        if name == "this release":
            assert known == of_release
        else:
            assert known == {"has_true_clock": True, "track_set": None, "is_dated": True, "remarks": []}
        expected = ([], []) if name == "older" else (["m4a"], ["render"])
        assert (forms, jobs) == expected, name


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
    result = import_into(setup, library(id, setup))
    assert (result.imported, len(result.refused)) == (0, 1)
    with read_session(setup.engine) as session:
        place = Place(HOME, id)
        rows = load_rows(session, {place: ()})[place]
    assert rows.clip
    assert rows.clip.found_at
    assert [b"".join(setup.store.read(key)) for key in rows.own_keys] == [SOUND]
