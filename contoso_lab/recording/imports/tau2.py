"""Import simulations of τ²-bench (tau2): a results file, a results folder, or one simulation.

A voice simulation is a row of ticks with a chunk from each side; a text one is a list of messages.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from contoso_lab.audio import AudioFormat, Clip, Encoding, from_base64
from contoso_lab.errors import AudioError, RecordingError
from contoso_lab.recording.imports.script import Facts, Script, bundle_name, moment, read_json

_TICK_S = 0.2
_VERDICTS = ("reward_info", "agent_cost", "user_cost", "agent_usage", "review", "user_only_review", "info")
_NO_SOUND = "the chunks hold no sound: the simulation was published without it"


def import_tau2(source: Path, root: Path) -> list[Path]:
    """Make a recording of each simulation."""
    return [_simulation(source, root, info, simulation) for info, simulation in _simulations(source)]


def _simulations(source: Path) -> Iterator[tuple[Mapping[str, Any], dict[str, Any]]]:
    if source.is_dir():
        page = read_json(source / "results.json") if (source / "results.json").exists() else {}
        places = sorted(source.glob("simulations/*.json")) or sorted(source.glob("*.json"))
        for place in places:
            if isinstance(found := read_json(place), dict) and _is_simulation(found):
                yield page.get("info") or {}, found
        return
    page = read_json(source)
    if isinstance(page, dict) and _is_simulation(page):
        yield {}, page
    elif isinstance(page, dict) and isinstance(page.get("simulations"), list):
        yield from ((page.get("info") or {}, found) for found in page["simulations"])
    else:
        raise RecordingError(f"{source} holds no simulation of tau2: give its results file, or a simulation")


def _is_simulation(page: dict[str, Any]) -> bool:
    return "task_id" in page and isinstance(page.get("ticks") or page.get("messages"), list)


def _simulation(source: Path, root: Path, info: Mapping[str, Any], run: dict[str, Any]) -> Path:
    agent = info.get("agent_info") or {}
    facts = Facts(
        "tau2", source, id=bundle_name("tau2", str(run.get("id") or run["task_id"])),
        scenario=f"{(info.get('environment_info') or {}).get('domain_name', 'tau2')} {run['task_id']}",
        target={"kind": "tau2", "model": str(agent.get("llm") or "")}, began=moment(run.get("start_time")),
        synthetic=True, mode="caller",
    )  # fmt: skip
    script = Script()
    if run.get("ticks"):
        end_ms = _ticks(script, facts, run["ticks"], info)
    else:
        end_ms = _messages(script, run.get("messages") or [], facts)
    kept = {name: run[name] for name in _VERDICTS if run.get(name) is not None}
    facts_of_run = {name: run.get(name) for name in ("trial", "seed", "mode", "termination_reason", "duration")}
    script.note(end_ms, "tau2.simulation", **facts_of_run, **kept)
    return script.write(root, facts, end_ms=end_ms, reason=str(run.get("termination_reason") or "ended"))


def _ticks(script: Script, facts: Facts, ticks: list[dict[str, Any]], info: Mapping[str, Any]) -> float:
    told = ticks[0].get("tick_duration_seconds") or (info.get("audio_native_config") or {}).get("tick_duration_seconds")
    if told is None:
        facts.guessed.append(f"how long a tick lasts: {_TICK_S} s")
    tick_ms = 1000 * float(told or _TICK_S)
    facts.guessed.append(f"times are those of ticks, so they are right to {tick_ms:.0f} ms")
    sounds = False
    for side, key in (("user", "user_chunk"), ("assistant", "agent_chunk")):
        for first, chunks in _speech(ticks, key):
            start_ms, stop_ms = first * tick_ms, (first + len(chunks)) * tick_ms
            text = "".join(str(chunk.get("content") or "") for chunk in chunks)
            sound = _sound(chunks)
            sounds |= sound is not None
            if side == "user":
                if sound is not None:
                    script.caller_sound(sound, at_ms=start_ms)
                script.caller_said(start_ms, stop_ms, text or None)
            else:
                script.assistant_said(start_ms, stop_ms, text, sound=sound, played=True)
    for number, tick in enumerate(ticks):
        _beside(script, tick, number * tick_ms)
    facts.measured = True
    if not sounds:
        facts.lost.append(_NO_SOUND)
    if any((tick.get("user_chunk") or {}).get("source_effects") for tick in ticks):
        facts.lost.append("which effects were laid over each chunk of sound")
    return len(ticks) * tick_ms


def _beside(script: Script, tick: dict[str, Any], at_ms: float) -> None:
    """What happened in a tick besides speech."""
    action = (tick.get("user_chunk") or {}).get("turn_taking_action") or {}
    if action.get("action") not in (None, "wait", "keep_talking"):
        script.note(at_ms, "tau2.turn_taking", action=action.get("action"), info=action.get("info"))
    for who in ("agent", "user"):
        for call in tick.get(f"{who}_tool_calls") or ():
            if who == "agent":
                script.called(at_ms, call["name"], call.get("arguments") or {}, call_id=str(call.get("id") or ""))
            else:
                script.note(at_ms, "tau2.user_tool_call", call=call)
        for result in tick.get(f"{who}_tool_results") or ():
            if who == "agent":
                script.answered(at_ms, str(result.get("id") or ""), result.get("content") or "")
            else:
                script.note(at_ms, "tau2.user_tool_result", result=result)


def _speech(ticks: list[dict[str, Any]], key: str) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """Rows of ticks in which a side speaks, as the number of the first and the chunks."""
    first, chunks = 0, list[dict[str, Any]]()
    for number, tick in enumerate(ticks):
        chunk = tick.get(key) or {}
        if chunk.get("contains_speech") or chunk.get("content"):
            if not chunks:
                first = number
            chunks.append(chunk)
        elif chunks:
            yield first, chunks
            chunks = []
    if chunks:
        yield first, chunks


def _sound(chunks: list[dict[str, Any]]) -> Clip | None:
    if not any(chunk.get("audio_content") for chunk in chunks):
        return None
    described: dict[str, Any] = next(
        (chunk["audio_format"] for chunk in chunks if isinstance(chunk.get("audio_format"), dict)), {}
    )
    word = str(described.get("encoding") or described.get("format") or "").lower()
    encoding: Encoding = "ulaw" if "ulaw" in word or "mu" in word else "alaw" if "alaw" in word else "pcm16"
    fmt = AudioFormat(encoding, int(described.get("sample_rate") or (8000 if encoding != "pcm16" else 24000)))
    try:
        data = b"".join(from_base64(chunk["audio_content"]) for chunk in chunks if chunk.get("audio_content"))
        return Clip.from_bytes(data, fmt)
    except AudioError as error:
        raise RecordingError(f"a chunk's sound cannot be read as {fmt.encoding}: {error}") from error


def _messages(script: Script, messages: list[dict[str, Any]], facts: Facts) -> float:
    at_ms, told = 0.0, moment(messages[0].get("timestamp")) if messages else None
    facts.lost.append("it was typed: there is no sound, and nobody waited for any")
    for message in messages:
        when = moment(message.get("timestamp"))
        if when is not None and told is not None:
            at_ms = max(at_ms, (when - told).total_seconds() * 1000)
        _message(script, message, at_ms)
    return at_ms


def _message(script: Script, message: dict[str, Any], at_ms: float) -> None:
    role = str(message.get("role"))
    if role == "tool":
        for part in message.get("tool_messages") or [message]:
            script.answered(at_ms, str(part.get("id") or ""), part.get("content") or "")
        return
    if text := message.get("content"):
        script.wrote(at_ms, role if role in ("user", "assistant") else "system", str(text))
    for call in message.get("tool_calls") or ():
        if role == "assistant":
            script.called(at_ms, call["name"], call.get("arguments") or {}, call_id=str(call.get("id") or ""))
        else:
            script.note(at_ms, "tau2.user_tool_call", call=call)
