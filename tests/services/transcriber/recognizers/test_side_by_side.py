"""Blocks of one clip on several cores: in order, within their bounds, and never in the way of another clip."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.transcriber.audio.blocks import decode_blocks
from services.transcriber.recognizers import embedded
from services.transcriber.recognizers.embedded import EmbeddedRecognizer
from services.transcriber.recognizers.recognizer import Recognition
from services.transcriber.recognizers.side_by_side import Cores, GiveWay, OrderedProgress, map_side_by_side
from tests import speech
from tests.services.transcriber.recognizers.test_recognizers import measure, settings

PATIENCE_S = 10

MAX_BLOCKS = 30

SAID, BLOCK_S = speech.ALL[:5], 6
"""Some seconds of speech, in four blocks."""


class Clip:
    """A clip in a thread of its own. Each step of a block waits until the test allows it."""

    def __init__(self, cores: Cores, blocks: int, max_threads: int = 9, fail_at: int | None = None) -> None:
        self.taken: list[int] = []
        self.working: set[int] = set()
        self.threads: set[int] = set()
        self.results: list[int] = []
        self.error: BaseException | None = None
        self._fail_at = fail_at
        self._allowed: Counter[int] = Counter()
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, args=(cores, blocks, max_threads), daemon=True)
        self._thread.start()

    def step(self, blocks: Iterable[int]) -> None:
        """Let each of these blocks make a step."""
        with self._changed:
            self._allowed.update(blocks)
            self._changed.notify_all()

    def finish(self) -> None:
        self.step([*range(MAX_BLOCKS)] * 2)
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()

    def _run(self, cores: Cores, blocks: int, max_threads: int) -> None:
        try:
            self.results = map_side_by_side(self._blocks(blocks), self._work, cores, max_threads)
        except BaseException as error:
            self.error = error

    def _blocks(self, number: int) -> Iterator[int]:
        for block in range(number):
            self.taken.append(block)
            yield block * 10

    def _work(self, number: int, block: int, give_way: GiveWay) -> int:
        for _ in range(2):
            give_way()
            self.working.add(number)
            self.threads.add(threading.get_ident())
            with self._changed:
                assert self._changed.wait_for(lambda: self._allowed[number] > 0, PATIENCE_S)
                self._allowed[number] -= 1
            self.working.discard(number)
        if number == self._fail_at:
            raise ValueError(number)
        return block + 1


def eventually(is_true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def settle() -> None:
    """Time in which a thread would do what it must not do."""
    time.sleep(0.05)


def test_results_are_in_order_and_only_so_many_blocks_are_taken() -> None:
    clip = Clip(Cores(3), 8)
    eventually(lambda: len(clip.working) == 3)
    settle()
    assert clip.taken == [0, 1, 2]
    clip.finish()
    assert clip.results == [number * 10 + 1 for number in range(8)]


@pytest.mark.parametrize(("cores", "max_threads"), [(1, 9), (4, 1)])
def test_without_spare_cores_one_thread_does_it_all(cores: int, max_threads: int) -> None:
    clip = Clip(Cores(cores), 3, max_threads)
    clip.finish()
    assert clip.results == [1, 11, 21]
    assert len(clip.threads) == 1


def test_another_clip_waits_for_no_block() -> None:
    """It begins at once. The helper stops at its next step, and goes on when the other clip is done."""
    cores = Cores(2)
    long = Clip(cores, 6)
    eventually(lambda: len(long.working) == 2)
    note = Clip(cores, 1)
    eventually(lambda: note.working == {0})
    assert cores.busy == 3
    long.step(long.working.copy())
    eventually(lambda: cores.busy == 2)
    settle()
    assert len(long.working) == 1
    note.finish()
    assert note.results == [1]
    eventually(lambda: len(long.working) == 2)
    long.finish()
    assert long.results == [1, 11, 21, 31, 41, 51]
    assert cores.busy == 0


def test_each_clip_goes_on_however_many_there_are() -> None:
    cores = Cores(1)
    clips = [Clip(cores, 2) for _ in range(3)]
    eventually(lambda: all(clip.working for clip in clips))
    for clip in clips:
        clip.finish()
        assert clip.results == [1, 11]
    assert cores.busy == 0


def test_a_helper_that_gave_way_inherits_the_clips_own_core() -> None:
    """Otherwise a clip whose last block is a helper's would wait for the end of all notes."""
    cores = Cores(2)
    long = Clip(cores, 2)
    eventually(lambda: len(long.working) == 2)
    notes = [Clip(cores, 1), Clip(cores, 1)]
    eventually(lambda: all(note.working for note in notes))
    long.finish()
    assert long.results == [1, 11]
    assert all(note.working for note in notes)
    for note in notes:
        note.finish()


@pytest.mark.parametrize("fail_at", range(3))
def test_an_error_in_one_block_ends_the_clip(fail_at: int) -> None:
    cores = Cores(3)
    clip = Clip(cores, MAX_BLOCKS, fail_at=fail_at)
    eventually(lambda: len(clip.working) == 3)
    clip.step([fail_at, fail_at])
    eventually(lambda: cores.busy == 2)
    clip.finish()
    assert isinstance(clip.error, ValueError)
    assert clip.taken == [0, 1, 2]
    assert cores.busy == 0


def test_an_error_wakes_a_helper_that_waits_for_a_core() -> None:
    cores = Cores(2)
    note = Clip(cores, 1)
    eventually(lambda: bool(note.working))
    long = Clip(cores, 9, fail_at=0)  # its helper has no core as long as the note runs
    long.finish()
    assert isinstance(long.error, ValueError)
    note.finish()


def test_a_clip_goes_on_where_the_system_has_no_more_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a container with a limit of processes, each attempt at a long clip would have failed."""

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert map_side_by_side(iter([1, 2, 3]), lambda _, block, __: block * 10, Cores(4), 4) == [10, 20, 30]


def test_audio_that_cannot_be_decoded_further_ends_the_clip() -> None:
    def blocks() -> Iterator[int]:
        yield 1
        raise ValueError("damaged")

    with pytest.raises(ValueError, match="damaged"):
        map_side_by_side(blocks(), lambda number, block, give_way: block, Cores(2), 2)


@given(st.data())
def test_progress_never_goes_back_and_words_come_in_order(data: st.DataObject) -> None:
    reported: list[tuple[int, str]] = []
    progress = OrderedProgress(lambda position_ms, words: reported.append((position_ms, words)))
    lengths = data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=5))
    heard = [0] * len(lengths)
    while unfinished := [number for number, length in enumerate(lengths) if heard[number] <= length]:
        number = data.draw(st.sampled_from(unfinished))
        heard[number] += 1
        if heard[number] <= lengths[number]:
            progress.update(number, heard[number] * 100, f"{number}.{heard[number]}")
        else:
            progress.finish(number, lengths[number] * 100)
    positions = [position for position, _ in reported]
    assert positions == sorted(positions)
    assert positions[-1] == sum(lengths) * 100
    expected = [f"{number}.{place}" for number, length in enumerate(lengths) for place in range(1, length + 1)]
    assert " ".join(words for _, words in reported).split() == expected


@pytest.fixture
def recognizer(monkeypatch: pytest.MonkeyPatch) -> EmbeddedRecognizer:
    """With three cores and short blocks."""
    monkeypatch.setattr(embedded, "MAX_BLOCK_S", BLOCK_S)
    monkeypatch.setattr(embedded, "decode_blocks", partial(decode_blocks, max_s=BLOCK_S))
    return EmbeddedRecognizer(settings(whisper_device="cpu", whisper_threads=3))


def test_the_words_are_the_same_on_one_core_and_on_several(recognizer: EmbeddedRecognizer) -> None:
    """The blocks are the same, so no word is lost or doubled where they meet."""
    positions: list[int] = []
    threads: set[str] = set()

    def transcribe(cores: int) -> Recognition:
        recognizer._cores = Cores(cores)
        positions.clear()
        threads.clear()
        return recognizer.transcribe(
            measure(speech.encode(speech.samples(SAID))),
            attempt_id="clip-1",
            check_cancelled=lambda: threads.add(threading.current_thread().name),
            on_progress=lambda position_ms, _: positions.append(position_ms),
        )

    alone = transcribe(1)
    assert len(threads) == 1
    together = transcribe(3)
    assert len(threads) == 3
    assert together == alone
    assert speech.word_errors(together.text, speech.words(SAID)) < 0.2
    assert positions == sorted(positions)
    assert positions[-1] == pytest.approx(len(speech.samples(SAID)) * 1000 / speech.RATE, abs=50)


def test_a_lost_lease_stops_all_threads(recognizer: EmbeddedRecognizer) -> None:
    asked = count()

    class Lost(Exception):
        pass

    def check_cancelled() -> None:
        if next(asked) >= 8:
            raise Lost

    with pytest.raises(Lost):
        recognizer.transcribe(
            measure(speech.encode(speech.samples(SAID))), attempt_id="clip-1", check_cancelled=check_cancelled
        )
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("block helper")]
    assert next(asked) < 8 + 6
