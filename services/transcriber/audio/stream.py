"""The sound of a recording that still goes on: decoded as its bytes come in, some tenths of a second behind them."""

import threading

import numpy as np
import structlog

from services.transcriber.audio.decode import Samples, flowing
from services.transcriber.errors import AudioRejected

log = structlog.get_logger(__name__)

DECODED_S = 10.0
"""Longest wait for what was fed: an hour that came at once takes half a minute, and the rest is there the next time."""


class Arriving:
    """One segment, from its first byte to `end`. A decoder cannot be asked to wait, so it reads in its own thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._bytes = bytearray()
        self._samples: list[Samples] = []
        self._is_hungry = self._has_ended = self._is_over = False
        threading.Thread(target=self._decode, name="decoder", daemon=True).start()

    def feed(self, data: bytes) -> Samples:
        """Give the bytes that follow; return what came out since, mono at 16 kHz. Damaged sound gives nothing."""
        with self._changed:
            if not self._is_over:  # nobody would read it
                self._bytes += data
            self._is_hungry = False
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._is_hungry or self._is_over, DECODED_S)
            found, self._samples = self._samples, []
        return np.concatenate(found) if found else np.empty(0, np.float32)

    def end(self) -> Samples:
        """Say that no more bytes will come; return the rest."""
        with self._changed:
            self._has_ended = True
        return self.feed(b"")

    def read(self, size: int) -> bytes:
        """What the decoder is given: as much as there is, once there is something."""
        with self._changed:
            while not self._bytes and not self._has_ended:
                self._is_hungry = True
                self._changed.notify_all()
                self._changed.wait()
            given = bytes(self._bytes[:size])
            del self._bytes[:size]
            return given

    def _decode(self) -> None:
        try:
            for samples in flowing(self):
                with self._changed:
                    self._samples.append(samples)
        except AudioRejected as error:
            log.info("a recording gives no captions", reason=str(error))
        except Exception:
            log.exception("the decoder of a recording stumbled")
        finally:
            with self._changed:
                self._is_over = True
                self._bytes.clear()
                self._changed.notify_all()
