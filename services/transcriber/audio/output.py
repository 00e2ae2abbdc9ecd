"""Containers that are written: into a temporary file, with the index at the front."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

import av

INDEX_TO_FRONT = {"mp4": {"movflags": "+faststart"}, "webm": {"cues_to_front": "1"}, "matroska": {"cues_to_front": "1"}}
"""Container → the options that put its index where a player finds it in the first bytes."""


@contextmanager
def open_output(target: IO[bytes], container: str) -> Iterator[av.container.OutputContainer]:
    """Open a container to write. The same packets make the same file each time."""
    # Without this option, Matroska draws random track numbers.
    options = INDEX_TO_FRONT.get(container, {}) | {"fflags": "+bitexact"}
    # To make room for the index, FFmpeg opens its output a second time and moves it.
    with av.open(
        target, "w", format=container, options=options, io_open=lambda *_: _SecondReader(target.fileno())
    ) as output:
        yield output


class _SecondReader:
    """Reads a file that is open for writing, with a position of its own. A file without a name cannot be reopened."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._position = 0

    def read(self, size: int) -> bytes:
        block = os.pread(self._descriptor, size, self._position)
        self._position += len(block)
        return block

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: os.fstat(self._descriptor).st_size}
        self._position = base[whence] + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def close(self) -> None:
        """Leave the file open for its writer."""
