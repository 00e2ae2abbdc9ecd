"""Files that no decoder can make sound of, although they look like sound."""

from typing import IO

from services.transcriber.errors import AudioRejected
from shared import isobmff


def reject_unplayable(file: IO[bytes]) -> None:
    """Raise `AudioRejected`, with what a person can do, for an MP4 whose sound is encrypted or whose index is lost.

    FFmpeg makes noise of encrypted sound, and says of a lost index only that the data is invalid.
    """
    if isobmff.is_cut_off(file):
        raise AudioRejected(isobmff.CUT_OFF)
    if isobmff.is_encrypted(isobmff.read_index(file) or b""):
        raise AudioRejected(isobmff.ENCRYPTED)
