"""Import a run folder of the OpenAI cookbook's realtime evals: crawl, walk or run.

| file | what is taken from it |
|---|---|
| results.csv | who said what, turn by turn |
| events/<id>.jsonl | the assistant's events, with their times after each `response.create` |
| audio/<id>/turn_01_user.wav, turn_01_assistant.wav (run); input.wav, output.wav (crawl, walk) | the sound |

The log cuts every text after 400 characters, so the sound of its events is gone; it is cut out of the WAV file again,
by the length that the log still tells.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from contoso_lab.audio import PCM16_24K, AudioFormat, Clip, read_audio, silence, to_base64
from contoso_lab.errors import AudioError, RecordingError
from contoso_lab.recording.imports.script import Facts, Script, bundle_name, read_json, read_json_lines

_CUT = re.compile(r"\.\.\.\[truncated (\d+) chars\]$")
_AUDIO_DELTA = "response.output_audio.delta"
_GAP_MS = 500.0


def import_cookbook(source: Path, root: Path) -> list[Path]:
    """Make a recording of each conversation of a run."""
    rows = _rows(source)
    summary = read_json(source / "summary.json") if (source / "summary.json").exists() else {}
    key = "simulation_id" if "simulation_id" in rows[0] else "example_id"
    rows.sort(key=lambda row: (row.get(key, ""), int(float(row.get("turn_index") or 0))))
    return [
        _conversation(source, root, name, list(turns), summary)
        for name, turns in groupby(rows, key=lambda row: row.get(key, ""))
    ]


def _rows(source: Path) -> list[dict[str, str]]:
    place = source / "results.csv"
    try:
        with place.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise RecordingError(
            f"{source} is no run folder of the cookbook: results.csv cannot be read ({error})"
        ) from error
    if not rows or not {"user_text", "assistant_text"} <= set(rows[0]):
        raise RecordingError(f"{place} has no rows with user_text and assistant_text; check what you import")
    return rows


def _conversation(source: Path, root: Path, name: str, turns: list[dict[str, str]], summary: dict[str, Any]) -> Path:
    model = turns[0].get("assistant_model") or str(summary.get("model") or "")
    facts = Facts(
        "cookbook", source, id=bundle_name("cookbook", f"{source.name}-{name}"), scenario=name,
        target={"kind": "openai", "model": model}, synthetic=True, mode="fast",
    )  # fmt: skip
    facts.lost.append("the harness plays nothing, so nobody knows what would have been heard")
    facts.guessed.append(f"the caller speaks {_GAP_MS:.0f} ms after the answer before would have been played")
    facts.guessed.append("when the recording was made")
    script, at_ms = Script(), 0.0
    if not re.fullmatch(r"[^/\\]+", name) or name in (".", ".."):  # it is part of paths
        raise RecordingError(f"{source}/results.csv names a conversation {name!r}, which is no name: correct it")
    logged = list(_log(source / "events" / f"{name}.jsonl"))
    for row in turns:
        number = int(float(row.get("turn_index") or 1))
        mine = [entry for entry in logged if entry.get("turn_index", 1) == number]
        at_ms = _turn(script, facts, source, source / "audio" / name, row, number, mine, at_ms) + _GAP_MS
        if row.get("status") == "failed":
            reason = {key: row.get(key) for key in ("failure_stage", "error_type", "error_message")}
            script.note(at_ms, "cookbook.failed", **reason)
    grades = [{key: value for key, value in row.items() if "grade" in key or "correctness" in key} for row in turns]
    script.note(at_ms, "cookbook.results", grades=grades, latencies=[_latencies(row) for row in turns])
    facts.lost = list(dict.fromkeys(facts.lost))
    return script.write(root, facts, end_ms=at_ms)


def _turn(
    script: Script,
    facts: Facts,
    source: Path,
    audio: Path,
    row: dict[str, str],
    number: int,
    logged: list[dict[str, Any]],
    at_ms: float,
) -> float:
    """One question and its answer; returns when the answer would have been played."""
    named = _own(source, row.get("audio_path"))
    if named is None:
        facts.lost.append("sound that a row names outside of the folder: copy it into the folder and import again")
    user = _sound(facts, audio / f"turn_{number:02d}_user.wav", audio / "input.wav", named or audio)
    asked_ms = at_ms + (user.duration_ms if user is not None else 0.0)
    if user is not None:
        script.caller_sound(user, at_ms=at_ms)
    script.caller_said(at_ms, asked_ms, row.get("user_text") or None)
    script.event(asked_ms, "c2s", {"type": "response.create"})
    answer = _sound(facts, audio / f"turn_{number:02d}_assistant.wav", audio / "output.wav")
    events = [entry for entry in logged if entry.get("source") in (None, "assistant")]
    if events:
        first_ms = _events(script, facts, events, answer, asked_ms)
    else:
        facts.guessed.append("there is no event log: the answer is one piece")
        first_ms = asked_ms + float(row.get("latency_first_audio_ms") or 0)
        done_ms = asked_ms + float(row.get("latency_response_done_ms") or 0)
        script.assistant_said(first_ms, max(first_ms, done_ms), row.get("assistant_text") or "", sound=answer)
    return first_ms + (answer.duration_ms if answer is not None else 0.0)


def _events(script: Script, facts: Facts, logged: list[dict[str, Any]], answer: Clip | None, asked_ms: float) -> float:
    """The assistant's events as they were logged, with their sound put back; returns when sound first came."""
    sound = answer if answer is not None else silence(0, PCM16_24K.rate_hz)
    data = sound.to_bytes(AudioFormat("pcm16", sound.rate_hz))
    deltas = [entry for entry in logged if _event(entry).get("type") == _AUDIO_DELTA]
    pieces = iter(_cut_up(data, [_event(entry).get("delta") for entry in deltas]))
    first_ms = None
    for entry in logged:
        event, at_ms = _event(entry), asked_ms + float(entry.get("event_time_ms") or 0)
        if event.get("type") == _AUDIO_DELTA:
            first_ms = at_ms if first_ms is None else first_ms
            event = {**event, "delta": to_base64(next(pieces))}
        elif any(isinstance(text, str) and _CUT.search(text) for text in _texts(event)):
            facts.lost.append("the ends of texts of more than 400 characters, which the harness's log cuts off")
        script.event(at_ms, "s2c", event)
    return asked_ms if first_ms is None else first_ms


def _cut_up(data: bytes, deltas: list[Any]) -> Iterator[bytes]:
    """The sound of each event, by the length of its base64 text; the last one takes what is left."""
    at = 0
    for number, text in enumerate(deltas):
        cut = _CUT.search(text) if isinstance(text, str) else None
        length = (cut.start() + int(cut[1]) if cut else len(text or "")) * 3 // 4
        # The padding at the end of the text was cut off with it: it may count two bytes too many, never half a sample.
        stop = len(data) if number + 1 == len(deltas) else min(at + length - length % 2, len(data))
        yield data[at:stop]
        at = stop


def _event(entry: dict[str, Any]) -> dict[str, Any]:
    event = entry.get("event")
    return event if isinstance(event, dict) else {}


def _texts(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
    else:
        yield value


def _own(source: Path, named: str | None) -> Path | None:
    """The sound that a row names; a table may come from a stranger, and names no sound outside of its own folder."""
    place = (source / (named or "-")).resolve()
    return place if place.is_relative_to(source.resolve()) else None


def _log(place: Path) -> Iterator[dict[str, Any]]:
    return read_json_lines(place) if place.exists() else iter(())


def _sound(facts: Facts, *places: Path) -> Clip | None:
    for place in places:
        if place.is_file():
            try:
                return read_audio(place)
            except AudioError as error:
                facts.lost.append(str(error))
    return None


def _latencies(row: dict[str, str]) -> dict[str, float]:
    return {key: float(value) for key, value in row.items() if key.startswith("latency_") and value}
