"""Maintenance alone, on both kinds of parts: what it ends, what it empties, and what it must never touch."""

import uuid
from datetime import timedelta

import pytest
from sqlmodel import col, select

from services.api.background.maintenance import TOMBSTONE_LIFETIME, Maintenance
from shared.clips.erased import Erased
from shared.clips.gaps import LOST
from shared.clips.models import Clip, Status
from shared.db.engine import read_session, transaction
from shared.outbox.models import EVENT, OutboxRow
from shared.redis.jobs import PREPARE
from shared.storage.store import StoreUnavailable
from shared.transcripts.models import Source, Transcript
from shared.transcripts.retention import MAX_REVISIONS
from shared.uploads.models import FILE_LIFETIME, Piece
from tests.services.api.background.conftest import BIN_KEEPS, DAY, SILENCE, MaintenanceSetup


def test_a_recording_that_fell_silent_is_finished_with_what_arrived(setup: MaintenanceSetup) -> None:
    silent, _ = setup.recording()
    setup.now += timedelta(minutes=1)
    heard, _ = setup.recording()
    assert setup.maintenance.finish_stalled_recordings(silent.updated_at + SILENCE + timedelta(seconds=1)) == 1
    ended, going = setup.read(silent), setup.read(heard)
    assert ended
    assert going
    assert (ended.status, ended.gaps[0]["cause"], going.status) == (Status.PENDING, LOST, Status.RECORDING)
    with read_session(setup.engine) as session:
        topics = select(OutboxRow.topic).where(col(OutboxRow.clip_id) == silent.id).order_by(col(OutboxRow.id))
        rows = session.exec(topics).all()
    assert rows == [EVENT, EVENT, PREPARE]


def test_a_recording_in_the_bin_stays_as_it_is(setup: MaintenanceSetup) -> None:
    clip, key = setup.recording()
    with transaction(setup.engine) as session:
        session.get_one(Clip, clip.id).move_to_bin(setup.now)
    assert setup.maintenance.finish_stalled_recordings(setup.now + DAY) == 0
    assert setup.has(key)


def test_the_bin_is_emptied_with_every_byte_of_it_after_its_time_and_not_before(setup: MaintenanceSetup) -> None:
    whole = setup.clip()
    spoken, piece = setup.recording()
    kept = setup.clip()
    with transaction(setup.engine) as session:
        for clip in (whole, spoken):
            session.get_one(Clip, clip.id).move_to_bin(setup.now)
    assert setup.maintenance.empty_bin(setup.now + BIN_KEEPS - timedelta(seconds=1)) == 0
    assert setup.maintenance.empty_bin(setup.now + BIN_KEEPS + timedelta(seconds=1)) == 2
    assert setup.read(whole) is setup.read(spoken) is None
    assert not any(setup.has(key) for key in (whole.audio_key, piece))
    assert setup.uploads() == []
    assert setup.read(kept)
    assert setup.has(kept.audio_key)


@pytest.mark.parametrize("without", [("check", "delete", "delete_all"), ("list_objects", "delete_all")], ids=",".join)
def test_no_clip_leaves_the_bin_while_the_store_is_away(
    setup: MaintenanceSetup, monkeypatch: pytest.MonkeyPatch, without: tuple[str, ...]
) -> None:
    clip = setup.clip()
    with transaction(setup.engine) as session:
        session.get_one(Clip, clip.id).move_to_bin(setup.now)

    def be_away(*_: object) -> None:
        raise StoreUnavailable("the bucket does not answer")

    later = setup.now + BIN_KEEPS + DAY
    with monkeypatch.context() as away:
        for name in without:
            away.setattr(setup.store, name, be_away)
        with pytest.raises(StoreUnavailable):
            setup.maintenance.empty_bin(later)
    assert setup.read(clip), "its audio would be found again"
    assert setup.maintenance.empty_bin(later) == 1
    assert not setup.has(clip.audio_key)


def test_a_file_that_never_arrived_whole_expires_and_a_recording_does_not(setup: MaintenanceSetup) -> None:
    setup.upload(uuid.uuid4(), is_recording=False)
    setup.upload(setup.clip().id, is_recording=False, length=6)  # and a PUT of its id came first
    _, recorded = setup.recording()
    arrived = setup.upload(setup.clip().id, is_recording=False, length=5)
    assert setup.maintenance.expire_uploads(setup.now + FILE_LIFETIME - timedelta(seconds=1)) == 0
    assert setup.maintenance.expire_uploads(setup.now + FILE_LIFETIME + timedelta(seconds=1)) == 2
    assert len(setup.uploads()) == 4, "what is gone is still known as gone"
    with read_session(setup.engine) as session:
        keys = session.exec(select(Piece.key)).all()
    assert set(keys) == {recorded, arrived}
    setup.maintenance.expire_uploads(setup.now + FILE_LIFETIME + BIN_KEEPS + TOMBSTONE_LIFETIME + DAY)
    assert len(setup.uploads()) == 2


def test_one_of_many_machines_claims_a_task_each_time_it_is_due(setup: MaintenanceSetup) -> None:
    other = Maintenance(setup.engine, setup.store, lambda: None, silence=SILENCE, bin_keeps=BIN_KEEPS)
    machines = (setup.maintenance, other)
    assert [machine.claim("chore", DAY, setup.now) for machine in machines] == [True, False]
    assert [machine.claim("chore", DAY, setup.now + DAY) for machine in machines] == [True, False]


def test_revisions_that_older_releases_left_are_thinned(setup: MaintenanceSetup) -> None:
    clip, other = setup.clip(), setup.clip()
    with transaction(setup.engine) as session:
        for number in range(MAX_REVISIONS + 20):
            at = setup.now - timedelta(seconds=5 * (MAX_REVISIONS + 20 - number))
            session.add(Transcript(clip_id=clip.id, source=Source.PERSON, text=f"{number}", created_at=at))
        session.add(Transcript(clip_id=other.id, source=Source.PERSON, text="one", created_at=setup.now))
    assert setup.maintenance.thin_revisions(setup.now) == 20
    assert setup.maintenance.thin_revisions(setup.now) == 0
    with read_session(setup.engine) as session:
        left = session.exec(select(Transcript.text).order_by(col(Transcript.id))).all()
    assert (len(left), left[0], left[-2:]) == (MAX_REVISIONS + 1, "0", [f"{MAX_REVISIONS + 19}", "one"])


def test_an_erasure_that_was_cut_off_is_finished_and_nothing_is_found_again(
    setup: MaintenanceSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that is killed between the rows and the objects, or a store that goes away there."""
    clip = setup.clip()
    with transaction(setup.engine) as session:
        session.get_one(Clip, clip.id).move_to_bin(setup.now)
    with monkeypatch.context() as away:
        away.setattr(setup.store, "delete_all", lambda _keys: 0)
        assert setup.maintenance.empty_bin(setup.now + BIN_KEEPS + DAY) == 1
    assert setup.has(clip.audio_key)
    later = setup.now + 2 * BIN_KEEPS
    setup.maintenance.compare_store(later)
    assert setup.read(clip) is None, "what was deleted for good is not found again"
    assert setup.maintenance.finish_erasures(later) == 0, "no page was told yet"
    assert not setup.has(clip.audio_key)
    with transaction(setup.engine) as session:
        assert [erased.event()["clip"]["id"] for erased in session.exec(Erased.unannounced(9))] == [str(clip.id)]
        session.exec(Erased.announce([clip.id], later))
    assert setup.maintenance.finish_erasures(later) == 1
    assert setup.maintenance.finish_erasures(later) == 0


def test_an_object_that_cannot_be_deleted_holds_up_no_other_erasure(
    setup: MaintenanceSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bucket may hold some objects for a time, or forbid their deletion."""
    monkeypatch.setattr("services.api.background.erasure.BATCH_ERASED", 2)
    clips = [setup.clip() for _ in range(5)]
    kept = {clip.audio_key for clip in clips[:2]}
    with transaction(setup.engine) as session:
        for number, clip in enumerate(clips):
            session.get_one(Clip, clip.id).move_to_bin(setup.now + timedelta(seconds=number))
    delete_all = setup.store.delete_all
    with monkeypatch.context() as away:
        away.setattr(setup.store, "delete_all", lambda _keys: 0)
        assert setup.maintenance.empty_bin(setup.now + BIN_KEEPS + DAY) == 5
    with transaction(setup.engine) as session:
        session.exec(Erased.announce([clip.id for clip in clips], setup.now))
    monkeypatch.setattr(setup.store, "delete_all", lambda keys: delete_all([key for key in keys if key not in kept]))
    assert setup.maintenance.finish_erasures(setup.now) == 3
    assert [setup.has(clip.audio_key) for clip in clips] == [True, True, False, False, False]
    monkeypatch.undo()
    assert setup.maintenance.finish_erasures(setup.now) == 2
