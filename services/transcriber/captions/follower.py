"""Follow one recording: decode its pieces as they arrive, and send its captions."""

import threading
import time
from contextlib import suppress
from dataclasses import dataclass

import redis
import structlog
from prometheus_client import Gauge, Histogram
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from services.transcriber.audio.stream import StreamingDecoder
from services.transcriber.captions.live_transcript import LiveTranscript
from services.transcriber.captions.lock import RecordingLock
from services.transcriber.errors import RetryLater
from services.transcriber.outbox_sender import SendHint
from services.transcriber.recognizers.streaming import CaptionModels
from services.transcriber.thread_priority import lower_thread_priority
from shared.clips.models import Clip, Status
from shared.db.engine import read_session
from shared.storage.store import Store, StoreError
from shared.uploads.models import Piece

log = structlog.get_logger(__name__)

POLL_INTERVAL_S, IDLE_POLL_INTERVAL_S = 0.25, 3.0
"""How often new pieces are queried, by an index. A page sends one every two seconds, and none while it is paused or
offline."""

LIVE_RECORDINGS = Gauge("dictaphone_live_recordings", "Recordings that are given captions now")

CAPTION_SECONDS = Histogram(
    "dictaphone_caption_seconds", "Time for the words of what came last", buckets=(0.1, 0.3, 1, 3, 10)
)


@dataclass(frozen=True)
class FollowerContext:
    """What all followers of a process share."""

    engine: Engine
    store: Store
    send_hint: SendHint
    models: CaptionModels
    client: redis.Redis


class Follower:
    """Captions one recording, from its first piece to its last."""

    def __init__(self, context: FollowerContext, clip: Clip, lock: RecordingLock, stopping: threading.Event) -> None:
        self._context, self._clip, self._lock, self._stopping = context, clip, lock, stopping
        self._language = clip.spoken_language
        self._recognizer = context.models.recognizer_for(self._language)
        self._transcript = LiveTranscript(self._recognizer)
        self._segment = -1
        self._offset = 0
        """Bytes of the segment that are decoded."""
        self._decoder: StreamingDecoder | None = None
        self._last_piece_at = time.monotonic()
        self._logged_error = ""
        """The error that lasts now: it is logged once, and not four times a second."""

    def run(self) -> None:
        """Follow the recording until it ends, another worker holds its lock, or the process stops."""
        lower_thread_priority()
        with LIVE_RECORDINGS.track_inprogress(), structlog.contextvars.bound_contextvars(clip_id=str(self._clip.id)):
            try:
                with suppress(RetryLater):
                    self._recognizer.load()
                while self._poll():
                    idle_s = time.monotonic() - self._last_piece_at
                    is_idle = idle_s >= 3 * IDLE_POLL_INTERVAL_S
                    if self._stopping.wait(IDLE_POLL_INTERVAL_S if is_idle else POLL_INTERVAL_S):
                        break
            except Exception:
                log.exception("captioning a recording failed")
            finally:
                if self._decoder:
                    self._decoder.finish()
                with suppress(redis.RedisError):
                    self._lock.release()

    def _poll(self) -> bool:
        """Caption the new pieces; False after the last one. After an unavailable service, the next poll tries again."""
        is_over = False
        try:
            if not self._lock.renew():
                return False
            with read_session(self._context.engine) as session:
                clip = session.get(Clip, self._clip.id)
                # The status is read before the pieces, so that a finished recording is followed to its last piece.
                following = Piece.after(self._clip.library_id, self._clip.id, self._segment, self._offset)
                rows = session.exec(following).all()
            if clip is None or clip.deleted_at is not None:
                return False
            is_over = clip.status is not Status.RECORDING
            self._set_language(clip.spoken_language)
            if rows or is_over:
                self._last_piece_at = time.monotonic()
                self._add_pieces([(upload.segment, piece) for upload, piece in rows])
                if not self._send_captions(is_over=is_over):
                    return False
            self._logged_error = ""
        except (redis.RedisError, SQLAlchemyError, StoreError, RetryLater) as error:
            if self._logged_error != (error_name := type(error).__name__):
                log.warning("captions are unavailable; retrying", reason=f"{error_name}: {error}")
                self._logged_error = error_name
        return not is_over

    def _set_language(self, language: str | None) -> None:
        """Go on in another language, if a person has chosen one."""
        if language == self._language:
            return
        self._language = language
        self._recognizer = self._transcript.recognizer = self._context.models.recognizer_for(language)
        self._recognizer.load()

    def _add_pieces(self, pieces: list[tuple[int, Piece]]) -> None:
        for segment, piece in pieces:
            if segment != self._segment:
                self._finish_segment()
                self._segment, self._offset, self._decoder = segment, 0, StreamingDecoder()
            assert self._decoder is not None
            # From where a failed read ended, and in blocks: pieces that were joined are one piece of any size.
            for block in self._context.store.read(piece.key, self._offset - piece.start):
                self._transcript.add(self._decoder.feed(block))
                self._offset += len(block)
                self._lock.renew()  # whether it is lost is asked before anything is sent

    def _send_captions(self, *, is_over: bool) -> bool:
        """Send the words, if they have changed. False, with nothing sent, if another worker has the recording now."""
        if is_over:
            self._finish_segment()
        with CAPTION_SECONDS.time():
            has_changed = self._transcript.update(is_over=is_over)
        # On a busy machine a pass may take longer than the lock lasts.
        if not self._lock.renew():
            return False
        if has_changed:
            caption = {"type": "caption", "clip": {"id": str(self._clip.id)}, **self._transcript.caption()}
            self._context.send_hint(self._clip.library_id, caption)
        return True

    def _finish_segment(self) -> None:
        """Commit the rest of a segment. The next one follows an interruption, and no sentence continues over that."""
        if self._decoder is not None:
            self._transcript.add(self._decoder.finish())
            self._transcript.update(is_over=True)
            self._decoder = None
