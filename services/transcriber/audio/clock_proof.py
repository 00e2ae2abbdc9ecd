"""Whether a player that plays a file as it is keeps the clip's clock: found out of its packets, without decoding."""

import av
import numpy as np

from services.transcriber.audio.announced import mp3_frames
from services.transcriber.audio.clock import TrackClock
from services.transcriber.audio.demux import start_of
from services.transcriber.audio.part_file import PartFile

MAX_START_S, MAX_START_FRAMES = 0.05, 2
"""Latest first timestamp of a clock that begins at 0: encoders have a delay of up to two of their frames, which last
0.15 s in an MP3 of 8 kHz."""

MAX_DISAGREEMENT_S = 0.25
"""Difference between two lengths of the same sound: encoders pad the last frame, and containers round."""

UNINDEXED_DEMUXERS = {"mp3", "aac"}
"""Demuxers of files without an index: a player guesses from the number of bytes where a second is."""

SAMPLE_INTERVAL_S = 1.0
"""How often the position in such a file is noted: a day takes 700 KB."""


class ClockProof:
    """Collects what the packets of a file's first track say about its clock."""

    def __init__(self, container: av.container.InputContainer, file: PartFile) -> None:
        self._demuxer = container.format.name.partition(",")[0]
        self._announced_frames = mp3_frames(file) if self._demuxer == "mp3" else None
        self._is_guessed = self._demuxer in UNINDEXED_DEMUXERS and self._announced_frames is None
        self._frame_s = 0.0
        self._start_s = start_of(container) or 0.0
        # Some containers announce a length and others an end: they are the same where a clock begins at 0.
        self._announced_s = None if container.duration is None else container.duration / av.time_base
        self._points: list[tuple[float, int]] = []
        """Time and position in bytes of some packets."""
        self._has_durations = True

    def add(self, packet: "av.Packet[av.AudioStream]", clock: TrackClock) -> None:
        """Note a packet that the clock has placed."""
        self._frame_s = self._frame_s or float((packet.duration or 0) * packet.time_base)
        self._has_durations &= bool(packet.duration) or not packet.size
        if self._is_guessed and packet.pos is not None:
            before_s = clock.position_s - float((packet.duration or 0) * packet.time_base)
            if not self._points or before_s >= self._points[-1][0] + SAMPLE_INTERVAL_S:
                self._points.append((before_s, packet.pos))

    def holds(self, clock: TrackClock) -> bool:
        """Whether the clock begins at 0, has the announced length, and is found by every player.

        Whether it runs on is known when the frames are decoded: FFmpeg rounds the durations of Vorbis' packets in WebM
        to milliseconds, so that their sum lags behind.
        """
        return (
            self._starts_at_0()
            and self._has_durations
            and self._announced_s is not None
            and abs(self._announced_s - clock.position_s) <= MAX_DISAGREEMENT_S
            and self._max_guess_error_s() <= MAX_DISAGREEMENT_S
            and self._holds_announced_frames(clock)
        )

    def _starts_at_0(self) -> bool:
        delay_s = min(MAX_START_FRAMES * self._frame_s, MAX_DISAGREEMENT_S)
        return abs(self._start_s) <= max(MAX_START_S, delay_s)

    def _holds_announced_frames(self, clock: TrackClock) -> bool:
        """Whether an MP3 has the frames that its head announces: of two joined files, the head knows the first."""
        if self._announced_frames is None:
            return True
        return abs(self._announced_frames * self._frame_s - clock.position_s) <= MAX_DISAGREEMENT_S

    def _max_guess_error_s(self) -> float:
        """How far a player is off that takes every second for as many bytes as the others."""
        if len(self._points) < 3:
            return 0.0
        times, positions = np.array(self._points, float).T
        share = (positions - positions[0]) / (positions[-1] - positions[0] or 1)
        return float(np.abs(share * (times[-1] - times[0]) - (times - times[0])).max())
