"""From the clocks of the sound and of the player to the one session clock.

The session clock is the recorder's monotonic clock, in ms since the recording began. The caller's sound has a clock
of its own, counted in samples appended; the player reports moments on the clock of its own machine.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from contoso_lab.recording.log import RecordedEvent
from contoso_lab.wire.plain import number

# How late a network may deliver a frame and still be believed to have been on time when it was spoken.
_JITTER_MS = 250.0
# Reports may overtake each other by less than this; a greater jump back is another clock.
_RESTART_MS = 1000.0


class Frame(NamedTuple):
    """Sound that was appended at once."""

    t_ms: float
    """When it passed the recorder."""
    off: int
    len: int


@dataclass(frozen=True, slots=True)
class AudioClock:
    """Tells when a sample was spoken, from when the frames with the samples passed.

    A frame passes when its last sample has been spoken, or later, if the network held it up; the frames behind it
    then come in a bunch. So a frame's end is taken to be no later than its passing, and early enough for the frames
    behind it (at most 250 ms earlier). Sound that was sent faster than it could be spoken ends when it was sent.
    """

    starts_ms: tuple[float, ...]
    """When each frame's first sample was spoken."""
    ends_ms: tuple[float, ...]
    """When each frame's last sample had been spoken."""
    stops: tuple[int, ...]
    """Sample behind each frame."""
    rate_hz: int

    @classmethod
    def of(cls, frames: Sequence[Frame], rate_hz: int) -> AudioClock:
        """Make the clock of a track.

        >>> clock = AudioClock.of([Frame(20, 0, 480), Frame(40, 480, 480), Frame(3020, 960, 480)], 24000)
        >>> clock.session_ms(30), clock.session_ms(50)
        (30.0, 3010.0)
        """
        frames = [frame for frame in frames if frame.len > 0]
        lengths_ms = [1000 * frame.len / rate_hz for frame in frames]
        ends: list[float] = []
        room = math.inf  # when the frame behind begins
        for frame, length_ms in zip(reversed(frames), reversed(lengths_ms), strict=True):
            passed = frame.t_ms
            # Written out: there are fifty a second, and `min` and `max` take twice as long.
            end = room if room < passed else passed
            end = passed - _JITTER_MS if end < passed - _JITTER_MS else end
            ends.append(end)
            room = end - length_ms
        ends.reverse()
        starts: list[float] = []
        before = -math.inf
        for end, length_ms in zip(ends, lengths_ms, strict=True):
            start = end - length_ms
            starts.append(before if start < before else start)
            before = end
        return cls(tuple(starts), tuple(ends), tuple(frame.off + frame.len for frame in frames), rate_hz)

    def session_ms(self, audio_ms: float) -> float:
        """When this moment of the track was spoken; before and behind the track the clock runs on evenly."""
        if not self.stops:
            return audio_ms
        sample = audio_ms * self.rate_hz / 1000
        index = min(bisect_left(self.stops, sample), len(self.stops) - 1)
        first = self.stops[index - 1] if index else 0
        start, end, length = self.starts_ms[index], self.ends_ms[index], self.stops[index] - first
        if sample < first or sample > self.stops[index]:
            return end + 1000 * (sample - self.stops[index]) / self.rate_hz
        return start + (end - start) * (sample - first) / length


class LocalClock:
    """Tells when a local event happened, from the client's own stamp in `client_ms` where it has one.

    Reports may wait on their way; the stamp does not. The offset between the two clocks is that of the report
    that waited least. A stamp that jumps back is that of a client which was started anew, with a new clock.
    """

    def __init__(self, events: Iterable[RecordedEvent] = ()) -> None:
        self._first_seq: list[int] = []
        self._offset_ms: list[float] = []
        self._latest = float("inf")
        for event in events:
            self.take(event)

    def take(self, event: RecordedEvent) -> None:
        """Learn from the next event."""
        if event.dir != "local" or (stamp := _stamp(event)) is None:
            return
        delay = event.t_ms - stamp
        if not self._first_seq or stamp < self._latest - _RESTART_MS:
            self._first_seq.append(event.seq)
            self._offset_ms.append(delay)
            self._latest = stamp
        self._offset_ms[-1] = min(self._offset_ms[-1], delay)
        self._latest = max(self._latest, stamp)

    def session_ms(self, event: RecordedEvent) -> float:
        """When this event happened; anything but a stamped local event happened when it was recorded."""
        if event.dir != "local":
            return event.t_ms
        stamp = _stamp(event)
        index = bisect_right(self._first_seq, event.seq) - 1
        return event.t_ms if stamp is None or index < 0 else stamp + self._offset_ms[index]


def _stamp(event: RecordedEvent) -> float | None:
    return number(event.ev.get("client_ms"))
