"""Wrong claims and extensions, tags, covers, chapters and tracks of data: what stands around the sound."""

from collections.abc import Callable, Sequence

from tests.cases.case import Case
from tests.cases.containers import AAC, AAC_FILE, M4A_FILE, MP3, MP3_FILE, OPUS, PCM, WAV_FILE, WEBM_FILE, muxed
from tests.cases.encode import Picture, Track, mux
from tests.cases.source import LENGTH_S
from tests.cases.surgery import TITLE, ape_tag, id3_tag, in_latin_1, part

BARE_MP3 = muxed("mp3", MP3, id3v2_version="0", write_xing="0")
COVER = Picture("mjpeg", is_cover=True)


def _titled(container: str, track: Track) -> Callable[[], bytes]:
    return lambda: in_latin_1(mux(container, track, metadata={"title": TITLE}))


CLAIMS: Sequence[Case] = (
    Case("webm-called.mp4", WEBM_FILE, "audio/webm", claim="video/mp4"),
    Case("mp3-called.wav", MP3_FILE, "audio/mpeg", claim="audio/wav"),
    Case("m4a-called.mp3", M4A_FILE, "audio/mp4", claim="audio/mpeg"),
    Case("wav-called.ogg", WAV_FILE, "audio/wav", claim="audio/ogg"),
    Case("binary.m4a", M4A_FILE, "audio/mp4", claim="binary/octet-stream"),
    Case("application.mp4", M4A_FILE, "audio/mp4", claim="application/mp4"),
    Case("form.wav", WAV_FILE, "audio/wav", claim="multipart/form-data; boundary=x"),
    Case("urlencoded.wav", WAV_FILE, "audio/wav", claim="application/x-www-form-urlencoded"),
    Case("text.mp3", MP3_FILE, "audio/mpeg", claim="text/plain;charset=UTF-8"),
    Case("nonsense.mp3", MP3_FILE, "audio/mpeg", claim="mp3"),
)

TAGS: Sequence[Case] = (
    Case("id3.flac", lambda: id3_tag() + mux("flac", Track("flac")), "audio/flac", has_true_clock=False),
    Case("id3.aac", lambda: id3_tag() + AAC_FILE(), "audio/aac", has_true_clock=None),
    Case("id3-twice.mp3", lambda: id3_tag() + id3_tag() + MP3_FILE(), "audio/mpeg", has_true_clock=None),
    Case("zeros.mp3", lambda: bytes(3000) + MP3_FILE(), "audio/mpeg", has_true_clock=None),
    Case("ape-tag.mp3", lambda: ape_tag() + MP3_FILE(), "audio/mpeg", has_true_clock=None),
    Case("cut-frame.mp3", lambda: BARE_MP3()[100:], "audio/mpeg", has_true_clock=None),
    Case("title-not-utf8.mp3", lambda: id3_tag(b"\x03Gespr\xe4ch") + MP3_FILE(), "audio/mpeg", has_true_clock=None),
    Case("title-not-utf8.m4a", _titled("ipod", AAC), "audio/mp4"),
    Case("title-not-utf8.webm", _titled("webm", OPUS), "audio/webm"),
    Case("title-not-utf8.flac", _titled("flac", Track("flac")), "audio/flac"),
    Case("title-not-utf8.wav", _titled("wav", PCM), "audio/wav"),
)  # fmt: skip

AROUND: Sequence[Case] = (
    Case("cover.mp3", muxed("mp3", MP3, COVER), "audio/mpeg"),
    Case("cover.m4a", muxed("mp4", AAC, COVER), "audio/mp4"),
    Case("cover.flac", muxed("flac", Track("flac"), COVER), "audio/flac"),
    Case("chapters.m4a", lambda: mux("ipod", AAC, chapters=[(0, 5, "One"), (5, LENGTH_S, "Two")]), "audio/mp4"),
    Case("chapters.mka", lambda: mux("matroska", AAC, chapters=[(0, 5, "One"), (5, LENGTH_S, "Two")]),
         "audio/x-matroska", has_true_clock=None),
    Case("timecode.mov", lambda: mux("mov", Picture("mjpeg"), AAC, metadata={"timecode": "01:00:00:00"}), "audio/mp4"),
    Case("motion-jpeg.mov", muxed("mov", Picture("mjpeg"), PCM), "audio/mp4"),
)  # fmt: skip

NO_WORDS = ()

REFUSED: Sequence[Case] = (
    Case("notes.txt", lambda: b"just some text\n" * 500, copies=NO_WORDS, sentence="This is text"),
    Case("nothing.wav", lambda: b"", copies=NO_WORDS, sentence="", has_words=False),
    Case("picture.png", muxed("image2pipe", Picture("png", seconds=0.1)), copies=NO_WORDS, sentence="This is a"),
    Case("archive.zip", lambda: b"PK\x03\x04" + bytes(2000), copies=NO_WORDS, sentence="This is a"),
    Case("dictation.dss", lambda: b"\x02dss" + bytes(2000), copies=NO_WORDS, sentence="DSS"),
    Case("dictation.ds2", lambda: b"\x03ds2" + bytes(2000), copies=NO_WORDS, sentence="DS2"),
    Case("book.aax", lambda: M4A_FILE().replace(b"M4A ", b"aax ", 1), copies=NO_WORDS, sentence="Audible"),
    Case("encrypted.mp4", muxed("mp4", AAC, encryption_scheme="cenc-aes-ctr", encryption_key="76" * 16,
         encryption_kid="a7" * 16), copies=NO_WORDS, sentence="encrypted"),
    Case("video-without-sound.mp4", muxed("mp4", Picture()), copies=NO_WORDS, sentence="no sound"),
    Case("video-without-sound.webm", muxed("webm", Picture("libvpx")), copies=NO_WORDS, sentence="no sound"),
    Case("begins.webm", lambda: part(WEBM_FILE(), 0.003), "audio/webm", sentence="cut off"),
)  # fmt: skip
