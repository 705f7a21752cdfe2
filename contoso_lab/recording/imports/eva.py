"""Import a record folder of ServiceNow's EVA.

EVA keeps several logs with clocks of their own. The turns are those of the user simulator, which noted when each side
began and stopped to sound; the assistant's own view of the same moments (its voice activity, its transcripts) is kept
as local events beside them, and what the simulator meant to say becomes labels, so that both can be compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from contoso_lab.audio import Clip, read_audio
from contoso_lab.errors import AudioError, RecordingError
from contoso_lab.recording.imports.script import Facts, Script, bundle_name, read_json, read_json_lines
from contoso_lab.recording.labels import LabelledTurn, Labels

_SIMULATOR = ("user_simulator_events.jsonl", "elevenlabs_events.jsonl")
_FRAMEWORK = ("framework_logs.jsonl", "pipecat_logs.jsonl")
_ASSISTANT = {"framework_agent", "assistant", "pipecat_agent"}
_CALLER = {"elevenlabs_user", "simulated_user", "user"}
_KEPT = {"user_started_speaking", "user_stopped_speaking", "transcript", "turn_start", "turn_end"}


class Span(NamedTuple):
    """When a side sounded, on the recording's clock."""

    start_ms: float
    end_ms: float


def import_eva(source: Path, root: Path) -> list[Path]:
    """Make a recording of a record folder, or of each record folder below `records/`."""
    folders = [source] if _events_file(source) else sorted(path.parent for path in source.rglob("audit_log.json"))
    if not folders:
        raise RecordingError(f"{source} is no record folder of EVA: it holds no {_SIMULATOR[0]}")
    return [_record(folder, root) for folder in folders]


def _events_file(folder: Path) -> Path | None:
    return next((folder / name for name in _SIMULATOR if (folder / name).exists()), None)


def _record(folder: Path, root: Path) -> Path:
    place = _events_file(folder)
    if place is None:
        raise RecordingError(f"{folder} holds no {_SIMULATOR[0]}: without it nobody knows who spoke when")
    events = sorted(read_json_lines(place), key=lambda event: event.get("sequence", 0))
    if not events:
        raise RecordingError(f"{place} holds no event; check what you import")
    origin_ms = float(events[0]["timestamp"])
    result = read_json(folder / "result.json") if (folder / "result.json").exists() else {}
    facts = Facts(
        "eva", folder, id=bundle_name("eva", str(result.get("record_id") or folder.name)),
        scenario=str(result.get("record_id") or folder.name), target={"kind": "eva", "model": ""},
        began=datetime.fromtimestamp(origin_ms / 1000, UTC), synthetic=True, mode="caller", measured=True,
    )  # fmt: skip
    script = Script()
    framework = list(_framework(folder, origin_ms))
    callers, assistants = _spans(events, _CALLER, origin_ms, facts), _spans(events, _ASSISTANT, origin_ms, facts)
    _callers(script, facts, callers, assistants, framework, events)
    _assistants(script, facts, folder, assistants, framework)
    for event in events:
        script.note(float(event["timestamp"]) - origin_ms, "eva.simulator", event=event)
    for at_ms, kind, event in framework:
        if kind in _KEPT:
            script.note(at_ms, f"eva.{kind}", event=event)
    _tools(script, folder, origin_ms)
    end_ms = max((span.end_ms for span in callers + assistants), default=0.0)
    _facts(script, facts, folder, result, end_ms)
    return script.write(root, facts, end_ms=end_ms, reason=str(result.get("conversation_ended_reason") or "ended"))


def _spans(events: list[dict[str, Any]], who: set[str], origin_ms: float, facts: Facts) -> list[Span]:
    spans: list[Span] = []
    start: float | None = None
    for event in events:
        if event.get("user") not in who:
            continue
        at_ms = 1000 * float(event.get("audio_timestamp") or event["timestamp"] / 1000) - origin_ms
        if event.get("event_type") == "audio_start":
            start = at_ms if start is None else start
        elif event.get("event_type") == "audio_end" and start is not None:
            spans.append(Span(max(0.0, start), max(start, at_ms)))
            start = None
    if start is not None:
        facts.guessed.append(f"when the last speech of {min(who)} ended: it was never noted, and has no length here")
        spans.append(Span(max(0.0, start), max(0.0, start)))
    return spans


def _framework(folder: Path, origin_ms: float) -> Iterator[tuple[float, str, dict[str, Any]]]:
    place = next((folder / name for name in _FRAMEWORK if (folder / name).exists()), None)
    seen: set[tuple[float, str]] = set()
    for event in read_json_lines(place) if place is not None else ():
        kind, at_ms = str(event.get("type")), float(event.get("timestamp") or origin_ms) - origin_ms
        if kind in ("user_started_speaking", "user_stopped_speaking"):
            if (at_ms, kind) in seen:
                continue  # each processor of the pipeline noted the same moment
            seen.add((at_ms, kind))
        yield at_ms, kind, event


def _callers(
    script: Script, facts: Facts, callers: list[Span], assistants: list[Span],
    framework: list[tuple[float, str, dict[str, Any]]], events: list[dict[str, Any]],
) -> None:  # fmt: skip
    heard = [(at_ms, _frame(event)) for at_ms, kind, event in framework if kind == "transcript"]
    meant = [str((event.get("data") or {}).get("text") or "") for event in events if event.get("type") == "user_speech"]
    labels: list[LabelledTurn] = []
    for number, span in enumerate(callers):
        # What was transcribed until the caller spoke again belongs to this utterance, however late it came.
        until = callers[number + 1].start_ms if number + 1 < len(callers) else float("inf")
        mine = [(at_ms, text) for at_ms, text in heard if span.start_ms <= at_ms < until]
        text = " ".join(part.strip() for _, part in mine) if mine else None
        script.caller_said(span.start_ms, span.end_ms, text, heard_ms=mine[-1][0] if mine else None)
        if number < len(meant):
            labels.append(LabelledTurn(text=meant[number], start_ms=span.start_ms, end_ms=span.end_ms))
    if len(meant) != len(callers):
        facts.lost.append(f"{len(meant)} utterances were meant and {len(callers)} sounded; they are joined in order")
    if labels:
        facts.labels = Labels(turns=labels, synthetic=True, policy_version="eva")


def _assistants(
    script: Script, facts: Facts, folder: Path, spans: list[Span], framework: list[tuple[float, str, dict[str, Any]]]
) -> None:
    sound = _sound(folder, "assistant", facts)
    words = [(at_ms, _frame(event)) for at_ms, kind, event in framework if kind == "tts_text"]
    for number, span in enumerate(spans):
        before = spans[number - 1].end_ms if number else float("-inf")
        after = spans[number + 1].start_ms if number + 1 < len(spans) else float("inf")
        # Words are noted when they are synthesised, a little before or while they sound.
        mine = [text for at_ms, text in words if before <= at_ms < (span.end_ms + after) / 2]
        clip = sound[span.start_ms : span.end_ms] if sound is not None else None
        script.assistant_said(span.start_ms, span.end_ms, _joined(mine), sound=clip, played=True)
    caller = _sound(folder, "user", facts)
    if caller is not None:
        script.caller_sound(caller)
        facts.guessed.append("the sound begins with the first event")
    if sound is None and caller is None and (folder / "audio_mixed.wav").exists():
        facts.lost.append("audio_mixed.wav holds both voices in one channel, which no track can")


def _sound(folder: Path, who: str, facts: Facts) -> Clip | None:
    place = folder / f"audio_{who}.wav"
    if not place.exists():
        facts.lost.append(f"the record holds no {place.name}: the {who} is silent here")
        return None
    try:
        return read_audio(place)
    except AudioError as error:
        facts.lost.append(str(error))
        return None


def _tools(script: Script, folder: Path, origin_ms: float) -> None:
    place = folder / "audit_log.json"
    waiting: list[tuple[str, str]] = []
    for entry in (read_json(place).get("transcript") or ()) if place.exists() else ():
        value, at_ms = entry.get("value"), float(entry.get("timestamp") or origin_ms) - origin_ms
        if entry.get("message_type") == "tool_call":
            waiting.append((value["tool"], script.called(at_ms, value["tool"], value.get("parameters") or {})))
        elif entry.get("message_type") == "tool_response":
            mine = next((pair for pair in waiting if pair[0] == value.get("tool")), None)
            if mine is not None:
                waiting.remove(mine)
                script.answered(at_ms, mine[1], value.get("response") or {})


def _facts(script: Script, facts: Facts, folder: Path, result: dict[str, Any], end_ms: float) -> None:
    latencies = folder / "response_latencies.json"
    if latencies.exists():
        script.note(end_ms, "eva.response_latencies", latencies=read_json(latencies))
    if result:
        script.note(end_ms, "eva.result", result=result)
    for name in ("agent_perf_stats.csv", "initial_scenario_db.json", "final_scenario_db.json"):
        if (folder / name).exists():
            facts.lost.append(f"{name}: what it holds is not part of a conversation")


def _frame(event: dict[str, Any]) -> str:
    return str((event.get("data") or {}).get("frame") or "")


def _joined(words: list[str]) -> str:
    """Words as they were synthesised, as text."""
    return " ".join(" ".join(words).split())
