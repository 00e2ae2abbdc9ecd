"""Speakers of a clip that is sent in chunks: one name for each voice, from the first chunk to the last.

A server that tells voices apart names them anew in each answer, `A`, `B` and so on. It can be given names with a few
seconds of each voice, and then uses these names: https://platform.openai.com/docs/guides/speech-to-text
(`known_speaker_names`, `known_speaker_references`).
"""

import base64
import io
import wave
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from services.transcriber.audio.fetch import FetchedAudio
from services.transcriber.recognizers.recognizer import Passage
from services.transcriber.settings import MIN_WHISPER_MAX_BYTES

MAX_KNOWN_SPEAKERS = 4
"""OpenAI takes so many."""

MIN_REFERENCE_S, MAX_REFERENCE_S = 2.0, 5.0
"""Length of the sound that stands for a voice. OpenAI takes 2 to 10 s."""


class ChunkSpeakers:
    """The speakers of one clip, as its chunks bring them."""

    def __init__(self) -> None:
        self._references: dict[str, str] = {}
        self._chunk_number = 0
        self.are_sent = True
        """Whether the server takes the sound of voices; to be set to False when it refuses it."""

    def fields_for(self, chunk: FetchedAudio, max_bytes: int) -> dict[str, Sequence[str]]:
        """Fields of the request that name the known voices; none where a limit leaves no room for their sound.

        A chunk of the smallest size has been cut for a limit that is not known exactly.
        """
        references = list(self._references.values())
        size = chunk.size + sum(len(reference) for reference in references)
        if not self.are_sent or not references or chunk.size <= MIN_WHISPER_MAX_BYTES or 0 < max_bytes < size:
            return {}
        return {"known_speaker_names[]": list(self._references), "known_speaker_references[]": references}

    def name(
        self, passages: Iterable[Passage], chunk: FetchedAudio, sent: Mapping[str, Sequence[str]]
    ) -> list[Passage]:
        """The passages of the next chunk, with names that no other voice of the clip has."""
        self._chunk_number += 1
        known = sent.get("known_speaker_names[]", ())
        named = [
            passage
            if passage.speaker is None or passage.speaker in known
            else replace(passage, speaker=f"{passage.speaker}-{self._chunk_number}")
            for passage in passages
        ]
        self._keep_voices(named, chunk)
        return named

    def _keep_voices(self, passages: Sequence[Passage], chunk: FetchedAudio) -> None:
        """Keep the sound of the longest passage of each speaker who is not known yet."""
        for passage in sorted(passages, key=lambda passage: passage.start_ms - passage.end_ms):
            # A time behind the chunk's end has no sound, and for one bad reference a server refuses all voices.
            is_long_enough = min(passage.end_ms, chunk.duration_ms) - passage.start_ms >= MIN_REFERENCE_S * 1000
            if passage.speaker and passage.speaker not in self._references and is_long_enough:
                if len(self._references) == MAX_KNOWN_SPEAKERS:
                    return
                self._references[passage.speaker] = _data_url(chunk, passage)


def _data_url(chunk: FetchedAudio, passage: Passage) -> str:
    """The beginning of a passage of a WAV chunk, as an address that holds its content."""
    chunk.file.seek(0)
    excerpt = io.BytesIO()
    with wave.open(chunk.file) as source, wave.open(excerpt, "wb") as target:
        rate = source.getframerate()
        source.setpos(min(passage.start_ms * rate // 1000, source.getnframes()))
        length_s = min((passage.end_ms - passage.start_ms) / 1000, MAX_REFERENCE_S)
        target.setparams(source.getparams())
        target.writeframes(source.readframes(int(length_s * rate)))
    return f"data:audio/wav;base64,{base64.b64encode(excerpt.getvalue()).decode()}"
