"""Odd files at the door and in the job that prepares clips: the kind, the length, the clock and the remarks of each."""

from collections.abc import Iterator

import pytest

from shared.clips.models import Status
from tests import speech
from tests.cases.case import Case
from tests.cases.catalogue import CASES
from tests.cases.worker import CaseWorker, right_places
from tests.conftest import Parts, StartStack
from tests.servers.stack import migrate
from tests.services.transcriber.test_runtime import ApiStandIn

SPOKEN = ("late-5s.mp4", "twice.m4a", "silent-first.mp4", "opposite-phase.m4a", "quiet-60dB-24bit.wav")
"""One of each kind of which words were lost."""


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CaseWorker]:
    folder = tmp_path_factory.mktemp("cases")
    migrate({"DATA_DIR": str(folder)})
    worker = CaseWorker(f"sqlite:///{folder / 'dictaphone.sqlite3'}", folder)
    yield worker
    worker.engine.dispose()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_odd_file_is_taken_for_what_it_is(worker: CaseWorker, case: Case) -> None:
    prepared = worker.prepare(case, case.make())
    assert prepared.mime.partition(";")[0] == case.mime, prepared.sentence
    clip = prepared.clip
    if not case.is_heard:
        assert case.sentence in (prepared.sentence or "")
        assert clip is None or clip.status == Status.FAILED
        return
    assert clip is not None
    assert clip.status == Status.PENDING, clip.error
    assert (clip.duration_ms or 0) / 1000 == pytest.approx(case.length_s, abs=0.3)
    right = right_places(case)
    assert prepared.places.first_s == pytest.approx(right.first_s, abs=case.tolerance_s)
    assert prepared.places.last_s == pytest.approx(right.last_s, abs=case.tolerance_s)
    assert case.has_true_clock in {None, clip.has_true_clock}
    assert [remark["kind"] for remark in clip.remarks] == list(case.remarks)


def test_the_words_of_odd_files_are_heard(local_parts: Parts, start_stack: StartStack) -> None:
    library = ApiStandIn(local_parts)
    start_stack(local_parts, "transcriber")
    sent = {case: library.put(case.make()) for case in CASES if case.name in SPOKEN}
    for case, id in sent.items():
        clip = library.wait(id, Status.DONE, Status.FAILED)
        assert speech.word_errors(clip.text or "", case.words) < 0.1, (case.name, clip.text)
    library.close()
