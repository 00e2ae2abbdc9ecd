"""A stretch of an untrusted file, as a file of its own."""

import os
from typing import IO


class PartFile:
    """A stretch of a file, with a position of its own: several readers may share one file in turn.

    It does not raise when a damaged header makes a reader seek to a negative position.
    """

    def __init__(self, file: IO[bytes], start: int = 0, end: int | None = None) -> None:
        self._file, self._start = file, start
        self.size = (file.seek(0, os.SEEK_END) if end is None else end) - start
        self._position = 0

    def slice(self, start: int, end: int | None = None) -> "PartFile":
        """The stretch between two positions of this one; up to its end, if none is given."""
        return PartFile(self._file, self._start + start, self._start + (self.size if end is None else end))

    def read(self, size: int = -1) -> bytes:
        data = self.read_at(self._position, self.size if size < 0 else size)
        self._position += len(data)
        return data

    def read_at(self, position: int, length: int) -> bytes:
        """Read without moving."""
        length = min(length, self.size - position)
        if length <= 0:
            return b""
        self._file.seek(self._start + position)
        return self._file.read(length)

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        position = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.size}[whence] + offset
        if position < 0:
            return -1  # C's answer to such a seek
        self._position = position
        return position
