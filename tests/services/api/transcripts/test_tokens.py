"""Words of scripts without spaces, which no line of subtitles cuts; characters that are never torn apart."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.transcripts.alignment import TimedWord, align_words
from services.api.transcripts.subtitles import cut_cues
from services.api.transcripts.tokens import MAX_COLUMNS, columns, tokenize, visible_characters

SENTENCES = {
    "thai 1": "วันนี้|อากาศ|ดี|มาก",
    "thai 2": "ผม|ไป|โรงเรียน|ทุก|วัน",
    "thai 3": "ประเทศไทย|มี|ประชากร|มาก",
    "thai 4": "เขา|กิน|ข้าว|กับ|เพื่อน",
    "thai 5": "ฉัน|รัก|ภาษา|ไทย",
    "thai 6": "เรา|จะ|ประชุม|กัน|พรุ่งนี้",
    "thai 7": "รถไฟ|ออก|เดินทาง|ตอน|เช้า",
    "thai 8": "นักเรียน|อ่าน|หนังสือ|ใน|ห้องสมุด",
    "thai 9": "ร้านอาหาร|นี้|อร่อย|มาก",
    "thai 10": "เด็ก|เล่น|ฟุตบอล|ใน|สนาม",
    "lao": "ສະບາຍດີ|ປະເທດ|ລາວ",
    "khmer": "ភាសាខ្មែរ|ជា|ភាសា|ផ្លូវការ",
    "burmese": "မြန်မာ|ဘာသာ|စကား|သည်",
    "chinese": "今天|天气|很好，|我们|一起去|公园|散步。",
    "japanese": "今日は|とても|天気が|いいので|公園に|行きました。",
}
"""Sentences with a bar between words."""

COMPOUNDS = {
    "วัน|นี้", "ประเทศ|ไทย", "พรุ่ง|นี้", "เดิน|ทาง", "ห้อง|สมุด", "ร้าน|อาหาร",
}  # fmt: skip
"""Words of two words, between which a line may end."""


@pytest.mark.parametrize("sentence", SENTENCES.values(), ids=SENTENCES)
def test_scripts_without_spaces_are_cut_between_words(sentence: str) -> None:
    finest = sentence
    for compound in COMPOUNDS:
        finest = finest.replace(compound.replace("|", ""), compound)
    cuts = "|".join(token.text for token in tokenize(sentence.replace("|", "")))
    assert boundaries(cuts) <= boundaries(finest), cuts
    assert len(boundaries(cuts)) >= len(boundaries(sentence)) * 0.6, "a line may end at most words"


def boundaries(words: str) -> set[int]:
    lengths = [len(word) for word in words.split("|")]
    return {sum(lengths[:number]) for number in range(1, len(lengths))}


def test_no_line_of_a_subtitle_cuts_a_word() -> None:
    words = "".join(SENTENCES[f"thai {number}"] for number in range(1, 11)).replace("|", "")
    tokens = [token.text for token in tokenize(words)]
    timed = align_words(words, [{"start_ms": 0, "end_ms": 30_000, "text": words}], 30_000)
    lines = [line for cue in cut_cues(timed, 30_000) for line in cue.lines]
    assert "".join(lines) == words
    assert len(lines) > 4
    ends = {sum(map(len, tokens[:number])) for number in range(len(tokens) + 1)}
    assert {sum(map(len, lines[:number])) for number in range(len(lines))} <= ends


def test_fragments_of_a_machine_are_words_at_their_times() -> None:
    """Whisper's words of Thai are pieces of words: the times of their characters are kept, and edited words found."""
    fragments = ["ประ", "เท", "ศไ", "ทย", "มีประ", "ชา", "กร", "มาก"]
    heard = [{"text": text, "start_ms": 1_000 + 300 * n, "end_ms": 1_300 + 300 * n} for n, text in enumerate(fragments)]
    passages = [{"start_ms": 1_000, "end_ms": 3_400, "text": "".join(fragments), "words": heard}]
    found = {word.text: word for word in align_words("ประเทศไทยมีคนมาก", passages, 9_000)}
    assert found["มาก"] == TimedWord("มาก", False, 3_100, 3_400)
    first = next(iter(found.values()))
    assert first.start_ms == 1_000
    assert 2_200 <= found["มี"].start_ms < found["มี"].end_ms <= found["คน"].start_ms < 3_100
    # Words without spaces of a server are words all the same.
    english = [{"text": text, "start_ms": n, "end_ms": n + 1} for n, text in enumerate(["one", "two"])]
    assert [word.start_ms for word in align_words("one two", [{**passages[0], "words": english}], 9)] == [0, 1]


@pytest.mark.parametrize(
    "cluster", ["👩‍👩‍👧‍👦", "👍🏽", "🇩🇪", "e\u0301\u0323", "กี่", "क्षि", "\u1112\u1161\u11ab", "😀"],
    ids=lambda cluster: unicodedata.name(cluster[0]),
)  # fmt: skip
def test_a_character_of_several_is_never_torn(cluster: str) -> None:
    for before in range(36, 43):
        text = "x" * before + cluster * 5
        tokens = [token.text for token in tokenize(text)]
        assert "".join(tokens) == text
        assert all(not token.strip("x").replace(cluster, "") for token in tokens), tokens


MIXED = st.text(st.sampled_from("aก้ำ中かー、」(👍🏽\u200d🇩\u0301۔ლ\u2060 \n\0") | st.characters(), max_size=80)


@given(MIXED)
def test_tokens_hold_every_visible_character_and_fit_a_line(text: str) -> None:
    tokens = tokenize(text)
    assert "".join(token.text for token in tokens) == visible_characters(text)
    assert all(token.text and columns(token.text) <= MAX_COLUMNS for token in tokens)
