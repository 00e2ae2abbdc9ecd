"""Save a text that a person wrote, so that no state which anybody would miss is lost.

A revision always has the words that cuts hide.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from sqlmodel import Session, col, select

from shared.clips.cut_words import Span
from shared.clips.models import Clip
from shared.transcripts.models import Source, Transcript
from shared.transcripts.retention import thin_revisions
from shared.transcripts.sittings import continues_sitting


@dataclass(frozen=True)
class Rewrite:
    """New words for one version of a clip. They are made before its row is locked: hours of words take seconds."""

    version: int
    present: str | None
    """The words of this version."""
    words: str
    hidden: list[Span]
    """The spans of the new words that cuts hide."""

    @classmethod
    def of(cls, clip: Clip, text: str) -> Self:
        """Bring a text that a person wrote into the words of a clip. Without cuts, this costs nothing."""
        return cls(clip.version, clip.words, *clip.spliced(text))


def save_text(session: Session, clip: Clip, new: Rewrite, sitting: uuid.UUID | None, now: datetime) -> None:
    """Set the text of a locked clip. Saves of one sitting change one revision; the state before the sitting stays."""
    newest = session.exec(Transcript.newest(clip.id)).first()
    if newest is not None and newest.text == new.present and continues_sitting(newest, new.words, sitting, now):
        clip.edit_words(new.words, new.hidden, now)
        newest.text, newest.saved_at, newest.language = new.words, now, clip.language
        return
    _keep_present_text(session, clip, new.present, newest)
    revision = clip.edit_words(new.words, new.hidden, now)
    revision.saved_at, revision.sitting = now, sitting
    _add(session, revision, now)


def restore_text(session: Session, clip: Clip, new: Rewrite, language: str | None, now: datetime) -> None:
    """Set the text of an earlier revision, as a person's new revision. No sitting goes on from before."""
    _keep_present_text(session, clip, new.present, session.exec(Transcript.newest(clip.id)).first())
    revision = clip.edit_words(new.words, new.hidden, now)
    revision.language = language
    _add(session, revision, now)


def _add(session: Session, revision: Transcript, now: datetime) -> None:
    session.add(revision)
    session.flush()
    thin_revisions(session, revision.clip_id, now)


def _keep_present_text(session: Session, clip: Clip, words: str | None, newest: Transcript | None) -> None:
    """Make a revision of the clip's text unless it is one already: some archives bring a text without revisions."""
    if words is None or (newest is not None and newest.text == words):
        return
    with_this_text = select(Transcript.id).where(col(Transcript.clip_id) == clip.id, col(Transcript.text) == words)
    if session.exec(with_this_text.limit(1)).first() is None:
        # Beside revisions with times, one of a machine without any would hide them.
        is_persons = clip.edited or newest is not None
        present = Transcript(
            clip_id=clip.id,
            source=Source.PERSON if is_persons else Source.MACHINE,
            text=words,
            language=clip.language,
            recognizer=None if is_persons else clip.recognizer,
            created_at=clip.edited_at or clip.updated_at,
        )
        session.add(present)
        session.flush()
