"""The clip table, and every change that a person or a worker makes to a clip. A change does no I/O.

The columns and most verbs are in the bases of `Clip`: `row`, `labels`, `words` and `work`. Other packages import all
of a clip from here.
"""

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, ClassVar, Self

from sqlalchemy import event
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from shared.clips.gaps import LOST, MISSING, UNHEARD, missing_audio, new_gap
from shared.clips.lanes import INDEXES, WAITING
from shared.clips.row import MAX_NAME_CHARS, NameOrigin, Status, name_origin
from shared.clips.work import MAX_TRIES, ClipWork
from shared.db.columns import partial_index
from shared.search import index
from shared.search.folding import sort_key
from shared.uploads.models import Piece, Upload

__all__ = ["MAX_NAME_CHARS", "MAX_TRIES", "Clip", "NameOrigin", "Status", "name_origin"]


class Clip(ClipWork, table=True):
    """One recording. Its text is in this row; its audio is an object in the store, or pieces that are not joined."""

    __tablename__: ClassVar[str] = "clip"
    __table_args__ = (
        # The list in each of its orders, and the bin, by keyset. The columns of the filters follow the key, so that a
        # clip that a filter leaves out is skipped without reading its row.
        partial_index("deleted_at IS NULL", "clip_recent", "library_id", "created_at", "id", "status", "duration_ms"),
        partial_index("deleted_at IS NULL", "clip_length", "library_id", "duration_ms", "id", "status", "created_at"),
        partial_index(
            "deleted_at IS NULL", "clip_name", "library_id", "sort_name", "id", "status", "duration_ms", "created_at"
        ),
        partial_index(
            "starred_at IS NOT NULL AND deleted_at IS NULL", "clip_starred", "library_id", "created_at", "id"
        ),
        partial_index("deleted_at IS NOT NULL", "clip_bin", "library_id", "deleted_at", "id"),
        partial_index("deleted_at IS NULL", "clip_named", "library_id", "name"),
        # What the maintenance tasks read: a handful of rows, however large the library is.
        partial_index("status IN ('pending', 'transcribing')", "clip_unfinished", "queued_at"),
        partial_index("status = 'recording'", "clip_recording", "updated_at"),
        partial_index("status = 'off'", "clip_off", "updated_at"),
        *(partial_index(WAITING[lane], name, "library_id", "queued_at", "id") for lane, name in INDEXES.items()),
        partial_index("status = 'transcribing'", "clip_in_work", "library_id"),
    )

    @classmethod
    def by_id(cls, library_id: str, id: uuid.UUID) -> SelectOfScalar["Clip"]:
        return select(cls).where(col(cls.library_id) == library_id, col(cls.id) == id)

    @classmethod
    def visible_to(cls, library_ids: Collection[str], id: uuid.UUID) -> SelectOfScalar["Clip"]:
        """The clip of this id, for somebody who may read these libraries."""
        return select(cls).where(col(cls.library_id).in_(library_ids), col(cls.id) == id)

    # -- a new clip --------------------------------------------------------------------------------------------

    @classmethod
    def new_upload(
        cls,
        id: uuid.UUID,
        *,
        name: str,
        mime: str,
        bytes: int,
        sha256: str,
        audio_key: str,
        now: datetime,
        recorded_at: datetime | None = None,
        is_dated: bool = False,
        track: int | None = None,
        language: str | None = None,
        duration_ms: int | None = None,
        name_origin: NameOrigin = NameOrigin.PERSON,
        library_id: str,
    ) -> Self:
        """A new clip whose audio is in the store already. It waits for its preparation and its transcription.

        `is_dated`: somebody said `recorded_at`, and no date in the file replaces it.
        """
        return cls(
            id=id,
            library_id=library_id,
            name=name,
            sort_name=sort_key(name),
            name_origin=name_origin,
            mime=mime,
            bytes=bytes,
            sha256=sha256,
            audio_key=audio_key,
            duration_ms=duration_ms,
            status=Status.PENDING,
            is_dated=is_dated,
            track_set=track,
            language_set=language,
            queued_at=now,
            created_at=recorded_at or now,
            updated_at=now,
        )

    @classmethod
    def new_recording(
        cls,
        id: uuid.UUID,
        *,
        name: str,
        mime: str,
        recorded_at: datetime,
        now: datetime,
        name_origin: NameOrigin = NameOrigin.PERSON,
        language: str | None = None,
        library_id: str,
    ) -> Self:
        """A new clip that is being recorded."""
        return cls(
            id=id,
            library_id=library_id,
            name=name,
            sort_name=sort_key(name),
            name_origin=name_origin,
            language_set=language,
            mime=mime,
            bytes=0,
            status=Status.RECORDING,
            queued_at=now,
            created_at=recorded_at,
            updated_at=now,
        )

    @classmethod
    def of_file(cls, upload: Upload, pieces: Sequence[Piece], now: datetime) -> Self:
        """A new clip of a file that has arrived in these pieces. Its audio is one object if there is one piece."""
        only_piece = pieces[0] if len(pieces) == 1 else None
        return cls.new_upload(
            upload.clip_id,
            name=upload.name,
            mime=upload.mime,
            bytes=pieces[-1].end,
            sha256=only_piece.sha256 if only_piece else "",
            audio_key=only_piece.key if only_piece else "",
            recorded_at=upload.recorded_at,
            is_dated=upload.is_dated,
            track=upload.track,
            language=upload.language,
            name_origin=name_origin(upload.name_origin),
            now=now,
            library_id=upload.library_id,
        )

    @classmethod
    def found(cls, uploads: Sequence[Upload], pieces: Sequence[Piece], now: datetime) -> Self:
        """A new clip, in the bin, of audio that no row knew. A person who restores it has it prepared."""
        clip = cls.of_file(uploads[0], pieces, now)
        clip.bytes = sum(piece.end - piece.start for piece in pieces)
        clip.segments = uploads[-1].segment + 1
        clip.found_at = clip.deleted_at = now
        return clip

    # -- its recording -----------------------------------------------------------------------------------------

    def set_arrived_bytes(self, now: datetime, *, bytes: int, recorded_ms: int | None = None) -> None:
        """Set how many bytes of the recording have arrived. A finished recording is reopened.

        A recording is finished when its recorder says so, or sent nothing for long; such a recorder may come back.
        """
        if self.status is not Status.RECORDING:
            self._withdraw_claim()
            self.status = Status.RECORDING
            self.prepared_at, self.audio_key, self.sha256, self.error = None, "", "", None
            self.gaps = [gap for gap in self.gaps if gap["cause"] != LOST]
        if self.found_at is not None and self.found_at == self.deleted_at:
            self.deleted_at = None  # nobody put it into the bin, and its recorder is here again
        self.bytes = bytes
        self._set_length(recorded_ms or self.sound_ms)
        self._touch(now)

    def finish_recording(self, now: datetime, *, duration_ms: int | None, gaps: list[dict[str, Any]]) -> None:
        """End the recording, so that its pieces are joined. `duration_ms` is the time that passed, without the gaps."""
        self._set_length(duration_ms if duration_ms is not None else self.sound_ms)
        self.gaps = gaps
        self.tries = 0
        self.error = None
        self._set_pending(now)
        self._touch(now)

    def reconcile_gaps(self, now: datetime, *, duration_ms: int, gaps: list[dict[str, Any]]) -> bool:
        """Take the duration and gaps from a recorder that came back. True if the clip was finished without it.

        If the audio is not joined yet, `prepare` compares its length with `duration_ms` later.
        """
        if not any(gap["cause"] == LOST for gap in self.gaps):
            return False
        self.gaps = [*gaps, *(gap for gap in self.gaps if gap["cause"] in {MISSING, UNHEARD})]
        if self.prepared_at is None:
            self._set_length(duration_ms)
        else:
            self.gaps += missing_audio(duration_ms, self.sound_ms or 0, self.gaps)
        self._touch(now)
        return True

    def finish_stalled_recording(self, now: datetime) -> None:
        """Finish a recording whose recorder has sent nothing for long. The recorder may still come back."""
        self.finish_recording(now, duration_ms=None, gaps=[*self.gaps, new_gap(self.sound_ms or 0, 0, LOST)])

    # -- what a person wants done with it ----------------------------------------------------------------------

    def move_to_bin(self, now: datetime) -> None:
        """Hide the clip. A worker that holds a claim on it loses that claim, and its late result is dropped."""
        self.deleted_at = now
        self._withdraw_claim()
        self._touch(now)

    def restore(self, now: datetime) -> bool:
        """Take the clip out of the bin. True if it waits for a worker, and needs a job."""
        self.deleted_at = None
        waits = self.status in {Status.PENDING, Status.TRANSCRIBING}
        if waits:
            self._set_pending(now)
        self._touch(now)
        return waits

    def request_transcription(self, now: datetime) -> None:
        """Queue the clip again, with all its tries. The present text stays until a new one replaces it."""
        self._withdraw_claim()
        self.tries = 0
        self.error = None
        self._set_pending(now)
        self._touch(now)

    def set_language(self, code: str | None, now: datetime) -> bool:
        """Set the language that is spoken. True if the clip must be transcribed again, in that language.

        A clip that is recorded or waits will be transcribed anyway; a text in that language stays.
        """
        self.language_set = code
        is_transcribed = self.status is Status.DONE and code is not None and code == self.language
        if is_transcribed or self.status in {Status.RECORDING, Status.PENDING}:
            self._touch(now)
            return False
        self.request_transcription(now)
        return True

    def set_track(self, track: int | None, now: datetime) -> None:
        """Set the track that is heard; None: all with sound. The clip is prepared and transcribed again."""
        self.track_set = track
        self.has_true_clock = False  # until it is prepared, nobody knows that a player of the audio hears this track
        self.prepared_at = None
        self.request_transcription(now)


@event.listens_for(Clip.text, "set")
def _count_text(clip: Clip, text: str | None, _old_text: object, _event: object) -> None:
    clip.text_length = None if text is None else len(text)


index.register_listeners(Clip)
