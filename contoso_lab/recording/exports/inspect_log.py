"""Calls as a log of Inspect (inspect-ai): a zip of JSON that its viewer and `read_eval_log` open.

| in the zip | what |
|---|---|
| `_journal/start.json` | what was evaluated, as the log began |
| `samples/<id>_epoch_1.json` | one call: its messages, tools included, and facts |
| `summaries.json` | one short line a call |
| `header.json` | the same as at the start, with the end |

Version 2 of the log, as inspect-ai 0.3.285 reads and writes it.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from contoso_lab.recording.bundle import Recording
from contoso_lab.recording.manifest import write_whole
from contoso_lab.recording.notes import recorder_info
from contoso_lab.wire import ToolCall

_VERSION = 2


def inspect_log(recordings: Sequence[Recording], place: Path) -> None:
    """Write calls as one log; raises OSError when the place cannot be written."""
    samples = [_sample(recording) for recording in recordings]
    start = {"version": _VERSION, "eval": _spec(recordings), "plan": {"name": "recorded", "steps": [], "config": {}}}
    moments = sorted(recording.manifest.created_at for recording in recordings)
    stats = {"started_at": moments[0], "completed_at": moments[-1], "model_usage": {}}
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("_journal/start.json", json.dumps(start))
        for sample in samples:
            file.writestr(f"samples/{sample['id']}_epoch_1.json", json.dumps(sample))
        file.writestr("summaries.json", json.dumps([_summary(sample) for sample in samples]))
        results = {"total_samples": len(samples), "completed_samples": len(samples), "scores": []}
        header = {**start, "status": "success", "results": results, "stats": stats}
        file.writestr("header.json", json.dumps(header))
    write_whole(place, whole.getvalue())


def _spec(recordings: Sequence[Recording]) -> dict[str, Any]:
    ids = [recording.id for recording in recordings]
    digest = hashlib.sha256("\n".join(ids).encode()).hexdigest()[:22]
    models = sorted({recording.manifest.target.model for recording in recordings} - {""})
    kinds = sorted({recording.manifest.target.kind for recording in recordings})
    return {
        "eval_id": digest,
        "run_id": digest,
        "created": recordings[0].manifest.created_at or "1970-01-01T00:00:00+00:00",
        "task": "recorded_calls",
        "task_id": digest,
        "task_version": 0,
        "task_attribs": {},
        "task_args": {},
        "dataset": {"name": "recordings", "samples": len(ids), "sample_ids": ids},
        # Inspect names a model by who serves it and what it is.
        "model": f"{kinds[0]}/{'+'.join(models) or 'unknown'}",
        "model_args": {},
        "config": {"epochs": 1},
        "packages": {"contoso-lab": recorder_info().version},
        "metadata": {"personas": sorted({recording.manifest.persona for recording in recordings})},
    }


def _sample(recording: Recording) -> dict[str, Any]:
    manifest = recording.manifest
    messages = list(_messages(recording))
    said = [message for message in messages if message["role"] == "assistant"]
    last = said[-1] if said else {"id": "none", "role": "assistant", "content": "", "source": "generate"}
    asked = next((str(message["content"]) for message in messages if message["role"] == "user"), "")
    labels = recording.labels()
    facts = manifest.model_dump(include={"persona", "customer", "scenario", "mode", "status", "end_reason", "counts"})
    return {
        "id": recording.id,
        "epoch": 1,
        "input": asked,
        "target": json.dumps(labels.products) if labels is not None and labels.products else "",
        "messages": messages,
        "output": {
            "model": manifest.target.model or "unknown",
            "choices": [{"message": last, "stop_reason": "stop"}],
            "completion": last["content"],
        },
        "scores": {},
        "metadata": {**facts, "duration_ms": recording.duration_ms, "problems": list(recording.problems)},
        "store": {},
        "events": [],
        "model_usage": {},
        "attachments": {},
    }


def _messages(recording: Recording) -> Iterator[dict[str, Any]]:
    instructions = (recording.manifest.session or {}).get("instructions")
    if instructions:
        yield {"id": "instructions", "role": "system", "content": str(instructions)}
    for turn in recording.conversation.turns:
        message: dict[str, Any] = {"id": turn.item_id, "role": turn.role, "content": turn.text}
        times = {
            "started_ms": turn.started_ms,
            "stopped_ms": turn.stopped_ms,
            "heard": turn.heard,
            "status": turn.status,
        }
        message["metadata"] = times
        if turn.role == "assistant":
            message |= {"source": "generate", "model": recording.manifest.target.model or "unknown"}
            if turn.tool_calls:
                message["tool_calls"] = [_call(call) for call in turn.tool_calls]
        elif turn.role == "user":
            message["source"] = "input"
        yield message
        for call in turn.tool_calls:
            if call.output is not None:
                yield {
                    "id": f"{call.call_id}_output",
                    "role": "tool",
                    "content": call.output,
                    "tool_call_id": call.call_id,
                    "function": call.name,
                }


def _call(call: ToolCall) -> dict[str, Any]:
    try:
        arguments = json.loads(call.arguments or "{}")
        error = None if isinstance(arguments, dict) else "the arguments are no object"
    except (ValueError, RecursionError) as problem:
        arguments, error = {}, f"the arguments are no JSON: {problem}"
    if error is not None:
        return {
            "id": call.call_id, "function": call.name, "arguments": {"raw": call.arguments}, "type": "function",
            "parse_error": error,
        }  # fmt: skip
    return {"id": call.call_id, "function": call.name, "arguments": arguments, "type": "function"}


def _summary(sample: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": sample["id"],
        "epoch": 1,
        "input": sample["input"],
        "target": sample["target"],
        "metadata": {"persona": sample["metadata"]["persona"], "customer": sample["metadata"]["customer"]},
        "scores": {},
        "completed": True,
        "message_count": len(sample["messages"]),
    }
