"""What a brain is told of a conversation: the messages of the OpenAI chat API, well formed whatever the client did.

| item | message |
|---|---|
| message | the role, the words that were said, written or heard, and the pictures |
| function_call with a result | "assistant" with `tool_calls`, at the place of the result |
| function_call without one | the same at its own place, and a tool's message that there is no result yet |
| function_call_output | "tool" with the `call_id`; left out when its call is gone |

A call moves to its result because the chat API wants them side by side, and because the result is the news: while a
tool worked, the two may have talked on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from contoso_lab.engine.items import Item
from contoso_lab.engine.seams import ChatMessage, ToolCall

PENDING = '{"status": "in_progress", "message": "The result is not here yet."}'
"""What stands for the result of a call that has none."""


def prompt(instructions: str, items: Iterable[Item]) -> tuple[ChatMessage, ...]:
    """The instructions, then every item that has something to tell.

    >>> call = Item({"type": "function_call", "call_id": "c", "name": "show", "arguments": "{}"})
    >>> result = Item({"type": "function_call_output", "call_id": "c", "output": "shown"})
    >>> [(message.role, message.content) for message in prompt("Be kind.", [call, result])]
    [('system', 'Be kind.'), ('assistant', ''), ('tool', 'shown')]
    """
    items = tuple(items)
    call_of = _calls_by_result(items)
    answered = set(call_of.values())
    messages = [ChatMessage("system", instructions)] if instructions else []
    calls: list[ToolCall] = []
    results: list[ChatMessage] = []
    for item in items:
        kind = item.wire["type"]
        if kind == "function_call" and item in answered:
            continue
        if kind == "function_call_output" and item in call_of:
            calls.append(_tool_call(call_of[item]))
            results.append(ChatMessage("tool", item.wire["output"], call_id=calls[-1].call_id))
        elif kind == "function_call":
            calls.append(_tool_call(item))
            results.append(ChatMessage("tool", PENDING, call_id=calls[-1].call_id))
        elif (message := item.message()) is not None:
            messages += [*_round(calls, results), message]
            calls, results = [], []
    return (*messages, *_round(calls, results))


def _round(calls: list[ToolCall], results: list[ChatMessage]) -> Iterator[ChatMessage]:
    """Calls that stand side by side are one message of the assistant, as if made in parallel."""
    if calls:
        yield ChatMessage("assistant", "", tool_calls=tuple(calls))
        yield from results


def _calls_by_result(items: tuple[Item, ...]) -> dict[Item, Item]:
    """The call that each result answers; the first result counts."""
    calls = {item.wire["call_id"]: item for item in items if item.wire["type"] == "function_call"}
    found: dict[Item, Item] = {}
    for item in items:
        if item.wire["type"] == "function_call_output" and (call := calls.pop(item.wire["call_id"], None)) is not None:
            found[item] = call
    return found


def _tool_call(item: Item) -> ToolCall:
    return ToolCall(item.wire["call_id"], item.wire["name"], item.wire["arguments"])
