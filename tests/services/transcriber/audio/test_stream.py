"""Sound that is decoded while it comes in."""

import threading

import numpy as np
import pytest
from numpy.typing import NDArray

from services.transcriber.audio.decode import SAMPLE_RATE
from services.transcriber.audio.samples import Samples
from services.transcriber.audio.stream import MAX_PENDING_SAMPLES, StreamingDecoder
from tests import speech
from tests.recordings import streamed
from tests.services.transcriber import hostile
from tests.services.transcriber.files import SAID, scratched
from tests.services.transcriber.library import cut

LAG_S = 0.7
"""Sound that a container and a codec may hold back: a cluster, a fragment, a frame."""

PIECES = 8


def outline(samples: NDArray[np.floating], rate: int) -> NDArray[np.floating]:
    """How loud each tenth of a second is: codecs shift and change the single samples."""
    window = rate // 10
    windows = np.abs(samples[: len(samples) // window * window]).reshape(-1, window)
    return np.asarray(windows.mean(axis=1))


@pytest.mark.parametrize("container", ["webm", "mp4"])
def test_bytes_are_decoded_as_they_arrive_and_completely_at_the_end(container: str) -> None:
    sound = speech.samples(SAID)
    content = streamed(sound, container)
    seconds = len(sound) / speech.RATE
    arriving = StreamingDecoder()
    found: list[Samples] = []
    pieces = cut(content, len(content) // PIECES + 1)
    for number, piece in enumerate(pieces, start=1):
        found.append(arriving.feed(piece))
        heard_s = sum(map(len, found)) / SAMPLE_RATE
        assert heard_s > seconds * number / len(pieces) - LAG_S
    found.append(arriving.finish())
    heard = np.concatenate(found)
    assert abs(len(heard) / SAMPLE_RATE - seconds) < 0.1
    pair = outline(heard, SAMPLE_RATE), outline(sound / 32768, speech.RATE)
    least = min(map(len, pair))
    assert np.corrcoef(pair[0][:least], pair[1][:least])[0, 1] > 0.9


def test_a_piece_may_end_anywhere() -> None:
    content = streamed(speech.samples(SAID[:1]))
    arriving = StreamingDecoder()
    heard = sum(len(arriving.feed(piece)) for piece in cut(content, 997)) + len(arriving.finish())
    assert abs(heard / SAMPLE_RATE - len(speech.samples(SAID[:1])) / speech.RATE) < 0.1


@pytest.mark.parametrize("content", [b"no sound at all, " * 1000, b"", b"\x1a\x45\xdf\xa3"])
def test_bytes_without_audio_give_no_samples_and_no_delay(content: bytes) -> None:
    arriving = StreamingDecoder()
    assert not len(arriving.feed(content))
    assert not len(arriving.finish())
    assert not len(arriving.feed(b"more" * 1000))
    assert not arriving._bytes, "nobody reads it any more"


def test_damage_in_the_middle_costs_the_damaged_part() -> None:
    sound = speech.samples(SAID)
    content = scratched(streamed(sound))
    arriving = StreamingDecoder()
    heard = sum(len(arriving.feed(piece)) for piece in cut(content, 5_000)) + len(arriving.finish())
    assert heard / SAMPLE_RATE > len(sound) / speech.RATE - 2


def test_no_thread_is_left_behind() -> None:
    before = threading.active_count()
    for _ in range(5):
        arriving = StreamingDecoder()
        arriving.feed(b"nothing")
        arriving.finish()
    for thread in threading.enumerate():
        if thread.name == "decoder":
            thread.join(timeout=5)
    assert threading.active_count() <= before


def test_a_few_bytes_do_not_fill_the_memory() -> None:
    arriving = StreamingDecoder()
    content = hostile.silent_flac(9 * 3600)
    sizes = [len(arriving.feed(piece)) for piece in cut(content, 4_000)] + [len(arriving.finish())]
    assert max(sizes) < MAX_PENDING_SAMPLES + 70 * SAMPLE_RATE  # and one block, of 65 s
