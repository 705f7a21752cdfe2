"""Fold the events of a Realtime conversation into turns, in the order in which they were spoken.

No socket, no clock, no tasks: feed it every message that passed, in the order of arrival and with the time, and
ask it what was said, what was heard of it, and who is speaking. It reads both dialects, and recordings in which
the sound was replaced by a reference.

>>> talk = Conversation()
>>> for ev in (
...     {"type": "conversation.item.added", "previous_item_id": None,
...      "item": {"id": "a", "type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]}},
...     {"type": "response.created", "response": {"id": "r", "conversation_id": "c"}},
...     {"type": "response.output_text.done", "response_id": "r", "item_id": "b", "content_index": 0, "text": "Hello"},
...     {"type": "response.done", "response": {"id": "r", "status": "completed"}},
... ):
...     talk.apply(ev, at_ms=10)
>>> [(turn.role, turn.text) for turn in talk.turns]
[('user', 'Hi'), ('assistant', 'Hello')]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from contoso_lab.wire.beta import ga_name, session_from_beta
from contoso_lab.wire.dialogue import dialogue_html
from contoso_lab.wire.drafts import Draft
from contoso_lab.wire.heard import WordTime
from contoso_lab.wire.order import ItemOrder
from contoso_lab.wire.plain import mapping, number, part_index, text
from contoso_lab.wire.responses import Responses
from contoso_lab.wire.sound import sound_ms
from contoso_lab.wire.turns import Role, ToolCall, Turn

Direction = Literal["c2s", "s2c", "local"]
"""Client to server, server to client, or something that happened on the client's machine."""

_ROLES: dict[str, Role] = {"user": "user", "assistant": "assistant", "system": "system"}
_CALLS = ("function_call", "mcp_call")


class Conversation:
    """A conversation as it stands after all events so far."""

    def __init__(self) -> None:
        self._drafts: dict[str, Draft] = {}
        self._order = ItemOrder()
        self._responses = Responses()
        self._session: dict[str, Any] = {}
        self._speaking: str | None = None
        self._first_append_ms: float | None = None
        self._asked_places: dict[str, str] = {}
        self._stand_ins: set[str] = set()
        self._audio_start_ms: dict[str, float] = {}

    @property
    def turns(self) -> tuple[Turn, ...]:
        """All that was said so far, in spoken order."""
        drafts = [draft for item_id in self._order if (draft := self._drafts[item_id]).shown]
        homes = {d.response_id or "": d.item_id for d in reversed(drafts) if d.response_id and d.call is None}
        calls: dict[str, list[ToolCall]] = {}
        for draft in drafts:
            if draft.call is not None:
                calls.setdefault(homes.get(draft.response_id or "", draft.item_id), []).append(draft.call)
        return tuple(
            draft.turn(tuple(calls.get(draft.item_id, ())))
            for draft in drafts
            if draft.call is None or draft.item_id in calls
        )

    @property
    def active_response_id(self) -> str | None:
        """The response that is being made in the conversation, if any; a server makes one at a time."""
        return self._responses.active_id

    @property
    def speaking(self) -> bool:
        """Whether the server's detector holds that the user is speaking."""
        return self._speaking is not None

    @property
    def session(self) -> dict[str, Any]:
        """The session as the server last described it, in GA shape; empty before it did."""
        return self._session

    def __repr__(self) -> str:
        return f"<Conversation: {len(self.turns)} turns>"

    def _repr_html_(self) -> str:
        return dialogue_html(self.turns)

    def set_word_times(self, item_id: str, words: Sequence[WordTime]) -> None:
        """Say when each word of an answer is spoken, so that a cut falls exactly; see `heard_text`."""
        if item_id in self._drafts:
            self._drafts[item_id].words = tuple(words)

    def apply(self, ev: Mapping[str, Any], *, at_ms: float, dir: Direction = "s2c") -> None:
        """Take the next message into account; what it does not know, or what makes no sense, it passes over."""
        name = ga_name(text(ev.get("type")))
        if dir == "s2c":
            self._from_server(name, ev, at_ms)
        elif dir == "c2s":
            self._from_client(name, ev, at_ms)
        elif name.startswith("replay."):
            self._replayed(name, ev)
        elif name.startswith("playback.") and (draft := self._drafts.get(text(ev.get("item_id")))):
            draft.playback(name, ev, at_ms)
            if name == "playback.stopped" and ev.get("reason") == "flushed":
                for other in self._drafts.values():
                    other.flushed()

    def _replayed(self, name: str, ev: Mapping[str, Any]) -> None:
        """What a replay says of items, which may not have come yet."""
        told = ev.get("item_ids")
        item_ids = [item_id for item_id in told if isinstance(item_id, str)] if isinstance(told, list | tuple) else []
        for item_id in item_ids:
            if draft := self._drafts.get(item_id):
                draft.off_policy |= name == "replay.turn" and bool(ev.get("off_policy"))
                draft.replaced |= name == "replay.replaced"
        if name == "replay.stand_ins":
            self._stand_ins.update(item_ids)

    def _from_server(self, name: str, ev: Mapping[str, Any], at_ms: float) -> None:
        match name:
            case "session.created" | "session.updated":
                self._session = session_from_beta(mapping(ev.get("session")))
            case "conversation.created":
                self._responses.conversation_exists()
            case "conversation.item.added" | "conversation.item.done":
                self._item(name, ev, at_ms)
            case "conversation.item.deleted" | "conversation.item.truncated":
                self._changed(name, ev)
            case _ if name.startswith("input_audio_buffer."):
                self._buffer(name, ev, at_ms)
            case _ if name.startswith("conversation.item.input_audio_transcription."):
                draft = self._draft(text(ev.get("item_id")), "user", at_ms)
                draft.transcribed(name.rpartition(".")[2], ev, at_ms)
            case _ if name.startswith("response."):
                self._response(name, ev, at_ms)

    def _from_client(self, name: str, ev: Mapping[str, Any], at_ms: float) -> None:
        match name:
            case "input_audio_buffer.append":
                if self._first_append_ms is None:
                    self._first_append_ms = at_ms
            case "response.create":
                self._responses.asked(mapping(ev.get("response")))
            case "conversation.item.truncate":
                self._changed(name, ev)
            case "conversation.item.create":
                item = mapping(ev.get("item"))
                # The server reports the place "root" as "after nobody", which it also says of a first item.
                if ev.get("previous_item_id") == "root" and (item_id := text(item.get("id"))):
                    self._asked_places[item_id] = "root"
                if item.get("type") == "function_call_output":
                    self._answer_call(item)

    def _draft(self, item_id: str, role: Role, at_ms: float) -> Draft:
        if item_id not in self._drafts:
            self._drafts[item_id] = Draft(item_id, role, at_ms, stands_in=item_id in self._stand_ins)
            self._order.note(item_id)
        return self._drafts[item_id]

    def _item(self, name: str, ev: Mapping[str, Any], at_ms: float) -> None:
        item = mapping(ev.get("item"))
        if not isinstance(item_id := item.get("id"), str):
            return
        draft = self._draft(item_id, _ROLES.get(text(item.get("role")), "assistant"), at_ms)
        told = text(ev.get("previous_item_id"))
        self._order.place(item_id, after=self._asked_places.pop(item_id, None) or told or None)
        self._read_item(draft, item)
        draft.committed = True
        if draft.is_speech:
            if draft.text or (name == "conversation.item.done" and not self._transcribes()):
                draft.close(at_ms)
        elif item.get("status") in ("completed", "incomplete") or name == "conversation.item.done":
            draft.close(at_ms)
        elif draft.role != "assistant" or (draft.text and draft.response_id is None):
            draft.close(at_ms)

    def _read_item(self, draft: Draft, item: Mapping[str, Any]) -> None:
        content = item.get("content")
        draft.fill(content)
        draft.complete |= item.get("status") == "completed"
        if item.get("type") in _CALLS:
            draft.read_call(item)
        elif item.get("type") == "function_call_output":
            draft.is_output = True
            self._answer_call(item)
        elif draft.role == "user" and isinstance(content, list):
            draft.is_speech |= any(mapping(part).get("type") == "input_audio" for part in content)

    def _answer_call(self, item: Mapping[str, Any]) -> None:
        for draft in self._drafts.values():
            if draft.call is not None and draft.call.call_id == item.get("call_id"):
                draft.call = replace(draft.call, output=text(item.get("output")))

    def _changed(self, name: str, ev: Mapping[str, Any]) -> None:
        if draft := self._drafts.get(text(ev.get("item_id"))):
            if name == "conversation.item.deleted":
                draft.deleted = True
            elif (end_ms := number(ev.get("audio_end_ms"))) is not None:
                draft.truncated_ms = end_ms

    def _buffer(self, name: str, ev: Mapping[str, Any], at_ms: float) -> None:
        item_id = text(ev.get("item_id"))
        match name:
            case "input_audio_buffer.speech_started":
                self._speaking = item_id
                draft = self._draft(item_id, "user", at_ms)
                draft.is_speech, draft.committed, draft.started_ms = True, True, at_ms
                self._audio_start_ms[item_id] = number(ev.get("audio_start_ms")) or 0.0
                for other in self._drafts.values():
                    # Speech that began and was never committed came to nothing.
                    if other.is_speech and other.stopped_ms is None and other is not draft and not other.parts:
                        other.committed = other.closed_ms is not None
            case "input_audio_buffer.speech_stopped" | "input_audio_buffer.committed":
                self._speaking = None
                draft = self._draft(item_id, "user", at_ms)
                draft.is_speech, draft.committed = True, True
                if draft.started_ms is None:
                    draft.started_ms = self._first_append_ms if self._first_append_ms is not None else at_ms
                if draft.stopped_ms is None:
                    draft.stopped_ms = at_ms
                if item_id in self._audio_start_ms and (end_ms := number(ev.get("audio_end_ms"))) is not None:
                    draft.audio_ms = max(end_ms - self._audio_start_ms[item_id], 0.0)
                if name == "input_audio_buffer.committed":
                    self._first_append_ms = None
                    self._order.place(item_id, after=text(ev.get("previous_item_id")) or None)
                    if not self._transcribes():
                        draft.close(at_ms)
            case "input_audio_buffer.cleared":
                if self._speaking in self._drafts:
                    self._drafts[self._speaking].committed = False
                self._speaking = self._first_append_ms = None

    def _transcribes(self) -> bool:
        """Whether a transcript is to be expected; a server that never described its session may send one."""
        audio = mapping(self._session.get("audio")).get("input")
        return not self._session or mapping(audio).get("transcription") is not None

    def _response(self, name: str, ev: Mapping[str, Any], at_ms: float) -> None:
        response = mapping(ev.get("response"))
        if name == "response.created":
            self._responses.created(response)
        response_id = text(ev.get("response_id")) or text(response.get("id"))
        if self._responses.is_aside(response_id):
            return
        if name == "response.done":
            self._response_done(response_id, response, at_ms)
            return
        item = mapping(ev.get("item"))
        if not (item_id := text(ev.get("item_id")) or text(item.get("id"))):
            return
        draft = self._draft(item_id, "assistant", at_ms)
        draft.response_id = response_id or draft.response_id
        part = part_index(ev.get("content_index"))
        match name:
            case "response.output_item.added" | "response.output_item.done":
                self._read_item(draft, item)
                if name == "response.output_item.done":
                    draft.close(at_ms)
            case "response.output_audio.delta":
                draft.audio_ms += sound_ms(ev.get("delta"), self._session)
                draft.started_ms = at_ms if draft.started_ms is None else draft.started_ms
            case "response.output_audio_transcript.delta" | "response.output_text.delta":
                draft.parts[part] = draft.parts.get(part, "") + text(ev.get("delta"))
            case "response.output_audio_transcript.done" | "response.output_text.done":
                draft.parts[part] = text(ev.get("transcript")) or text(ev.get("text"))
            case "response.function_call_arguments.delta" | "response.mcp_call_arguments.delta":
                draft.more_arguments(text(ev.get("delta")))
            case "response.function_call_arguments.done" | "response.mcp_call_arguments.done":
                self._read_item(draft, {**ev, "type": "function_call"})

    def _response_done(self, response_id: str, response: Mapping[str, Any], at_ms: float) -> None:
        self._responses.done(response_id)
        output = response.get("output")
        for item in output if isinstance(output, list) else ():
            if isinstance(item, Mapping) and isinstance(item_id := item.get("id"), str):
                draft = self._draft(item_id, "assistant", at_ms)
                draft.response_id = response_id
                self._read_item(draft, item)
        status = response.get("status")
        for draft in self._drafts.values():
            if draft.response_id == response_id:
                # What was complete before the end came stays complete.
                draft.cancelled = status == "cancelled" and not draft.complete
                draft.failed = status in ("failed", "incomplete") and not draft.complete
                draft.close(at_ms)
