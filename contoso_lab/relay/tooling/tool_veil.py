"""What a client sees of a conversation in which the relay runs tools: everything but those tools.

The items of our calls and of their outputs are taken out of every event, and the rest is made to fit: what came
behind one of them comes behind the last item that the client can see, the places in a response's output are
counted anew, and our tools do not stand in the session. A client that folds events finds nothing missing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

Json = Mapping[str, Any]

EVENT_IDS = "lab_tool_"
"""How the `event_id` of every event begins that the relay sends for a tool."""
SEEN = frozenset({
    "session.created", "session.updated", "conversation.created", "error",
    "input_audio_buffer.speech_started", "input_audio_buffer.cleared", "input_audio_buffer.committed",
    "conversation.item.added", "conversation.item.created", "conversation.item.done", "conversation.item.deleted",
    "conversation.item.retrieved", "response.created", "response.done",
    "response.output_item.added", "response.output_item.done",
    "response.function_call_arguments.delta", "response.function_call_arguments.done",
})  # fmt: skip
"""The events of a target that tell of calls and their items."""
SEEN_IN_PLACE = SEEN | {
    "response.content_part.added", "response.content_part.done",
    "response.output_text.delta", "response.output_text.done",
    "response.output_audio.delta", "response.output_audio.done",
    "response.output_audio_transcript.delta", "response.output_audio_transcript.done",
}  # fmt: skip
"""With those that tell a place in a response, which moves when an item before it is hidden."""


class Veil:
    """Hides the items that it is told of.

    >>> veil = Veil({"search"})
    >>> veil.item("call_item", response_id="r1", index=0)
    >>> veil.shown({"type": "response.output_item.done", "item": {"id": "call_item"}}) is None
    True
    >>> veil.shown({"type": "response.output_text.delta", "response_id": "r1", "output_index": 1})["output_index"]
    0
    """

    def __init__(self, tools: Collection[str], *, hidden: bool = True) -> None:
        self._tools = tools
        self._hidden = hidden
        self._items: dict[str, str | None] = {}
        """The items that are hidden, each with the one before it."""
        self._places: dict[str, set[int]] = {}
        """Where they stand in the output of a response that is being made."""
        self._last_shown: str | None = None

    @property
    def shifts(self) -> bool:
        """Some event's `output_index` may have to be changed, even that of sound."""
        return bool(self._places)

    def item(self, item_id: str, *, response_id: str = "", index: object = None) -> None:
        """Hide this item, which stands at that place of that response."""
        if not self._hidden or not item_id:
            return
        self._items.setdefault(item_id, self._last_shown)
        if isinstance(index, int):
            self._places.setdefault(response_id, set()).add(index)

    def forget_responses(self) -> None:
        """The responses that were being made will not go on."""
        self._places.clear()

    def shown(self, event: Json) -> Json | None:
        """What the client sees of an event of the target: the same object when it may see it all."""
        if not self._hidden:
            return event
        kind, item = text_of(event, "type"), object_of(event, "item")
        item_id = text_of(item, "id") or text_of(event, "item_id")
        ours = item_id in self._items
        if kind.startswith("conversation.item.") and "previous_item_id" in event:
            if ours:
                self._items[item_id] = text_of(event, "previous_item_id") or None
            else:
                self._last_shown = item_id or self._last_shown
        if ours or (kind == "error" and text_of(object_of(event, "error"), "event_id").startswith(EVENT_IDS)):
            return None
        changes = self._fitted(event)
        if kind == "response.done":
            changes |= self._without_items(object_of(event, "response"))
        elif kind in {"session.created", "session.updated"}:
            changes |= self._without_tools(object_of(event, "session"))
        return {**event, **changes} if changes else event

    def _fitted(self, event: Json) -> dict[str, Any]:
        """The places in the conversation and in a response, as the client counts them."""
        changes: dict[str, Any] = {}
        before = text_of(event, "previous_item_id")
        if before in self._items:
            changes["previous_item_id"] = self._before(before)
        if self._places:
            index, hidden = event.get("output_index"), self._places.get(text_of(event, "response_id"), ())
            if isinstance(index, int) and (less := sum(place < index for place in hidden)):
                changes["output_index"] = index - less
        return changes

    def _before(self, item_id: str) -> str | None:
        """The nearest item before a hidden one that the client can see."""
        at: str | None = item_id
        for _ in range(len(self._items) + 1):  # a server that contradicts itself must not hold us here
            if at not in self._items:
                return at
            at = self._items[at]
        return None

    def _without_items(self, response: Json) -> dict[str, Any]:
        self._places.pop(text_of(response, "id"), None)
        output = response.get("output")
        if not isinstance(output, list):
            return {}
        kept = [item for item in output if not (isinstance(item, Mapping) and text_of(item, "id") in self._items)]
        return {} if len(kept) == len(output) else {"response": {**response, "output": kept}}

    def _without_tools(self, session: Json) -> dict[str, Any]:
        tools = session.get("tools")
        if not isinstance(tools, list):
            return {}
        kept = [tool for tool in tools if not (isinstance(tool, Mapping) and text_of(tool, "name") in self._tools)]
        return {} if len(kept) == len(tools) else {"session": {**session, "tools": kept}}


def object_of(value: Json, key: str) -> Json:
    """The object under this key; an empty one when there is none."""
    inner = value.get(key)
    return inner if isinstance(inner, Mapping) else {}


def text_of(value: Json, key: str) -> str:
    """The text under this key; an empty one when there is none."""
    inner = value.get(key)
    return inner if isinstance(inner, str) else ""
