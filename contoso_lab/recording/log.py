"""Read what a recorder wrote line by line, also when its last line was cut."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from pydantic_core import from_json

from contoso_lab.errors import RecordingError
from contoso_lab.recording.inside import check_references, event_time_ms, read_whole
from contoso_lab.recording.tables import events_table
from contoso_lab.wire import Direction

if TYPE_CHECKING:
    import pandas as pd

_DIRECTIONS = frozenset({"c2s", "s2c", "local"})


class RecordedEvent(NamedTuple):
    """One message of a recorded conversation, or one local happening."""

    seq: int
    """Its number in the recording, from 0, without gaps."""
    t_ms: float
    """When it passed the recorder, in ms since the recording began: the session clock."""
    dir: Direction
    """Client to server, server to client, or local to the client's machine."""
    ev: dict[str, Any]
    """The event as it was on the wire; sound is replaced by a reference to a track."""

    @property
    def type(self) -> str:
        """The event's name as it was on the wire."""
        return str(self.ev.get("type", ""))


class RecordedEvents(tuple[RecordedEvent, ...]):
    """The events of a recording in order: a tuple, which is a table too."""

    __slots__ = ()

    def table(self) -> pd.DataFrame:
        """One row per event: when, in which direction, what, and where its sound lies in the track."""
        return events_table(self)


class Log(NamedTuple):
    """What could be read, and one sentence for each thing that could not."""

    events: RecordedEvents
    problems: tuple[str, ...]


def read_log(place: Path) -> Log:
    """Read the events of a bundle; raises RecordingError when the file cannot be read at all."""
    events: list[RecordedEvent] = []
    problems: list[str] = []
    for number, value in _lines(place, problems):
        try:
            seq, t_ns, dir, ev = value["seq"], value["t_ns"], value["dir"], value["ev"]
            if dir not in _DIRECTIONS or not isinstance(ev, dict):
                raise TypeError("no direction or no event")
            check_references(ev)
            event = RecordedEvent(int(seq), event_time_ms(t_ns), cast(Direction, dir), ev)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            problems.append(f"{place.name}: line {number} is no recorded event ({error}); it was left out")
            continue
        expected = events[-1].seq + 1 if events else 0
        if event.seq != expected:
            problems.append(
                f"{place.name}: event {expected} was expected on line {number} and {event.seq} stands there"
            )
        events.append(event)
    return Log(RecordedEvents(events), tuple(problems))


def read_lines(place: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """Read the objects of a JSON-lines file that a recorder wrote; a missing file is empty."""
    problems: list[str] = []
    if not place.exists():
        return [], problems
    return [value for _, value in _lines(place, problems)], problems


def _value(line: bytes) -> Any:
    """What a line of JSON says; raises ValueError or RecursionError."""
    try:
        return from_json(line)  # takes half as long, and refuses some things that Python reads
    except ValueError:
        return json.loads(line)


def _lines(place: Path, problems: list[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        data = read_whole(place)
    except OSError as error:
        raise RecordingError(f"{place} cannot be read ({error.strerror}): is this a recording?") from error
    *whole, rest = data.split(b"\n")
    for number, line in enumerate(whole, start=1):
        try:
            value = _value(line)
            if not isinstance(value, dict):
                raise ValueError("no object")
        except (ValueError, RecursionError) as error:
            problems.append(f"{place.name}: line {number} is damaged ({error}); it was left out")
            continue
        yield number, value
    if rest:
        problems.append(
            f"{place.name}: the last line was cut while it was written; its {len(rest)} bytes were left out"
        )
