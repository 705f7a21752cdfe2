"""What runs beside the talk: tools, and prompts for the chat, the gate and the page, each with its own wait."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from contoso_lab.errors import ShopError
from contoso_lab.scoring.features import features
from contoso_lab.scoring.value import ALL_MODES, EAR_MODES, Mode, Score, Scorer, scorer

if TYPE_CHECKING:
    from contoso_lab.recording.bundle import Recording

_ASKED: frozenset[Mode] = ALL_MODES - {"cassette"}
"""A cassette asks no model again: its waits are those of the recording it was made of."""


@scorer(unit="ms", lower_is_better=True, aggregate="median", judged=False, modes=EAR_MODES)
def tool_time_ms(recording: Recording) -> Score | list[Score]:
    """From the end of a function's arguments to the result that was sent back."""
    found = features(recording)
    asked: dict[str, tuple[float, str]] = {}
    for event in found.of_type("response.function_call_arguments.done", "s2c"):
        asked[str(event.ev.get("call_id"))] = (event.t_ms, str(event.ev.get("name", "")))
    answered: dict[str, float] = {}
    for event in found.of_type("conversation.item.create", "c2s"):
        item = event.ev.get("item")
        if isinstance(item, Mapping) and item.get("type") == "function_call_output":
            answered.setdefault(str(item.get("call_id")), event.t_ms)
    scores = []
    for call_id, (at_ms, name) in asked.items():
        if call_id in answered:
            scores.append(Score(answered[call_id] - at_ms, reason=name))
        else:
            waited = max(0.0, found.anchors.end_ms - at_ms)
            scores.append(Score.censored(waited, f"{name}: no result was sent back"))
    return scores or Score.missing("no function was called")


@scorer(unit="ms", lower_is_better=True, aggregate="median", judged=False, modes=EAR_MODES)
def silent_tool_gap_ms(recording: Recording) -> Score | list[Score]:
    """The longest silence that the caller heard in a turn with a tool, from the caller's end to the answer's."""
    found = features(recording)
    scores = []
    for exchange in found.exchanges:
        start = exchange.silent_from_ms
        if not exchange.used_tool or start is None or exchange.turn is None:
            continue
        sounds = [s for s in found.sounding if s.end_ms > start and s.start_ms < exchange.waited_until_ms]
        if not sounds:
            waited = max(0.0, exchange.waited_until_ms - start)
            scores.append(Score.censored(waited, "no answer was heard", turn=exchange.turn))
            continue
        gaps, reached = [], start
        for sound in sounds:
            gaps.append(sound.start_ms - reached)
            reached = max(reached, sound.end_ms)
        scores.append(Score(max(0.0, *gaps) if len(gaps) > 1 else max(0.0, gaps[0]), turn=exchange.turn))
    return scores or Score.missing("no turn used a tool")


@scorer(unit="share", judged=False)
def tool_valid(recording: Recording) -> Score | list[Score]:
    """Share of the function calls that name a tool of the session and give it arguments that its schema allows."""
    found = features(recording)
    schemas = _tools(recording)
    scores = []
    for event in found.of_type("response.function_call_arguments.done", "s2c"):
        name, arguments = str(event.ev.get("name", "")), str(event.ev.get("arguments", ""))
        fault = fault_in(name, arguments, schemas)
        scores.append(Score(fault is None, reason=fault or name))
    return scores or Score.missing("no function was called")


def fault_in(name: str, arguments: str, schemas: Mapping[str, Mapping[str, Any]]) -> str | None:
    """What is wrong with a function call, in a sentence; None when nothing is.

    The parts of JSON Schema that tools use: type, required, enum, bounds, no other properties.

    >>> fault_in("add", "{}", {"add": {"type": "object", "required": ["sku"]}})
    "add: 'sku' is missing"
    """
    if schemas and name not in schemas:
        return f"there is no tool {name!r}"
    try:
        given = json.loads(arguments)
    except ValueError:
        return f"{name}: the arguments are not JSON"
    if not isinstance(given, dict):
        return f"{name}: the arguments are no object"
    fault = _fault(given, schemas.get(name, {}))
    return None if fault is None else f"{name}: {fault}"


_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}


def _fault(given: Mapping[str, Any], schema: Mapping[str, Any]) -> str | None:
    known = schema.get("properties") or {}
    for wanted in schema.get("required") or ():
        if wanted not in given:
            return f"{wanted!r} is missing"
    for key, value in given.items():
        if key not in known:
            if schema.get("additionalProperties") is False:
                return f"{key!r} is not known"
            continue
        rule, optional = known[key], key not in (schema.get("required") or ())
        if value is None and optional:
            continue  # models write null for what they leave out
        types = _TYPES.get(str(rule.get("type")), (object,))
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types and object not in types):
            return f"{key!r} is no {rule['type']}"
        if "enum" in rule and value not in rule["enum"]:
            return f"{key!r} is {value!r}, which is none of its choices"
        if isinstance(value, int | float) and not isinstance(value, bool):
            if value < rule.get("minimum", value) or value > rule.get("maximum", value):
                return f"{key!r} is out of its bounds"
        if isinstance(value, list) and not rule.get("minItems", 0) <= len(value) <= rule.get("maxItems", len(value)):
            return f"{key!r} holds {len(value)}, which is out of its bounds"
    return None


def _tools(recording: Recording) -> dict[str, Mapping[str, Any]]:
    """The tools of the session by name, with the schemas of their arguments; the shop's own where it names none."""
    session = recording.manifest.session or recording.conversation.session or {}
    listed = session.get("tools") or features(recording).recording.conversation.session.get("tools") or []
    found = {str(t.get("name")): t.get("parameters") or {} for t in listed if isinstance(t, Mapping)}
    if found:
        return found
    from contoso_lab.shop.tool_schemas import schemas

    catalog = features(recording).catalog
    try:
        return {n: s["parameters"] for n, s in schemas(catalog).items()} if catalog is not None else {}
    except ShopError:
        return {}


def _per_run(
    recording: Recording, read: Callable[[Mapping[str, Any]], float | None], *, chat: bool | None, nothing: str
) -> Score | list[Score]:
    scores = []
    for run in recording.prompt_runs:
        name = str(run.get("prompt", ""))
        if run.get("cached") or (chat is not None and name.startswith("chat") != chat):
            continue  # an answer from the cache took no time of a model's
        if run.get("error"):
            scores.append(Score.error(f"{name}: {run['error']}"))
            continue
        value = read(run)
        if value is not None:
            scores.append(Score(value, reason=name))
    return scores or Score.missing(nothing)


def _since_start(run: Mapping[str, Any], key: str) -> float | None:
    start, moment = run.get("started_ns"), run.get(key)
    return (moment - start) / 1e6 if isinstance(start, int) and isinstance(moment, int) else None


@scorer(unit="ms", lower_is_better=True, aggregate="median", judged=False, modes=_ASKED)
def chat_first_token_ms(recording: Recording) -> Score | list[Score]:
    """In the chat: from the request to the first piece of the answer. Answers from the cache are left out."""
    return _per_run(recording, lambda run: _since_start(run, "first_ns"), chat=True, nothing="no chat was recorded")


@scorer(unit="ms", lower_is_better=True, aggregate="median", judged=False, modes=_ASKED)
def prompt_first_token_ms(recording: Recording) -> Score | list[Score]:
    """Of the prompts beside the call that were streamed: to the first piece of the answer; cached ones left out."""
    return _per_run(recording, lambda run: _since_start(run, "first_ns"), chat=False, nothing="no prompt was streamed")


@scorer(unit="ms", lower_is_better=True, aggregate="median", judged=False, modes=_ASKED)
def prompt_total_ms(recording: Recording) -> Score | list[Score]:
    """Of the prompts beside the call: until the whole answer was there; cached ones left out."""
    return _per_run(recording, lambda run: _since_start(run, "ended_ns"), chat=False, nothing="no prompt was run")


@scorer(unit="tok/s", judged=False, modes=_ASKED)
def prompt_tokens_per_s(recording: Recording) -> Score | list[Score]:
    """How fast a prompt's answer came: tokens of the answer over the time from the first piece to the end."""

    def rate(run: Mapping[str, Any]) -> float | None:
        tokens = (run.get("usage") or {}).get("completion_tokens")
        first, end = _since_start(run, "first_ns"), _since_start(run, "ended_ns")
        if not isinstance(tokens, int) or first is None or end is None or end <= first:
            return None
        return tokens / ((end - first) / 1000)

    return _per_run(recording, rate, chat=None, nothing="no streamed prompt said how many tokens it made")


SCORERS: tuple[Scorer, ...] = (
    tool_time_ms,
    silent_tool_gap_ms,
    tool_valid,
    chat_first_token_ms,
    prompt_first_token_ms,
    prompt_total_ms,
    prompt_tokens_per_s,
)
