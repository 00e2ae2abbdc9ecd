"""Which words of a clip its cuts hide, also after a person has edited them."""

from collections.abc import Sequence

from services.api.transcripts.alignment import align_words
from shared.clips.cut_words import Span, cut_passages, hidden_spans, timed_units
from shared.clips.cuts import Cut
from shared.transcripts.models import Transcript


def hidden_words(words: str, timed: Transcript | None, cuts: Sequence[Cut], sound_ms: int) -> list[Span]:
    """The spans of a clip's words that cuts hide. `timed` is the newest transcript with times.

    Of words that no machine has heard nobody knows when they were said: none is hidden.
    """
    passages = timed.passages if timed else None
    if not passages or not cuts:
        return []
    if timed and timed.text == words:
        return hidden_spans(words, timed_units(passages), cuts)
    aligned = align_words(words, passages, sound_ms)
    return hidden_spans(words, ((word.text, word.start_ms, word.end_ms) for word in aligned), cuts)


def shown_transcript(timed: Transcript | None, cuts: Sequence[Cut]) -> Transcript | None:
    """A transcript with times as a clip with these cuts shows it: without the words in them, on the cut clock."""
    if timed is None or not cuts:
        return timed
    return Transcript(
        clip_id=timed.clip_id,
        source=timed.source,
        text=timed.text,
        language=timed.language,
        recognizer=timed.recognizer,
        passages=cut_passages(timed.passages or [], cuts),
        created_at=timed.created_at,
    )
