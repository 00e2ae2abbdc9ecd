"""What is right for the files of a folder that does not come with this repository: `../shared/cases`."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tests.cases.case import Case, Copy
from tests.cases.source import LENGTH_S

FOLDER = "../shared/cases"

TWICE = (Copy(), Copy(LENGTH_S))


def shared_cases(folder: Path) -> list[Case]:
    """The files that are there."""
    return [replace(case, make=(folder / case.name).read_bytes) for case in _EXPECTED if (folder / case.name).is_file()]


def _case(
    name: str,
    mime: str,
    *copies: Copy,
    length_s: float = LENGTH_S,
    has_true_clock: bool | None = None,
    remarks: tuple[str, ...] = (),
    sentence: str = "",
) -> Case:
    return Case(name, bytes, mime, copies or (Copy(),), length_s, has_true_clock, remarks, sentence)


_EXPECTED: Sequence[Case] = (
    _case("ac3.mp4", "audio/mp4"),
    _case("alac.m4a", "audio/mp4"),
    _case("amrnb.3gp", "audio/mp4"),
    _case("amrnb.amr", "audio/amr"),
    _case("antiphase.m4a", "audio/mp4", remarks=("opposite-phase",)),
    _case("apetag.mp3", "audio/mpeg"),
    _case("cam.mts", "video/mp2t"),
    _case("concat.wav", "audio/wav", *TWICE, length_s=22, has_true_clock=False),
    _case("concat.webm", "audio/webm", *TWICE, length_s=22, has_true_clock=False),
    _case("concat_frag.mp4", "audio/mp4", *TWICE, length_s=22, has_true_clock=False),
    _case("enc.mp4", "", sentence="encrypted"),
    _case("gsm.wav", "audio/wav"),
    _case("hole90.m4a", "audio/mp4", Copy(), Copy(101), length_s=112, has_true_clock=False),
    _case("late5.mp4", "audio/mp4", Copy(5), length_s=16),
    _case("obs2.mkv", "audio/x-matroska", has_true_clock=False, remarks=("tracks",)),
    _case("off40.webm", "audio/webm", has_true_clock=False),
    _case("quiet.wav", "audio/wav", remarks=("quiet",)),
    _case("raw.latm", "audio/mp4a-latm"),
    _case("shortaudio.mp4", "audio/mp4"),
    _case("spatial.qta", "audio/mp4", remarks=("tracks",)),
    _case("spx.ogg", "audio/ogg"),
    _case("trunc.mp4", "audio/mp4", sentence="cut off"),
    _case("wma.wma", "audio/x-ms-wma"),
)
