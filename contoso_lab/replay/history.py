"""What was said before, put into a conversation that begins in the middle: as it was heard, not as it was sent.

A target's memory can be given text only: the customer's words as they were understood, and of the agent's those that
reached the customer's ear.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from contoso_lab.wire import Turn

_PART = {"user": "input_text", "assistant": "output_text", "system": "input_text"}


def history_events(turns: Iterable[Turn], *, prefix: str = "past") -> Iterator[dict[str, Any]]:
    """The client events that put turns into a conversation, in order.

    Args:
        turns: what was said; a turn of which nothing was heard, and that called nothing, is left out.
        prefix: what the ids of the items begin with.

    >>> turn = Turn("item_1", "assistant", "one two three", "one two", "interrupted", 0.0, 900.0)
    >>> [event["item"]["content"] for event in history_events([turn])]
    [[{'type': 'output_text', 'text': 'one two'}]]
    """
    number = 0
    for turn in turns:
        items: list[dict[str, Any]] = []
        if turn.heard.strip():
            content = [{"type": _PART[turn.role], "text": turn.heard.strip()}]
            items.append({"type": "message", "role": turn.role, "content": content})
        for call in turn.tool_calls:
            if call.output is not None:  # a call that nobody answered would be asked for again
                about = {"call_id": call.call_id}
                items.append({"type": "function_call", **about, "name": call.name, "arguments": call.arguments})
                items.append({"type": "function_call_output", **about, "output": call.output})
        for item in items:
            number += 1
            yield {"type": "conversation.item.create", "item": {"id": f"{prefix}_{number}", **item}}
