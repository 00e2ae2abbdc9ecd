"""The store compared with the database, on both kinds of parts: what is found again, and what alone may be deleted."""

import hashlib
import io
import threading
import time
import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY
from sqlmodel import col, delete, select

from services.api.background import found_audio
from services.api.background.clip_rows import found_clip_id, load_rows
from services.api.background.maintenance import COMPARISON
from services.api.uploads.append import _INSERT_PIECE
from shared.clips.models import Clip, Status
from shared.clips.renditions import Form, Rendition
from shared.db.engine import execute_write, read_session, transaction
from shared.libraries import HOME
from shared.maintenance_runs import MaintenanceRun
from shared.outbox.models import OutboxRow
from shared.redis.jobs import PREPARE
from shared.storage.keys import file_key, played_key, recording_key, rendition_key
from shared.uploads.models import FILE_LIFETIME, Piece, Upload
from tests.recordings import WEBM_HEAD
from tests.services.api.background.conftest import BIN_KEEPS, DAY, MaintenanceSetup

SOON = timedelta(hours=2)
"""When what was written just now is judged."""

HEAD = WEBM_HEAD
REST = (b"the second piece", b"the third piece", b"the end")


only_local = pytest.mark.parametrize("parts", ["local"], indirect=True)
"""For what does not depend on the kind of parts, which the other tests try."""


def compare(setup: MaintenanceSetup, later: timedelta = SOON) -> int:
    return setup.maintenance.compare_store(setup.now + later)


def sound(setup: MaintenanceSetup, clip_id: uuid.UUID, segment: int = 0) -> bytes:
    """The originals of a clip's segment, as its rows name them."""
    with read_session(setup.engine) as session:
        pieces = [piece for _, piece in session.exec(Piece.of_segment(HOME, clip_id, segment))]
    content = [b"".join(setup.store.read(piece.key)) for piece in pieces]
    assert [hashlib.sha256(each).hexdigest() for each in content] == [piece.sha256 for piece in pieces]
    return b"".join(content)


def found_clips(setup: MaintenanceSetup) -> dict[uuid.UUID, Clip]:
    with read_session(setup.engine) as session:
        return {clip.id: clip for clip in session.exec(select(Clip).where(col(Clip.found_at).is_not(None)))}


def keys(setup: MaintenanceSetup) -> set[str]:
    return {each.key for each in setup.store.list_objects()}


def store_pieces(setup: MaintenanceSetup, clip_id: uuid.UUID, *pieces: bytes, segment: int = 0, start: int = 0) -> int:
    """Objects as PATCHes leave them; returns where they end."""
    for piece in pieces:
        setup.store_object(recording_key(HOME, clip_id, segment, start, start + len(piece)), piece)
        start += len(piece)
    return start


def count(state: str) -> float:
    return REGISTRY.get_sample_value("dictaphone_store_objects", {"state": state}) or 0.0


# -- clips that nobody knows ---------------------------------------------------------------------------------------


def test_a_recording_without_rows_is_found_again_in_the_bin(setup: MaintenanceSetup) -> None:
    id = uuid.uuid4()
    store_pieces(setup, id, HEAD, *REST)
    store_pieces(setup, id, HEAD, b"more", segment=1)
    setup.store_object(played_key(HOME, id), HEAD + b"all of it, made seekable")
    before = keys(setup)
    assert compare(setup, timedelta(minutes=30)) == 0
    assert found_clips(setup) == {}, "its row may still be written"
    assert compare(setup) == 0
    clip = found_clips(setup)[id]
    assert clip.deleted_at == clip.found_at == setup.now + SOON
    assert (clip.status, clip.segments, clip.mime, clip.audio_key) == (Status.PENDING, 2, "audio/webm", "")
    assert clip.bytes == len(HEAD + b"".join(REST) + HEAD + b"more")
    assert abs(clip.created_at - setup.now) < timedelta(minutes=1)
    assert (sound(setup, id, 0), sound(setup, id, 1)) == (HEAD + b"".join(REST), HEAD + b"more")
    assert keys(setup) == before
    with transaction(setup.engine) as session:
        assert session.get_one(Clip, id).restore(setup.now + SOON), "it needs a job"


def test_joined_audio_and_the_pieces_of_it_are_one_recording(setup: MaintenanceSetup) -> None:
    id = uuid.uuid4()
    end = store_pieces(setup, id, HEAD, *REST)
    joined = setup.store_object(recording_key(HOME, id, 0, 0, end), HEAD + b"".join(REST))
    compare(setup)
    assert (found_clips(setup)[id].audio_key, sound(setup, id)) == (joined, HEAD + b"".join(REST))
    assert compare(setup, SOON + BIN_KEEPS - DAY) == 0
    assert compare(setup, SOON + BIN_KEEPS + DAY) == 4, "the pieces are copies"
    assert sound(setup, id) == HEAD + b"".join(REST)


@only_local
def test_a_whole_file_is_found_again_with_what_its_repeated_upload_is_known_by(setup: MaintenanceSetup) -> None:
    id, content = uuid.uuid4(), HEAD + b"whole"
    key = setup.store_object(file_key(HOME, id, 0, len(content), len(content)), content)
    compare(setup)
    clip = found_clips(setup)[id]
    assert (clip.audio_key, clip.sha256) == (key, hashlib.sha256(content).hexdigest())
    assert sound(setup, id) == content


@only_local
def test_half_a_file_waits_for_its_client_as_long_as_an_upload_lives(setup: MaintenanceSetup) -> None:
    id = uuid.uuid4()
    setup.store_object(file_key(HOME, id, 0, len(HEAD), 1000), HEAD)
    compare(setup)
    assert found_clips(setup) == {}
    compare(setup, FILE_LIFETIME + DAY)
    assert sound(setup, id) == HEAD
    assert list(found_clips(setup)) == [id]


@only_local
def test_only_what_was_played_is_left_and_is_found_again(setup: MaintenanceSetup) -> None:
    id = uuid.uuid4()
    setup.store_object(played_key(HOME, id), HEAD + b"played")
    compare(setup)
    assert sound(setup, id) == HEAD + b"played"


@only_local
def test_keys_of_earlier_releases_are_found_in_the_order_in_which_they_were_written(setup: MaintenanceSetup) -> None:
    id = uuid.uuid4()
    first, second, joined = (f"{HOME}/{id}/{uuid.uuid4().hex}" for _ in range(3))
    for key, content in ((first, HEAD), (second, b"second"), (joined, HEAD + b"second")):
        setup.store_object(key, content)
        time.sleep(0.02)
    compare(setup)
    other = found_clip_id(joined)
    assert set(found_clips(setup)) == {id, other}, "nobody knows that they are the same"
    assert sound(setup, id) == sound(setup, other) == HEAD + b"second"
    assert compare(setup, SOON + BIN_KEEPS + DAY) == 0
    assert keys(setup) == {first, second, joined}


@only_local
def test_what_is_no_audio_is_set_apart_counted_and_never_deleted(setup: MaintenanceSetup) -> None:
    id = uuid.uuid4()
    store_pieces(setup, id, b"the middle of something", start=100)
    setup.store_object(f"{HOME}/{id}/notes.txt", b"whose?")
    setup.store_object(file_key(HOME, uuid.uuid4(), 0, 5, 5), b"no au")
    setup.store_object("elsewhere/backup.tar")
    before = keys(setup)
    for later in (SOON, BIN_KEEPS + DAY, 400 * DAY):
        assert compare(setup, later) == 0
        assert count("set apart") == 3
    assert keys(setup) == before
    assert found_clips(setup) == {}


def test_a_clip_that_leaves_the_bin_meanwhile_is_not_found_again(
    setup: MaintenanceSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = uuid.uuid4()
    store_pieces(setup, id, HEAD)
    listing = setup.store.list_objects

    def and_delete(folder: str = "") -> object:
        yield from list(listing(folder))
        setup.store.delete_all([each.key for each in listing()])

    monkeypatch.setattr(setup.store, "list_objects", and_delete)
    assert compare(setup) == 0
    assert found_clips(setup) == {}


# -- clips that the database knows ---------------------------------------------------------------------------------


def test_copies_go_when_the_bin_would_have_let_them_go_and_nothing_else(setup: MaintenanceSetup) -> None:
    clip = setup.clip()
    again = setup.store_object(file_key(HOME, clip.id, 0, 5, 5))
    played = setup.store_object(played_key(HOME, clip.id))
    nameless = setup.store_object(f"{HOME}/{clip.id}/{uuid.uuid4().hex}")
    with transaction(setup.engine) as session:
        session.get_one(Clip, clip.id).rename("later", setup.now + timedelta(minutes=1))
    _, piece = setup.recording()
    assert compare(setup) == 0
    assert compare(setup, BIN_KEEPS - SOON) == 0
    assert count("leftover") == 3
    assert compare(setup, BIN_KEEPS + DAY) == 3
    assert keys(setup) == {clip.audio_key, piece}
    assert {again, played, nameless}.isdisjoint(keys(setup))


def test_renditions_are_kept_while_a_row_names_them_and_never_become_clips(setup: MaintenanceSetup) -> None:
    clip = setup.clip()
    named, old, orphan = (
        setup.store_object(rendition_key(HOME, id, "m4a"), HEAD) for id in (clip.id, clip.id, uuid.uuid4())
    )
    with transaction(setup.engine) as session:
        session.add(Rendition(clip_id=clip.id, form=Form.M4A, key=named, source_key="a", wanted_at=setup.now))
    assert compare(setup, BIN_KEEPS - SOON) == 0
    assert compare(setup, BIN_KEEPS + DAY) == 2
    assert keys(setup) == {clip.audio_key, named}
    assert {old, orphan}.isdisjoint(keys(setup))
    assert found_clips(setup) == {}
    setup.store.delete(named)
    assert compare(setup, BIN_KEEPS + DAY) == 0
    assert setup.read(clip), "a rendition that is lost is missed by nobody"
    setup.store.put(named, io.BytesIO(HEAD), len(HEAD), "audio/mp4")
    with transaction(setup.engine) as session:
        session.get_one(Clip, clip.id).move_to_bin(setup.now)
    assert setup.maintenance.empty_bin(setup.now + BIN_KEEPS + SOON) == 1
    assert keys(setup) == set()


def test_a_clip_that_has_left_the_bin_is_not_found_again_in_its_copies(setup: MaintenanceSetup) -> None:
    clip = restored_recording(setup, HEAD + REST[0])  # joined, beside the pieces and what was made of it
    store_pieces(setup, clip.id, HEAD, REST[0])
    setup.store_object(played_key(HOME, clip.id), HEAD + b"made seekable")
    strange = setup.store_object(f"{HOME}/{clip.id}/notes.txt")
    kept = setup.clip()
    with transaction(setup.engine) as session:
        session.get_one(Clip, clip.id).move_to_bin(setup.now)
    assert setup.maintenance.empty_bin(setup.now + BIN_KEEPS + SOON) == 1
    compare(setup, BIN_KEEPS + 2 * SOON)
    assert found_clips(setup) == {}, "somebody has deleted it"
    assert keys(setup) == {strange, kept.audio_key}, "what nobody understands stays"


def test_what_was_made_a_clip_of_its_own_survives_the_clip_in_whose_folder_it_lies(setup: MaintenanceSetup) -> None:
    clip = setup.clip()
    later = setup.store_object(f"{HOME}/{clip.id}/{uuid.uuid4().hex}", HEAD)
    with transaction(setup.engine) as session:
        session.get_one(Clip, clip.id).updated_at = setup.now - DAY  # the object is of a life that the rows do not know
    compare(setup)
    guest = found_clips(setup)[found_clip_id(later)]
    with transaction(setup.engine) as session:
        session.get_one(Clip, clip.id).move_to_bin(setup.now + SOON)
        session.get_one(Clip, guest.id).restore(setup.now + SOON)
    assert setup.maintenance.empty_bin(setup.now + BIN_KEEPS + 2 * SOON) == 1
    assert keys(setup) == {later}


@only_local
def test_pieces_of_a_file_that_was_given_up_go_after_the_time_of_the_bin(setup: MaintenanceSetup) -> None:
    piece = setup.upload(uuid.uuid4(), is_recording=False, length=6)
    setup.maintenance.expire_uploads(setup.now + FILE_LIFETIME + DAY)
    assert compare(setup, FILE_LIFETIME + BIN_KEEPS) == 0
    assert piece in keys(setup)
    assert compare(setup, FILE_LIFETIME + BIN_KEEPS + 2 * DAY) == 1
    assert found_clips(setup) == {}


def restored_recording(setup: MaintenanceSetup, *pieces: bytes) -> Clip:
    """A recording of which the database knows the first piece only."""
    id = uuid.uuid4()
    key = recording_key(HOME, id, 0, 0, len(pieces[0]))
    setup.store_object(key, pieces[0])
    clip = setup.save(
        Clip.new_recording(id, name="r", mime="audio/webm", recorded_at=setup.now, now=setup.now, library_id=HOME)
    )
    with transaction(setup.engine) as session:
        upload = Upload(
            id=uuid.uuid4(), clip_id=id, is_recording=True, name="r", mime="audio/webm", recorded_at=setup.now,
            created_at=setup.now,
            library_id=HOME,
        )  # fmt: skip
        session.add(upload)
        session.flush()
        digest = hashlib.sha256(pieces[0]).hexdigest()
        session.add(Piece(upload_id=upload.id, start=0, end=len(pieces[0]), key=key, sha256=digest))
    store_pieces(setup, id, *pieces[1:], start=len(pieces[0]))
    return clip


def test_a_recording_gets_the_end_that_its_rows_do_not_know(setup: MaintenanceSetup) -> None:
    clip = restored_recording(setup, HEAD, *REST)
    store_pieces(setup, clip.id, HEAD, b"another segment", segment=1)
    compare(setup)
    assert sound(setup, clip.id) == HEAD + b"".join(REST)
    assert sound(setup, clip.id, 1) == HEAD + b"another segment"
    grown = setup.read(clip)
    assert grown
    assert (grown.status, grown.segments, grown.deleted_at) == (Status.RECORDING, 2, None)
    assert grown.bytes == len(HEAD + b"".join(REST) + HEAD + b"another segment")
    assert setup.maintenance.finish_stalled_recordings(setup.now + 2 * SOON) == 1


def test_a_recording_gets_its_joined_audio_where_its_pieces_are_gone(setup: MaintenanceSetup) -> None:
    clip = restored_recording(setup, HEAD, *REST)
    whole = HEAD + b"".join(REST)
    setup.store.delete_all([each.key for each in setup.store.list_objects()])
    joined = setup.store_object(recording_key(HOME, clip.id, 0, 0, len(whole)), whole)
    compare(setup)
    assert sound(setup, clip.id) == whole
    assert keys(setup) == {joined}


@only_local
def test_a_hole_ends_what_is_found_and_the_rest_is_kept(setup: MaintenanceSetup) -> None:
    clip = restored_recording(setup, HEAD, REST[0])
    beyond = recording_key(HOME, clip.id, 0, 1000, 1005)
    setup.store_object(beyond)
    for later in (SOON, BIN_KEEPS + DAY, 2 * BIN_KEEPS):
        compare(setup, later)
        assert sound(setup, clip.id) == HEAD + REST[0]
        assert beyond in keys(setup)
    assert count("set apart") == 1


def test_a_file_whose_last_byte_the_rows_do_not_know_becomes_its_clip(setup: MaintenanceSetup) -> None:
    id = uuid.uuid4()
    setup.upload(id, is_recording=False, length=10)
    setup.store_object(file_key(HOME, id, 5, 10, 10), b" more")
    compare(setup)
    with read_session(setup.engine) as session:
        clip = session.get_one(Clip, id)
        topics = session.exec(select(OutboxRow.topic).where(col(OutboxRow.clip_id) == id)).all()
    assert (clip.status, clip.bytes, clip.deleted_at, clip.name) == (Status.PENDING, 10, None, "a")
    assert PREPARE in topics


@pytest.mark.parametrize("parts", ["servers"], indirect=True)
def test_a_file_that_grows_at_this_moment_keeps_what_was_acknowledged(
    setup: MaintenanceSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = uuid.uuid4()
    first = setup.upload(id, is_recording=False, length=100)
    setup.store_object(file_key(HOME, id, 5, 10, 100), b"found")
    (upload,) = setup.uploads()
    arriving = Piece(upload_id=upload.id, start=5, end=15, key="arriving", sha256="")
    statement = _INSERT_PIECE[False]
    acknowledged: list[object] = []

    def load_rows_and_append(*arguments: Any) -> object:
        loaded = load_rows(*arguments)
        append = threading.Thread(
            target=lambda: acknowledged.extend(execute_write(setup.engine, statement, arriving.model_dump()))
        )
        append.start()
        append.join(1)
        return loaded

    monkeypatch.setattr(found_audio, "load_rows", load_rows_and_append)
    with monkeypatch.context() as quiet:
        quiet.setattr(threading, "excepthook", lambda _: None)  # its place may be taken, and it is told so
        compare(setup)
        time.sleep(0.5)
    with read_session(setup.engine) as session:
        pieces = {piece.key for piece in session.exec(select(Piece))}
    assert first in pieces
    assert not acknowledged or "arriving" in pieces


@only_local
def test_what_a_person_gave_up_does_not_grow_again(setup: MaintenanceSetup) -> None:
    id = uuid.uuid4()
    setup.upload(id, is_recording=False, length=10)
    setup.store_object(file_key(HOME, id, 5, 10, 10), b" more")
    with transaction(setup.engine) as session:
        upload = session.exec(select(Upload).where(col(Upload.clip_id) == id)).one()
        upload.ended_at = setup.now
        session.exec(delete(Piece))
    compare(setup)
    assert setup.uploads()[0].ended_at
    with read_session(setup.engine) as session:
        assert session.get(Clip, id) is None


@only_local
def test_a_recording_that_runs_is_left_alone(setup: MaintenanceSetup) -> None:
    clip = restored_recording(setup, HEAD, *REST)
    with transaction(setup.engine) as session:
        session.get_one(Clip, clip.id).set_arrived_bytes(setup.now + SOON - timedelta(minutes=1), bytes=len(HEAD))
    compare(setup)
    assert sound(setup, clip.id) == HEAD


# -- restored backups, and databases of others ---------------------------------------------------------------------


def restores_noticed() -> float:
    return REGISTRY.get_sample_value("dictaphone_restores_noticed_total") or 0.0


def age_database(setup: MaintenanceSetup, to: datetime) -> None:
    with transaction(setup.engine) as session:
        session.add(MaintenanceRun(name=COMPARISON, done_at=to))


def test_a_restored_backup_is_noticed_and_compared_at_once(setup: MaintenanceSetup) -> None:
    noticed = restores_noticed()
    age_database(setup, setup.now - timedelta(hours=3))
    assert not setup.maintenance.claim(COMPARISON, DAY, setup.now)
    setup.maintenance.look_for_restore(setup.now + SOON)
    assert setup.maintenance.claim(COMPARISON, DAY, setup.now + SOON)
    store_pieces(setup, uuid.uuid4(), HEAD)
    compare(setup)
    assert restores_noticed() == noticed + 1
    compare(setup)
    assert restores_noticed() == noticed + 1, "nothing new was found"


@only_local
def test_what_a_crash_of_this_life_left_is_no_restore(setup: MaintenanceSetup) -> None:
    noticed = restores_noticed()
    age_database(setup, setup.now - timedelta(minutes=1))
    setup.maintenance.look_for_restore(setup.now - timedelta(seconds=10))
    assert not setup.maintenance.claim(COMPARISON, DAY, setup.now)
    store_pieces(setup, uuid.uuid4(), HEAD)
    compare(setup)
    assert len(found_clips(setup)) == 1
    assert restores_noticed() == noticed


@only_local
def test_a_database_that_knows_nothing_of_the_store_costs_nobody_a_recording(setup: MaintenanceSetup) -> None:
    setup.clip()
    for _ in range(3):
        store_pieces(setup, uuid.uuid4(), HEAD, *REST)
    before = keys(setup)
    for days in range(1, 100, 7):
        assert setup.maintenance.empty_bin(setup.now + days * DAY) == 0
        compare(setup, days * DAY)
    assert keys(setup) == before
    assert len(found_clips(setup)) == 3


@only_local
def test_found_clips_leave_the_bin_where_they_are_few_and_come_back_with_their_recorder(
    setup: MaintenanceSetup,
) -> None:
    for _ in range(3):
        setup.clip()
    id, back = uuid.uuid4(), uuid.uuid4()
    for each in (id, back):
        store_pieces(setup, each, HEAD)
    compare(setup)
    with transaction(setup.engine) as session:
        clip = session.get_one(Clip, back)
        clip.set_arrived_bytes(setup.now + SOON, bytes=len(HEAD) + 1)
        assert clip.deleted_at is None
    assert setup.maintenance.empty_bin(setup.now + SOON + BIN_KEEPS - DAY) == 0
    assert setup.maintenance.empty_bin(setup.now + SOON + BIN_KEEPS + DAY) == 1
    assert list(found_clips(setup)) == [back]
