"""What is said of files that are not taken: which kind they are, and what to do."""

import io
import zipfile

import pytest

from services.api.audio_formats import refusals
from services.api.audio_formats.table import sniff
from tests.odd_files import bare_mp3


def zipped(*names: str, body: bytes = b"body") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, body)
    return buffer.getvalue()


FORM = (
    b'--------------------------5e1\r\nContent-Disposition: form-data; name="file"; filename="note.mp3"\r\n'
    b"Content-Type: audio/mpeg\r\n\r\n" + bare_mp3()
)

KINDS = {
    "DSS": (b"\x02dss" + bytes(600), refusals.DICTATION),
    "DS2": (b"\x03ds2" + bytes(600), refusals.DICTATION),
    "Sony's memo": (b"MS_VOICE" + bytes(600), refusals.DICTATION),
    "AAX": (b"\0\0\0\x20ftypaax \0\0\0\1aax M4B ", refusals.AUDIBLE),
    "AA": (b"\0\1\2\3\x57\x90\x75\x36" + bytes(100), refusals.AUDIBLE),
    "MIDI": (b"MThd\0\0\0\6\0\1\0\2\1\xe0MTrk", refusals.MIDI),
    "M3U": (b"#EXTM3U\n#EXTINF:123,A talk\ntalk.mp3\n", refusals.PLAYLIST),
    "PLS": (b"[playlist]\nFile1=talk.mp3\n", refusals.PLAYLIST),
    "a cue sheet": (b'REM DATE 2020\r\nTITLE "Talk"\r\nFILE "talk.wav" WAVE\r\n', refusals.PLAYLIST),
    "XSPF": (b'<?xml version="1.0"?>\n<playlist version="1">', refusals.PLAYLIST),
    "Audacity 2": (b'<?xml version="1.0"?>\n<project xmlns="http://audacity.sourceforge.net/xml/">', refusals.PROJECT),
    "Audacity 3": (b"SQLite format 3\0" + bytes(52) + b"AUDY" + bytes(30), refusals.PROJECT),
    "Pro Tools": (b"\x030010111100101011" + bytes(100), refusals.PROJECT),
    "a zip with sound": (zipped("talk.mp3", body=bare_mp3()), refusals.ARCHIVE),
    "a rar": (b"Rar!\x1a\x07\x01\0", refusals.ARCHIVE),
    "a tar": (b"talk.mp3" + bytes(249) + b"ustar\x0000" + bytes(248) + bare_mp3(), refusals.ARCHIVE),
    "a Word file": (zipped("[Content_Types].xml", "word/document.xml"), refusals.DOCUMENT),
    "an old Word file": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500), refusals.DOCUMENT),
    "a PDF": (b"%PDF-1.7\n", refusals.DOCUMENT),
    "a photograph": (b"\xff\xd8\xff\xe0\0\x10JFIF\0", refusals.PICTURE),
    "an iPhone's photograph": (b"\0\0\0\x24ftypheic\0\0\0\0mif1heic", refusals.PICTURE),
    "a WebP": (b"RIFF\x24\0\0\0WEBPVP8 ", refusals.PICTURE),
    "a page": (b"<!DOCTYPE html><html>", refusals.WEB_PAGE),
    "a page that asks to sign in": (b"\n<HTML lang=de>", refusals.WEB_PAGE),
    "a form": (FORM, refusals.FORM),
    "Musepack": (b"MPCKSH" + bytes(20), refusals.UNREADABLE),
    "text": ("Ein Brief: Grüße und 今日は".encode(), refusals.TEXT),
    "text that is cut within a letter": (("ü" * 300).encode()[:-1], refusals.TEXT),
    "text in UTF-16": ("A letter".encode("utf-16"), refusals.TEXT),
    "unknown bytes": (bytes(range(256)), refusals.UNKNOWN),
}


@pytest.mark.parametrize("what", KINDS)
def test_each_kind_has_its_sentence(what: str) -> None:
    body, sentence = KINDS[what]
    assert sniff(body) is None
    assert refusals.refusal(body) == sentence
