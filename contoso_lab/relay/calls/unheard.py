"""What was said to the target and has not been taken up: to be said again when the target is lost."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from contoso_lab.relay.wires.legs import Message

MOST_KEPT_BYTES = 2**20


class Unheard:
    """The client's items that the target has not put into the conversation yet.

    >>> unheard = Unheard()
    >>> unheard.said({"item": {"type": "function_call_output", "call_id": "c"}}, b"the event as it was sent")
    >>> unheard.heard({"id": "i7", "type": "function_call_output", "call_id": "c"})
    >>> unheard.messages()
    []
    """

    def __init__(self, *, most_bytes: int = MOST_KEPT_BYTES) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._said: deque[tuple[Mapping[str, Any], Message]] = deque()

    def said(self, event: Mapping[str, Any], message: Message) -> None:
        """An item goes to the target; `event` is what the message says."""
        if isinstance(event.get("item"), Mapping):
            self._said.append((event, message))
            self._bytes += len(message)
            while self._bytes > self._most_bytes:
                self._bytes -= len(self._said.popleft()[1])

    def heard(self, item: Mapping[str, Any]) -> None:
        """The target has this item now."""
        self._remove(next((said for said in self._said if _is_same(said[0]["item"], item)), None))

    def refused(self, event_id: object) -> None:
        """The target will not have the item of this event."""
        if event_id is not None:
            self._remove(next((said for said in self._said if said[0].get("event_id") == event_id), None))

    def messages(self) -> list[Message]:
        """What is still to be heard, oldest first."""
        return [message for _, message in self._said]

    def _remove(self, said: tuple[Mapping[str, Any], Message] | None) -> None:
        if said is not None:
            self._said.remove(said)
            self._bytes -= len(said[1])


def _is_same(said: Mapping[str, Any], heard: Mapping[str, Any]) -> bool:
    if said.get("id"):
        return bool(said["id"] == heard.get("id"))
    # A server names the items that come without a name.
    return all(said.get(name) == heard.get(name) for name in ("type", "role", "call_id"))
