"""A clip's verbs alone, in any order."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from shared.clips.gaps import LOST, MISSING, UNHEARD, new_gap
from shared.clips.models import MAX_TRIES, Clip, Status
from shared.clips.schemas import PublicClip
from shared.libraries import HOME
from shared.redis.jobs import PREPARE, TRANSCRIBE
from shared.transcripts.models import Source, Transcript

NOW = datetime(2026, 11, 22, 21, 30, tzinfo=UTC)
LEASE = timedelta(minutes=1)


def new_clip(name: str = "Minutes", *, now: datetime = NOW) -> Clip:
    """A clip that is prepared, and waits for its words."""
    id = uuid.uuid4()
    clip = Clip.new_upload(
        id, name=name, mime="audio/webm", bytes=3, sha256="ab" * 32, audio_key=f"home/{id}", now=now, library_id=HOME
    )
    clip.prepared_at = now
    return clip


def prepare(clip: Clip, now: datetime = NOW) -> None:
    clip.finish_preparation(
        audio_key="joined",
        mime="audio/webm",
        bytes=9,
        sha256="cd" * 32,
        duration_ms=900,
        gaps=clip.gaps,
        note=None,
        now=now,
    )


def finish(clip: Clip, text: str = "heard", now: datetime = NOW) -> Transcript:
    return clip.finish_transcription(text=text, language="en", recognizer="ear", passages=[], duration_ms=500, now=now)


@pytest.fixture
def clip() -> Clip:
    return new_clip()


def test_a_saved_clip_waits_for_its_words(clip: Clip) -> None:
    assert (clip.status, clip.version, clip.attempt, clip.text) == (Status.PENDING, 1, 0, None)
    assert clip.created_at == clip.updated_at == clip.queued_at == NOW


def test_a_clip_is_claimed_once(clip: Clip) -> None:
    assert clip.claim(TRANSCRIBE, NOW, LEASE) == 1
    assert clip.claim(TRANSCRIBE, NOW, LEASE) is None
    assert clip.is_owned_by(1)


def test_a_claim_can_be_taken_over_from_the_instant_its_lease_ends(clip: Clip) -> None:
    clip.claim(TRANSCRIBE, NOW, LEASE)
    assert clip.claim(TRANSCRIBE, NOW + LEASE - timedelta(milliseconds=1), LEASE) is None
    assert clip.claim(TRANSCRIBE, NOW + LEASE, LEASE) == 2
    assert not clip.is_owned_by(1)
    assert clip.is_owned_by(2)


def test_finish_makes_a_revision_with_its_times(clip: Clip) -> None:
    clip.claim(TRANSCRIBE, NOW, LEASE)
    passages = [{"start_ms": 0, "end_ms": 500, "text": "heard", "words": []}]
    revision = clip.finish_transcription(
        text="heard", language="en", recognizer="ear", passages=passages, duration_ms=None, now=NOW + LEASE
    )
    assert (clip.status, clip.text, clip.language, clip.recognizer) == (Status.DONE, "heard", "en", "ear")
    assert clip.updated_at == NOW + LEASE
    assert (revision.source, revision.attempt, revision.text, revision.passages) == (
        Source.MACHINE,
        1,
        "heard",
        passages,
    )


def test_a_duration_is_learned_and_never_unlearned(clip: Clip) -> None:
    clip.claim(TRANSCRIBE, NOW, LEASE)
    clip.fail("no sound", NOW, duration_ms=700)
    clip.fail("no sound", NOW)
    assert clip.duration_ms == 700


def test_a_person_s_words_outlive_a_late_result(clip: Clip) -> None:
    clip.claim(TRANSCRIBE, NOW, LEASE)
    edit = clip.edit("said", NOW)
    late = finish(clip)
    assert clip.text == "said"
    assert (edit.source, edit.text) == (Source.PERSON, "said")
    assert (late.source, late.text) == (Source.MACHINE, "heard")


def test_the_bin_ends_a_claim_for_good(clip: Clip) -> None:
    clip.claim(TRANSCRIBE, NOW, LEASE)
    clip.move_to_bin(NOW)
    assert not clip.is_owned_by(1)
    assert clip.claim(TRANSCRIBE, NOW, LEASE) is None
    assert clip.restore(NOW)
    assert not clip.is_owned_by(1), "the claim from before the bin is not revived"
    assert clip.claim(TRANSCRIBE, NOW, LEASE) == 2


def test_a_finished_clip_comes_back_finished(clip: Clip) -> None:
    clip.claim(TRANSCRIBE, NOW, LEASE)
    finish(clip)
    clip.move_to_bin(NOW)
    assert not clip.restore(NOW)
    assert clip.status is Status.DONE


def test_asking_again_takes_the_clip_from_its_worker_and_keeps_the_words(clip: Clip) -> None:
    clip.claim(TRANSCRIBE, NOW, LEASE)
    finish(clip)
    clip.request_transcription(NOW)
    assert (clip.status, clip.text, clip.tries) == (Status.PENDING, "heard", 0)
    clip.claim(TRANSCRIBE, NOW, LEASE)
    clip.request_transcription(NOW)
    assert not clip.is_owned_by(2)


def test_a_clip_that_kills_its_workers_is_given_up_with_a_sentence(clip: Clip) -> None:
    at = NOW
    for number in range(MAX_TRIES):
        assert clip.claim(TRANSCRIBE, at, LEASE) == number + 1
        at += LEASE
    assert clip.claim(TRANSCRIBE, at, LEASE) is None
    assert clip.status is Status.FAILED
    assert clip.error == f"The transcriber stopped {MAX_TRIES} times while it worked on this clip."


def test_postponing_ends_when_the_tries_do(clip: Clip) -> None:
    for _ in range(MAX_TRIES - 1):
        clip.claim(TRANSCRIBE, NOW, LEASE)
        assert clip.postpone("Whisper is away.", NOW + LEASE, NOW)
        assert (clip.status, clip.error, clip.queued_at) == (Status.PENDING, "Whisper is away.", NOW + LEASE)
    clip.claim(TRANSCRIBE, NOW, LEASE)
    assert not clip.postpone("Whisper is away.", NOW + LEASE, NOW)
    assert (clip.status, clip.error) == (Status.FAILED, "Whisper is away.")


def test_a_released_try_does_not_count(clip: Clip) -> None:
    for number in range(MAX_TRIES * 3):
        assert clip.claim(TRANSCRIBE, NOW, LEASE) == number + 1
        clip.release(NOW)
    assert clip.status is Status.PENDING


def test_a_clip_is_heard_again_in_the_language_that_a_person_says_it_is(clip: Clip) -> None:
    clip.claim(TRANSCRIBE, NOW, LEASE)
    finish(clip)
    assert not clip.set_language("en", NOW)  # its words are
    assert (clip.status, clip.language_set) == (Status.DONE, "en")
    assert clip.set_language("de", NOW)
    assert (clip.status, clip.text, clip.tries) == (Status.PENDING, "heard", 0)
    assert not clip.set_language("fr", NOW)  # it waits already
    clip.claim(TRANSCRIBE, NOW, LEASE)
    assert clip.set_language(None, NOW)
    assert not clip.is_owned_by(clip.attempt)
    clip.claim(TRANSCRIBE, NOW, LEASE)
    clip.fail("It cannot be.", NOW)
    assert clip.set_language("en", NOW)
    assert (clip.status, clip.error) == (Status.PENDING, None)


def test_a_language_that_is_set_while_it_is_recorded_is_heard_at_the_end() -> None:
    clip = Clip.new_recording(uuid.uuid4(), name="a", mime="audio/webm", recorded_at=NOW, now=NOW, library_id=HOME)
    assert not clip.set_language("de", NOW)
    assert (clip.status, clip.language_set, clip.version) == (Status.RECORDING, "de", 2)


def test_switched_off_is_said_and_can_be_asked_again(clip: Clip) -> None:
    clip.switch_off("Nobody transcribes here.", NOW)
    assert (clip.status, clip.error) == (Status.OFF, "Nobody transcribes here.")
    assert clip.claim(TRANSCRIBE, NOW, LEASE) is None
    clip.request_transcription(NOW)
    assert clip.claim(TRANSCRIBE, NOW, LEASE) == 1


# -- recordings --------------------------------------------------------------------------------------------------------


@pytest.fixture
def recording() -> Clip:
    return Clip.new_recording(
        uuid.uuid4(), name="Talk", mime="audio/webm", recorded_at=NOW - LEASE, now=NOW, library_id=HOME
    )


def test_a_recording_is_nobody_s_job_until_it_is_finished(recording: Clip) -> None:
    recording.set_arrived_bytes(NOW, bytes=5, recorded_ms=3000)
    assert (recording.status, recording.bytes, recording.duration_ms) == (Status.RECORDING, 5, 3000)
    assert recording.claim(PREPARE, NOW, LEASE) is None
    recording.finish_recording(NOW, duration_ms=4000, gaps=[])
    assert recording.claim(TRANSCRIBE, NOW, LEASE) is None, "its audio is not joined yet"
    assert recording.claim(PREPARE, NOW, LEASE) == 1
    assert (recording.status, recording.is_owned_by(1)) == (Status.PENDING, True)
    prepare(recording)
    assert not recording.is_owned_by(1)
    assert recording.claim(TRANSCRIBE, NOW, LEASE) == 2


def test_bytes_that_come_late_take_the_clip_from_its_worker_and_begin_it_anew(recording: Clip) -> None:
    recording.finish_stalled_recording(NOW)
    assert [gap["cause"] for gap in recording.gaps] == [LOST]
    recording.claim(PREPARE, NOW, LEASE)
    recording.set_arrived_bytes(NOW, bytes=9)
    assert not recording.is_owned_by(1)
    assert (recording.status, recording.gaps, recording.next_job) == (Status.RECORDING, [], PREPARE)


def test_a_recorder_that_comes_back_explains_the_gaps_of_a_clip_that_was_finished_without_it(recording: Clip) -> None:
    recording.finish_stalled_recording(NOW)
    recording.gaps += [new_gap(5, 7, MISSING), new_gap(9, 0, UNHEARD)]
    muted = new_gap(1, 2, "muted")
    assert recording.reconcile_gaps(NOW, duration_ms=9_000, gaps=[muted])
    assert [known["cause"] for known in recording.gaps] == ["muted", MISSING, UNHEARD]
    assert recording.duration_ms == 9_000
    assert not recording.reconcile_gaps(NOW, duration_ms=9_000, gaps=[]), "what the recorder said is not taken back"


def test_a_recorder_that_comes_back_after_the_clip_is_joined_says_how_much_is_missing(recording: Clip) -> None:
    recording.finish_stalled_recording(NOW)
    recording.prepared_at, recording.duration_ms = NOW, 1_000
    assert recording.reconcile_gaps(NOW, duration_ms=600_000, gaps=[])
    assert (recording.duration_ms, recording.gaps) == (1_000, [new_gap(1_000, 599_000, MISSING)])


# -- any order of anything ---------------------------------------------------------------------------------------------


class Claims(RuleBasedStateMachine):
    """People and workers at one clip, in any order, with workers that come back long after their lease.

    However it went: one attempt at most owns the clip, no worker changes what a person did, and nothing is stuck.
    """

    @initialize()
    def start(self) -> None:
        self.now = NOW
        self.clip = Clip.new_recording(
            uuid.uuid4(), name="Talk", mime="audio/webm", recorded_at=NOW, now=NOW, library_id=HOME
        )
        self.given: list[int] = []
        self.edited: str | None = None
        self.seen = self.shown()

    def shown(self) -> dict[str, object]:
        """What a browser sees, but for the version."""
        return PublicClip.model_validate(self.clip).model_dump(exclude={"version", "updated_at"})

    # -- people ------------------------------------------------------------------------------------------------

    @rule(name=st.text(min_size=1, max_size=5))
    def rename(self, name: str) -> None:
        self.clip.rename(name, self.now)

    @rule(words=st.text(max_size=5))
    def edit(self, words: str) -> None:
        self.clip.edit(words, self.now)
        self.edited = words

    @precondition(lambda self: self.clip.deleted_at is None)
    @rule()
    def delete(self) -> None:
        self.clip.move_to_bin(self.now)

    @precondition(lambda self: self.clip.deleted_at is not None)
    @rule()
    def restore(self) -> None:
        waits = self.clip.restore(self.now)
        assert waits == (self.clip.status is Status.PENDING)

    @rule(bytes=st.integers(1, 9))
    def speak(self, bytes: int) -> None:
        """A piece arrives, perhaps long after the recording was finished without it."""
        self.clip.set_arrived_bytes(self.now, bytes=self.clip.bytes + bytes)
        assert self.clip.status is Status.RECORDING
        assert not self.clip.audio_key

    @precondition(lambda self: self.clip.status is Status.RECORDING)
    @rule(is_silent=st.booleans())
    def stop(self, is_silent: bool) -> None:
        if is_silent:
            self.clip.finish_stalled_recording(self.now)
        else:
            self.clip.finish_recording(self.now, duration_ms=1, gaps=[])

    @precondition(lambda self: self.clip.deleted_at is None and self.clip.status is not Status.RECORDING)
    @rule()
    def ask(self) -> None:
        self.clip.request_transcription(self.now)

    # -- workers: each asks whether it still holds the clip before it writes ---------------------------------------

    @rule()
    def claim(self) -> None:
        owned = any(self.clip.is_owned_by(attempt) for attempt in self.given)
        running = owned and self.clip.lease_until is not None and self.clip.lease_until > self.now
        attempt = self.clip.claim(self.clip.next_job, self.now, LEASE)
        if attempt is not None:
            assert not running, "two workers have the clip"
            assert attempt not in self.given, "an attempt's number came twice"
            self.given.append(attempt)

    def held(self, data: st.DataObject) -> bool:
        """Some worker that once had the clip comes back."""
        return bool(self.given) and self.clip.is_owned_by(data.draw(st.sampled_from(self.given)))

    @rule(data=st.data(), words=st.text(max_size=5))
    def result(self, data: st.DataObject, words: str) -> None:
        if not self.held(data):
            return
        if self.clip.next_job == PREPARE:
            prepare(self.clip, self.now)
            assert self.clip.next_job == TRANSCRIBE
        else:
            finish(self.clip, words, self.now)
            assert self.clip.text == (words if self.edited is None else self.edited)

    @rule(data=st.data(), minutes=st.integers(0, 30))
    def postpone(self, data: st.DataObject, minutes: int) -> None:
        if self.held(data):
            self.clip.postpone("away", self.now + timedelta(minutes=minutes), self.now)

    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        if self.held(data):
            self.clip.release(self.now)

    @rule(data=st.data())
    def fail(self, data: st.DataObject) -> None:
        if self.held(data):
            self.clip.fail("broken", self.now)

    # -- the world ---------------------------------------------------------------------------------------------

    @rule()
    def sweep(self) -> None:
        before = self.clip.version
        if self.is_unfinished():
            self.clip.requeue(self.now)
        assert self.clip.version == before

    @rule(seconds=st.integers(1, 90))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    # -- always ------------------------------------------------------------------------------------------------

    @invariant()
    def one_owner_at_most(self) -> None:
        owners = [attempt for attempt in self.given if self.clip.is_owned_by(attempt)]
        assert owners in ([], self.given[-1:])
        if self.clip.status is Status.TRANSCRIBING:
            assert bool(owners) == (self.clip.deleted_at is None)
        assert not owners or self.is_unfinished()

    @invariant()
    def nothing_in_the_bin_is_owned(self) -> None:
        if self.clip.deleted_at is not None:
            assert self.clip.status is not Status.TRANSCRIBING
            assert self.clip.lease_until is None

    @invariant()
    def a_person_s_words_stay(self) -> None:
        if self.edited is not None:
            assert self.clip.text == self.edited

    @invariant()
    def what_is_seen_to_change_has_a_higher_version(self) -> None:
        shown, version = self.shown(), self.clip.version
        if shown != self.seen:
            assert version > getattr(self, "last_version", 0)
        assert version >= getattr(self, "last_version", 0)
        self.seen, self.last_version = shown, version

    @invariant()
    def tries_are_bounded(self) -> None:
        assert 0 <= self.clip.tries <= MAX_TRIES

    def teardown(self) -> None:
        """Whoever comes after all leases have run out takes the clip, or it says why not."""
        if hasattr(self, "clip") and self.clip.deleted_at is None and self.is_unfinished():
            self.clip.claim(self.clip.next_job, self.now + LEASE, LEASE)
            assert not self.is_unfinished() or self.clip.is_owned_by(self.clip.attempt)
            assert self.clip.status is not Status.FAILED or self.clip.error

    def is_unfinished(self) -> bool:
        return self.clip.status in {Status.PENDING, Status.TRANSCRIBING}


TestClaims = Claims.TestCase
TestClaims.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)
