"""Why a file is not taken: which kind it is, by its first bytes, and what a person can do. Each a sentence or two.

The page has the same sentences in other languages (`static/shared/sentences.js`).
"""

import re
from collections.abc import Mapping

DICTATION = (
    "This is a dictation in a format of its recorder's maker (DSS, DS2 or Sony MSV), which only the maker's program "
    "reads. Save it there as WAV or MP3, and send that."
)
AUDIBLE = (
    "This is an Audible audiobook, and it is protected: only Audible's own apps play it. "
    "Send a copy without copy protection."
)
MIDI = "This is MIDI: it holds notes and no sound. Export it from a music program as WAV or MP3, and send that."
PLAYLIST = "This is a playlist: it names sound files and holds no sound. Send the files that it names."
PROJECT = (
    "This is a project of an audio program, and its sound lies elsewhere or in parts. "
    "Export it there as WAV, MP3 or M4A, and send that."
)
ARCHIVE = "This is an archive (zip, rar and the like). Unpack it, and send the sound files that are in it."
PICTURE = "This is a picture: there is no sound in it. Send the recording or the video itself."
DOCUMENT = "This is a document: there is no sound in it. Send the recording itself."
WEB_PAGE = (
    "This is a web page and not the sound that it shows: perhaps the download needed a sign-in. "
    "Save the sound itself, and send that."
)
TEXT = "This is text: there is no sound in it. Send the recording itself."
FORM = (
    "This is a form with a file in it, and the bytes of a form are not audio. "
    "Send the file alone as the body, as `curl --upload-file` does."
)
UNREADABLE = (
    "This is a sound format that cannot be read here (Musepack, DSD, Sony's ATRAC, MXF and the like). "
    "Convert it to WAV, FLAC, MP3 or M4A, with VLC for example, and send that."
)
SILENT = "This video has no sound."
UNKNOWN = "These bytes are no audio that we know: WebM, MP4, Ogg, WAV, MP3, AAC, FLAC, CAF, AMR, WMA and the like."

_BEGINNINGS: Mapping[str, tuple[bytes, ...]] = {
    DICTATION: (rb"[\x01-\x0f](dss|ds2)", rb"\x03enc", rb"MS_VOICE"),
    AUDIBLE: (rb"....ftypaax", rb"....\x57\x90\x75\x36"),
    PICTURE: (
        rb"\x89PNG\r\n\x1a\n", rb"\xff\xd8\xff", rb"GIF8[79]a", rb"BM....\0\0\0\0", rb"II\*\0", rb"MM\0\*",
        rb"RIFF....WEBP", rb"8BPS\0\x01", rb"\0\0\x01\0[^\0]\0", rb"\0\0\0\x0c(jP  |JXL )",
        rb"(<\?xml[^>]*>\s*)?<svg\s", rb"....ftyp(hei|hev|mif1|msf1|avif|avis|crx |jp2 |jpx )",
    ),
    MIDI: (rb"MThd\0\0\0\x06", rb"RIFF....RMID"),
    PLAYLIST: (
        rb"(\xef\xbb\xbf)?\s*(#EXTM3U|\[playlist\]|<asx[\s>]|<\?wpl )", rb"<\?xml[^>]*>\s*<playlist\s",
        rb"(\xef\xbb\xbf)?((REM|PERFORMER|TITLE|CATALOG) [^\r\n]*\r?\n)*FILE [^\r\n]* (WAVE|MP3|AIFF|BINARY)",
    ),
    # Audacity's .aup and .aup3, Pro Tools, Reaper, FL Studio
    PROJECT: (
        rb"<\?xml.{0,300}<project [^>]*audacity", rb"SQLite format 3\0.{52}AUDY", rb"\x030010111100101011",
        rb"<REAPER_PROJECT", rb"FLhd\x06\0\0\0",
    ),
    DOCUMENT: (
        rb"%PDF-", rb"\{\\rtf", rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", rb"%!PS-Adobe",
        rb"PK\x03\x04.{26}(mimetypeapplication/(vnd\.oasis|epub)|\[Content_Types\]\.xml|_rels/|docProps/|word/)",
    ),
    ARCHIVE: (
        rb"PK(\x03\x04|\x05\x06|\x07\x08)", rb"Rar!\x1a\x07", rb"7z\xbc\xaf\x27\x1c", rb"\x1f\x8b\x08", rb"BZh[1-9]1AY",
        rb"\xfd7zXZ\0", rb"\x28\xb5\x2f\xfd", rb".{257}ustar[\0 ]",
    ),
    WEB_PAGE: (rb"(\xef\xbb\xbf)?\s*(<!--.*?-->\s*)?(?i:<(!doctype html|html|head|script)[\s>])",),
    FORM: (rb"--[^\r\n]{1,200}\r\nContent-Disposition: form-data;",),
    # Musepack, DSD, Sony's ATRAC, MXF
    UNREADABLE: (
        rb"MP\+", rb"MPCK", rb"DSD \x1c", rb"FRM8", rb"ea3[\x01-\x03]",
        rb"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d",
    ),
    SILENT: (rb"\0\0\x01\xb3",),  # a sequence of MPEG video alone: ISO/IEC 13818-2
}  # fmt: skip
"""How files of other kinds begin. Several begin like sound, or carry some: they are ruled out before it is looked for.
A document stands before an archive, because it is one, too."""

_KINDS = [(re.compile(b"|".join(patterns), re.DOTALL), sentence) for sentence, patterns in _BEGINNINGS.items()]

_CONTROL_BYTES = bytes({*range(32)} - set(b"\t\n\r\f\x1b")) + b"\x7f"


def is_other_kind(head: bytes) -> bool:
    """Whether a file with this head is certainly of a kind that is not taken."""
    return kind_sentence(head) is not None


def kind_sentence(head: bytes) -> str | None:
    """The sentence about a file whose first bytes say that it is of a kind that is not taken."""
    return next((sentence for pattern, sentence in _KINDS if pattern.match(head)), None)


def refusal(head: bytes) -> str:
    """The sentence about a file in which no sound was recognised."""
    return kind_sentence(head) or (TEXT if _is_text(head) else UNKNOWN)


def _is_text(head: bytes) -> bool:
    """Whether these bytes read as text, in UTF-8 or in UTF-16 with its mark."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    elif head.translate(None, _CONTROL_BYTES) != head:
        return False
    else:
        encoding = "utf-8"
    try:
        # A character may be cut at the end of the head.
        return bool(head[:-3].decode(encoding) if len(head) > 3 else head.decode(encoding))
    except UnicodeDecodeError as error:
        return error.end >= len(head) - 4
