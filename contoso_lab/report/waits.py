"""The wait after each turn of the customer, laid out as a bar of signed parts."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from contoso_lab.report.palette import PARTS, Part

if TYPE_CHECKING:
    from contoso_lab.recording import Recording
    from contoso_lab.scoring.latency import TurnLatency

_BEFORE_MS = 1000.0
"""Who listens to a wait wants to hear the last words before it."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One part of a wait, where it lies in its bar."""

    part: Part
    from_ms: float
    """Left end, counted from the customer's last sound; below zero when it lies before that."""
    to_ms: float
    value_ms: float
    """The part itself: negative when it runs backwards, from `to_ms` to `from_ms`."""


@dataclass(frozen=True, slots=True)
class Wait:
    """What the customer waited for after one turn."""

    status: Literal["answered", "unanswered", "unknown"]
    """Unknown: the sound does not tell when the customer fell silent."""
    number: int | None
    """Counted from 1; None where the server heard a turn and nobody spoke."""
    asked: str
    """The customer's words, as they were recognised."""
    listen_ms: float | None
    """Where to listen from, on the session clock."""
    total_ms: float | None
    """From the customer's last sound to the assistant's first; None when that is not known."""
    segments: tuple[Segment, ...]
    note: str
    """What keeps this wait from being taken at its face value; empty when nothing does."""
    consistent: bool
    """Whether the parts are there and add up to the whole."""
    item_ids: tuple[str, ...] = ()
    """The customer's turns that were answered together, as the server named them."""

    @property
    def shown_total(self) -> str:
        """The whole wait as people read it."""
        if self.total_ms is not None:
            return milliseconds(self.total_ms)
        return "no answer" if self.status == "unanswered" else "not known"

    @property
    def sentence(self) -> str:
        """All of it in words, for those who do not see the bar."""
        who = f"Turn {self.number}" if self.number else "A turn that nobody spoke"
        parts = ", ".join(f"{segment.part.label} {milliseconds(segment.value_ms)}" for segment in self.segments)
        return f"{who}: {self.shown_total}" + (f" ({parts})" if parts else "") + (f"; {self.note}" if self.note else "")


def waits_of(recording: Recording) -> tuple[Wait, ...]:
    """The waits of a recording in order of time, those that ended in no answer among them."""
    from contoso_lab.scoring.latency import ledger

    said = {turn.item_id: turn for turn in recording.conversation.turns}
    timeline = recording.timeline()
    waits = []
    for entry in ledger(recording):
        turns = [said[item_id] for item_id in entry.user_item_ids if item_id in said]
        ended_ms = turns[-1].stopped_ms if turns else None
        played = timeline.item(entry.answer_item_id) if entry.answer_item_id else None
        if played is not None and entry.v2v_ms is not None:
            heard_ms = played.audible_ms
            if heard_ms is None:
                heard_ms = played.started_ms + (entry.leading_silence_ms or 0.0)
            ended_ms = heard_ms - entry.v2v_ms
        waits.append(
            Wait(
                status=entry.status,
                number=None if entry.turn is None else entry.turn + 1,
                asked=" ".join(turn.text for turn in turns if turn.text),
                listen_ms=None if ended_ms is None else max(0.0, ended_ms - _BEFORE_MS),
                total_ms=entry.v2v_ms,
                segments=lay_out(entry.parts_ms) if entry.v2v_ms is not None else (),
                note=_note(entry),
                consistent=bool(entry.consistent),
                item_ids=entry.user_item_ids,
            )
        )
    return tuple(waits)


def lay_out(parts_ms: Sequence[float | None]) -> tuple[Segment, ...]:
    """Put the parts end to end. A negative part goes back over what stands before it; an unknown one is left out.

    >>> [(s.part.kind, s.from_ms, s.to_ms) for s in lay_out((500, -120, None, 40))]
    [('endpointing', 0.0, 500.0), ('model', 380.0, 500.0), ('silence', 380.0, 420.0)]
    """
    found: list[Segment] = []
    reached_ms = 0.0
    for part, value_ms in zip(PARTS, parts_ms, strict=True):
        if value_ms is None:
            continue
        start_ms, reached_ms = reached_ms, reached_ms + value_ms
        found.append(Segment(part, min(start_ms, reached_ms), max(start_ms, reached_ms), value_ms))
    return tuple(found)


def extent_ms(waits: Iterable[Wait]) -> tuple[float, float]:
    """The axis on which all these waits can be seen, zero included, ends rounded to whole steps.

    >>> extent_ms([])
    (0.0, 1000.0)
    """
    low = high = 0.0
    for wait in waits:
        ends = [end for segment in wait.segments for end in (segment.from_ms, segment.to_ms)]
        low = min([low, wait.total_ms or 0.0, *ends])
        high = max([high, wait.total_ms or 0.0, *ends])
    step = tick_step((high - low) or 1000.0)
    return math.floor(low / step) * step, max(math.ceil(high / step), 1) * step if high else 1000.0


def tick_step(extent: float, most: int = 6) -> float:
    """The roundest step that divides an axis into at most so many parts.

    >>> tick_step(2300), tick_step(76, most=8)
    (500.0, 10.0)
    """
    for exponent in range(-1, 12):
        for lead in (1, 2, 5):
            if extent / (lead * 10.0**exponent) <= most:
                return lead * 10.0**exponent
    return extent


def median_ms(waits: Iterable[Wait]) -> float | None:
    """The wait in the middle, of those that ended in an answer; None when none did."""
    known = [wait.total_ms for wait in waits if wait.total_ms is not None]
    return statistics.median(known) if known else None


def milliseconds(value_ms: float) -> str:
    """A duration as people read it, with a true minus sign.

    >>> milliseconds(-120.4), milliseconds(12_340)
    ('−120 ms', '12.3 s')
    """
    sign = "−" if round(value_ms) < 0 else ""
    size = abs(value_ms)
    return f"{sign}{size / 1000:.1f} s" if size >= 10_000 else f"{sign}{size:.0f} ms"


def _note(entry: TurnLatency) -> str:
    # That nobody measured the playback is said once for the whole call.
    notes = [entry.reason] if entry.reason and not entry.consistent else []
    if entry.waited_ms is not None:
        notes.append(f"{entry.waited_ms / 1000:.1f} s went by")
    if entry.v2v_ms is not None and entry.v2v_ms < 0:
        notes.append("the assistant spoke before the customer had finished")
    elif any(part is not None and part < 0 for part in entry.parts_ms):
        notes.append("a hatched part runs backwards: it began before the one in front of it had ended")
    if entry.used_tool:
        notes.append("a tool was called first")
    return "; ".join(notes)
