"""What a listener really hears: replies queue up and sound in real time, until someone cuts in.

No sound device and no clock live here: time is an argument, so that a speaker, a browser report and a
test can all drive the same rules. Audio arrives faster than it sounds; only this class knows how much
of it was heard, and that is what `conversation.item.truncate` has to say.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from contoso_lab.errors import AudioError

AUDIBLE_DB = -45.0
FRAME_MS = 20.0
LEAST_HEARD_MS = 1.0
"""The wire counts whole milliseconds, and a cut at 0 is refused."""


@dataclass(frozen=True, slots=True)
class PlaybackEvent:
    """Something that the listener's ear could tell: the `local` events of a recording."""

    type: str
    at_ms: float
    fields: dict[str, object]

    def to_dict(self) -> dict[str, object]:
        """The event as it is sent to the recording."""
        return {"type": self.type, "client_ms": round(self.at_ms, 3), **self.fields}


@dataclass(frozen=True, slots=True)
class Cut:
    """Where a reply was cut: `played_ms` of it had been heard."""

    item_id: str
    played_ms: float
    unheard: tuple[str, ...] = ()
    """The replies of which nothing had been heard: this one, when it had not begun, and those behind it."""


@dataclass(slots=True)
class _Reply:
    item_id: str
    response_id: str
    received_ms: float = 0.0
    audible_at_ms: float | None = None
    """Position of the first audible frame inside the reply."""
    played_ms: float = 0.0
    started: bool = False
    audible_told: bool = False
    complete: bool = False


@dataclass(slots=True)
class Playback:
    """A speaker's queue, in time.

    >>> speaker = Playback()
    >>> speaker.push("item_1", "resp_1", np.full(2400, 0.5, np.float32), at_ms=0)
    >>> [event.type for event in speaker.advance(0)]
    ['playback.started', 'playback.first_audible']
    >>> cut, events = speaker.flush(at_ms=60)
    >>> cut.item_id, cut.played_ms
    ('item_1', 60.0)
    """

    rate_hz: int = 24_000
    _queue: deque[_Reply] = field(default_factory=deque)
    _now_ms: float = 0.0
    _starved_since_ms: float | None = None
    _silenced: set[str] = field(default_factory=set)
    """Replies that were cut: what still arrives of them is not played."""

    @property
    def idle(self) -> bool:
        """Nothing sounds and nothing waits to sound."""
        return not self._queue

    def holds(self, item_id: str) -> bool:
        """Some of this reply is still to be heard."""
        return any(reply.item_id == item_id for reply in self._queue)

    def push(self, item_id: str, response_id: str, samples: npt.NDArray[np.float32], *, at_ms: float) -> None:
        """Queue a piece of a reply; call `advance` first to account for what played until now.

        A reply that was cut stays cut, and an empty piece is no sound.
        """
        if item_id in self._silenced or not len(samples):
            return
        if not self._queue:
            self._now_ms = max(self._now_ms, at_ms)
        if not self._queue or self._queue[-1].item_id != item_id:
            if self._queue:
                self._queue[-1].complete = True
            self._queue.append(_Reply(item_id, response_id))
        reply = self._queue[-1]
        if reply.audible_at_ms is None:
            offset = first_audible_ms(samples, self.rate_hz)
            if offset is not None:
                reply.audible_at_ms = reply.received_ms + offset
        reply.received_ms += 1000 * len(samples) / self.rate_hz

    def finish(self, item_id: str) -> None:
        """No more audio will come for this reply."""
        for reply in self._queue:
            if reply.item_id == item_id:
                reply.complete = True

    def finish_response(self, response_id: str) -> None:
        """No more audio will come for any reply of this response."""
        for reply in self._queue:
            if reply.response_id == response_id:
                reply.complete = True

    def advance(self, at_ms: float) -> list[PlaybackEvent]:
        """Let time pass up to `at_ms` and tell what the listener noticed, each with its exact time."""
        if at_ms < self._now_ms:
            raise AudioError(f"playback cannot go back from {self._now_ms:.0f} ms to {at_ms:.0f} ms")
        told: list[PlaybackEvent] = []
        while self._queue:
            reply = self._queue[0]
            if self._starved_since_ms is not None and reply.received_ms > reply.played_ms:
                gap_ms = self._now_ms - self._starved_since_ms
                told.append(self._event("playback.underrun", self._now_ms, reply, gap_ms=round(gap_ms, 1)))
                self._starved_since_ms = None
            if not reply.started and reply.received_ms > 0:
                reply.started = True
                told.append(self._event("playback.started", self._now_ms, reply))
            step_ms = min(at_ms - self._now_ms, reply.received_ms - reply.played_ms)
            start_ms, reply.played_ms = reply.played_ms, reply.played_ms + step_ms
            if not reply.audible_told and reply.audible_at_ms is not None and reply.played_ms >= reply.audible_at_ms:
                reply.audible_told = True
                heard_at_ms = self._now_ms + reply.audible_at_ms - start_ms
                told.append(self._event("playback.first_audible", heard_at_ms, reply))
            self._now_ms += step_ms
            if reply.played_ms < reply.received_ms:
                break
            if not reply.complete:
                # The reply goes on but its next piece is late: what was queued has run dry.
                if self._starved_since_ms is None and reply.started:
                    self._starved_since_ms = self._now_ms
                self._now_ms = at_ms
                break
            # That nothing more comes may be known long after it fell silent.
            silent_since_ms = self._now_ms if self._starved_since_ms is None else self._starved_since_ms
            self._starved_since_ms = None
            self._queue.popleft()
            told.append(
                self._event(
                    "playback.stopped",
                    silent_since_ms,
                    reply,
                    reason="finished",
                    played_ms=round(reply.played_ms, 1),
                )
            )
        self._now_ms = max(self._now_ms, at_ms)
        return told

    def flush(self, *, at_ms: float) -> tuple[Cut | None, list[PlaybackEvent]]:
        """Fall silent now, as a listener wants who starts to speak. `None` when nothing sounded."""
        told = self.advance(at_ms)
        if not self._queue:
            return None, told
        reply = self._queue[0]
        for unheard in self._queue:
            self._silenced.add(unheard.item_id)
            if unheard.started:
                told.append(
                    self._event(
                        "playback.stopped",
                        at_ms,
                        unheard,
                        reason="flushed",
                        played_ms=round(unheard.played_ms, 1),
                    )
                )
        never = tuple(each.item_id for each in self._queue if each.played_ms < LEAST_HEARD_MS)
        self._queue.clear()
        self._starved_since_ms = None
        return Cut(reply.item_id, reply.played_ms, never), told

    def next_due_ms(self) -> float | None:
        """When the next event is due if nothing else happens; `None` when nothing is."""
        if not self._queue:
            return None
        reply = self._queue[0]
        if not reply.started:
            return self._now_ms
        if not reply.audible_told and reply.audible_at_ms is not None:
            return self._now_ms + max(0.0, reply.audible_at_ms - reply.played_ms)
        left_ms = reply.received_ms - reply.played_ms
        return self._now_ms + left_ms if left_ms > 0 or reply.complete else None

    def _event(self, type_: str, at_ms: float, reply: _Reply, **fields: object) -> PlaybackEvent:
        return PlaybackEvent(type_, at_ms, {"item_id": reply.item_id, "response_id": reply.response_id, **fields})


def first_audible_ms(samples: npt.NDArray[np.float32], rate_hz: int) -> float | None:
    """Where sound begins in a piece of audio, to a frame of 20 ms; `None` when all of it is quiet."""
    frame = int(rate_hz * FRAME_MS / 1000)
    for start in range(0, len(samples), frame):
        piece = samples[start : start + frame]
        if len(piece) and float(np.dot(piece, piece)) / len(piece) >= 10 ** (AUDIBLE_DB / 10):
            return 1000 * start / rate_hz
    return None
