"""What was played of each answer, and when: as the player reported it, or by a model of a player.

Without reports the model is a plain queue: sound plays in the order in which it came, at once when the queue is
empty, and the queue is emptied when the server hears the caller speak or an answer is cut or cancelled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from contoso_lab.recording.clock import LocalClock
from contoso_lab.recording.log import RecordedEvent
from contoso_lab.wire import ga_name
from contoso_lab.wire.plain import number

Reason = Literal["finished", "flushed", "unknown"]
"""Why an answer fell silent; `unknown` when the recording ends before it did."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Sound that was played without a gap."""

    start_ms: float
    """On the session clock."""
    off: int
    """First sample in the assistant's track."""
    len: int


@dataclass(frozen=True, slots=True)
class PlayedItem:
    """One answer as it sounded; one that never sounded is not in the list. Times on the session clock, in ms."""

    item_id: str
    response_id: str | None
    started_ms: float
    """When its first sample was played."""
    audible_ms: float | None
    """When its first audible sample was played, as reported; None without a report."""
    stopped_ms: float
    received_ms: float
    """How much sound came for it."""
    played_ms: float
    """How much of that was played."""
    reason: Reason
    measured: bool
    """Whether the player reported it; otherwise it is the model's guess."""
    pieces: tuple[Piece, ...]


@dataclass(slots=True)
class _Item:
    item_id: str
    response_id: str | None
    chunks: list[tuple[float, int, int]] = field(default_factory=list)  # (arrival ms, offset, samples)
    started_ms: float | None = None
    audible_ms: float | None = None
    stopped_ms: float | None = None
    played_ms: float | None = None
    reason: Reason = "unknown"
    gaps: list[tuple[float, float]] = field(default_factory=list)  # (start of the gap, its length)

    def received(self) -> int:
        return sum(length for _, _, length in self.chunks)


def played_items(events: Sequence[RecordedEvent], rate_hz: int) -> tuple[PlayedItem, ...]:
    """Tell what was played of every answer, in the order in which it sounded."""
    items = _received(events)
    last_ms = events[-1].t_ms if events else 0.0
    if any(event.dir == "local" and event.type == "playback.started" for event in events):
        _report(items, events)
        played = [_as_reported(item, rate_hz, last_ms) for item in items.values() if item.started_ms is not None]
    else:
        played = _as_modelled(items, events, rate_hz)
    return tuple(sorted(played, key=lambda item: item.started_ms))


def _received(events: Sequence[RecordedEvent]) -> dict[str, _Item]:
    items: dict[str, _Item] = {}
    for event in events:
        if event.dir == "s2c" and isinstance(delta := event.ev.get("delta"), dict) and delta.get("$audio") == "out":
            if ga_name(event.type) == "response.output_audio.delta":
                item_id = str(event.ev.get("item_id", ""))
                response_id = event.ev.get("response_id")
                item = items.setdefault(item_id, _Item(item_id, response_id))
                item.chunks.append((event.t_ms, int(delta["off"]), int(delta["len"])))
    return items


def _report(items: dict[str, _Item], events: Sequence[RecordedEvent]) -> None:
    local = [event for event in events if event.dir == "local"]
    clock = LocalClock(local)
    for event in local:
        item = items.get(str(event.ev.get("item_id")))
        if item is None:
            continue
        at_ms = clock.session_ms(event)
        match event.type:
            case "playback.started" if item.started_ms is None:
                item.started_ms = at_ms
            case "playback.first_audible" if item.audible_ms is None:
                item.audible_ms = at_ms
            case "playback.underrun":
                gap_ms = number(event.ev.get("gap_ms")) or 0.0
                item.gaps.append((at_ms - gap_ms, gap_ms))
            case "playback.stopped":
                item.stopped_ms = at_ms
                item.played_ms = number(event.ev.get("played_ms"))
                item.reason = "flushed" if event.ev.get("reason") == "flushed" else "finished"


def _as_reported(item: _Item, rate_hz: int, last_ms: float) -> PlayedItem:
    started = item.started_ms or 0.0
    received_ms = 1000 * item.received() / rate_hz
    silent_ms = sum(gap for _, gap in item.gaps)
    stopped = item.stopped_ms
    if stopped is None:
        stopped = max(started, min(started + received_ms + silent_ms, last_ms))
    played_ms = item.played_ms if item.played_ms is not None else stopped - started - silent_ms
    played_ms = max(0.0, min(played_ms, received_ms))
    pieces: list[Piece] = []
    gaps, passed = sorted(item.gaps), 0.0  # passed: ms of the answer that were played so far
    for start, _ in [*gaps, (float("inf"), 0.0)]:
        begin = started + passed + sum(gap for at, gap in gaps if at < start)
        until = min(played_ms, passed + max(0.0, start - begin))
        pieces += _cut(item.chunks, begin, passed, until, rate_hz)
        passed = until
    return PlayedItem(
        item_id=item.item_id,
        response_id=item.response_id,
        started_ms=started,
        audible_ms=item.audible_ms,
        stopped_ms=stopped,
        received_ms=received_ms,
        played_ms=played_ms,
        reason=item.reason,
        measured=True,
        pieces=_joined(pieces, rate_hz),
    )


def _cut(
    chunks: Sequence[tuple[float, int, int]], begin_ms: float, from_ms: float, to_ms: float, rate_hz: int
) -> list[Piece]:
    """The samples between two positions of an answer, as pieces that begin to sound at `begin_ms`."""
    first, last = round(from_ms * rate_hz / 1000), round(to_ms * rate_hz / 1000)
    pieces: list[Piece] = []
    position = 0
    for _, offset, length in chunks:
        start, stop = max(first, position), min(last, position + length)
        if start < stop:
            at_ms = begin_ms + 1000 * (start - first) / rate_hz
            pieces.append(Piece(at_ms, offset + start - position, stop - start))
        position += length
    return pieces


def _as_modelled(items: dict[str, _Item], events: Sequence[RecordedEvent], rate_hz: int) -> list[PlayedItem]:
    flushes = [event.t_ms for event in events if _empties_queue(event)]
    # Offsets grow in the order of arrival.
    arrivals = sorted((off, at, length, item_id) for item_id, item in items.items() for at, off, length in item.chunks)
    pieces: dict[str, list[Piece]] = {}
    flushed: set[str] = set()
    free_ms = 0.0  # when the queue runs dry
    for offset, at_ms, length, item_id in arrivals:
        if item_id in flushed:
            continue
        start_ms = max(at_ms, free_ms)
        stop_ms = start_ms + 1000 * length / rate_hz
        cut_ms = next((flush for flush in flushes if at_ms <= flush < stop_ms), None)
        if cut_ms is not None:
            flushed.add(item_id)
            stop_ms = max(start_ms, cut_ms)
            length = round((stop_ms - start_ms) * rate_hz / 1000)
        if length > 0:
            pieces.setdefault(item_id, []).append(Piece(start_ms, offset, length))
        free_ms = stop_ms if cut_ms is None else max(cut_ms, at_ms)
    played: list[PlayedItem] = []
    for item_id, found in pieces.items():
        item = items[item_id]
        stop = found[-1].start_ms + 1000 * found[-1].len / rate_hz
        played.append(
            PlayedItem(
                item_id=item_id,
                response_id=item.response_id,
                started_ms=found[0].start_ms,
                audible_ms=None,
                stopped_ms=stop,
                received_ms=1000 * item.received() / rate_hz,
                played_ms=1000 * sum(piece.len for piece in found) / rate_hz,
                reason="flushed" if item_id in flushed else "finished",
                measured=False,
                pieces=_joined(found, rate_hz),
            )
        )
    return played


def _joined(pieces: Sequence[Piece], rate_hz: int) -> tuple[Piece, ...]:
    """Make one piece of those that follow each other without a gap in time and in the track."""
    joined: list[Piece] = []
    for piece in pieces:
        if joined:
            last = joined[-1]
            end_ms = last.start_ms + 1000 * last.len / rate_hz
            if last.off + last.len == piece.off and abs(piece.start_ms - end_ms) * rate_hz < 1000:
                joined[-1] = Piece(last.start_ms, last.off, last.len + piece.len)
                continue
        joined.append(piece)
    return tuple(joined)


def _empties_queue(event: RecordedEvent) -> bool:
    """Whether a client would fall silent now."""
    if event.dir == "c2s":
        return event.type in {"conversation.item.truncate", "response.cancel", "output_audio_buffer.clear"}
    if event.dir == "s2c":
        return event.type in {"input_audio_buffer.speech_started", "conversation.item.truncated"}
    return False
