"""Damaged, renamed and hostile files through the whole worker: the right sentence at the first try, and it lives on."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from services.transcriber.audio.demux import UNDECODABLE
from services.transcriber.audio.fetch import ENDS_EARLY
from services.transcriber.audio.limits import IMPLAUSIBLE
from shared.clips.gaps import MISSING
from shared.clips.models import Clip, Status
from shared.isobmff import CUT_OFF
from tests import speech
from tests.conftest import Parts, StartStack
from tests.services.transcriber import files, hostile
from tests.services.transcriber.test_runtime import ApiStandIn

NO_SOUND_FILE = (
    "This is not a sound file that can be read: it is of another kind, or it was cut off while it was saved."
)


def of(folder: Path) -> dict[str, bytes]:
    """Playlists that name a file of this machine, which must never be opened."""
    secret = folder / "secret.wav"
    secret.write_bytes(files.wav())
    return {
        "HLS": f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{secret}\n#EXT-X-ENDLIST\n".encode(),
        "HLS of an address": b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://127.0.0.1:9/a.ts\n",
        "concat": f"ffconcat version 1.0\nfile '{secret}'\n".encode(),
        "SDP": b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=a\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 9 RTP/AVP 0\n",
        "DASH": f'<?xml version="1.0"?><MPD><Period><BaseURL>{secret}</BaseURL></Period></MPD>'.encode(),
    }


REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (lambda: b"", "The file is empty: not a byte of sound was saved."),
    "text that is called WebM": (lambda: b"just some text\n" * 500, NO_SOUND_FILE),
    "the beginning of a WebM": (lambda: files.webm()[:300], NO_SOUND_FILE),
    "half an MP4": (lambda: files.half(files.mp4()), CUT_OFF),
    "a picture": (files.image, NO_SOUND_FILE),
    "a video without sound": (files.video_without_sound, "There is no sound in this file."),
    "a zip archive": (hostile.archive, NO_SOUND_FILE),
    "a bomb": (hostile.bomb, NO_SOUND_FILE),
    "five days of silence in 100 kB": (lambda: hostile.silent_flac(127 * 3600), IMPLAUSIBLE),
    "a WAV of 0 Hz": (lambda: hostile.header(rate=0), NO_SOUND_FILE),
    "a WAV of 1 Hz": (lambda: hostile.header(rate=1), IMPLAUSIBLE),
    "a WAV of 2 GHz": (lambda: hostile.header(rate=2**31 - 1), UNDECODABLE),
    "a WAV without channels": (lambda: hostile.header(channels=0), ENDS_EARLY),
    "a WAV of 255 channels": (lambda: hostile.header(channels=255), UNDECODABLE),
}

HEARD: dict[str, tuple[Callable[[], bytes], bool]] = {
    "two thirds of a WebM": (lambda: two_thirds(speech.encode(hostile.sound())), True),
    "two thirds of a WAV": (lambda: two_thirds(speech.wav(hostile.sound())), True),
    "a scratched MP4": (lambda: files.scratched(speech.encode(hostile.sound(), "mp4", "aac")), False),
    "a WAV whose writer never came back": (lambda: hostile.header(0, 0), False),
    "a WAV that was streamed": (lambda: hostile.header(2**32 - 1, 2**32 - 1), False),
    "a WAV that claims more": (lambda: hostile.header(10**8, 10**8), True),
    "FLAC without end": (hostile.endless_flac, True),
    "CAF without end": (hostile.endless_caf, False),
    "numbers that are none": (hostile.no_numbers, False),
    "AAC that changes in the middle": (hostile.changing_aac, False),
    "MP3 with a picture": (hostile.with_cover, False),
}
"""And whether the clip says that some of it is missing."""


@pytest.fixture
def library(local_parts: Parts) -> Iterator[ApiStandIn]:
    library = ApiStandIn(local_parts)
    yield library
    library.close()


def test_hostile_files_are_rejected_once_and_the_others_transcribed(
    library: ApiStandIn, local_parts: Parts, start_stack: StartStack, tmp_path: Path
) -> None:
    worker = start_stack(local_parts, "transcriber")["transcriber"]
    refused = {name: (library.put(make()), sentence) for name, (make, sentence) in REFUSED.items()}
    refused |= {name: (library.put(content), NO_SOUND_FILE) for name, content in of(tmp_path).items()}
    heard = {name: (library.put(make()), is_cut) for name, (make, is_cut) in HEARD.items()}
    for name, (id, sentence) in refused.items():
        clip = library.wait(id, Status.DONE, Status.FAILED)
        assert (clip.status, clip.tries, clip.attempt) == (Status.FAILED, 1, 1), name
        assert (clip.error or "").startswith(sentence), name
    for name, (id, is_cut) in heard.items():
        clip = library.wait(id, Status.DONE, Status.FAILED)
        assert (clip.status, clip.attempt) == (Status.DONE, 2), name  # prepared, and heard
        assert [gap["cause"] for gap in clip.gaps] == [MISSING] * is_cut, name
        assert has_words(clip), (name, clip.text)
    assert worker.is_running()
    assert "job failed" not in worker.log()


def two_thirds(content: bytes) -> bytes:
    return content[: 2 * len(content) // 3]


def has_words(clip: Clip) -> bool:
    """Half of what was said, at least: what is left of some files is not more."""
    said = speech.TEXTS[hostile.SPOKEN].split()
    found = (clip.text or "").lower()
    return sum(word.strip(".,") in found for word in said) > len(said) / 2
