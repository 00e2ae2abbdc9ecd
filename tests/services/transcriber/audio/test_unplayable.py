"""Files that look like sound, and what the worker says of them."""

import io

import pytest

from services.transcriber.audio.fetch import measure_audio
from services.transcriber.errors import AudioRejected
from shared.isobmff import CUT_OFF, ENCRYPTED
from tests.odd_files import ENCRYPTION, encoded


def test_encrypted_sound_says_so() -> None:
    body = encoded("mp4", "aac", tuple(ENCRYPTION.items()))
    with pytest.raises(AudioRejected) as error:
        measure_audio(io.BytesIO(body), len(body), "audio/mp4")
    assert str(error.value) == ENCRYPTED


@pytest.mark.parametrize("container", ["mp4", "mov"])
def test_a_file_that_was_cut_before_its_index_says_so(container: str) -> None:
    body = encoded(container, "aac")
    body = body[: body.index(b"moov") - 4]
    with pytest.raises(AudioRejected) as error:
        measure_audio(io.BytesIO(body), len(body), "audio/mp4")
    assert str(error.value) == CUT_OFF


@pytest.mark.parametrize("options", [(), (("movflags", "frag_keyframe+empty_moov"),)])
def test_whole_files_are_measured_wherever_their_index_is(options: tuple[tuple[str, str], ...]) -> None:
    body = encoded("mp4", "aac", options)
    assert measure_audio(io.BytesIO(body), len(body), "audio/mp4").duration_ms >= 500
