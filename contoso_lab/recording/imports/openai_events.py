"""Import a log of Realtime events: one JSON object a line (or one JSON array), sound inside as base64.

Every program wraps events its own way. Understood are the bare event, and an object that holds it under `event`, `ev`,
`data`, `message` or `payload` beside a time and a direction. `recordings export --as openai` writes the form
`{"t_ms": …, "dir": …, "event": …}`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from contoso_lab.audio import PCM16_24K, AudioFormat, from_base64
from contoso_lab.errors import AudioError, RecordingError
from contoso_lab.recording.entries import asked_formats
from contoso_lab.recording.imports.script import Facts, Script, moment, read_json, read_json_lines
from contoso_lab.wire import Direction, ga_name, session_from_beta
from contoso_lab.wire.events import CLIENT_EVENTS

_INSIDE = ("event", "ev", "data", "message", "payload")
_TIMES = ("t_ns", "t_ms", "event_time_ms", "time_ms", "timestamp_ms", "timestamp", "time", "ts", "received_at", "at")
_CLIENT_WORDS = {"c2s", "client", "client_to_server", "sent", "send", "out", "outgoing", "outbound", "up", "user"}
_SERVER_WORDS = {
    "s2c",
    "server",
    "server_to_client",
    "received",
    "receive",
    "recv",
    "in",
    "incoming",
    "inbound",
    "down",
}


def import_openai(source: Path, root: Path) -> list[Path]:
    """Make a recording of a log of events."""
    facts, script = Facts("openai", source), Script()
    clock = _Clock()
    format_in = PCM16_24K
    rows = list(_rows(source))
    facts.began = _day(rows)
    timed = sum(_time_of(row) is not None for row in rows)
    guessed_dir = 0
    for row in rows:
        event = _event_of(row)
        if event is None:
            raise RecordingError(f"{source}: {str(row)[:120]} holds no event with a type; check what you import")
        name = ga_name(str(event.get("type", "")))
        told = _direction(row)
        guessed_dir += told is None
        dir = told or ("c2s" if name in CLIENT_EVENTS else "s2c")
        if name in ("session.update", "session.created", "session.updated") and isinstance(
            event.get("session"), Mapping
        ):
            session = session_from_beta(event["session"])
            for asked in asked_formats(session):
                if asked.track == "in" and isinstance(asked.format, AudioFormat):
                    format_in = asked.format
            facts.session = dict(session) if facts.session is None or dir == "c2s" else facts.session
            facts.target = facts.target or {"kind": "unknown", "model": str(session.get("model") or "")}
        if row.get("from") == "manifest":
            continue  # it was asked for, and did not pass
        at_ms = clock.told(_time_of(row)) if timed == len(rows) else clock.passed(name, event, format_in)
        if dir == "local" and name in ("recording.started", "recording.closed"):
            continue  # this recording has its own
        facts.measured |= dir == "local" and name == "playback.started"
        script.event(at_ms, dir, event)
    if not rows:
        raise RecordingError(f"{source} holds no event; check what you import")
    facts.began = facts.began or clock.began
    if timed < len(rows):
        what = "no event" if not timed else f"only {timed} of {len(rows)} events"
        facts.guessed.append(f"{what} had a time: the clock follows the caller's sound, and stands still without it")
    if clock.backwards:
        facts.guessed.append(f"{clock.backwards} events were told with a time before the one in front of them")
    if facts.began is None:
        facts.guessed.append("when the recording was made")
    if guessed_dir:
        facts.guessed.append(f"the direction of {guessed_dir} events, by their types")
    if not facts.measured:
        facts.lost.append("a log of the wire does not say what was played, and when")
    return [script.write(root, facts)]


def _rows(source: Path) -> Iterator[dict[str, Any]]:
    with source.open("rb") as file:
        start = file.read(64).lstrip()
    if not start.startswith(b"["):
        yield from read_json_lines(source)
        return
    for row in read_json(source):
        if not isinstance(row, dict):
            raise RecordingError(f"{source} holds an array of something else than events; check what you import")
        yield row


def _day(rows: list[dict[str, Any]]) -> datetime | None:
    """When the log began, where a time of day stands beside the clock that counts."""
    for row in rows:
        at_ms, when = row.get("t_ms"), moment(row.get("timestamp"))
        if when is not None and isinstance(at_ms, int | float):
            return when - timedelta(milliseconds=at_ms)
    return None


def _event_of(row: dict[str, Any]) -> dict[str, Any] | None:
    for name in _INSIDE:
        inner = row.get(name)
        if isinstance(inner, dict) and isinstance(inner.get("type"), str) and "." in inner["type"] + ".":
            return inner
    return row if isinstance(row.get("type"), str) else None


def _direction(row: dict[str, Any]) -> Direction | None:
    for name in ("dir", "direction", "source", "sender"):
        word = str(row.get(name, "")).lower()
        if word == "local":
            return "local"
        if word in _CLIENT_WORDS or word in _SERVER_WORDS:
            return "c2s" if word in _CLIENT_WORDS else "s2c"
    return None


def _time_of(row: dict[str, Any]) -> float | datetime | None:
    """When the row passed: ms on some clock, or a time of day."""
    if _event_of(row) is row and "event_id" in row and not any(name in row for name in _TIMES[:5]):
        return None
    for name in _TIMES:
        value = row.get(name)
        if isinstance(value, str) and (found := moment(value)) is not None:
            return found
        if isinstance(value, int | float) and not isinstance(value, bool):
            if name.endswith("_ns") or value > 1e17:
                return value / 1e6
            if name.endswith("_ms"):
                return float(value)
            return value / 1e3 if value > 1e14 else float(value) if value > 1e11 else value * 1e3
    return None


class _Clock:
    """The session clock: as told, from the first event on, or as the caller's sound makes it pass."""

    def __init__(self) -> None:
        self.began: datetime | None = None
        self.backwards = 0
        self._first: float | None = None
        self._ms = 0.0

    def told(self, at: float | datetime | None) -> float:
        assert at is not None
        if isinstance(at, datetime):
            self.began = self.began or at
            at_ms = (at - self.began) / timedelta(milliseconds=1)
        else:
            if self._first is None:
                # A time that counts from 1970 tells the day, too; any other begins with the recording.
                self._first = at if at > 1e11 else min(at, 0.0)
                self.began = moment(datetime.fromtimestamp(at / 1000).astimezone().isoformat()) if at > 1e11 else None
            at_ms = at - self._first
        self.backwards += at_ms < self._ms
        self._ms = max(self._ms, at_ms)
        return self._ms

    def passed(self, name: str, event: Mapping[str, Any], format_in: AudioFormat) -> float:
        if name == "input_audio_buffer.append" and isinstance(event.get("audio"), str):
            try:
                self._ms += format_in.duration_ms(from_base64(event["audio"]))
            except AudioError:
                return self._ms  # it is kept as it came
        return self._ms
