"""The shop's tools for a call that no relay stands in: run at once, told to the target when its response is over."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from contoso_lab.errors import LabError
from contoso_lab.shop.tools import ShopTool

LONGEST_ID = 32


class LocalTools:
    """Runs what an agent calls; every output is an item whose id follows from the call's.

    Args:
        tools: by name.
    """

    def __init__(self, tools: Mapping[str, ShopTool]) -> None:
        self._tools = tools
        self._say: Callable[[Mapping[str, Any]], None] = lambda _: None
        self._speaking = False

    def begin(self, say: Callable[[Mapping[str, Any]], None], **_: Any) -> None:
        """The call begins; `say` sends an event to the target."""
        self._say = say

    def from_target(self, event: Mapping[str, Any]) -> Mapping[str, Any]:
        """Take an event of the target; it is shown to the client as it is."""
        match event.get("type"):
            case "input_audio_buffer.speech_started":
                self._speaking = True
            case "input_audio_buffer.committed" | "response.created":
                self._speaking = False
            case "response.done" if event["response"].get("status") == "completed":
                calls = list(self._calls(event["response"].get("output") or ()))
                for item in calls:
                    self._say(
                        {
                            "type": "conversation.item.create",
                            "item": {
                                "id": output_id(item["call_id"]),
                                "type": "function_call_output",
                                "call_id": item["call_id"],
                                "output": self._run(item),
                            },
                        }
                    )
                if calls and not self._speaking:  # the answer to a caller who speaks will know the outputs
                    self._say({"type": "response.create"})
        return event

    def from_client(self, event: Mapping[str, Any]) -> None:
        """Nothing that a client asks for matters here."""

    async def close(self) -> None:
        """Nothing runs any more."""

    def _calls(self, output: Any) -> Iterator[Mapping[str, Any]]:
        return (item for item in output if item.get("type") == "function_call" and item.get("name") in self._tools)

    def _run(self, item: Mapping[str, Any]) -> str:
        try:
            arguments = json.loads(item.get("arguments") or "{}")
        except ValueError:
            return json.dumps({"error": "The arguments are no JSON."})
        try:
            return json.dumps(dict(self._tools[str(item["name"])].run(arguments)), ensure_ascii=False)
        except LabError as error:
            return json.dumps({"error": str(error)}, ensure_ascii=False)


def output_id(call_id: str) -> str:
    """The id of the item that answers a call.

    >>> output_id("call_7")
    'out_call_7'
    """
    return f"out_{call_id}"[:LONGEST_ID]
