"""Files whose clock does not run from 0 to the end, and files joined by `cat` or cut by an accident."""

from collections.abc import Sequence
from dataclasses import replace

from tests.cases.case import Case, Copy
from tests.cases.containers import AAC, AAC_FILE, M4A_FILE, MP3, MP3_FILE, OPUS, PCM, VARIABLE_MP3, muxed
from tests.cases.encode import Picture, Track, mux
from tests.cases.source import LENGTH_S, speech
from tests.cases.surgery import clusters_set_back, part
from tests.recordings import RECORDERS

TWICE = (Copy(), Copy(LENGTH_S))
TWO_LENGTHS_S = 2 * LENGTH_S


SHORT_CLUSTERS = muxed("webm", OPUS, cluster_time_limit="1000")


def apart(codec: str, hole_s: float) -> Track:
    """The speech twice, with a hole between that no packet fills."""
    return Track(codec, [(0.0, speech()), (LENGTH_S + hole_s, speech())], bit_rate=64_000)


def holed(hole_s: float) -> dict[str, tuple[Copy, ...] | float | bool]:
    return {"copies": (Copy(), Copy(LENGTH_S + hole_s)), "length_s": TWO_LENGTHS_S + hole_s, "has_true_clock": False}


def late(codec: str, at_s: float) -> Track:
    return Track(codec, [(at_s, speech())], bit_rate=64_000)


STRANGE_CLOCKS: Sequence[Case] = (
    Case("late-5s.mp4", muxed("mp4", Picture(seconds=17), late("aac", 5)), "audio/mp4",
         (Copy(5),), 16.0, has_true_clock=None),
    Case("late-5s.webm", muxed("webm", Picture("libvpx", seconds=17), late("libopus", 5)), "audio/webm",
         (Copy(5),), 16.0, has_true_clock=None),
    Case("late-3s.mkv", muxed("matroska", Picture("libx264", seconds=14), late("aac", 3)), "audio/x-matroska",
         (Copy(3),), 14.0, has_true_clock=None),
    Case("late-3s.ts", muxed("mpegts", Picture("mpeg2video", seconds=14), late("aac", 3)), "video/mp2t",
         (Copy(3),), 14.0, has_true_clock=None),
    Case("picture-late-4s.mp4", muxed("mp4", Picture(at_s=4, seconds=7), AAC), "audio/mp4"),
    Case("empty-edit-2s.m4a", muxed("ipod", late("aac", 2)), "audio/mp4", has_true_clock=None),
    Case("offset-40s.webm", muxed("webm", late("libopus", 40)), "audio/webm", has_true_clock=False),
    Case("offset-40s.mkv", muxed("matroska", late("aac", 40)), "audio/x-matroska", has_true_clock=False),
    Case("offset-1h.ts", muxed("mpegts", late("aac", 3600)), "video/mp2t", has_true_clock=None),
    Case("offset-1h.mp4", muxed("mp4", late("aac", 3600), **RECORDERS["mp4"][1]), "audio/mp4", has_true_clock=None),
    Case("edit-list-1s.m4a", muxed("ipod", late("aac", -1)), "audio/mp4", (Copy(0, 1),), 10.0, has_true_clock=None),
    Case("hole-90s.m4a", muxed("ipod", apart("aac", 90)), "audio/mp4", **holed(90)),  # type: ignore[arg-type]
    Case("hole-90s.webm", muxed("webm", apart("libopus", 90)), "audio/webm", **holed(90)),  # type: ignore[arg-type]
    Case("hole-20min.mkv", muxed("matroska", apart("aac", 1200)), "audio/x-matroska", **holed(1200)),  # type: ignore[arg-type]
    Case("jump-30h.mkv", muxed("matroska", apart("aac", 108_000)), "audio/x-matroska",
         TWICE, TWO_LENGTHS_S, has_true_clock=False),
    Case("steps-back-2s.webm", lambda: clusters_set_back(SHORT_CLUSTERS(), 6000, 2000), "audio/webm",
         has_true_clock=False),
    Case("variable-picture.mp4", muxed("mp4", Picture("libx264", is_variable=True), AAC), "audio/mp4"),
    Case("short-sound.mp4", muxed("mp4", Picture(seconds=30), AAC), "audio/mp4", has_true_clock=None),
    Case("short-picture.mp4", muxed("mp4", Picture(seconds=3), AAC), "audio/mp4"),
)  # fmt: skip


def in_stereo(track: Track) -> Track:
    return replace(track, stretches=[(0.0, speech().repeat(2, axis=0))])


def _twice(name: str, mime: str, container: str, track: Track, **options: str) -> Case:
    return Case(
        name, lambda: 2 * mux(container, track, options=options), mime, TWICE, TWO_LENGTHS_S, has_true_clock=False
    )


JOINED: Sequence[Case] = (
    _twice("twice.webm", "audio/webm", "webm", OPUS),
    _twice("twice.mkv", "audio/x-matroska", "matroska", AAC),
    _twice("twice.m4a", "audio/mp4", "ipod", AAC),
    _twice("twice-fragmented.mp4", "audio/mp4", "mp4", AAC, **RECORDERS["mp4"][1]),
    _twice("twice-opus.ogg", "audio/ogg", "ogg", OPUS),
    _twice("twice-flac.ogg", "audio/ogg", "ogg", Track("flac")),
    _twice("twice.wav", "audio/wav", "wav", PCM),
    _twice("twice.flac", "audio/flac", "flac", Track("flac")),
    _twice("twice.mp3", "audio/mpeg", "mp3", MP3),
    _twice("twice.aac", "audio/aac", "adts", AAC),
    _twice("twice.amr", "audio/amr", "amr", Track("libopencore_amrnb", rate=8000, bit_rate=12_200)),
    _twice("twice.aiff", "audio/aiff", "aiff", Track("pcm_s16be")),
    _twice("twice.caf", "audio/x-caf", "caf", Track("pcm_s16be")),
    _twice("twice.ts", "video/mp2t", "mpegts", AAC),
    _twice("twice.wma", "audio/x-ms-wma", "asf", Track("wmav2", bit_rate=64_000)),
    Case("mono-then-stereo.aac", lambda: AAC_FILE() + mux("adts", in_stereo(AAC)), "audio/aac",
         TWICE, TWO_LENGTHS_S, has_true_clock=False),
    Case("mono-then-stereo.ogg", lambda: mux("ogg", OPUS) + mux("ogg", in_stereo(OPUS)), "audio/ogg",
         TWICE, TWO_LENGTHS_S, has_true_clock=False),
    Case("mono-then-stereo.mp3", lambda: MP3_FILE() + mux("mp3", in_stereo(MP3)), "audio/mpeg",
         TWICE, TWO_LENGTHS_S, has_true_clock=False),
)  # fmt: skip


def _cut(name: str, mime: str, container: str, track: Track, to_s: float, **options: str) -> Case:
    """A file whose end was lost; `to_s` is what is left of the speech."""
    return Case(
        name,
        lambda: part(mux(container, track, options=options), 0.7),
        mime,
        (Copy(to_s=to_s),),
        to_s,
        has_true_clock=None,
    )


CUT: Sequence[Case] = (
    _cut("cut.webm", "audio/webm", "webm", OPUS, 7.6),
    _cut("cut.ogg", "audio/ogg", "ogg", OPUS, 7.0),
    _cut("cut.wav", "audio/wav", "wav", PCM, 7.7),
    _cut("cut.flac", "audio/flac", "flac", Track("flac"), 7.6),
    _cut("cut.mp3", "audio/mpeg", "mp3", MP3, 7.7),
    _cut("cut-vbr.mp3", "audio/mpeg", "mp3", VARIABLE_MP3, 7.4),
    _cut("cut.aac", "audio/aac", "adts", AAC, 7.6),
    _cut("cut-index-first.m4a", "audio/mp4", "ipod", AAC, 7.5, movflags="+faststart"),
    _cut("cut-fragmented.mp4", "audio/mp4", "mp4", AAC, 7.65, **RECORDERS["mp4"][1]),
    _cut("cut.ts", "video/mp2t", "mpegts", AAC, 7.6),
    _cut("cut.avi", "video/x-msvideo", "avi", PCM, 7.7),
    _cut("cut.wma", "audio/x-ms-wma", "asf", Track("wmav2", bit_rate=64_000), 7.6),
    Case("cut-index-last.m4a", lambda: part(M4A_FILE(), 0.6), "audio/mp4", sentence="cut off"),
)  # fmt: skip
