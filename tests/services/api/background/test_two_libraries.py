"""No background task lets two libraries meet: what becomes of one is the same with and without the other."""

import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import col, select, update
from structlog.testing import capture_logs

from services.api.background.clip_rows import Place, id_beside_another
from shared.clips.erased import Erased
from shared.clips.models import Clip
from shared.db.engine import read_session, transaction
from shared.libraries import HOME
from shared.people.libraries import Library
from shared.storage.keys import file_key, played_key, recording_key
from shared.uploads.models import Piece, Upload
from tests.recordings import WEBM_HEAD
from tests.services.api.background.conftest import BIN_KEEPS, DAY, MaintenanceSetup

only_local = pytest.mark.parametrize("parts", ["local"], indirect=True)

SOUND = WEBM_HEAD + b"all that was said"
PIECES = (WEBM_HEAD, b"all that ", b"was said")


# -- what may be in a library: each of these makes one clip's folder, its rows, or both -------------------------------


def lost_recording(setup: MaintenanceSetup, place: Place) -> None:
    start = 0
    for piece in PIECES:
        setup.store_object(recording_key(*place, 0, start, start + len(piece)), piece)
        start += len(piece)


def lost_file(setup: MaintenanceSetup, place: Place) -> None:
    setup.store_object(file_key(*place, 0, len(SOUND), len(SOUND)), SOUND)


def lost_nameless(setup: MaintenanceSetup, place: Place) -> None:
    setup.store_object(f"{place.folder}/{uuid.uuid4().hex}", SOUND)


def noise(setup: MaintenanceSetup, place: Place) -> None:
    setup.store_object(f"{place.folder}/{uuid.uuid4().hex}", b"no sound at all")


def clip(setup: MaintenanceSetup, place: Place) -> None:
    key = setup.store_object(file_key(*place, 0, len(SOUND), len(SOUND)), SOUND)
    setup.save(
        Clip.new_upload(
            place.clip_id, library_id=place.library_id, name="known", mime="audio/webm", bytes=len(SOUND), sha256="",
            audio_key=key, now=setup.now,
        )
    )  # fmt: skip


def clip_with_a_copy(setup: MaintenanceSetup, place: Place) -> None:
    clip(setup, place)
    setup.store_object(played_key(*place), SOUND)


def clip_in_the_bin(setup: MaintenanceSetup, place: Place) -> None:
    clip_with_a_copy(setup, place)
    with transaction(setup.engine) as session:
        session.get_one(Clip, place.clip_id).move_to_bin(setup.now)


def recording_with_a_lost_end(setup: MaintenanceSetup, place: Place) -> None:
    lost_recording(setup, place)
    recording = Clip.new_recording(
        place.clip_id, library_id=place.library_id, name="r", mime="audio/webm", recorded_at=setup.now, now=setup.now
    )
    setup.save(recording)
    upload = Upload(
        id=uuid.uuid4(), library_id=place.library_id, clip_id=place.clip_id, is_recording=True, name="r",
        mime="audio/webm", recorded_at=setup.now, created_at=setup.now,
    )  # fmt: skip
    first = recording_key(*place, 0, 0, len(WEBM_HEAD))
    setup.store_object(first, WEBM_HEAD)
    with transaction(setup.engine) as session:
        session.add(upload)
        session.flush()
        session.add(Piece(upload_id=upload.id, start=0, end=len(WEBM_HEAD), key=first, sha256=""))


def unfinished_file(setup: MaintenanceSetup, place: Place) -> None:
    upload = Upload(
        id=uuid.uuid4(), library_id=place.library_id, clip_id=place.clip_id, is_recording=False, name="f",
        mime="audio/webm", recorded_at=setup.now, created_at=setup.now, length=2 * len(SOUND),
    )  # fmt: skip
    key = setup.store_object(file_key(*place, 0, len(SOUND), 2 * len(SOUND)), SOUND)
    with transaction(setup.engine) as session:
        session.add(upload)
        session.flush()
        session.add(Piece(upload_id=upload.id, start=0, end=len(SOUND), key=key, sha256=""))


FOLDERS_ONLY = [lost_recording, lost_file, lost_nameless, noise]
WITH_ROWS = [clip, clip_with_a_copy, clip_in_the_bin, recording_with_a_lost_end, unfinished_file]

Make = Callable[[MaintenanceSetup, Place], None]
Plan = list[tuple[Make, int]]
"""What a library has, each with the number of its clip's id: a folder of one library may have an id of the other."""

a_plan = st.lists(
    st.tuples(st.sampled_from([*FOLDERS_ONLY, *WITH_ROWS]), st.integers(0, 5)),
    max_size=5,
    unique_by=lambda each: each[1],
)


def make_libraries(setup: MaintenanceSetup, *ids: str) -> None:
    with transaction(setup.engine) as session:
        session.add_all(Library(id=id, name=id, created_at=setup.now) for id in ids)


def fill(setup: MaintenanceSetup, library_id: str, plan: Plan, ids: list[uuid.UUID]) -> None:
    for make, number in plan:
        make(setup, Place(library_id, ids[number]))


def run_all_tasks(setup: MaintenanceSetup) -> None:
    """Everything that maintenance does, soon, and after the time of the bin."""
    for later in (timedelta(hours=2), timedelta(hours=4), BIN_KEEPS + DAY, BIN_KEEPS + 3 * DAY):
        now = setup.now + later
        setup.maintenance.compare_store(now)
        setup.maintenance.finish_stalled_recordings(now)
        setup.maintenance.empty_bin(now)
        setup.maintenance.finish_erasures(now)
        setup.maintenance.expire_uploads(now)
        setup.maintenance.thin_revisions(now)


def outcome(setup: MaintenanceSetup, library_id: str) -> object:
    """What the library has: its clips with their sound, its uploads, its objects; without ids and random names."""
    with read_session(setup.engine) as session:
        clips = session.exec(select(Clip).where(col(Clip.library_id) == library_id)).all()
        uploads = session.exec(select(Upload).where(col(Upload.library_id) == library_id)).all()
        pieces = [session.exec(Piece.of_upload(upload.id)).all() for upload in uploads]
        erased = session.exec(select(Erased).where(col(Erased.library_id) == library_id)).all()
    keys = [clip.audio_key for clip in clips if clip.audio_key] + [each.key for some in pieces for each in some]
    assert {key.partition("/")[0] for key in [*keys, *(key for each in erased for key in each.keys)]} <= {library_id}
    sound = [b"".join(b"".join(setup.store.read(each.key)) for each in some) for some in pieces]
    facts = [(each.status, each.bytes, each.segments, each.deleted_at is None, each.found_at is None) for each in clips]
    ends = [(upload.segment, upload.length or 0, upload.ended_at is None) for upload in uploads]
    objects = [b"".join(setup.store.read(each.key)) for each in setup.store.list_objects(library_id)]
    return sorted(facts), sorted(zip(ends, sound, strict=True)), sorted(objects), len(erased)


@only_local
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ours=a_plan, theirs=a_plan, data=st.data())
def test_a_library_fares_as_if_it_were_alone(
    setup: MaintenanceSetup, ours: Plan, theirs: Plan, data: st.DataObject
) -> None:
    # A row's id is one library's; an object's may be anybody's.
    taken = {number for make, number in ours if make in WITH_ROWS}
    theirs = [(make, number) for make, number in theirs if make in FOLDERS_ONLY or number not in taken]
    names = [f"library-{uuid.uuid4().hex[:8]}" for _ in range(3)]
    if data.draw(st.booleans(), label="the other library is first in the store"):
        names[1:] = sorted(names[1:], reverse=True)
    alone, beside, other = names
    make_libraries(setup, *names)
    fill(setup, alone, ours, [uuid.uuid4() for _ in range(6)])
    ids = [uuid.uuid4() for _ in range(6)]
    fill(setup, beside, ours, ids)
    fill(setup, other, theirs, ids)
    run_all_tasks(setup)
    assert outcome(setup, beside) == outcome(setup, alone)
    setup.store.delete_all([each.key for each in setup.store.list_objects()])


# -- single cases that the property is made of ------------------------------------------------------------------------


def test_a_folder_whose_id_another_library_has_becomes_a_clip_of_its_own_library(setup: MaintenanceSetup) -> None:
    theirs = Place("theirs", uuid.uuid4())
    clip(setup, theirs)
    ours = Place("ours", theirs.clip_id)
    make_libraries(setup, "ours", "theirs")
    lost_recording(setup, ours)
    for later in (2, 4):
        setup.maintenance.compare_store(setup.now + timedelta(hours=later))
    with read_session(setup.engine) as session:
        found = session.exec(select(Clip).where(col(Clip.found_at).is_not(None))).all()
    assert [(each.id, each.library_id) for each in found] == [(id_beside_another(ours), "ours")]


@only_local
def test_objects_that_a_moved_clip_names_are_kept_and_its_leftovers_found_by_nobody(setup: MaintenanceSetup) -> None:
    place = Place("before", uuid.uuid4())
    make_libraries(setup, "before", "after")
    clip_with_a_copy(setup, place)
    lost_file(setup, place)
    with transaction(setup.engine) as session:
        session.exec(update(Clip).where(col(Clip.id) == place.clip_id).values(library_id="after"))
    before = {each.key for each in setup.store.list_objects()}
    for later in (timedelta(hours=2), BIN_KEEPS + DAY):
        setup.maintenance.compare_store(setup.now + later)
    assert {each.key for each in setup.store.list_objects()} == before
    with read_session(setup.engine) as session:
        assert not session.exec(select(Clip).where(col(Clip.found_at).is_not(None))).all()
        key = session.get_one(Clip, place.clip_id).audio_key
    with transaction(setup.engine) as session:
        session.get_one(Clip, place.clip_id).move_to_bin(setup.now)
    setup.maintenance.empty_bin(setup.now + BIN_KEEPS + DAY)
    assert key not in {each.key for each in setup.store.list_objects()}, "its own audio goes with it"


@only_local
def test_a_folder_of_an_unknown_library_is_kept_and_said(setup: MaintenanceSetup) -> None:
    lost_recording(setup, Place("nobody", uuid.uuid4()))
    lost_recording(setup, Place(HOME, uuid.uuid4()))
    before = {each.key for each in setup.store.list_objects()}
    with capture_logs() as lines:
        setup.maintenance.compare_store(setup.now + BIN_KEEPS + DAY)
    assert {each.key for each in setup.store.list_objects()} == before
    [line] = [line for line in lines if "unknown libraries" in line["event"]]
    assert (line["count"], line["first"]) == (len(PIECES), ["nobody"])
    with read_session(setup.engine) as session:
        assert {each.library_id for each in session.exec(select(Clip))} == {HOME}


@only_local
def test_found_clips_of_one_library_keep_no_clip_of_another_in_the_bin(setup: MaintenanceSetup) -> None:
    make_libraries(setup, "rebuilt", "ordinary")
    clip(setup, Place("rebuilt", uuid.uuid4()))
    for _ in range(3):
        lost_file(setup, Place("rebuilt", uuid.uuid4()))
    setup.maintenance.compare_store(setup.now + timedelta(hours=2))
    for _ in range(2):
        clip(setup, Place("ordinary", uuid.uuid4()))
    lost_file(setup, Place("ordinary", uuid.uuid4()))
    setup.maintenance.compare_store(setup.now + timedelta(hours=2))
    setup.maintenance.empty_bin(setup.now + BIN_KEEPS + DAY)
    with read_session(setup.engine) as session:
        left = [each.library_id for each in session.exec(select(Clip).where(col(Clip.found_at).is_not(None)))]
    assert left == ["rebuilt"] * 3
