"""What is heard and read of a clip: its length, its text, and both without what is cut out."""

from datetime import datetime

from shared.clips.cut_words import Span, shown_text, splice
from shared.clips.cuts import MIN_KEPT_MS, Cut, kept_ms
from shared.clips.excerpt import excerpt_of
from shared.clips.row import ClipRow
from shared.transcripts.models import Source, Transcript


class ClipWords(ClipRow):
    """The verbs of a clip's words and cuts."""

    @property
    def sound_ms(self) -> int | None:
        """Length of the audio, with what is cut out of it."""
        return self.whole_ms if self.cuts and self.whole_ms is not None else self.duration_ms

    @property
    def words(self) -> str | None:
        """The text with the words that cuts hide."""
        return None if self.text is None else self.whole_words()[0]

    def spliced(self, text: str) -> tuple[str, list[Span]]:
        """A new text with the words that cuts hide, and where they are in it."""
        return splice(text, *self.whole_words()) if self.cuts else (text, [])

    @property
    def excerpt(self) -> str | None:
        """The first words of the text."""
        return excerpt_of(self.text)

    @property
    def text_chars(self) -> int | None:
        """Characters (code points) of the text."""
        return None if self.text is None else len(self.text)

    @property
    def edited(self) -> bool:
        """Whether a person has written the text."""
        return self.edited_at is not None

    def edit(self, text: str, now: datetime) -> Transcript:
        """Set the text that a person wrote; no recognizer overwrites it. Return its revision, which is to be saved.

        The words that cuts hide stay, and the revision has them: `words` is its text.
        """
        return self.edit_words(*self.spliced(text), now)

    def edit_words(self, words: str, hidden: list[Span], now: datetime) -> Transcript:
        """Do so with a text in which the words that cuts hide stand too."""
        self._set_words(words, hidden)
        self.edited_at = now
        self._touch(now)
        return Transcript(clip_id=self.id, source=Source.PERSON, text=words, language=self.language, created_at=now)

    def set_cuts(self, cuts: list[Cut], words: str | None, hidden: list[Span], now: datetime) -> None:
        """Replace the cuts, which are normalized; none shows all again. `hidden` are the spans of the words in them.

        `words` are those of this version of the clip. To read them may take seconds, so that it is done before the row
        is locked.
        """
        sound_ms = self.sound_ms
        self.cuts = cuts
        if words is not None:
            self._set_words(words, hidden)
        self._set_length(sound_ms)
        self._touch(now)

    def _set_length(self, sound_ms: int | None) -> None:
        """Set the length of the audio. Cuts that would leave nothing of another sound are taken back."""
        if self.cuts and sound_ms is not None and kept_ms(self.cuts, sound_ms) < MIN_KEPT_MS:
            words = self.words
            self.cuts = []
            self._set_words(words, [])
        self.whole_ms = sound_ms if self.cuts else None
        self.duration_ms = kept_ms(self.cuts, sound_ms) if self.cuts and sound_ms is not None else sound_ms

    def _set_words(self, words: str | None, hidden: list[Span]) -> None:
        self.text = words if words is None else shown_text(words, hidden)
        self.whole_text, self.hidden = (words, hidden) if self.cuts else (None, [])

    def whole_words(self) -> tuple[str, list[Span]]:
        """The text with the words that cuts hide, and where they are in it. It may take seconds (`splice`)."""
        shown = self.text or ""
        if self.whole_text is None or shown_text(self.whole_text, self.hidden) == shown:
            return (shown, []) if self.whole_text is None else (self.whole_text, self.hidden)
        # An older release, which knows no cuts, has written the text since: a machine's has all words.
        return splice(shown, self.whole_text, self.hidden) if self.edited else (shown, [])
