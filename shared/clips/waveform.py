"""The waveform table: how loud a clip is from its start to its end, for drawing."""

import uuid
from typing import Any, ClassVar

from sqlalchemy import Column
from sqlmodel import Field, SQLModel

from shared.db.columns import ReadableJson

MAX_PEAK = 255
"""The loudest sample there is: a peak is one byte."""


def readable_peaks(stored: Any) -> list[int] | None:
    """The peaks of a row; None if they are not in the form that this release knows."""
    is_known = isinstance(stored, list) and all(isinstance(peak, int) and 0 <= peak <= MAX_PEAK for peak in stored)
    return stored if is_known else None


class Waveform(SQLModel, table=True):
    """The peaks of a clip's audio."""

    __tablename__: ClassVar[str] = "waveform"

    clip_id: uuid.UUID = Field(foreign_key="clip.id", ondelete="CASCADE", primary_key=True)
    peaks: list[int] | None = Field(sa_column=Column(ReadableJson(readable_peaks), nullable=False))
    """The loudest sample of each of equally long stretches of the whole clip, 0 to `MAX_PEAK`; never None in a row of
    this release."""
