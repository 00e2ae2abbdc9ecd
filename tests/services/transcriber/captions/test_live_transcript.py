"""The words of a recording that still goes on, heard in real speech."""

import numpy as np
import pytest

from services.transcriber.audio.decode import RATE, Samples
from services.transcriber.captions.live_transcript import BEHIND_S, TOLD, Captions
from services.transcriber.models.registry import Models
from services.transcriber.recognizers.streaming import MOST_S, Ear, open_ears
from services.transcriber.settings import TranscriberSettings
from tests import speech

PIECE_S = 2.0
"""As a page sends them."""


@pytest.fixture(scope="module")
def ear() -> Ear:
    settings = TranscriberSettings(whisper_model="tiny.en")
    ears = open_ears(settings, Models(settings.data_dir / "models"))
    assert ears is not None
    return ears.of(None)


def sound(*files: str, gap_s: float = speech.GAP_S) -> Samples:
    """What a decoder gives of these recordings."""
    silence = np.zeros(int(gap_s * speech.RATE), np.int16)
    whole = np.concatenate([part for file in files for part in (speech.samples([file]), silence)])
    return (whole[::3] / 32768).astype(np.float32)


def pieces(samples: Samples, seconds: float = PIECE_S) -> list[Samples]:
    return [samples[at : at + int(seconds * RATE)] for at in range(0, len(samples), int(seconds * RATE))]


class Page:
    """Follows what it is told, and never has to take anything back."""

    def __init__(self, captions: Captions) -> None:
        self.captions = captions
        self.settled = ""

    def look(self) -> str:
        """The settled words; those that were told before are still there."""
        told = self.captions.told()
        begin, committed = told["from"], told["committed"]
        assert isinstance(begin, int)
        assert isinstance(committed, str)
        assert begin <= len(self.settled)
        before, self.settled = self.settled, self.settled[:begin] + committed
        assert self.settled.startswith(before)
        return self.settled


def test_words_come_while_they_are_spoken_and_are_right_in_the_end(ear: Ear) -> None:
    captions = Captions(ear)
    page = Page(captions)
    shown: list[str] = []
    for piece in pieces(sound(*speech.ALL)):
        captions.add(piece)
        captions.hear()
        shown.append(page.look() + str(captions.told()["tentative"]))
    captions.hear(is_over=True)
    assert captions.told()["tentative"] == ""
    assert "Dashwood had" in shown[1]
    assert speech.word_errors(page.look(), speech.words()) < 0.08, page.settled


def test_silence_and_noise_say_nothing(ear: Ear) -> None:
    chance = np.random.default_rng(1)
    for quiet in (np.zeros(20 * RATE), chance.normal(0, 0.05, 20 * RATE), chance.normal(0, 0.001, 20 * RATE)):
        captions = Captions(ear)
        for piece in pieces(quiet.astype(np.float32)):
            captions.add(piece)
            assert not captions.hear()
        captions.hear(is_over=True)
        assert captions.told() == {"from": 0, "committed": "", "tentative": ""}
        assert captions.held_s < 2


def test_who_never_pauses_is_understood_and_costs_no_more_for_it(ear: Ear) -> None:
    """Speech with its pauses cut out, for longer than a window."""
    spoken = [sound(file, gap_s=0) for file in speech.ALL]
    breathless = np.concatenate([part[(np.abs(part) > 0.02).nonzero()[0][0] :] for part in spoken for _ in range(2)])
    captions = Captions(ear)
    page = Page(captions)
    for piece in pieces(breathless):
        captions.add(piece)
        captions.hear()
        page.look()
        assert captions.held_s <= MOST_S + PIECE_S
    captions.hear(is_over=True)
    assert len(page.look().split()) > 0.8 * 2 * len(speech.words().split())


def test_who_comes_late_begins_with_what_is_said_now(ear: Ear) -> None:
    captions = Captions(ear)
    captions.add(np.zeros(int(3 * BEHIND_S * RATE), np.float32))
    captions.add(sound("austen-0870.wav"))
    assert captions.held_s <= BEHIND_S
    captions.hear(is_over=True)
    assert "Dashwood" in str(captions.told()["committed"])


def test_two_passes_over_the_same_sound_settle_nothing(ear: Ear) -> None:
    captions = Captions(ear)
    captions.add(sound("austen-0870.wav")[: 3 * RATE])
    assert captions.hear()
    for _ in range(3):
        captions.add(np.zeros(100, np.float32))
        assert not captions.hear()
    assert captions.told()["committed"] == ""


def test_a_long_text_is_told_by_its_end(ear: Ear) -> None:
    captions = Captions(ear)
    page = Page(captions)
    long = np.concatenate([sound(*speech.ALL)] * 3)
    for piece in pieces(long, 10):
        captions.add(piece)
        captions.hear()
        page.look()
    captions.hear(is_over=True)
    assert len(page.look()) > 2 * TOLD
    assert len(str(captions.told()["committed"])) == TOLD
