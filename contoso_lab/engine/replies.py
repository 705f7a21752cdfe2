"""Which responses are in the making, what they wait for, and how they end.

One response at a time writes to the conversation; those beside it (`conversation: "none"`) are as many as the client
likes. A response is announced at once and given to the brain when the ear has caught up with what it answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import starmap
from typing import Any

from contoso_lab.engine.call import Call
from contoso_lab.engine.effects import Effect, Output, Reply, Stop, WireEvent
from contoso_lab.engine.item_reading import read_item
from contoso_lab.engine.items import Item
from contoso_lab.engine.prompting import prompt
from contoso_lab.engine.refusals import Refused
from contoso_lab.engine.responses import Response
from contoso_lab.engine.seams import BrainRequest, ChatMessage, Spoken, ToolCall
from contoso_lab.engine.session_rules import check_response
from contoso_lab.engine.session_state import ResponseSettings
from contoso_lab.engine.usage import input_tokens, reading, total

TOKENS_PER_MINUTE = 1_000_000
REQUESTS_PER_MINUTE = 10_000
"""A local engine has no limits; clients that watch theirs shall see that there is room."""


class Replies:
    """The output half of one call."""

    def __init__(self, call: Call, *, listen: Callable[[Item], list[Effect]]) -> None:
        self._call = call
        self._listen = listen
        self._running: dict[str, Response] = {}
        self._inputs: dict[str, tuple[Item, ...]] = {}
        """Items that stand in for the conversation, by response."""
        self._waiting: set[str] = set()
        """Responses that the brain has not been asked for yet."""
        self.voice_locked = False
        """The assistant has been heard in the conversation: its voice cannot change any more."""
        self.silent_since_ms: float | None = None
        """When the last response's sound has been played, on the shell's clock; None while one is going on."""

    @property
    def active(self) -> Response | None:
        """The response that writes to the conversation, if there is one."""
        return next((each for each in self._running.values() if each.settings.in_conversation), None)

    def create(self, wanted: Mapping[str, Any] | None = None, *, at_ms: float) -> list[Output]:
        """Begin a response, with the `response` of a `response.create` or, at the end of a turn, with none.

        Raises:
            Refused: another one is active, or the settings make no sense.
        """
        check_response(wanted or {}, voices=self._call.voices)
        settings = self._call.session.response(wanted)
        if settings.in_conversation and (active := self.active) is not None:
            raise Refused(
                f"Conversation already has an active response in progress: {active.id}. Wait until the response is "
                "finished before creating a new one.",
                code="conversation_already_has_active_response",
            )
        locked = self.voice_locked and settings.in_conversation
        if locked and settings.voice != self._call.session.response().voice:
            raise Refused(
                "Cannot update a conversation's voice if assistant audio is present.", code="cannot_update_voice"
            )
        inputs = None if settings.input is None else tuple(starmap(self._input_item, enumerate(settings.input)))
        response = Response(
            self._call.ids("resp"),
            settings,
            conversation_id=self._call.conversation_id,
            items=self._call.items,
            ids=self._call.ids,
        )
        self._running[response.id] = response
        self._waiting.add(response.id)
        out: list[Output] = [*response.created(), self._rate_limits()]
        if inputs is not None:
            self._inputs[response.id] = inputs
            new = (item for item in inputs if item.audio and not self._call.items.holds(item))
            out += [effect for item in new for effect in self._listen(item)]
        if settings.in_conversation:
            self.silent_since_ms = None
        return [*out, *self.proceed(at_ms=at_ms)]

    def proceed(self, *, at_ms: float) -> list[Output]:
        """Ask the brain for every response whose input the ear has caught up with."""
        out: list[Output] = []
        for response_id, response in tuple(self._running.items()):
            if response_id not in self._waiting:
                continue
            items, settings = self._items_of(response), response.settings
            if any(item in self._call.unheard for item in items):
                continue
            self._waiting.discard(response_id)
            if response_id not in self._inputs:
                try:
                    items = self._fitting(items, settings)
                except Refused as refusal:
                    out += self.fail(response_id, refusal.message, kind=refusal.kind, code=refusal.code, at_ms=at_ms)
                    continue
            read = reading(settings.instructions, settings.tools, items)
            response.given, response.cached = total(read), self._call.readings.cached(read)
            out.append(_reply(response_id, settings, prompt(settings.instructions, items)))
        return out

    def foretell(self, guess: Item | None) -> Reply | None:
        """What the brain would be asked if the caller's turn ended as this item; nothing is begun."""
        settings = self._call.session.response()
        if guess is None or settings.modality != "audio" or self.active is not None:
            return None
        try:
            items = self._fitting((*self._call.items, guess), settings, ahead=True)
        except Refused:  # if it comes to that, the client is told then
            return None
        return _reply("ahead", settings, prompt(settings.instructions, items))

    def said(self, response_id: str, spoken: Spoken, *, at_ms: float) -> list[Output]:
        """Take a sentence from the voice."""
        response = self._running.get(response_id)
        if response is None:  # cancelled meanwhile
            return []
        out: list[Output] = [*response.say(spoken, at_ms=at_ms)]
        if response.settings.in_conversation and response.sound_ms:
            self.voice_locked = True
        return out + self._end_if_full(response, at_ms=at_ms)

    def wrote(self, response_id: str, text: str, *, at_ms: float) -> list[Output]:
        """Take a piece of text from the brain."""
        response = self._running.get(response_id)
        return [] if response is None else [*response.write(text), *self._end_if_full(response, at_ms=at_ms)]

    def called(self, response_id: str, tool: ToolCall, *, at_ms: float) -> list[Output]:
        """Take a tool call from the brain."""
        response = self._running.get(response_id)
        return [] if response is None else [*response.call(tool), *self._end_if_full(response, at_ms=at_ms)]

    def finish(self, response_id: str, *, at_ms: float) -> list[Output]:
        """Take the news that the brain has no more to say."""
        response = self._running.get(response_id)
        return [] if response is None else [*self._ended(response, response.finish("completed"), at_ms=at_ms)]

    def spend(self, response_id: str, *, at_ms: float) -> list[Output]:
        """Take the news that the brain was cut off at the limit of tokens that it was given."""
        response = self._running.get(response_id)
        if response is None:
            return []
        return [*self._ended(response, response.finish("incomplete", reason="max_output_tokens"), at_ms=at_ms)]

    def fail(
        self,
        response_id: str,
        message: str,
        *,
        at_ms: float,
        kind: str = "server_error",
        code: str | None = "response_failed",
    ) -> list[Output]:
        """Take the news that the brain or the voice could not go on."""
        response = self._running.get(response_id)
        if response is None:
            return []
        error = {"type": kind, "code": code, "message": message}
        return [Stop(response_id), *self._ended(response, response.finish("failed", error=error), at_ms=at_ms)]

    def fail_those_with(self, item: Item, message: str, *, at_ms: float) -> list[Output]:
        """Fail the responses that wait for words which will never come."""
        hopeless = [each for each in self._waiting if item in self._items_of(self._running[each])]
        return [output for each in hopeless for output in self.fail(each, message, at_ms=at_ms)]

    def interrupt(self, *, at_ms: float) -> list[Output]:
        """Cut the active response off because the caller speaks; nothing happens if there is none."""
        active = self.active
        return [] if active is None else self._cancel(active, "turn_detected", at_ms=at_ms)

    def cancel(self, response_id: str | None, *, at_ms: float) -> list[Output]:
        """Cut a response off because the client says so.

        Raises:
            Refused: there is nothing to cut off.
        """
        response = self.active if response_id is None else self._running.get(response_id)
        if response is None:
            raise Refused("Cancellation failed: no active response found", code="response_cancel_not_active")
        return self._cancel(response, "client_cancelled", at_ms=at_ms)

    def end(self) -> list[Effect]:
        """Drop all work."""
        dropped: list[Effect] = [Stop(response_id) for response_id in self._running]
        self._running.clear()
        self._waiting.clear()
        return dropped

    def _cancel(self, response: Response, reason: str, *, at_ms: float) -> list[Output]:
        events = response.finish("cancelled", reason=reason)
        return [Stop(response.id), *self._ended(response, events, at_ms=at_ms)]

    def _end_if_full(self, response: Response, *, at_ms: float) -> list[Output]:
        if not response.full:
            return []
        events = response.finish("incomplete", reason="max_output_tokens")
        return [Stop(response.id), *self._ended(response, events, at_ms=at_ms)]

    def _ended(self, response: Response, events: Iterable[WireEvent], *, at_ms: float) -> list[WireEvent]:
        events = list(events)  # its last sound may still be among them
        del self._running[response.id]
        self._inputs.pop(response.id, None)
        self._waiting.discard(response.id)
        if response.settings.in_conversation:
            began_ms = response.sounding_since_ms
            if began_ms is None or response.status == "cancelled":  # who cuts it off stops playing it, too
                self.silent_since_ms = at_ms
            else:
                self.silent_since_ms = max(at_ms, began_ms + response.sound_ms)
        return events

    def _fitting(self, items: tuple[Item, ...], settings: ResponseSettings, *, ahead: bool = False) -> tuple[Item, ...]:
        head = input_tokens(settings.instructions, settings.tools, ()).total
        return self._call.window.fit(items, rule=settings.truncation, head_tokens=head, ahead=ahead)

    def _items_of(self, response: Response) -> tuple[Item, ...]:
        inputs = self._inputs.get(response.id)
        return tuple(self._call.items) if inputs is None else inputs

    def _input_item(self, index: int, wanted: Mapping[str, Any]) -> Item:
        if wanted["type"] == "item_reference":
            return self._call.items.find(wanted["id"], doing="retrieve", param=f"response.input[{index}].id")
        return read_item(
            wanted,
            item_id=self._call.ids("item"),
            format=self._call.session.input_format,
            sees=self._call.sees,
            param=f"response.input[{index}]",
        )

    def _rate_limits(self) -> WireEvent:
        reserved = input_tokens(self._call.session.response().instructions, (), self._call.items).total
        limits = (
            ("requests", REQUESTS_PER_MINUTE, REQUESTS_PER_MINUTE - 1),
            ("tokens", TOKENS_PER_MINUTE, max(0, TOKENS_PER_MINUTE - reserved)),
        )
        return {
            "type": "rate_limits.updated",
            "rate_limits": [
                {"name": name, "limit": limit, "remaining": remaining, "reset_seconds": 0.0}
                for name, limit, remaining in limits
            ],
        }


def _reply(response_id: str, settings: ResponseSettings, messages: tuple[ChatMessage, ...]) -> Reply:
    request = BrainRequest(
        messages=messages,
        tools=settings.tools,
        tool_choice=settings.tool_choice,
        parallel_tool_calls=settings.parallel_tool_calls,
        max_tokens=settings.max_output_tokens,
    )
    return Reply(response_id, request, settings.modality == "audio", voice=settings.voice, speed=settings.speed)
