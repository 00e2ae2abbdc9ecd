"""The words of a recording that still goes on, heard in real speech."""

import numpy as np
import pytest

from services.transcriber.audio.decode import SAMPLE_RATE, Samples
from services.transcriber.captions.live_transcript import MAX_BACKLOG_S, MAX_COMMITTED_CHARS, LiveTranscript
from services.transcriber.models.registry import ModelRegistry
from services.transcriber.recognizers.spoken_language import MAX_SPEECH_S
from services.transcriber.recognizers.streaming import StreamingRecognizer, open_caption_models
from services.transcriber.settings import TranscriberSettings
from tests import speech

PIECE_S = 2.0
"""As a page sends them."""


@pytest.fixture(scope="module")
def recognizer() -> StreamingRecognizer:
    settings = TranscriberSettings(whisper_model="tiny.en")
    models = open_caption_models(settings, ModelRegistry(settings.data_dir / "models"))
    assert models is not None
    return models.recognizer_for(None)


def sound(*files: str, gap_s: float = speech.GAP_S) -> Samples:
    """What a decoder gives of these recordings."""
    silence = np.zeros(int(gap_s * speech.RATE), np.int16)
    whole = np.concatenate([part for file in files for part in (speech.samples([file]), silence)])
    return (whole[::3] / 32768).astype(np.float32)


def pieces(samples: Samples, seconds: float = PIECE_S) -> list[Samples]:
    return [samples[at : at + int(seconds * SAMPLE_RATE)] for at in range(0, len(samples), int(seconds * SAMPLE_RATE))]


class Page:
    """Follows what it is told, and never has to take anything back."""

    def __init__(self, transcript: LiveTranscript) -> None:
        self.transcript = transcript
        self.settled = ""

    def look(self) -> str:
        """The settled words; those that were told before are still there."""
        told = self.transcript.caption()
        begin, committed = told["from"], told["committed"]
        assert isinstance(begin, int)
        assert isinstance(committed, str)
        assert begin <= len(self.settled)
        before, self.settled = self.settled, self.settled[:begin] + committed
        assert self.settled.startswith(before)
        return self.settled


def test_captions_come_while_somebody_speaks_and_are_right_in_the_end(recognizer: StreamingRecognizer) -> None:
    transcript = LiveTranscript(recognizer)
    page = Page(transcript)
    shown: list[str] = []
    for piece in pieces(sound(*speech.ALL)):
        transcript.add(piece)
        transcript.update()
        shown.append(page.look() + str(transcript.caption()["tentative"]))
    transcript.update(is_over=True)
    assert transcript.caption()["tentative"] == ""
    assert "Dashwood had" in shown[1]
    assert speech.word_errors(page.look(), speech.words()) < 0.08, page.settled


def test_silence_and_noise_have_no_captions(recognizer: StreamingRecognizer) -> None:
    chance = np.random.default_rng(1)
    for quiet in (
        np.zeros(20 * SAMPLE_RATE),
        chance.normal(0, 0.05, 20 * SAMPLE_RATE),
        chance.normal(0, 0.001, 20 * SAMPLE_RATE),
    ):
        transcript = LiveTranscript(recognizer)
        for piece in pieces(quiet.astype(np.float32)):
            transcript.add(piece)
            assert not transcript.update()
        transcript.update(is_over=True)
        assert transcript.caption() == {"from": 0, "committed": "", "tentative": ""}
        assert transcript.uncommitted_s < 2


def test_a_speaker_who_never_pauses_is_captioned_at_the_same_cost(recognizer: StreamingRecognizer) -> None:
    """Speech with its pauses cut out, for longer than a window."""
    spoken = [sound(file, gap_s=0) for file in speech.ALL]
    breathless = np.concatenate([part[(np.abs(part) > 0.02).nonzero()[0][0] :] for part in spoken for _ in range(2)])
    transcript = LiveTranscript(recognizer)
    page = Page(transcript)
    for piece in pieces(breathless):
        transcript.add(piece)
        transcript.update()
        page.look()
        assert transcript.uncommitted_s <= MAX_SPEECH_S + PIECE_S
    transcript.update(is_over=True)
    assert len(page.look().split()) > 0.8 * 2 * len(speech.words().split())


def test_a_late_worker_begins_with_the_newest_words(recognizer: StreamingRecognizer) -> None:
    transcript = LiveTranscript(recognizer)
    transcript.add(np.zeros(int(3 * MAX_BACKLOG_S * SAMPLE_RATE), np.float32))
    transcript.add(sound("austen-0870.wav"))
    assert transcript.uncommitted_s <= MAX_BACKLOG_S
    transcript.update(is_over=True)
    assert "Dashwood" in str(transcript.caption()["committed"])


def test_two_passes_over_the_same_audio_commit_nothing(recognizer: StreamingRecognizer) -> None:
    transcript = LiveTranscript(recognizer)
    transcript.add(sound("austen-0870.wav")[: 3 * SAMPLE_RATE])
    assert transcript.update()
    for _ in range(3):
        transcript.add(np.zeros(100, np.float32))
        assert not transcript.update()
    assert transcript.caption()["committed"] == ""


def test_a_caption_of_a_long_text_is_its_end(recognizer: StreamingRecognizer) -> None:
    transcript = LiveTranscript(recognizer)
    page = Page(transcript)
    long = np.concatenate([sound(*speech.ALL)] * 3)
    for piece in pieces(long, 10):
        transcript.add(piece)
        transcript.update()
        page.look()
    transcript.update(is_over=True)
    assert len(page.look()) > 2 * MAX_COMMITTED_CHARS
    assert len(str(transcript.caption()["committed"])) == MAX_COMMITTED_CHARS
