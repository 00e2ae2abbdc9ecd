"""The job that makes a clip's sound in other forms, on a real database."""

import io
import threading
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import av
import numpy as np
import pytest
from pydantic import SecretStr
from sqlmodel import col, select

from services.transcriber.audio import encode
from services.transcriber.audio.decode import SAMPLE_RATE, decode_file
from services.transcriber.audio.demux import UNDECODABLE
from services.transcriber.audio.waveform import MAX_PEAKS
from services.transcriber.jobs import lease, render
from services.transcriber.jobs.prepare import PrepareJob
from services.transcriber.jobs.render import RenderJob
from services.transcriber.settings import TranscriberSettings
from shared.clips.cuts import CutClock
from shared.clips.models import MAX_TRIES, Clip, Status
from shared.clips.renditions import FORMS, MEDIA_TYPES, Form, Rendition, renew_cut, want
from shared.db.engine import open_engine, transaction
from shared.outbox.models import EVENT, OutboxRow
from shared.storage.factory import open_store
from shared.storage.keys import AudioKey, Kind
from shared.storage.store import StoreUnavailable
from tests import speech
from tests.recordings import streamed
from tests.services.transcriber.audio.test_announced import made_of, tones
from tests.services.transcriber.files import SAID
from tests.services.transcriber.library import Library, cut, sha256

SPEECH = speech.samples(SAID[:1])


class RenderHarness(Library):
    """A library, and a worker who prepares its clips and makes their forms."""

    def __init__(self, database_url: str, folder: Path) -> None:
        self.settings = TranscriberSettings(data_dir=folder, database_url=SecretStr(database_url), lease_seconds=30)
        super().__init__(open_engine(self.settings), open_store(self.settings))
        self.prepare_job = PrepareJob(self.engine, self.store, self.settings, lambda: None)
        self.job = RenderJob(self.engine, self.store, self.settings, lambda: None)

    def prepared(self, content: bytes, mime: str = "audio/webm") -> uuid.UUID:
        id = self.put(content, mime)
        self.prepare_job.run(id)
        return id

    def want(self, id: uuid.UUID, *forms: Form) -> None:
        with transaction(self.engine) as session:
            for form in forms:
                want(session, session.get_one(Clip, id), form, datetime.now(UTC))

    def rendition(self, id: uuid.UUID, form: Form = Form.M4A) -> Rendition:
        with transaction(self.engine) as session:
            return session.get_one(Rendition, (id, form))

    def forms(self, id: uuid.UUID) -> list[str]:
        with transaction(self.engine) as session:
            return [rendition.form for rendition in session.exec(Rendition.of_clip(id))]

    def content(self, id: uuid.UUID, form: Form = Form.M4A) -> bytes:
        return b"".join(self.store.read(self.rendition(id, form).key))

    def queued_jobs(self, id: uuid.UUID) -> list[str]:
        with transaction(self.engine) as session:
            found = select(OutboxRow.topic).where(OutboxRow.clip_id == id, OutboxRow.topic != EVENT)
            return list(session.exec(found.order_by(col(OutboxRow.id))))

    def objects(self, id: uuid.UUID, kind: Kind = Kind.RENDITION) -> list[str]:
        keys = [stored.key for stored in self.store.list_objects(f"home/{id}")]
        return [key for key in keys if (parsed := AudioKey.parse(key)) and parsed.kind is kind]


@pytest.fixture
def harness(database_url: str, tmp_path: Path) -> Iterator[RenderHarness]:
    harness = RenderHarness(database_url, tmp_path)
    yield harness
    harness.engine.dispose()


@pytest.fixture
def sqlite_harness(sqlite_url: str, tmp_path: Path) -> Iterator[RenderHarness]:
    """The same on SQLite alone, for what has nothing to do with the database."""
    harness = RenderHarness(sqlite_url, tmp_path)
    yield harness
    harness.engine.dispose()


def alac() -> bytes:
    """An iPhone's "Lossless" memo."""
    return speech.encode(SPEECH, "ipod", "alac")


# -- asked for by the preparation ------------------------------------------------------------------------------------


def test_a_form_for_every_device_is_made_of_what_not_every_browser_plays(harness: RenderHarness) -> None:
    id = harness.prepared(alac(), "audio/mp4")
    before = harness.clip(id)
    assert harness.queued_jobs(id) == ["prepare", "transcribe", "render"]
    assert harness.job.run(id) is None
    rendition, content = harness.rendition(id), harness.content(id)
    assert (rendition.bytes, rendition.sha256, rendition.error) == (len(content), sha256(content), None)
    assert (rendition.source_key, rendition.tries) == (before.audio_key, 0)
    assert rendition.made_at is not None
    assert AudioKey.parse(rendition.key) == AudioKey("home", id, Kind.RENDITION)
    with av.open(io.BytesIO(content), "r") as container:
        assert container.format.name.startswith("mov")
        assert container.streams.audio[0].codec_context.name == "aac"
        assert container.metadata["title"] == "a"
    assert content.index(b"moov") < content.index(b"mdat"), "the index comes first"
    assert harness.clip(id) == before, "the clip does not change by it"


@pytest.mark.parametrize(
    ("container", "codec", "mime"),
    [
        ("webm", "libopus", "audio/webm"),
        ("mp4", "aac", "audio/mp4"),
        ("mp3", "libmp3lame", "audio/mpeg"),
        ("wav", "pcm_s16le", "audio/wav"),
        ("flac", "flac", "audio/flac"),
    ],
)
def test_nothing_is_made_of_what_every_browser_plays_until_somebody_asks(
    sqlite_harness: RenderHarness, container: str, codec: str, mime: str
) -> None:
    id = sqlite_harness.prepared(speech.encode(SPEECH, container, codec), mime)
    assert sqlite_harness.queued_jobs(id) == ["prepare", "transcribe"]
    sqlite_harness.want(id, Form.MP3, Form.M4A)
    assert sqlite_harness.job.run(id) is None
    assert sqlite_harness.rendition(id, Form.MP3).made_at
    assert sqlite_harness.rendition(id, Form.M4A).made_at


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("channels", "rate"), [(2, 44_100), (1, 48_000)])
def test_a_rendition_begins_and_ends_where_the_sound_does(
    sqlite_harness: RenderHarness, form: Form, channels: int, rate: int
) -> None:
    times = np.arange(2 * rate) / rate
    sound = (3_000 * np.sin(2 * np.pi * 220 * times)).astype(np.int16)
    sound[:40], sound[40], sound[-400:] = 0, 32_000, 0
    content = _wav(sound, channels, rate)
    id = sqlite_harness.prepared(content, "audio/wav")
    sqlite_harness.want(id, form)
    sqlite_harness.job.run(id)
    layout = "stereo" if channels == 2 else "mono"
    samples = np.concatenate(list(decode_file(io.BytesIO(sqlite_harness.content(id, form)), rate, layout)))
    left = samples.reshape(-1, channels)[:, 0]
    assert 0 <= len(left) - len(sound) < 1_024, "padding of less than one frame"
    assert np.argmax(np.abs(left[:200])) == 40, "the first sample is the first sample"
    with av.open(io.BytesIO(sqlite_harness.content(id, form)), "r") as container:
        track = container.streams.audio[0]
        assert (track.rate, track.channels) == (rate, channels)
        assert container.duration is not None
        assert container.duration / 1e6 == pytest.approx(2, abs=0.03)


def test_other_rates_become_one_that_every_player_knows(sqlite_harness: RenderHarness) -> None:
    narrow = _wav(np.zeros(8_000, np.int16), 1, 8_000)
    third = _wav(np.zeros(22_050, np.int16), 1, 22_050)
    for content, rate in ((narrow, 48_000), (third, 44_100)):
        id = sqlite_harness.prepared(content, "audio/wav")
        sqlite_harness.want(id, Form.M4A)
        sqlite_harness.job.run(id)
        with av.open(io.BytesIO(sqlite_harness.content(id)), "r") as container:
            assert container.streams.audio[0].rate == rate


def test_the_track_that_a_person_chose_keeps_its_channels(sqlite_harness: RenderHarness) -> None:
    content = made_of("matroska", [tones(0, 1), tones(0, 1, layout="stereo")])
    for track in (1, 2):
        id = sqlite_harness.put(content, "audio/x-matroska")
        with transaction(sqlite_harness.engine) as session:
            session.get_one(Clip, id).track_set = track
        sqlite_harness.prepare_job.run(id)
        sqlite_harness.job.run(id)
        with av.open(io.BytesIO(sqlite_harness.content(id)), "r") as container:
            assert container.streams.audio[0].channels == track


def test_of_nothing_no_rendition_is_made(sqlite_harness: RenderHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    id = sqlite_harness.prepared(alac(), "audio/mp4")
    monkeypatch.setattr(render, "decode_file", lambda *_: iter(()))
    assert sqlite_harness.job.run(id) is None
    assert sqlite_harness.rendition(id).error == UNDECODABLE
    assert sqlite_harness.objects(id) == []


# -- what happens meanwhile ------------------------------------------------------------------------------------------


def test_a_clip_that_is_deleted_meanwhile_gets_no_rendition(
    harness: RenderHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = harness.prepared(alac(), "audio/mp4")

    def delete() -> None:
        with transaction(harness.engine) as session:
            session.get_one(Clip, id).move_to_bin(datetime.now(UTC))

    _during_render(monkeypatch, delete)
    assert harness.job.run(id) is None
    assert harness.rendition(id).is_wanted, "it is made when somebody restores the clip"
    assert harness.job.run(id) is None


def test_a_clip_whose_sound_changes_meanwhile_is_rendered_again(
    harness: RenderHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = harness.prepared(alac(), "audio/mp4")

    def hear_another_track() -> None:
        with transaction(harness.engine) as session:
            session.get_one(Clip, id).track_set = 1

    _during_render(monkeypatch, hear_another_track)
    harness.job.run(id)
    assert harness.rendition(id).is_wanted
    _make_due(harness, id)
    harness.job.run(id)
    assert harness.rendition(id).is_made_of(harness.clip(id))


def test_a_recording_that_goes_on_gets_its_renditions_anew(harness: RenderHarness) -> None:
    id = harness.recorded(cut(streamed(SPEECH), 9_999))
    harness.prepare_job.run(id)
    harness.want(id, Form.M4A)
    harness.job.run(id)
    [first] = harness.objects(id)
    harness.add(id, 0, b"")
    with transaction(harness.engine) as session:
        clip = session.get_one(Clip, id)
        clip.finish_recording(datetime.now(UTC), duration_ms=None, gaps=[])
    harness.prepare_job.run(id)
    assert harness.queued_jobs(id)[-2:] == ["transcribe", "render"]
    assert harness.objects(id) == [], "the object of the old sound is deleted"
    harness.job.run(id)
    assert harness.rendition(id).is_made_of(harness.clip(id))
    assert harness.objects(id) != [first]


def test_two_workers_at_one_form_are_harmless(harness: RenderHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    id = harness.prepared(alac(), "audio/mp4")
    other = RenderJob(harness.engine, harness.store, harness.settings, lambda: None)

    def overtake() -> None:
        other.run(id)
        assert harness.rendition(id).is_wanted, "the second worker leaves it to the first"
        _make_due(harness, id)
        other.run(id)

    _during_render(monkeypatch, overtake)
    harness.job.run(id)
    assert sha256(harness.content(id)) == harness.rendition(id).sha256
    assert harness.rendition(id).key in harness.objects(id)


# -- faults ----------------------------------------------------------------------------------------------------------


def test_a_store_that_is_away_is_tried_again(harness: RenderHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    id = harness.prepared(alac(), "audio/mp4")

    def refuse(*_: object) -> None:
        raise StoreUnavailable("gone fishing")

    with monkeypatch.context() as patch:
        patch.setattr(harness.store, "put", refuse)
        retry_in_s = harness.job.run(id)
    assert retry_in_s is not None
    rendition = harness.rendition(id)
    assert rendition.is_wanted
    assert rendition.wanted_at > datetime.now(UTC) + timedelta(seconds=retry_in_s - 2)
    assert harness.job.run(id) is None, "not before its time"
    _make_due(harness, id)
    harness.job.run(id)
    assert harness.rendition(id).made_at


def test_a_full_disk_is_none_of_the_tries(sqlite_harness: RenderHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    id = sqlite_harness.prepared(alac(), "audio/mp4")

    def fill() -> None:
        raise OSError(28, "No space left on device")

    _during_render(monkeypatch, fill)
    assert sqlite_harness.job.run(id) == 30
    assert (sqlite_harness.rendition(id).tries, sqlite_harness.rendition(id).error) == (0, None)


def test_sound_that_is_not_in_the_store_is_given_up_in_a_sentence(harness: RenderHarness) -> None:
    id = harness.prepared(alac(), "audio/mp4")
    harness.store.delete(harness.clip(id).audio_key)
    for tries in range(1, MAX_TRIES):
        assert harness.job.run(id) is not None
        assert harness.rendition(id).tries == tries
        _make_due(harness, id)
    assert harness.job.run(id) is None
    assert harness.rendition(id).error == "The sound of this clip is not in the store."
    assert harness.clip(id).status is Status.PENDING, "the clip does not fail with it"


def test_a_fault_of_the_code_is_told_and_not_repeated(
    sqlite_harness: RenderHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = sqlite_harness.prepared(alac(), "audio/mp4")

    def fail() -> None:
        raise TypeError

    _during_render(monkeypatch, fail)
    assert sqlite_harness.job.run(id) is None
    error = sqlite_harness.rendition(id).error or ""
    assert error.startswith("This is a fault of Dictaphone and not of your recording (TypeError).")


def test_a_form_that_kills_its_workers_is_given_up(sqlite_harness: RenderHarness) -> None:
    id = sqlite_harness.prepared(alac(), "audio/mp4")
    with transaction(sqlite_harness.engine) as session:
        session.get_one(Rendition, (id, Form.M4A)).tries = MAX_TRIES
    assert sqlite_harness.job.run(id) is None
    assert sqlite_harness.rendition(id).error == "The transcriber stopped 8 times while it made this."


def test_a_worker_that_stops_hands_its_rendition_over(
    sqlite_harness: RenderHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = sqlite_harness.prepared(alac(), "audio/mp4")
    began, may_go_on = threading.Event(), threading.Event()

    def wait() -> None:
        began.set()
        may_go_on.wait(30)

    _during_render(monkeypatch, wait)
    thread = threading.Thread(target=sqlite_harness.job.run, args=(id,))
    thread.start()
    assert began.wait(30)
    assert sqlite_harness.job.is_working, "a worker that renders is not idle"
    sqlite_harness.job.release_all()
    rendition = sqlite_harness.rendition(id)
    assert (rendition.tries, rendition.wanted_at <= datetime.now(UTC)) == (0, True)
    assert sqlite_harness.queued_jobs(id)[-1] == "render"
    may_go_on.set()
    thread.join()


def test_a_form_that_gets_stuck_ends_the_process(
    sqlite_harness: RenderHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "MIN_PATIENCE_S", 0.3)
    monkeypatch.setattr(lease, "MAX_RENEWAL_INTERVAL_S", 0.1)
    id = sqlite_harness.prepared(alac(), "audio/mp4")
    _during_render(monkeypatch, lambda: threading.Event().wait(1.5))
    sqlite_harness.job.run(id)
    assert sqlite_harness.job.has_stalled
    assert sqlite_harness.rendition(id).is_wanted
    assert sqlite_harness.queued_jobs(id)[-1] == "render"


def test_every_form_has_a_media_type_and_an_encoder() -> None:
    assert set(MEDIA_TYPES) == set(render.ENCODINGS) == set(Form)
    assert SAMPLE_RATE == 16_000


def _during_render(monkeypatch: pytest.MonkeyPatch, happen: object) -> None:
    """Let something happen, once, while a form is encoded."""
    happened = threading.Event()

    def interrupted(*arguments: object, **options: object) -> None:
        if not happened.is_set():
            happened.set()
            happen()  # type: ignore[operator]
        encode.encode(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(render, "encode", interrupted)


def _make_due(harness: RenderHarness, id: uuid.UUID) -> None:
    with transaction(harness.engine) as session:
        session.get_one(Rendition, (id, Form.M4A)).wanted_at = datetime.now(UTC)


def _wav(sound: speech.Samples, channels: int, rate: int) -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="wav") as output:
        layout = "stereo" if channels == 2 else "mono"
        stream = output.add_stream("pcm_s16le", rate=rate, layout=layout)
        assert isinstance(stream, av.AudioStream)
        frame = av.AudioFrame.from_ndarray(np.repeat(sound, channels).reshape(1, -1), format="s16", layout=layout)
        frame.sample_rate = rate
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return buffer.getvalue()


# -- cut clips -----------------------------------------------------------------------------------------------------

TONES_HZ = (300, 500, 700, 900, 1_100)
"""A second of each, one after another."""


def tone_of_each_second() -> bytes:
    times = np.arange(speech.RATE) / speech.RATE
    return speech.wav(np.concatenate([(9_000 * np.sin(2 * np.pi * hz * times)).astype(np.int16) for hz in TONES_HZ]))


def loudest_hz(samples: np.ndarray, at_ms: int, length_ms: int = 100) -> float:
    """The loudest frequency from there on."""
    window = samples[at_ms * SAMPLE_RATE // 1000 : (at_ms + length_ms) * SAMPLE_RATE // 1000]
    spectrum = np.abs(np.fft.rfft(window * np.hanning(len(window))))
    return float(np.fft.rfftfreq(len(window), 1 / SAMPLE_RATE)[spectrum.argmax()])


@pytest.mark.parametrize("form", [Form.CUT_M4A, Form.CUT_MP3])
def test_a_cut_clip_sounds_as_its_clock_says(sqlite_harness: RenderHarness, form: Form) -> None:
    """Sound, waveform and the moments of words agree within 50 ms, at every joint."""
    id = sqlite_harness.prepared(tone_of_each_second(), "audio/wav")
    cuts = [(0, 500), (1_250, 2_000), (3_000, 4_600)]
    with transaction(sqlite_harness.engine) as session:
        clip = session.get_one(Clip, id)
        clip.set_cuts(cuts, clip.words, [], datetime.now(UTC))
        want(session, clip, form, datetime.now(UTC))
    sqlite_harness.job.run(id)
    made = sqlite_harness.rendition(id, form)
    samples = np.concatenate(list(decode_file(io.BytesIO(sqlite_harness.content(id, form)))))
    assert abs(len(samples) / SAMPLE_RATE - 2.15) < 0.01
    assert sqlite_harness.clip(id).duration_ms == 2_150
    clock = CutClock(cuts)
    for second, hz in enumerate(TONES_HZ):
        for whole_ms in range(second * 1_000, second * 1_000 + 900, 50):
            if not clock.overlaps_cut(whole_ms - 50, whole_ms + 150):
                assert loudest_hz(samples, clock.to_cut(whole_ms)) == pytest.approx(hz, abs=12), whole_ms
    assert made.peaks is not None
    assert 200 < len(made.peaks) <= MAX_PEAKS
    step = np.abs(np.diff(samples)).max()
    assert step < 1.5 * 2 * np.pi * max(TONES_HZ) / SAMPLE_RATE * 9_000 / 2**15, "no click"


def test_a_form_of_other_cuts_is_made_again_and_the_whole_form_stays(sqlite_harness: RenderHarness) -> None:
    id = sqlite_harness.prepared(tone_of_each_second(), "audio/wav")
    sqlite_harness.want(id, Form.M4A)
    sqlite_harness.job.run(id)
    whole = sqlite_harness.rendition(id).key

    def cut_at(ms: int) -> str:
        with transaction(sqlite_harness.engine) as session:
            clip = session.get_one(Clip, id)
            clip.set_cuts([(0, ms)] if ms else [], clip.words, [], datetime.now(UTC))
            renew_cut(session, clip, datetime.now(UTC))
        sqlite_harness.job.run(id)
        return sqlite_harness.rendition(id, Form.CUT_M4A).key if ms else ""

    assert len({cut_at(1_000), cut_at(2_000), whole}) == 3
    assert sqlite_harness.rendition(id).key == whole
    cut_at(0)
    assert sqlite_harness.forms(id) == ["m4a"]


def test_a_worker_gives_up_a_form_whose_cuts_have_changed(sqlite_harness: RenderHarness) -> None:
    id = sqlite_harness.prepared(tone_of_each_second(), "audio/wav")
    with transaction(sqlite_harness.engine) as session:
        clip = session.get_one(Clip, id)
        clip.set_cuts([(0, 1_000)], clip.words, [], datetime.now(UTC))
        renew_cut(session, clip, datetime.now(UTC))
    claim = sqlite_harness.job._claim(id)
    assert claim is not None
    assert sqlite_harness.job._renew(claim, datetime.now(UTC))
    with transaction(sqlite_harness.engine) as session:
        clip = session.get_one(Clip, id)
        clip.set_cuts([(0, 2_000)], clip.words, [], datetime.now(UTC))
        renew_cut(session, clip, datetime.now(UTC))
    assert not sqlite_harness.job._renew(claim, datetime.now(UTC))
    assert sqlite_harness.job._settle(claim, lambda *_: "done") == "lost"
