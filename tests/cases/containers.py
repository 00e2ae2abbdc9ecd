"""Every container with every codec that people have, whole and as its encoder wrote it."""

from collections.abc import Callable, Sequence
from functools import cache

from tests.cases.case import Case
from tests.cases.encode import Picture, Track, mux, remux
from tests.cases.source import speech, stored
from tests.cases.surgery import caf_of_aac, replaced
from tests.recordings import RECORDERS

AMR = Track("libopencore_amrnb", rate=8000, bit_rate=12_200)
AAC = Track("aac", bit_rate=64_000)
OPUS = Track("libopus", bit_rate=64_000)
MP3 = Track("libmp3lame", bit_rate=64_000)
PCM = Track("pcm_s16le")
VORBIS = Track("vorbis", [(0.0, speech().repeat(2, axis=0))], options={"strict": "experimental"})
"""FFmpeg's own encoder of Vorbis writes stereo alone."""
VARIABLE_MP3 = Track("libmp3lame", options={"flags": "+qscale", "global_quality": "472"})
MP2 = Track("mp2", bit_rate=64_000)
AC3 = Track("ac3", bit_rate=96_000)


def muxed(container: str, *tracks: Track | Picture, **options: str) -> Callable[[], bytes]:
    """What makes this file, once."""
    return cache(lambda: mux(container, *tracks, options=options))


M4A_FILE = muxed("ipod", AAC)
MP3_FILE = muxed("mp3", MP3)
WAV_FILE = muxed("wav", PCM)
WEBM_FILE = muxed("webm", OPUS)
AAC_FILE = muxed("adts", AAC)


CONTAINERS: Sequence[Case] = (
    # MP4 and its relatives
    Case("aac.m4a", M4A_FILE, "audio/mp4"),
    Case("alac.m4a", muxed("ipod", Track("alac")), "audio/mp4"),
    Case("opus.mp4", muxed("mp4", OPUS), "audio/mp4"),
    Case("flac.mp4", muxed("mp4", Track("flac")), "audio/mp4"),
    Case("mp3.mp4", muxed("mp4", MP3), "audio/mp4"),
    Case("ac3.mp4", muxed("mp4", AC3), "audio/mp4"),
    Case("eac3.mp4", muxed("mp4", Track("eac3", bit_rate=96_000)), "audio/mp4"),
    Case("pcm.mov", muxed("mov", PCM), "audio/mp4"),
    Case("alac.mov", muxed("mov", Track("alac")), "audio/mp4"),
    Case("aac.qta", muxed("mov", AAC), "audio/mp4"),
    Case("fragmented.mp4", lambda: mux("mp4", AAC, options=RECORDERS["mp4"][1]), "audio/mp4"),
    Case("amrnb.3gp", muxed("3gp", AMR), "audio/mp4"),
    Case("amrwb.3gp", lambda: remux(stored("speech.awb"), "3gp"), "audio/mp4"),
    Case("video.mp4", muxed("mp4", Picture("libx264"), AAC), "audio/mp4"),
    # Matroska
    Case("opus.webm", WEBM_FILE, "audio/webm"),
    Case("vorbis.webm", muxed("webm", VORBIS), "audio/webm"),
    Case("live.webm", lambda: mux("webm", OPUS, options=RECORDERS["webm"][1]), "audio/webm"),
    Case("aac.mkv", muxed("matroska", AAC), "audio/x-matroska", has_true_clock=None),
    Case("ac3.mkv", muxed("matroska", AC3), "audio/x-matroska"),
    Case("pcm.mkv", muxed("matroska", PCM), "audio/x-matroska", has_true_clock=None),
    Case("flac.mka", muxed("matroska", Track("flac")), "audio/x-matroska"),
    Case("video.webm", muxed("webm", Picture("libvpx"), OPUS), "audio/webm"),
    # MPEG streams
    Case("aac.ts", muxed("mpegts", AAC), "video/mp2t"),
    Case("video.ts", muxed("mpegts", Picture("mpeg2video"), MP2), "video/mp2t", has_true_clock=None),
    Case("camera.mts", muxed("mpegts", Picture("libx264"), AC3, mpegts_m2ts_mode="1"), "video/mp2t",
         has_true_clock=None),
    Case("mp2.mpg", muxed("mpeg", Picture("mpeg1video"), MP2), "video/mpeg", has_true_clock=None),
    Case("ac3.vob", muxed("vob", AC3), "video/mpeg", has_true_clock=None),
    # Windows, Flash and AVI
    Case("wmav2.wma", muxed("asf", Track("wmav2", bit_rate=64_000)), "audio/x-ms-wma", has_true_clock=None),
    Case("wmav1.wma", muxed("asf", Track("wmav1", bit_rate=64_000)), "audio/x-ms-wma", has_true_clock=None),
    Case("video.wmv", muxed("asf", Picture("wmv2"), Track("wmav2", bit_rate=64_000)), "audio/x-ms-wma",
         has_true_clock=None),
    Case("aac.flv", muxed("flv", AAC), "video/x-flv", has_true_clock=None),
    Case("video.flv", muxed("flv", Picture("flv"), Track("libmp3lame", rate=44_100)), "video/x-flv",
         has_true_clock=None),
    Case("mp3.avi", muxed("avi", Picture("mpeg4"), MP3), "video/x-msvideo", has_true_clock=None),
    Case("mjpeg.avi", muxed("avi", Picture("mjpeg"), PCM), "video/x-msvideo"),
)  # fmt: skip

PLAIN: Sequence[Case] = (
    # Ogg, and MPEG audio and its relatives without a container
    Case("opus.ogg", muxed("ogg", OPUS), "audio/ogg"),
    Case("vorbis.ogg", muxed("ogg", VORBIS), "audio/ogg"),
    Case("flac.ogg", muxed("ogg", Track("flac")), "audio/ogg"),
    Case("speex.ogg", lambda: stored("spx.ogg"), "audio/ogg"),
    Case("cbr.mp3", MP3_FILE, "audio/mpeg"),
    Case("cbr-without-xing.mp3", muxed("mp3", MP3, write_xing="0"), "audio/mpeg"),
    Case("vbr.mp3", muxed("mp3", VARIABLE_MP3), "audio/mpeg"),
    Case("vbr-without-xing.mp3", muxed("mp3", VARIABLE_MP3, write_xing="0"), "audio/mpeg", has_true_clock=False),
    Case("mp2.mp2", muxed("mp2", MP2), "audio/mpeg"),
    Case("adts.aac", AAC_FILE, "audio/aac", has_true_clock=None),
    Case("latm.latm", muxed("latm", AAC), "audio/mp4a-latm", has_true_clock=None),
    Case("ac3.ac3", muxed("ac3", AC3), "audio/ac3"),
    Case("eac3.eac3", muxed("eac3", Track("eac3", bit_rate=96_000)), "audio/eac3"),
    # Apple's and others' plain sound
    Case("pcm.caf", muxed("caf", Track("pcm_s16be")), "audio/x-caf"),
    Case("alac.caf", muxed("caf", Track("alac")), "audio/x-caf"),
    Case("aac.caf", lambda: caf_of_aac(M4A_FILE()), "audio/x-caf"),
    Case("ima4.caf", muxed("caf", Track("adpcm_ima_qt", rate=44_100)), "audio/x-caf"),
    Case("pcm.aiff", muxed("aiff", Track("pcm_s16be")), "audio/aiff"),
    Case("sowt.aifc", muxed("aiff", PCM), "audio/aiff"),
    Case("pcm.au", muxed("au", Track("pcm_s16be")), "audio/basic"),
    Case("mulaw.au", muxed("au", Track("pcm_mulaw", rate=8000)), "audio/basic"),
    Case("amrnb.amr", muxed("amr", AMR), "audio/amr", has_true_clock=None),
    Case("amrwb.awb", lambda: stored("speech.awb"), "audio/amr", has_true_clock=None),
    Case("flac.flac", muxed("flac", Track("flac")), "audio/flac"),
    Case("flac-96k.flac", muxed("flac", Track("flac", rate=96_000)), "audio/flac"),
    # WAV and its large relatives
    Case("pcm.wav", WAV_FILE, "audio/wav"),
    Case("pcm-8bit-8k.wav", muxed("wav", Track("pcm_u8", rate=8000)), "audio/wav", has_true_clock=False),
    Case("pcm-24bit.wav", muxed("wav", Track("pcm_s24le")), "audio/wav"),
    Case("pcm-192k.wav", muxed("wav", Track("pcm_s24le", rate=192_000)), "audio/wav"),
    Case("float32.wav", muxed("wav", Track("pcm_f32le")), "audio/wav"),
    Case("float64.wav", muxed("wav", Track("pcm_f64le")), "audio/wav"),
    Case("mulaw.wav", muxed("wav", Track("pcm_mulaw", rate=8000)), "audio/wav", has_true_clock=False),
    Case("alaw.wav", muxed("wav", Track("pcm_alaw", rate=8000)), "audio/wav", has_true_clock=False),
    Case("ima.wav", muxed("wav", Track("adpcm_ima_wav", rate=16_000)), "audio/wav"),
    Case("ms-adpcm.wav", muxed("wav", Track("adpcm_ms", rate=16_000)), "audio/wav"),
    Case("gsm.wav", lambda: stored("gsm.wav"), "audio/wav"),
    Case("mp3.wav", muxed("wav", MP3), "audio/wav"),
    Case("rf64.wav", muxed("wav", PCM, rf64="always"), "audio/wav", has_true_clock=False),
    Case("bw64.wav", lambda: replaced(mux("wav", PCM, options={"rf64": "always"}), b"RF64", b"BW64"), "audio/wav",
         has_true_clock=False),
    Case("wavpack.wv", muxed("wv", Track("wavpack")), "audio/x-wavpack"),
    Case("tta.tta", muxed("tta", Track("tta")), "audio/x-tta"),
    Case("pcm.voc", muxed("voc", Track("pcm_u8", rate=8000)), "audio/x-voc"),
    Case("pcm.w64", muxed("w64", PCM), "audio/x-w64"),
)  # fmt: skip
