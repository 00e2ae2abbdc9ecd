"""Cues that people can read and players accept, read back by FFmpeg and by a browser."""

import io
import json
import random
import re
from itertools import pairwise
from typing import Any

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.transcripts.alignment import TimedWord, align_words
from services.api.transcripts.formats import FORMATS
from services.api.transcripts.subtitles import GAP_MS, MAX_CUE_MS, MIN_CUE_MS, Cue, cut_cues
from services.api.transcripts.tokens import CJK_COLUMNS, MAX_COLUMNS, columns
from shared.clips.models import Clip
from shared.redis.jobs import TRANSCRIBE
from shared.transcripts.models import Transcript
from tests import speech
from tests.conftest import Launch
from tests.services.api.transcripts.test_alignment import PASSAGES, TEXTS, TIMES_MS
from tests.shared.clips.test_models import LEASE, NOW, new_clip


def spoken(text: str, word_ms: int = 400, pauses: dict[str, int] | None = None) -> list[TimedWord]:
    """Words of one length, some with a pause behind them."""
    words: list[TimedWord] = []
    at = 0
    for word in text.split():
        words.append(TimedWord(word, True, at, at + word_ms))
        at += word_ms + (pauses or {}).get(word, 0)
    return words


def shown(words: list[TimedWord], length_ms: int | None = None) -> list[Cue]:
    """The cues, which must keep the rules that hold whatever was said."""
    length_ms = words[-1].end_ms if length_ms is None and words else length_ms or 0
    found = cut_cues(words, length_ms)
    assert "".join("".join(cue.lines) for cue in found).replace(" ", "") == "".join(word.text for word in words)
    for cue in found:
        assert 1 <= len(cue.lines) <= 2
        assert all(line and columns(line) <= MAX_COLUMNS for line in cue.lines)
        assert 0 <= cue.start_ms < cue.end_ms <= max(length_ms, 2 * len(found))
        assert cue.end_ms - cue.start_ms <= MAX_CUE_MS
    if len(found) * (MIN_CUE_MS + GAP_MS) <= length_ms:
        assert all(cue.end_ms - cue.start_ms >= MIN_CUE_MS for cue in found)
        assert all(following.start_ms - cue.end_ms >= GAP_MS for cue, following in pairwise(found))
    assert all(cue.end_ms <= following.start_ms for cue, following in pairwise(found))
    return found


def lines(words: list[TimedWord]) -> list[tuple[str, ...]]:
    return [cue.lines for cue in shown(words)]


# -- where words are cut ----------------------------------------------------------------------------------------------


def test_a_short_sentence_is_a_cue_of_one_line_and_a_longer_one_of_two_alike() -> None:
    assert lines(spoken("It was the age of wisdom.")) == [("It was the age of wisdom.",)]
    assert lines(spoken("It was the best of times and it was the worst of times.", 200)) == [
        ("It was the best of times and", "it was the worst of times.")
    ]


def test_cues_end_with_sentences_then_with_clauses() -> None:
    text = (
        "No. He was not an ill-disposed young man. Had he married a more amiable woman, he might have been made "
        "still more respectable than he was, I think. Yes."
    )
    assert lines(spoken(text, 300)) == [
        ("No. He was not an ill-disposed young man.",),
        ("Had he married a more amiable woman,",),
        ("he might have been made still more", "respectable than he was, I think."),
        ("Yes.",),
    ]


def test_a_title_is_no_end_of_a_sentence() -> None:
    text = "Nobody knew what was going to happen to them all, Mr. Dashwood least, of all who were there."
    found = lines(spoken(text, 250))
    assert not any(line.endswith("Mr.") for cue in found for line in cue)


def test_no_cue_stands_through_a_silence_or_for_more_than_seven_seconds() -> None:
    [before, behind] = shown(spoken("one two three four", pauses={"two": 3_000}))
    assert (before.lines, behind.lines) == (("one two",), ("three four",))
    assert (before.start_ms, before.end_ms, behind.start_ms) == (0, 833, 4_600 - 833)
    assert len(shown(spoken("slow is each of these", 2_000))) == 2
    [drawn_out] = shown([TimedWord("Goal!", True, 0, 20_000)])
    assert drawn_out.end_ms == MAX_CUE_MS


def test_fast_speech_stays_until_it_is_read_where_there_is_time() -> None:
    said = "This was said by somebody who had no time."
    words = spoken(f"{said} Then he was silent.", 20, {"time.": 4_000})
    assert [(cue.start_ms, cue.end_ms) for cue in shown(words, 9_000)] == [(0, len(said) * 50), (4_180, 5_130)]


def test_quick_words_make_room_for_each_other_and_stay_near_their_time() -> None:
    words = spoken("Yes! " * 3 + "then comes a long silence", 100, {"silence": 0, "Yes!": 1_100})
    quick = [TimedWord("Ha!", True, 5_000 + 10 * at, 5_005 + 10 * at) for at in range(60)]
    found = shown([*words, *quick], 20_000)
    assert found[0].start_ms == 0
    assert all(abs(cue.start_ms - 5_000) < 3_000 for cue in found if "Ha!" in cue.lines[0])


def test_scripts_without_spaces_have_lines_of_sixteen_characters() -> None:
    said = "今天天气很好，我们一起去公园散步，看见了很多漂亮的花，还有几个孩子在湖边放风筝。"
    found = shown(align_words(said, [{"start_ms": 0, "end_ms": 9_000, "text": said}], 9_000))
    assert len(found) == 2
    assert max(len(line) for cue in found for line in cue.lines) <= MAX_COLUMNS / CJK_COLUMNS == 16
    assert not any(line[0] in "，。" for cue in found for line in cue.lines)


@given(TEXTS, PASSAGES, TIMES_MS)
def test_any_text_with_any_passages_keeps_the_rules(text: str, passages: list[dict[str, Any]], length_ms: int) -> None:
    shown(align_words(text, passages, length_ms), length_ms)


@given(st.integers(0, 2**32), st.integers(1, 400), st.integers(20, 900))
def test_speech_of_any_length_and_pace_keeps_the_rules(seed: int, number: int, pace_ms: int) -> None:
    chance = random.Random(seed)
    said = [chance.choice(speech.words().split()) for _ in range(number)]
    pauses = {word: chance.choice([0, 100, 400, 2_500]) for word in set(said)}
    found = shown(spoken(" ".join(said), pace_ms, pauses))
    assert " ".join(line for cue in found for line in cue.lines).split() == said


# -- what players read ------------------------------------------------------------------------------------------------

HOSTILE = (
    "A <i>tag</i> & 1 <2, --> {\\an8}so &lt; an\nend\0of it. 1984 \u202ebidi\u202c 東京。 \n\n"
    "WEBVTT\n\n1\n00:00 NOTE here"
)


def transcribed(text: str, words: str | None = None) -> tuple[Clip, Transcript]:
    """A clip with these words, said one after another, and a person's text if there is one."""
    clip = new_clip("a")
    clip.claim(TRANSCRIBE, NOW, LEASE)
    said = [{"text": w.text, "start_ms": w.start_ms, "end_ms": w.end_ms} for w in spoken(text)]
    length_ms = 400 * len(said)
    passages = [{"start_ms": 0, "end_ms": length_ms, "text": text, "words": said}]
    timed = clip.finish_transcription(
        text=text, language="en", recognizer="ear", passages=passages, duration_ms=length_ms, now=NOW
    )
    if words is not None:
        clip.edit(words, NOW)
    return clip, timed


def expected(clip: Clip, transcript: Transcript) -> list[tuple[int, int, str]]:
    assert clip.duration_ms is not None
    words = align_words(clip.text or "", transcript.passages or [], clip.duration_ms)
    return [(cue.start_ms, cue.end_ms, "\n".join(cue.lines)) for cue in cut_cues(words, clip.duration_ms)]


def read_by_ffmpeg(content: str, form: str) -> list[tuple[int, int, str]]:
    """As a player built on FFmpeg shows it; what its decoder writes for markup must not be there."""
    found = []
    with av.open(io.BytesIO(content.encode()), "r", format=form) as container:
        for packet in container.demux():
            for subtitle in packet.decode():
                assert isinstance(subtitle, av.subtitles.subtitle.AssSubtitle)
                assert packet.pts is not None
                ass = subtitle.ass.decode().split(",", 8)[8]
                # How FFmpeg writes braces and backslashes that are none of its own.
                plain = ass.replace("\\{{}", "{").replace("\u2060", "")
                assert not re.search(r"\{\\(?!an8)", plain), "taken for markup"
                found.append((packet.pts, packet.pts + (packet.duration or 0), plain.replace("\\N", "\n")))
    return found


TEXTS_TO_READ = {"speech": speech.words(), "hostile": HOSTILE, "one": "Yes."}


@pytest.mark.parametrize("text", TEXTS_TO_READ.values(), ids=TEXTS_TO_READ)
@pytest.mark.parametrize("edited", [False, True])
def test_players_read_every_cue_as_it_was_meant(text: str, *, edited: bool) -> None:
    clip, transcript = transcribed(speech.words(), text) if edited else transcribed(text)
    wanted = expected(clip, transcript)
    vtt = read_by_ffmpeg(FORMATS["vtt"].render(clip, transcript), "webvtt")
    assert vtt == wanted
    likenesses = str.maketrans({"‹": "<", "(": "{", "→": ">"})
    srt = read_by_ffmpeg(FORMATS["srt"].render(clip, transcript), "srt")
    assert [(start, end, text.translate(likenesses)) for start, end, text in srt] == [
        (start, end, text.replace("-->", ">")) for start, end, text in wanted
    ]


@given(TEXTS, PASSAGES)
def test_no_word_is_lost_in_any_form(text: str, passages: list[dict[str, Any]]) -> None:
    clip, transcript = transcribed("any words", text)
    transcript.passages = passages
    said = "".join(word.text for word in align_words(text, [], 0))
    vtt = "".join(text for _, _, text in read_by_ffmpeg(FORMATS["vtt"].render(clip, transcript), "webvtt"))
    srt = FORMATS["srt"].render(clip, transcript)
    assert "\0" not in srt
    assert len(read_by_ffmpeg(srt, "srt")) == srt.count(" --> ") == len(expected(clip, transcript))
    if (
        "{" not in said and "\\N" not in said
    ):  # FFmpeg's decoder puts its own around the first, and breaks lines at the second
        assert re.sub(r"[\s\u202a\u202b\u202c]", "", vtt) == re.sub("[\u2060\u202a\u202b\u202c]", "", said)
    assert FORMATS["txt"].render(clip, transcript) == f"{text}\n"
    assert json.loads(FORMATS["json"].render(clip, transcript))["text"] == text
    clip.edited_at = None
    assert re.sub(r"\s", "", FORMATS["txt"].render(clip, transcript)) == said


async def test_a_browser_reads_every_cue_as_it_was_meant(launch_browser: Launch) -> None:
    page = await (await launch_browser()).new_page()
    clip, transcript = transcribed(speech.words(), f"{HOSTILE} {speech.words()}")
    found = await page.evaluate(
        """vtt => new Promise((read, fail) => {
            const track = document.createElement("track");
            track.src = URL.createObjectURL(new Blob([vtt], { type: "text/vtt" }));
            track.onload = () => read([...track.track.cues].map(cue => [
                Math.round(cue.startTime * 1000), Math.round(cue.endTime * 1000), cue.getCueAsHTML().textContent]));
            track.onerror = fail;
            document.body.append(document.createElement("video"));
            document.querySelector("video").append(track);
            track.track.mode = "hidden";
        })""",
        FORMATS["vtt"].render(clip, transcript),
    )
    assert [tuple(cue) for cue in found] == expected(clip, transcript)
