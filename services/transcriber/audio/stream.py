"""Decode a recording while its bytes arrive, some tenths of a second behind them."""

import threading
from contextvars import copy_context

import numpy as np
import structlog

from services.transcriber.audio.decode import SAMPLE_RATE, decode_stream
from services.transcriber.audio.samples import Samples
from services.transcriber.errors import AudioRejected

log = structlog.get_logger(__name__)

MAX_DECODE_WAIT_S = 10.0
"""Longest wait for the samples of one call. An hour fed at once takes half a minute; the next call gets the rest."""


MAX_PENDING_SAMPLES = 600 * SAMPLE_RATE
"""Samples that wait for the next call: 38 MB. A few bytes may hold hours of silence, with which the decoder waits."""


class StreamingDecoder:
    """Decodes one segment, from its first byte to `finish`.

    FFmpeg reads when it wants to and cannot be paused, so it runs in a thread of its own, which waits in `read`.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._bytes = bytearray()
        self._samples: list[Samples] = []
        self._pending = 0
        """The number of those samples."""
        self._needs_bytes = self._is_complete = self._has_ended = self._is_closed = False
        # In the caller's context, so that its log lines name the clip.
        threading.Thread(target=copy_context().run, args=(self._decode,), name="decoder", daemon=True).start()

    def feed(self, data: bytes) -> Samples:
        """Decode the bytes that follow. Return the new samples, mono at 16 kHz; none if the audio is damaged."""
        with self._changed:
            if not self._has_ended:  # nobody would read the bytes
                self._bytes += data
            self._needs_bytes = False
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._needs_bytes or self._has_ended or self._is_full, MAX_DECODE_WAIT_S)
            samples, self._samples, self._pending = self._samples, [], 0
            self._changed.notify_all()
        return np.concatenate(samples) if samples else np.empty(0, np.float32)

    def finish(self) -> Samples:
        """Declare the segment complete. Return the rest of its samples, as far as they are decoded in time."""
        with self._changed:
            self._is_complete = True
        samples = self.feed(b"")
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        return samples

    @property
    def _is_full(self) -> bool:
        return self._pending >= MAX_PENDING_SAMPLES

    def read(self, size: int) -> bytes:
        """Wait for bytes, and return up to `size` of them; none at the end. For the decoder's thread."""
        with self._changed:
            while not self._bytes and not self._is_complete:
                self._needs_bytes = True
                self._changed.notify_all()
                self._changed.wait()
            data = bytes(self._bytes[:size])
            del self._bytes[:size]
            return data

    def _decode(self) -> None:
        try:
            for samples in decode_stream(self):
                with self._changed:
                    self._samples.append(samples)
                    self._pending += len(samples)
                    if self._is_full:
                        self._changed.notify_all()
                        self._changed.wait_for(lambda: self._is_closed or not self._is_full)
                    if self._is_closed:
                        return
        except AudioRejected as error:
            log.info("a recording cannot be captioned", reason=str(error))
        except Exception:
            log.exception("decoding a recording failed")
        finally:
            with self._changed:
                self._has_ended = True
                self._bytes.clear()
                self._changed.notify_all()
