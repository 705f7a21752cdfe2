"""A tool call as JSON that a grammar holds to its shape: it works with every model, whatever its template knows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from contoso_lab.engine.effects import random_ids
from contoso_lab.engine.seams import BrainRequest, ToolCall
from contoso_lab.errors import EngineError


def must_call(request: BrainRequest) -> Sequence[Mapping[str, Any]]:
    """The tools of which the reply has to call one; empty when words will do.

    >>> must_call(BrainRequest((), tools=({"type": "function", "name": "show"},), tool_choice="auto"))
    []
    """
    if request.tool_choice in ("auto", "none"):
        return []
    return [tool for tool in request.tools if request.tool_choice in ("required", tool.get("name"))]


def call_schema(tools: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The shape of one call of one of these tools.

    >>> call_schema([{"name": "show"}])["anyOf"][0]["properties"]["name"]
    {'const': 'show'}
    """
    return {"anyOf": [_shape(tool) for tool in tools]}


def read_call(text: str) -> ToolCall:
    """The call that was written.

    Raises:
        EngineError: it was cut off.
    """
    try:
        call = json.loads(text)
        return ToolCall(random_ids("call"), call["name"], json.dumps(call["arguments"], ensure_ascii=False))
    except (ValueError, KeyError, TypeError) as error:
        raise EngineError(
            "The small language model did not finish its tool call within its limit of tokens."
        ) from error


def told(tools: Sequence[Mapping[str, Any]]) -> str:
    """What the model is told about the tools."""
    lines = [f"- {tool.get('name')}: {tool.get('description') or 'no description'}" for tool in tools]
    return "\n".join(["Call one of these tools, as JSON with its name and arguments:", *lines])


def _shape(tool: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            "name": {"const": tool["name"]},
            "arguments": tool.get("parameters") or {"type": "object", "properties": {}},
        },
        "required": ["name", "arguments"],
        "additionalProperties": False,
    }
