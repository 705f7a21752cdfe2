"""What a customer has sent, was told has arrived, and has received: written down so that even a killed one leaves it.

One JSON list a line, and each line goes to the operating system at once:

| line | what |
|---|---|
| `["call", id]` | the relay records this call under that name |
| `["sent", n, kind]` | message n of this call was given to the connection; kind: sound, mark, item, other |
| `["arrived", n]` | the relay says that so many messages have arrived |
| `["got", event_id, kind]` | a message was received; kind: sound, event, or error (the relay's own) |
| `["held", n]` | the target showed the item of message n when it was asked for at the end |
| `["unknown", n]` | the target said that it does not know it |
| `["unrecorded"]` | the relay said that the recording broke: from here on nothing is promised |
| `["lost"]` | the connection broke |
| `["back"]` | and was made again |
| `["ended", how]` | the call is over |
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path


class Book:
    """Writes the lines of one customer; `None` as place writes nowhere, for runs in which nobody is killed."""

    def __init__(self, place: Path | None = None) -> None:
        self._file = None if place is None else os.open(place, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def write(self, *line: str | int) -> None:
        """Write a line; it outlives the process from here on."""
        if self._file is not None:
            os.write(self._file, json.dumps(line).encode() + b"\n")

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


@dataclass
class Kept:
    """One call, as its customer's book tells it."""

    recording: str
    sent: dict[int, str] = field(default_factory=dict)
    """What kind of message each number was."""
    arrived: int = 0
    arrived_recorded: int = 0
    """So many had arrived when it was last true that the call is recorded."""
    got: list[tuple[str, str]] = field(default_factory=list)
    got_recorded: int = 0
    held: set[int] = field(default_factory=set)
    unknown: set[int] = field(default_factory=set)
    unrecorded: bool = False
    losses: int = 0
    returns: int = 0
    ended: str | None = None


def read_book(place: Path) -> Iterator[Kept]:
    """The calls of one customer; a last line that is torn is none."""
    call = Kept("")
    for raw in place.read_bytes().splitlines(keepends=True):
        if not raw.endswith(b"\n"):
            break
        match json.loads(raw):
            case ["call", str(recording)]:
                call.recording = recording
            case ["sent", int(number), str(kind)]:
                call.sent[number] = kind
            case ["arrived", int(number)]:
                call.arrived = number
                if not call.unrecorded:
                    call.arrived_recorded = number
            case ["got", str(event_id), str(kind)]:
                call.got.append((event_id, kind))
                if not call.unrecorded:
                    call.got_recorded = len(call.got)
            case ["held", int(number)]:
                call.held.add(number)
            case ["unknown", int(number)]:
                call.unknown.add(number)
            case ["unrecorded"]:
                call.unrecorded = True
            case ["lost"]:
                call.losses += 1
            case ["back"]:
                call.returns += 1
            case ["ended", str(how)]:
                call.ended = how
                yield call
                call = Kept("")
            case line:
                raise ValueError(f"{place.name}: {line} is no line of a book")
    if call.sent or call.recording:
        yield call
