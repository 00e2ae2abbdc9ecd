"""A library that looks like a real one: transcripts in five languages, whose words come as often as words do (Zipf)."""

import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np

WORDS = 200
"""Words of a transcript."""

VOCABULARY = 30_000
"""Words of a language: as many as a person knows, with their forms."""

YEARS = 3

# Real words for what is said most; the others are made of syllables.
COMMON = {
    "en": "the and to of a I in that it is you for was on with he have as be this they we at but not are from his or",
    "de": "die und der ich das ist nicht zu es in wir sie ein mit den auf für dass war als auch über schön größer",
    "fr": "de la et le à les je que est en un pas pour des ce il qui ne dans été très déjà où c'est l'été cœur",
    "es": "de que no la el es y en lo un por qué me una los con para está año mañana también señor más así",
}

SYLLABLES = {
    "en": "ba be con der ex fi gra ho in jo ke lo man ner or pre qui re st ter un ver wi yo ze tion ing ment ed ly",
    "de": "an be da ein für ge hö ich je kla lö mut nach ober prü qua rei schau tür über ver wich zeit ung keit lich",
    "fr": "a bé ca dé é fa gé hi ju la ma né oi pa qué ré sou tê u vé çon eur ment ette ance oire",
    "es": "a ba cha de es fa gui ha jo la ma ño or pe que rri sa ti u va ye ción dad miento ado ero",
}

KANA = "のにはをたがでてとしれさいるなからもあこうりよくまきおみつだ"
KANJI = "日一国人年大十二本中長出三時行見月後前生五間上東四今金九入学高円子外八六下来気小七山話女北午百書先名川千水半男"

TAGS = (
    "work", "idea", "family", "music", "meeting", "todo", "interview", "diary", "trip", "recipe", "garden", "school",
    "song", "doctor", "client", "car", "house",
)  # fmt: skip
"""The first ones are used most."""

COLUMNS = [
    "id", "library_id", "name", "sort_name", "mime", "bytes", "sha256", "audio_key", "segments", "gaps", "duration_ms",
    "status", "text", "edited_at", "language", "recognizer", "attempt", "tries", "queued_at", "version", "created_at",
    "updated_at", "deleted_at", "tags", "text_length",
]  # fmt: skip


class Made(NamedTuple):
    """A clip of the library, with what it is found by."""

    id: uuid.UUID
    name: str
    text: str
    created_at: datetime
    duration_ms: int
    status: str
    tags: list[str]
    is_edited: bool
    is_deleted: bool
    passages: str


class Corpus:
    """So many clips, the same ones each time."""

    def __init__(self, clips: int, seed: int = 1) -> None:
        self.clips = clips
        self._random = np.random.default_rng(seed)
        self.words = {language: self._vocabulary(language) for language in COMMON}
        ranks = np.arange(1, VOCABULARY + 1)
        self._odds = np.cumsum(1 / (ranks + 2.7))
        self._odds /= self._odds[-1]
        self._now = datetime.now(UTC).replace(microsecond=0)

    def _vocabulary(self, language: str) -> list[str]:
        """Real words for the most common ones, then words of syllables, short ones first."""
        words = dict.fromkeys(COMMON[language].split())
        parts = SYLLABLES[language].split()
        while len(words) < VOCABULARY:
            length = 2 if len(words) < 400 else 3 if len(words) < 8_000 else 4
            words.setdefault("".join(parts[place] for place in self._random.integers(0, len(parts), length)))
        return list(words)

    def sentence(self, language: str, words: int) -> list[str]:
        places = np.searchsorted(self._odds, self._random.random(words))
        if language == "ja":
            letters = (KANA[place % len(KANA)] if place % 3 else KANJI[place % len(KANJI)] for place in places)
            return ["".join(pair) for pair in zip(*[iter(letters)] * 2, strict=False)]
        vocabulary = self.words[language]
        return [vocabulary[min(place, VOCABULARY - 1)] for place in places]

    def __iter__(self) -> Iterator[Made]:
        """The oldest first."""
        random = self._random
        step = timedelta(days=365 * YEARS) / self.clips
        for number in range(self.clips):
            draw = random.random(6)
            language = "en" if draw[0] < 0.6 else "de" if draw[0] < 0.75 else "fr" if draw[0] < 0.85 else "es"
            language = "ja" if draw[0] > 0.92 else language
            said = self.sentence(language, WORDS * 2 if language == "ja" else WORDS)
            text = ("" if language == "ja" else " ").join(said)
            title = self.sentence(language, 6)[:3]
            heard_ms = accumulate((250 + 30 * len(word) for word in said), initial=300)
            words = [
                {"start_ms": start, "end_ms": start + 30 * len(word) + 180, "text": word}
                for word, start in zip(said, heard_ms, strict=False)
            ]
            passage = {"start_ms": 300, "end_ms": words[-1]["end_ms"], "text": text, "words": words}
            is_edited = bool(draw[1] < 0.05)
            tags = {TAGS[min(int(len(TAGS) * tag**2), len(TAGS) - 1)] for tag in random.random(int(draw[2] * 4))}
            yield Made(
                id=uuid.UUID(bytes=random.bytes(16), version=4),
                name=f"{' '.join(title).capitalize()} {number}",
                text=f"By hand: {text}." if is_edited else text,
                created_at=self._now - step * (self.clips - number),
                duration_ms=int(random.lognormal(11.3, 1)),
                status="failed" if draw[3] < 0.004 else "off" if draw[3] < 0.006 else "done",
                tags=sorted(tags) if draw[4] < 0.3 else [],
                is_edited=is_edited,
                is_deleted=bool(draw[5] < 0.01),
                passages=json.dumps([passage], ensure_ascii=False),
            )


def row(clip: Made, sort_name: str) -> tuple[Any, ...]:
    """The clip's columns, in the order of `COLUMNS`."""
    at = clip.created_at
    return (
        clip.id, "home", clip.name, sort_name, "audio/webm", 50_000, "0" * 64, "-", 1, "[]", clip.duration_ms,
        clip.status, clip.text, at if clip.is_edited else None, "en", "base", 1, 0, at, 3, at,
        at, at if clip.is_deleted else None, json.dumps(clip.tags), len(clip.text),
    )  # fmt: skip
