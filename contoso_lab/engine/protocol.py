"""The server's side of a Realtime call, without a socket, a thread or a clock.

Feed it what the client sends and what the workers found; it returns what to send and what to work on, in order.
Time is an argument, so that a test can hold the clock.

```
client event ─▶ receive ─┐
Heard        ─▶ heard   ─┤                  ┌─▶ events for the client
Spoken       ─▶ said    ─┼─▶ EngineProtocol ┤
text, tools  ─▶ wrote …  ─┘                  └─▶ Listen | Reply | Stop
```
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar, TypeAlias

from contoso_lab.engine.call import Call
from contoso_lab.engine.effects import Effect, IdMaker, Output, Reply, random_ids
from contoso_lab.engine.hearing import Hearing, SpeechBegan, SpeechEnded
from contoso_lab.engine.item_reading import read_item
from contoso_lab.engine.items import Item
from contoso_lab.engine.refusals import OF_TRANSCRIPTIONS, Refused, not_in_transcription, unknown_type
from contoso_lab.engine.replies import Replies
from contoso_lab.engine.seams import Heard, SpeechMeter, Spoken, ToolCall
from contoso_lab.engine.session_shape import Kind
from contoso_lab.engine.session_state import SessionState
from contoso_lab.engine.transcripts import item_events, transcript
from contoso_lab.wire.events import Event

_Handler: TypeAlias = "Callable[[EngineProtocol, Mapping[str, Any], float], list[Output]]"


class EngineProtocol:
    """One call; `begin` it, `receive` until the client is gone, then `end` it.

    Args:
        meter: this call's own; it remembers the stream.
        voices: the names of the engine's voices, the default one first.
        hears: the languages that the engine's ear hears; nothing when it does not say.
        model: what the client asked for; it is shown and otherwise of no effect.
        ids: makes ids; a test passes one that counts.
        sees: whether the brain can look at pictures; if not, they are refused.
        session: what the call begins with, as `session.update` takes it: a short-lived key brings it along.
        kind: a conversation or a transcription; None: a conversation, unless the client's first update says otherwise.

    Raises:
        Refused: there can be no such session.
    """

    def __init__(
        self,
        meter: SpeechMeter,
        *,
        voices: tuple[str, ...],
        hears: tuple[str, ...] = (),
        model: str = "local",
        ids: IdMaker = random_ids,
        sees: bool = False,
        session: Mapping[str, Any] | None = None,
        kind: Kind | None = None,
    ) -> None:
        begins_as = kind or (session or {}).get("type") or "realtime"
        self._settled = kind is not None or bool(session)
        state = SessionState(session_id=ids("sess"), model=model, voices=voices, hears=hears, kind=begins_as)
        if session:
            state.update(session)
        self._call = Call(state, conversation_id=ids("conv"), ids=ids, voices=voices, sees=sees)
        self._hearing = Hearing(self._call, meter)
        self._replies = Replies(self._call, listen=partial(self._hearing.listen, turn=False))

    @property
    def session_id(self) -> str:
        """The id that `session.created` shows."""
        return str(self._call.session.wire()["id"])

    def begin(self) -> list[Output]:
        """Greet the client."""
        # The documentation also names conversation.created; the real service has not sent it since beta ended.
        return self._stamped([{"type": "session.created", "session": self._call.session.wire()}])

    def receive(self, event: Event, *, at_ms: float) -> list[Output]:
        """Take one client event. What is wrong with it comes back as an `error` event; the call goes on."""
        handler = self._handlers.get(event.type)
        try:
            if handler is None:
                raise unknown_type(event.type)
            if self._call.session.kind == "transcription" and event.type not in OF_TRANSCRIPTIONS:
                raise not_in_transcription(event.type)
            return self._stamped(handler(self, event.data, at_ms))
        except Refused as refusal:
            return self.refuse(refusal, event_id=event.get("event_id"))

    @property
    def next_deadline_ms(self) -> float | None:
        """When `tick` has to be called if nothing else happens until then; None: never."""
        settings, since_ms = self._hearing.settings, self._replies.silent_since_ms
        if settings is None or settings.idle_timeout_ms is None or since_ms is None or self._hearing.speaking:
            return None
        return since_ms + settings.idle_timeout_ms

    def tick(self, *, at_ms: float) -> list[Output]:
        """Let time pass: what falls due without anybody's doing comes out."""
        return self._stamped(self._idle(at_ms))

    def refuse(self, refusal: Refused, *, event_id: str | None = None) -> list[Output]:
        """Say no to a message that could not even be read."""
        return self._stamped([_error(refusal, event_id)])

    def heard(self, job_id: str, heard: Heard, *, at_ms: float) -> list[Output]:
        """Take the words of a `Listen`."""
        match self._hearing.heard(job_id, heard):
            case SpeechEnded() as ended:
                return self._stamped(self._end_turn(ended, at_ms))
            case Item() as item:
                return self._stamped([*transcript(item, self._call), *self._replies.proceed(at_ms=at_ms)])
            case None:
                return []

    def foretell(self) -> Reply | None:
        """What the brain will be asked if the caller's pause is the end of the turn: a shell may work on it ahead."""
        settings = self._hearing.settings
        create = settings is not None and settings.create_response
        return self._replies.foretell(self._hearing.guessed) if create else None

    def deaf(self, job_id: str, reason: str, *, at_ms: float) -> list[Output]:
        """Take the failure of a `Listen`; `reason` is a sentence for the client."""
        item = self._hearing.deaf(job_id)
        if item is None:
            return []
        out: list[Output] = []
        if self._call.session.transcribes and self._call.items.holds(item):
            error = {"type": "server_error", "code": "transcription_failed", "message": reason}
            name = "conversation.item.input_audio_transcription.failed"
            out.append({"type": name, "item_id": item.id, "content_index": 0, "error": error})
        return self._stamped(out + self._replies.fail_those_with(item, reason, at_ms=at_ms))

    def said(self, response_id: str, spoken: Spoken, *, at_ms: float) -> list[Output]:
        """Take a sentence of a `Reply`, with its sound."""
        return self._stamped(self._replies.said(response_id, spoken, at_ms=at_ms))

    def wrote(self, response_id: str, text: str, *, at_ms: float) -> list[Output]:
        """Take a piece of text of a `Reply`."""
        return self._stamped(self._replies.wrote(response_id, text, at_ms=at_ms))

    def called(self, response_id: str, tool: ToolCall, *, at_ms: float) -> list[Output]:
        """Take a tool call of a `Reply`."""
        return self._stamped(self._replies.called(response_id, tool, at_ms=at_ms))

    def finished(self, response_id: str, *, at_ms: float) -> list[Output]:
        """Take the end of a `Reply`."""
        return self._stamped(self._replies.finish(response_id, at_ms=at_ms))

    def spent(self, response_id: str, *, at_ms: float) -> list[Output]:
        """Take the end of a `Reply` that had more to say than its `max_output_tokens`."""
        return self._stamped(self._replies.spend(response_id, at_ms=at_ms))

    def failed(self, response_id: str, reason: str, *, at_ms: float, code: str = "response_failed") -> list[Output]:
        """Take the failure of a `Reply`; `reason` is a sentence for the client."""
        return self._stamped(self._replies.fail(response_id, reason, code=code, at_ms=at_ms))

    def end(self) -> list[Effect]:
        """The client is gone: drop all work."""
        return [*self._hearing.end(), *self._replies.end()]

    def _session_update(self, data: Mapping[str, Any], at_ms: float) -> list[Output]:
        self._call.session.update(
            data["session"],
            voice_locked=self._replies.voice_locked,
            settled=self._settled or bool(len(self._call.items)),
        )
        effects = self._hearing.reconfigure()
        return [*effects, {"type": "session.updated", "session": self._call.session.wire()}]

    def _append(self, data: Mapping[str, Any], at_ms: float) -> list[Output]:
        out: list[Output] = []
        for happened in self._hearing.write(data["audio"]):
            match happened:
                case SpeechBegan(item_id=item_id, audio_start_ms=start_ms):
                    name = "input_audio_buffer.speech_started"
                    out.append({"type": name, "audio_start_ms": start_ms, "item_id": item_id})
                    settings = self._hearing.settings
                    if settings is not None and settings.interrupt_response:
                        out += self._replies.interrupt(at_ms=at_ms)
                    self._replies.silent_since_ms = None  # who speaks needs no prompting
                case SpeechEnded() as ended:
                    out += self._end_turn(ended, at_ms)
                case effect:
                    out.append(effect)
        return out + self._idle(at_ms)

    def _commit(self, data: Mapping[str, Any], at_ms: float) -> list[Output]:
        return self._add_turn(self._hearing.commit())

    def _clear(self, data: Mapping[str, Any], at_ms: float) -> list[Output]:
        return [*self._hearing.clear(), {"type": "input_audio_buffer.cleared"}]

    def _item_create(self, data: Mapping[str, Any], at_ms: float) -> list[Output]:
        call, wanted = self._call, data["item"]
        item = read_item(wanted, item_id=call.ids("item"), format=call.session.input_format, sees=call.sees)
        if item.id == self._hearing.announced_id:
            raise Refused(f"Item with id '{item.id}' already exists.", param="item.id")
        if item.wire["type"] == "function_call_output" and not call.items.has_call(item.wire["call_id"]):
            message = f"Tool call ID '{item.wire['call_id']}' not found in conversation."
            raise Refused(message, code="invalid_tool_call_id")
        previous = call.items.add(item, after=data.get("previous_item_id"))
        effects = self._hearing.listen(item, turn=False) if item.sound_ms else []
        return [*item_events(item, previous), *effects]

    def _item_retrieve(self, data: Mapping[str, Any], at_ms: float) -> list[Output]:
        item = self._call.items.find(data["item_id"], doing="retrieve")
        return [{"type": "conversation.item.retrieved", "item": item.show_with_audio()}]

    def _item_truncate(self, data: Mapping[str, Any], at_ms: float) -> list[Output]:
        if data["content_index"] != 0:
            raise Refused("Invalid 'content_index': items here have one part, 0.", param="content_index")
        self._call.items.find(data["item_id"], doing="truncate").truncate(data["audio_end_ms"])
        place = {"item_id": data["item_id"], "content_index": 0, "audio_end_ms": data["audio_end_ms"]}
        return [{"type": "conversation.item.truncated", **place}]

    def _item_delete(self, data: Mapping[str, Any], at_ms: float) -> list[Output]:
        self._call.items.remove(data["item_id"])
        deleted = {"type": "conversation.item.deleted", "item_id": data["item_id"]}
        return [deleted, *self._replies.proceed(at_ms=at_ms)]  # the last thing a response waited for may be gone

    def _response_create(self, data: Mapping[str, Any], at_ms: float) -> list[Output]:
        return self._replies.create(data.get("response"), at_ms=at_ms)

    def _response_cancel(self, data: Mapping[str, Any], at_ms: float) -> list[Output]:
        return self._replies.cancel(data.get("response_id"), at_ms=at_ms)

    def _output_clear(self, data: Mapping[str, Any], at_ms: float) -> list[Output]:
        raise Refused(
            "output_audio_buffer.clear works over WebRTC and SIP only: over a WebSocket the client holds the sound, so "
            "stop playing and send conversation.item.truncate.",
            param="type",
        )

    def _end_turn(self, ended: SpeechEnded, at_ms: float) -> list[Output]:
        name = "input_audio_buffer.speech_stopped"
        stopped = {"type": name, "audio_end_ms": ended.audio_end_ms, "item_id": ended.item.id}
        return [stopped, *self._add_turn(ended.item), *self._answer(at_ms)]

    def _add_turn(self, item: Item) -> list[Output]:
        """Put what the caller said into the conversation and let the ear work on it."""
        previous = self._call.items.add(item)
        committed = {"type": "input_audio_buffer.committed", "previous_item_id": previous, "item_id": item.id}
        out: list[Output] = [committed, *item_events(item, previous), *self._hearing.listen(item, turn=True)]
        return out if item in self._call.unheard else [*out, *transcript(item, self._call)]

    def _answer(self, at_ms: float) -> list[Output]:
        """Begin the response to a turn that ended, if the session wants one."""
        settings = self._hearing.settings
        if settings is None or not settings.create_response:
            return []
        try:
            return self._replies.create(at_ms=at_ms)
        except Refused as refusal:  # the caller may not interrupt, so the assistant still talks
            return [_error(refusal, None)]

    def _idle(self, at_ms: float) -> list[Output]:
        """Prompt a caller who has said nothing for too long since the assistant fell silent."""
        deadline_ms, since_ms = self.next_deadline_ms, self._replies.silent_since_ms
        if deadline_ms is None or since_ms is None or at_ms < deadline_ms:
            return []
        end_ms = self._hearing.buffer.clock_ms
        start_ms = max(self._hearing.buffer.start_ms, end_ms - (at_ms - since_ms))
        item = self._hearing.take_silence(start_ms)
        span = {"audio_start_ms": round(start_ms), "audio_end_ms": round(end_ms), "item_id": item.id}
        self._replies.silent_since_ms = None
        return [{"type": "input_audio_buffer.timeout_triggered", **span}, *self._add_turn(item), *self._answer(at_ms)]

    def _stamped(self, out: list[Output]) -> list[Output]:
        """Give every event an id; the only place that does."""
        return [
            {"type": each["type"], "event_id": self._call.ids("event"), **each} if isinstance(each, dict) else each
            for each in out
        ]

    # Of the class: a table of bound methods in each call would keep the call, and all its sound, until Python looks
    # for cycles, which it seldom does in a process that has loaded a dictionary.
    _handlers: ClassVar[Mapping[str, _Handler]] = {
        "session.update": _session_update,
        "input_audio_buffer.append": _append,
        "input_audio_buffer.commit": _commit,
        "input_audio_buffer.clear": _clear,
        "conversation.item.create": _item_create,
        "conversation.item.retrieve": _item_retrieve,
        "conversation.item.truncate": _item_truncate,
        "conversation.item.delete": _item_delete,
        "response.create": _response_create,
        "response.cancel": _response_cancel,
        "output_audio_buffer.clear": _output_clear,
    }


def _error(refusal: Refused, event_id: str | None) -> dict[str, Any]:
    return {"type": "error", "error": refusal.to_wire(event_id)}
