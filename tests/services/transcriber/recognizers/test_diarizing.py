"""OpenAI's models that tell voices apart, and its other newer ones: asked as they want to be asked."""

import io
import wave
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import numpy as np
import pytest

from services.transcriber.audio.fetch import FetchedAudio
from services.transcriber.jobs.transcribe import _stored_passage
from services.transcriber.recognizers import chunks, speakers
from services.transcriber.recognizers.chunks import to_wav
from services.transcriber.recognizers.openai import OpenAIRecognizer
from services.transcriber.recognizers.recognizer import Passage
from tests.servers.whisper import API_KEY, DIARIZING_MODEL, SPEECH_MODEL, Fault, Heard, Whisper
from tests.services.transcriber.recognizers.test_recognizers import settings, transcribe

RATE = 16_000
VOICES = {"deep": 0.1, "high": 0.4, "hoarse": 0.8}
"""Whose voice it is → how loud it is."""


def conversation(turns: Sequence[tuple[str, int]]) -> FetchedAudio:
    """Noise in the voices of several people, each for some seconds, with silence between them."""
    noise = np.random.default_rng(1)
    sound = []
    for voice, seconds in turns:
        said = noise.choice([-1.0, 1.0], seconds * RATE).astype(np.float32) * np.float32(VOICES[voice])
        said[-RATE // 2 :] = 0
        sound.append(said)
    return to_wav(np.concatenate(sound))


def hear(audio: bytes) -> Heard:
    """Stands in for the model: who is heard in each half a second."""
    with wave.open(io.BytesIO(audio)) as file:
        sound = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32767
    windows = [float(np.abs(window).max()) for window in np.array_split(sound, max(1, len(sound) * 2 // RATE))]
    length_s = len(sound) / RATE / len(windows)
    segments: list[dict[str, Any]] = []
    voices = [min(VOICES, key=lambda name: abs(VOICES[name] - loudness)) if loudness else "" for loudness in windows]
    for voice, places in groupby(range(len(voices)), key=lambda place: voices[place]):
        if voice:
            first, *_, last = [*places] * 2
            segments.append(
                {"start": first * length_s, "end": (last + 1) * length_s, "text": f" I am {voice}.", "voice": voice}
            )
    return {
        "text": "".join(each["text"] for each in segments), "duration": len(sound) / RATE, "segments": segments,
        "words": [],
    }  # fmt: skip


@pytest.fixture
def server() -> Iterator[Whisper]:
    with Whisper(transcribe=hear) as whisper:
        yield whisper


def recognizer_at(server: Whisper, model: str = DIARIZING_MODEL, **values: Any) -> OpenAIRecognizer:
    return OpenAIRecognizer(
        settings(whisper_url=server.openai_url, whisper_api_key=API_KEY, whisper_model=model, **values)
    )


def asked_formats(server: Whisper) -> list[str]:
    return [asked.fields["response_format"][0] for asked in server.requests]


@pytest.fixture
def short_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "MAX_BLOCK_S", 10)
    monkeypatch.setattr(speakers, "MIN_WHISPER_MAX_BYTES", 0)


def test_a_diarizing_model_is_asked_as_it_wants_to_be(server: Whisper) -> None:
    """It was asked for `verbose_json` and then for `json`, with a prompt and no chunking: 400 each time."""
    audio = conversation([("deep", 4), ("high", 3), ("deep", 3)])
    found = transcribe(recognizer_at(server, whisper_prompt="Mister Dashwood"), audio)
    assert server.refused == []
    assert asked_formats(server) == ["diarized_json"]
    assert [(passage.speaker, passage.text) for passage in found.passages] == [
        ("A", "I am deep."), ("B", "I am high."), ("A", "I am deep."),
    ]  # fmt: skip
    assert _stored_passage(found.passages[1])["speaker"] == "B"
    assert found.passages[1].start_ms == pytest.approx(4000, abs=500)


@pytest.mark.usefixtures("short_chunks")
def test_one_voice_has_one_name_in_all_chunks(server: Whisper) -> None:
    turns = [("deep", 4), ("high", 4), ("high", 4), ("hoarse", 5), ("hoarse", 4), ("deep", 4), ("high", 4), ("deep", 4)]
    found = transcribe(recognizer_at(server, whisper_max_bytes=1_000_000), conversation(turns))
    assert server.refused == []
    assert len(server.requests) >= 4
    names: dict[str, set[str | None]] = {}
    for passage in found.passages:
        names.setdefault(passage.text, set()).add(passage.speaker)
    assert sorted(len(each) for each in names.values()) == [1, 1, 1]
    assert len(set.union(*names.values())) == 3
    assert [passage.start_ms for passage in found.passages] == sorted(passage.start_ms for passage in found.passages)


@pytest.mark.usefixtures("short_chunks")
def test_voices_are_kept_apart_where_a_server_takes_no_references(server: Whisper) -> None:
    """The `A` of the second chunk is not that of the first."""
    server.fail(Fault.NO_VOICES)
    turns = [("deep", 4), ("high", 5), ("high", 5), ("deep", 4), ("deep", 5), ("high", 5), ("high", 5), ("deep", 4)]
    found = transcribe(recognizer_at(server, whisper_max_bytes=1_000_000), conversation(turns))
    assert sum("known_speaker_names[]" in asked.fields for asked in server.requests) == 1
    speakers_of: dict[str | None, set[str]] = {}
    for passage in found.passages:
        speakers_of.setdefault(passage.speaker, set()).add(passage.text)
    assert all(len(texts) == 1 for texts in speakers_of.values())
    assert {"A-1", "A-2"} <= set(speakers_of)


def test_a_server_that_knows_no_such_format_gives_its_words(server: Whisper) -> None:
    server.fail(Fault.NOT_DIARIZED)
    found = transcribe(recognizer_at(server), conversation([("deep", 3)]))
    assert (found.text, asked_formats(server)) == ("I am deep.", ["diarized_json", "json"])
    assert found.passages[0].speaker is None


def test_the_other_newer_models_go_on_working(server: Whisper) -> None:
    found = transcribe(recognizer_at(server, SPEECH_MODEL, whisper_prompt="Deep."), conversation([("deep", 3)]))
    assert (found.text, asked_formats(server)) == ("I am deep.", ["verbose_json", "json"])
    assert server.requests[-1].fields["prompt"] == ["Deep."]


def test_little_room_is_left_to_the_sound_itself() -> None:
    """References must not make a request larger than a server takes."""
    known = speakers.ChunkSpeakers()
    chunk = conversation([("deep", 60)])
    assert known.fields_for(chunk, 0) == {}
    named = known.name([Passage(0, 9_000, "I am deep.", speaker="A")], chunk, {})
    assert [passage.speaker for passage in named] == ["A-1"]
    assert known.fields_for(chunk, 0)["known_speaker_names[]"] == ["A-1"]
    assert known.fields_for(chunk, chunk.size + 100_000) == {}
    assert known.fields_for(conversation([("deep", 30)]), 0) == {}


def test_times_behind_the_end_of_a_chunk_give_no_reference() -> None:
    """Servers round, and hallucinate behind the end. Of one empty reference, all voices would be refused."""
    known = speakers.ChunkSpeakers()
    chunk = conversation([("deep", 60)])
    passages = [Passage(3_600_000, 3_610_000, "Thanks for watching.", speaker="A")]
    passages += [Passage(58_500, 64_000, "Bye.", speaker="B"), Passage(0, 5_000, "Hello.", speaker="C")]
    known.name(passages, chunk, {})
    assert known.fields_for(chunk, 0)["known_speaker_names[]"] == ["C-1"]
