"""A brain's request as the body of a chat completion: the other side of `chat_request`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from contoso_lab.engine.seams import BrainRequest, ChatMessage

NOBODY_SPOKE = "(The call begins; the caller has not spoken yet.)"
"""The chat templates of many open models refuse a conversation in which no user has spoken; an assistant that greets
first is one."""
_KNOWS_NEW_NAMES = (".openai.com", ".openai.azure.com", ".cognitiveservices.azure.com")


def chat_body(request: BrainRequest, *, model: str, base_url: str) -> dict[str, Any]:
    """Say a request in the words of `POST /chat/completions`.

    What the request leaves open is left out, so that the model's own defaults hold.

    >>> body = chat_body(BrainRequest((ChatMessage("user", "Hi"),)), model="m", base_url="http://127.0.0.1/v1")
    >>> body
    {'model': 'm', 'messages': [{'role': 'user', 'content': 'Hi'}], 'stream': True}
    """
    body: dict[str, Any] = {"model": model, "messages": [_message(each) for each in request.messages], "stream": True}
    if not any(each.role in ("user", "tool") for each in request.messages):
        body["messages"].append({"role": "user", "content": NOBODY_SPOKE})
    if tools := [_tool(each) for each in request.tools if each.get("type") == "function"]:
        body |= {"tools": tools, "tool_choice": _choice(request.tool_choice)}
        if not request.parallel_tool_calls:
            body["parallel_tool_calls"] = False
    if request.json_schema is not None:
        body["response_format"] = _format(request.json_schema)
    if request.max_tokens is not None:
        # OpenAI's newer models refuse the old name; most servers at home know no other.
        host = "." + (urlsplit(base_url).hostname or "")
        name = "max_completion_tokens" if host.endswith(_KNOWS_NEW_NAMES) else "max_tokens"
        body[name] = request.max_tokens
    optional = {"temperature": request.temperature, "seed": request.seed}
    return body | {name: value for name, value in optional.items() if value is not None}


def _message(message: ChatMessage) -> dict[str, Any]:
    content: Any = message.content
    if message.images:
        pictures = [{"type": "image_url", "image_url": {"url": url}} for url in message.images]
        content = [*([{"type": "text", "text": content}] if content else []), *pictures]
    wire: dict[str, Any] = {"role": message.role, "content": content}
    if message.tool_calls:
        wire["content"] = content or None
        wire["tool_calls"] = [
            {"id": call.call_id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.tool_calls
        ]
    if message.role == "tool":
        wire["tool_call_id"] = message.call_id
    return wire


def _tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    """A tool of a Realtime session is flat; a chat completion wraps it."""
    function = {key: value for key, value in tool.items() if key != "type" and value is not None}
    return {"type": "function", "function": function}


def _choice(choice: str) -> Any:
    return choice if choice in ("auto", "none", "required") else {"type": "function", "function": {"name": choice}}


def _format(schema: dict[str, Any]) -> dict[str, Any]:
    if schema == {"type": "object"}:  # JSON of whatever shape
        return {"type": "json_object"}
    shape: dict[str, Any] = {"name": "reply", "schema": schema}
    if is_strict(schema):
        shape["strict"] = True
    return {"type": "json_schema", "json_schema": shape}


def is_strict(schema: Any) -> bool:
    """Whether strict decoding can be asked for: every object is closed and needs all of its members.

    >>> is_strict({"type": "object", "properties": {"a": {}}, "required": ["a"], "additionalProperties": False})
    True
    >>> is_strict({"type": "array", "items": {"type": "object", "properties": {}}})
    False
    """
    if isinstance(schema, list):
        return all(map(is_strict, schema))
    if not isinstance(schema, dict):
        return True
    if "properties" in schema or schema.get("type") == "object":
        members = schema.get("properties", {})
        if schema.get("additionalProperties") is not False or set(schema.get("required", ())) != set(members):
            return False
    return all(map(is_strict, schema.values()))
