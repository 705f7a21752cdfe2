"""Check events.jsonl and prompty.jsonl line by line, and gather what the tracks are held against."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from contoso_lab.recording.entries import EVENTS, PROMPTS
from contoso_lab.recording.finding import Finding, note, problem
from contoso_lab.recording.schema import EventLine, PromptLine, SoundReference
from contoso_lab.wire import ga_name

LONGEST_LINE_BYTES = 32 << 20
"""No event is longer; what is, is not read."""
_MOST_TOLD = 20
"""Of one kind of fault; a file that is damaged throughout needs no sentence for each line."""
_Model = TypeVar("_Model", bound=BaseModel)
_SOUND_KEYS = {"audio": "in", "delta": "out"}


class Sound(NamedTuple):
    """A reference to a track, and the event that holds it."""

    seq: int
    off: int
    len: int
    sha: str


@dataclass(slots=True)
class LinesFound:
    """What the lines say about the rest of the bundle."""

    sounds: dict[str, list[Sound]] = field(default_factory=lambda: {"in": [], "out": []})
    counts: dict[str, int] = field(default_factory=lambda: {"c2s": 0, "s2c": 0, "local": 0})
    """Events by direction, as the manifest counts them."""


@dataclass(slots=True)
class _State:
    seq: int = -1
    t_ns: int = -1
    told: Counter[str] = field(default_factory=Counter)
    asked_runs: list[tuple[int, int]] = field(default_factory=list)  # (line, number of the run)
    late: int = 0  # claims of the server about sound that was not sent yet


def check_lines(folder: Path, found: LinesFound) -> Iterator[Finding]:
    """Check the events and the prompt runs of a bundle; what the tracks are held against is added to `found`."""
    state = _State()
    place = folder / EVENTS
    if not place.exists():
        yield problem(EVENTS, "is missing")
        return
    for number, line, fault in lines_of(place):
        where = f"{EVENTS} line {number}"
        if fault:
            yield from _told(state, "line", where, fault)
            continue
        event, faults = _parsed(EventLine, line)
        yield from (item for sentence in faults for item in _told(state, "shape", where, sentence))
        if event is not None:
            yield from _event(event, where, number, state, found)
    runs = 0
    if (folder / PROMPTS).exists():
        for runs, line, fault in lines_of(folder / PROMPTS):
            faults = [fault] if fault else _parsed(PromptLine, line)[1]
            where = f"{PROMPTS} line {runs}"
            yield from (item for sentence in faults for item in _told(state, "prompt", where, sentence))
    for number, run in state.asked_runs:
        if not 0 <= run < runs:
            yield problem(f"{EVENTS} line {number}", f"refers to prompt run {run}, and {PROMPTS} has {runs}")
    for kind, count in state.told.items():
        if count > _MOST_TOLD:
            yield problem(EVENTS, f"{count - _MOST_TOLD} more lines with faults of the kind {kind!r}")


def lines_of(place: Path) -> Iterator[tuple[int, bytes, str]]:
    """The lines of a file with their numbers from 1, and what is wrong with a line as such; a huge one is not read."""
    with place.open("rb") as file:
        number = 0
        while line := file.readline(LONGEST_LINE_BYTES):
            number += 1
            if line.endswith(b"\n"):
                yield number, line, ""
                continue
            more = file.readline(LONGEST_LINE_BYTES)
            if not more:
                yield number, line, "was cut while it was written"
                return
            while more and not more.endswith(b"\n"):
                more = file.readline(LONGEST_LINE_BYTES)
            yield number, b"", f"has more than {LONGEST_LINE_BYTES >> 20} MiB and was not read"


def _event(event: EventLine, where: str, number: int, state: _State, found: LinesFound) -> Iterator[Finding]:
    if event.seq != state.seq + 1:
        yield from _told(state, "seq", where, f"has number {event.seq}, and {state.seq + 1} was expected")
    if event.t_ns < state.t_ns:
        back_ms = (state.t_ns - event.t_ns) / 1e6
        yield from _told(state, "clock", where, f"the session clock runs back by {back_ms:.3f} ms")
    state.seq, state.t_ns = event.seq, max(event.t_ns, state.t_ns)
    found.counts[event.dir] += 1
    for key, track in _SOUND_KEYS.items():
        value: Any = getattr(event.ev, key)
        if isinstance(value, dict) and "$audio" in value:
            value, faults = _parsed(SoundReference, value)
            yield from (item for sentence in faults for item in _told(state, "sound", where, sentence))
        if isinstance(value, SoundReference):
            if value.audio != track:
                yield from _told(state, "sound", where, f"{key} refers to the track {value.audio}, not {track}")
            found.sounds[value.audio].append(Sound(event.seq, value.off, value.len, value.sha))
    yield from _refers(event, where, number, state)


def _refers(event: EventLine, where: str, number: int, state: _State) -> Iterator[Finding]:
    extra = event.ev.model_extra or {}
    run = extra.get("run")
    if event.dir == "local" and isinstance(run, dict) and isinstance(run.get("$prompty"), int):
        state.asked_runs.append((number, run["$prompty"]))
    if event.dir == "local" and event.ev.type == "recording.format_unknown":
        yield note(where, f"the sound of track {extra.get('track')} is unsure: {extra.get('reason')}")
    if event.dir == "s2c" and ga_name(event.ev.type or "") == "input_audio_buffer.speech_stopped":
        start_ms, end_ms = extra.get("audio_start_ms"), extra.get("audio_end_ms")
        if isinstance(start_ms, int) and isinstance(end_ms, int) and end_ms < start_ms:
            yield from _told(state, "audio clock", where, "speech stops before it starts")


def _parsed(model: type[_Model], value: bytes | dict[str, Any]) -> tuple[_Model | None, list[str]]:
    try:
        found = model.model_validate(value) if isinstance(value, dict) else model.model_validate_json(value)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)[:3]
        return None, [f"{'.'.join(map(str, fault['loc'])) or 'the line'}: {fault['msg']}" for fault in faults]
    return found, []


def _told(state: _State, kind: str, where: str, what: str) -> Iterator[Finding]:
    state.told[kind] += 1
    if state.told[kind] <= _MOST_TOLD:
        yield problem(where, what)
