"""What broke, and at which stage: the line, a response, a tool, a prompt beside the call. Never folded into a score."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from contoso_lab.scoring.features import Features, features
from contoso_lab.scoring.latency import ledger
from contoso_lab.scoring.value import Score, Scorer, scorer

if TYPE_CHECKING:
    from contoso_lab.recording.bundle import Recording

_RETRYABLE = frozenset({"conversation_already_has_active_response", "response_cancel_not_active"})
"""Errors that a race between both sides explains; they are counted, and named in the reason."""


@scorer(unit="share", lower_is_better=True, judged=False)
def line_error_rate(recording: Recording) -> Score:
    """Whether the line broke: the call was cut before it was closed, or the target's error ended it."""
    faults = line_faults(features(recording))
    return Score(bool(faults), reason="; ".join(faults))


def line_faults(found: Features) -> list[str]:
    """What went wrong with the line, a sentence each."""
    manifest = found.recording.manifest
    faults = ["the recording was cut before it was closed"] if manifest.status == "open" else []
    for event in found.of_type("session.reconnected", "local") + found.of_type("connection.lost", "local"):
        faults.append(f"{event.type} at {event.t_ms / 1000:.1f} s")
    fatal = [event for event in found.of_type("error", "s2c") if _code(event.ev) in ("session_expired", "server_error")]
    return faults + [f"{_code(event.ev)} at {event.t_ms / 1000:.1f} s" for event in fatal]


@scorer(unit="share", lower_is_better=True, judged=False)
def response_error_rate(recording: Recording) -> Score | list[Score]:
    """Share of the responses that failed or ran into a limit; what the caller cut off is no error."""
    found = features(recording)
    scores = []
    for response in found.responses_done.values():
        status = str(response.get("status", ""))
        bad = status in ("failed", "incomplete")
        details = response.get("status_details")
        reason = json.dumps(details, ensure_ascii=False)[:120] if bad and details else status
        scores.append(Score(bad, reason=reason))
    return scores or Score.missing("no response was made")


@scorer(unit="share", lower_is_better=True, judged=False)
def tool_error_rate(recording: Recording) -> Score | list[Score]:
    """Share of the function results that say that it did not work (an object with `error`)."""
    found = features(recording)
    scores = []
    for event in found.of_type("conversation.item.create", "c2s"):
        item = event.ev.get("item")
        if isinstance(item, Mapping) and item.get("type") == "function_call_output":
            fault = _tool_fault(str(item.get("output", "")))
            scores.append(Score(fault is not None, reason=fault or ""))
    return scores or Score.missing("no function was called")


def _tool_fault(output: str) -> str | None:
    try:
        value = json.loads(output)
    except ValueError:
        return None  # plain words are a result too
    fault = value.get("error") if isinstance(value, Mapping) else None
    return None if not fault else str(fault)[:120]


@scorer(unit="share", lower_is_better=True, judged=False)
def prompt_error_rate(recording: Recording) -> Score | list[Score]:
    """Share of the prompts beside the call that failed: the gate, the page, the chat."""
    found = features(recording)
    scores = [
        Score(bool(run.get("error")), reason=f"{run.get('prompt')}: {run['error']}" if run.get("error") else "")
        for run in recording.prompt_runs
    ]
    for type_ in ("gate.failed", "suggestion.failed"):
        for event in found.of_type(type_, "local"):
            scores.append(Score(True, reason=f"{type_}: {event.ev.get('reason', '')}"))
    return scores or Score.missing("no prompt was run")


@scorer(unit="share", lower_is_better=True, judged=False)
def timeout_rate(recording: Recording) -> Score | list[Score]:
    """Share of the caller's turns that got no answer at all; their waits are censored in the latencies."""
    entries = [entry for entry in ledger(recording) if entry.turn is not None and entry.status != "unknown"]
    scores = [Score(e.status == "unanswered", reason=e.reason, turn=e.turn) for e in entries]
    return scores or Score.missing("nobody spoke")


@scorer(judged=False)
def failure_stage(recording: Recording) -> Score:
    """The first stage at which something broke in the call: line, response, tool, prompt, or none."""
    found = features(recording)
    if line_faults(found):
        return Score("line")
    for stage, rate in (("response", response_error_rate), ("tool", tool_error_rate), ("prompt", prompt_error_rate)):
        result = rate.function(recording)
        bad = [] if isinstance(result, Score) else [score for score in result if score.value is True]
        if bad:
            return Score(stage, reason=bad[0].reason)
    errors = [event for event in found.of_type("error", "s2c") if _code(event.ev) not in _RETRYABLE]
    if errors:
        return Score("request", reason=_code(errors[0].ev))
    return Score("none")


def _code(event: Mapping[str, object]) -> str:
    error = event.get("error")
    return str(error.get("code") or error.get("type") or "") if isinstance(error, Mapping) else ""


SCORERS: tuple[Scorer, ...] = (
    line_error_rate,
    response_error_rate,
    tool_error_rate,
    prompt_error_rate,
    timeout_rate,
    failure_stage,
)
