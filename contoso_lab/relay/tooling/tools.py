"""Tools that the relay runs itself: the rules, without a clock, a task or a socket.

```
target: … function_call item complete ──▶ run it, once
        tool has finished             ──▶ conversation.item.create (function_call_output), once its item is done
        response.done, all outputs in ──▶ response.create, once
```

The model is not asked again when somebody has cut in (the response was cancelled, another one is being made, or
the caller is speaking: the answer to that will know the outputs), and not when the response also called a tool
of the client's own: the client asks then, as it is used to. A tool of the client's passes untouched.
Hidden, a client sees nothing of all this (`tool_veil`); shown, it sees every event as it came.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from contoso_lab.relay.tooling.tool_veil import EVENT_IDS, SEEN, SEEN_IN_PLACE, Json, Veil, object_of, text_of
from contoso_lab.wire.responses import Responses

MOST_ROUNDS = 8
"""How often in a row the model may ask for tools before it has to answer without."""
_ASKS_AGAIN = frozenset({"completed", "incomplete"})


class Tool(Protocol):
    """What the relay has to know of a tool; the shop's are in `contoso_lab.shop.tools`."""

    @property
    def schema(self) -> Mapping[str, Any]:
        """The tool as a session's `tools` names it: `type`, `name`, `description`, `parameters`."""

    def run(self, arguments: Mapping[str, Any]) -> Any:
        """Do it: gives something that JSON can hold. May be a coroutine function, and take the `call_id` as well.

        Raises:
            LabError: it could not be done; the sentence is told to the model.
        """


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool that the model wants to be run."""

    call_id: str
    name: str
    arguments: str
    """As the model wrote them: JSON, if all is well."""


class Seen(NamedTuple):
    """What one event of the target leads to."""

    event: Json | None
    """What the client is shown: the same object when nothing was changed, None for nothing."""
    send: Sequence[Json] = ()
    """What the target is sent."""
    run: Sequence[ToolCall] = ()


@dataclass(slots=True)
class _Round:
    """The calls of one response."""

    open: set[str] = field(default_factory=set)
    """Those whose output has not been sent."""
    told: bool = False
    """An output was sent, so there is something to go on with."""
    foreign: bool = False
    over: bool = False
    owes: bool = True
    """Nobody else has asked the model to go on."""
    modalities: object = None


@dataclass(slots=True)
class _Call:
    round: _Round
    name: str
    started: bool = False
    whole: bool = False
    """Its item is done, so the conversation can hold an output for it."""
    output: str | None = None


class ToolDesk:
    """The tools of one conversation.

    Args:
        tools: by name.
        hidden: keep the client from seeing the calls.
    """

    def __init__(self, tools: Mapping[str, Tool], *, hidden: bool = True) -> None:
        self._tools = tools
        self._veil = Veil(tools.keys(), hidden=hidden)
        self._responses = Responses()
        self._rounds: dict[str, _Round] = {}
        self._calls: dict[str, _Call] = {}
        self._speaking = False
        self._in_a_row = 0
        self._modalities: object = None
        self._numbers = itertools.count(1)

    @property
    def types(self) -> Set[str]:
        """The events of a target that have to be seen here now."""
        return SEEN_IN_PLACE if self._veil.shifts else SEEN

    # -- what the client says --------------------------------------------------------------------

    def from_client(self, event: Json) -> None:
        """Take note of a `response.create` or a `conversation.item.create` that goes to the target."""
        kind = event.get("type")
        if kind not in {"response.create", "conversation.item.create"}:
            return
        if text_of(event, "event_id").startswith(EVENT_IDS):
            return  # our own
        self._in_a_row = 0
        if kind == "response.create":
            wanted = object_of(event, "response")
            self._responses.asked(wanted)
            if wanted.get("conversation") != "none":
                self._asked_by_another()

    # -- what the target says --------------------------------------------------------------------

    def from_target(self, event: Json) -> Seen:
        """Take an event of the target: what the client sees of it, what to run, what to send."""
        run: list[ToolCall] = []
        send: list[Json] = []
        match event.get("type"):
            case "session.created" | "session.updated":
                self._modalities = object_of(event, "session").get("output_modalities")
            case "conversation.created":
                self._responses.conversation_exists()
            case "input_audio_buffer.speech_started":
                self._speaking, self._in_a_row = True, 0
            case "input_audio_buffer.cleared":
                self._speaking = False
                send += self._settle_all()
            case "response.created":
                self._created(object_of(event, "response"))
            case "response.output_item.added":
                self._called(event, object_of(event, "item"))
            case "response.function_call_arguments.done":
                run += self._start(event, text_of(event, "name"))
            case "response.output_item.done":
                item = object_of(event, "item")
                if self._called(event, item):
                    run += self._start(item, text_of(item, "name"))
                    send += self._whole(item)
            case "response.done":
                run, send = self._done(object_of(event, "response"))
        return Seen(self._veil.shown(event), send, run)

    def finished(self, call_id: str, output: str) -> Sequence[Json]:
        """A tool has finished: what the target is sent."""
        call = self._calls.get(call_id)
        if call is None or call.output is not None:
            return ()
        call.output = output
        return self._tell(call_id, call) if call.whole else ()

    def target_lost(self) -> None:
        """The target is gone and its responses with it.

        Outputs are still told, to the next one. Who replays the conversation asks it for what comes after a
        response that was lost; we ask only when ours was whole.
        """
        self._responses = Responses()
        self._veil.forget_responses()
        self._speaking = False
        for response_id, round in list(self._rounds.items()):
            if not round.over:
                self._done({"id": response_id, "status": "failed", "output": []})

    # -- calls -----------------------------------------------------------------------------------

    def _created(self, response: Json) -> None:
        self._responses.created(response)
        if self._responses.is_aside(text_of(response, "id")):
            return
        self._speaking = False
        for round in self._rounds.values():
            round.owes = False
        self._forget_settled()

    def _asked_by_another(self) -> None:
        """The client asks the model itself; what is over needs no asking then."""
        for round in self._rounds.values():
            round.owes = round.owes and not round.over
        self._forget_settled()

    def _called(self, event: Json, item: Json) -> bool:
        """Take note of an item of a response; whether it is a call of a tool of ours."""
        response_id, call_id = text_of(event, "response_id"), text_of(item, "call_id")
        if item.get("type") != "function_call" or self._responses.is_aside(response_id):
            return False  # beside the conversation there is nothing that could take an output
        round = self._rounds.setdefault(response_id, _Round())
        if text_of(item, "name") not in self._tools:
            round.foreign = True
            return False
        if call_id and call_id not in self._calls:
            round.open.add(call_id)
            self._calls[call_id] = _Call(round, text_of(item, "name"))
        self._veil.item(text_of(item, "id"), response_id=response_id, index=event.get("output_index"))
        return True

    def _start(self, place: Json, name: str) -> list[ToolCall]:
        call_id, arguments = text_of(place, "call_id"), place.get("arguments")
        call = self._calls.get(call_id)
        if call is None or call.started or not isinstance(arguments, str):
            return []
        if place.get("status") == "incomplete" or name not in ("", call.name):
            return []
        call.started = True
        return [ToolCall(call_id, call.name, arguments)]

    def _whole(self, item: Json) -> Sequence[Json]:
        """An item of ours is done, or was cut off before it was whole; then it is no call any more."""
        call_id = text_of(item, "call_id")
        call = self._calls.get(call_id)
        if call is None or call.whole:
            return ()
        if item.get("status") == "incomplete" or not call.started:
            return self._drop(call_id)
        call.whole = True
        return self._tell(call_id, call) if call.output is not None else ()

    def _drop(self, call_id: str) -> Sequence[Json]:
        self._calls.pop(call_id).round.open.discard(call_id)
        return ()

    def _tell(self, call_id: str, call: _Call) -> Sequence[Json]:
        """Send an output, and ask for the answer when it was the last."""
        call.round.open.discard(call_id)
        call.round.told = True
        item_id = f"item_lab_{next(self._numbers)}"
        self._veil.item(item_id)
        item = {"id": item_id, "type": "function_call_output", "call_id": call_id, "output": call.output}
        call.output = ""  # it has been told, and may be long
        return (self._ours("conversation.item.create", item=item), *self._settle(call.round))

    def _done(self, response: Json) -> tuple[list[ToolCall], list[Json]]:
        response_id, status = text_of(response, "id"), text_of(response, "status") or "completed"
        self._responses.done(response_id)
        output = response.get("output")
        items = [item for item in output if isinstance(item, Mapping)] if isinstance(output, list) else []
        run: list[ToolCall] = []
        send: list[Json] = []
        for item in items:  # a server may tell of a call here for the first time
            if self._called({"response_id": response_id}, item):
                run += self._start(item, text_of(item, "name"))
                send += self._whole(item)
        round = self._rounds.get(response_id)
        if round is None:
            return run, send
        for call_id in sorted(round.open):
            if not self._calls[call_id].whole:
                self._drop(call_id)
        round.over = True
        round.modalities = response.get("output_modalities")
        can_go_on = (round.open or round.told) and not round.foreign
        round.owes = round.owes and bool(can_go_on) and status in _ASKS_AGAIN
        return run, [*send, *self._settle(round)]

    def _settle_all(self) -> list[Json]:
        return [event for round in list(self._rounds.values()) for event in self._settle(round)]

    def _settle(self, round: _Round) -> Sequence[Json]:
        """Ask the model to go on, when all outputs of a response are there and nobody else has asked."""
        if not round.over or round.open:
            return ()
        asks = round.owes and self._responses.active_id is None and not self._speaking
        if asks:
            round.owes = False
        self._forget_settled()
        return (self._ask(round),) if asks else ()

    def _ask(self, round: _Round) -> Json:
        self._in_a_row += 1
        wanted: dict[str, Any] = {}
        if round.modalities is not None and self._modalities is not None and round.modalities != self._modalities:
            wanted["output_modalities"] = round.modalities  # it was asked for text: text is what it goes on with
        if self._in_a_row >= MOST_ROUNDS:
            wanted["tool_choice"] = "none"
        return self._ours("response.create", **({"response": wanted} if wanted else {}))

    def _forget_settled(self) -> None:
        for response_id, round in list(self._rounds.items()):
            if round.over and not round.open and not round.owes:
                del self._rounds[response_id]

    def _ours(self, type: str, **fields: Any) -> Json:
        return {"type": type, "event_id": f"{EVENT_IDS}{next(self._numbers)}", **fields}
