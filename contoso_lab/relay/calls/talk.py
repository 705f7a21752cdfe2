"""What is known of the conversation: enough to go on with it after the target was lost."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Set
from typing import Any, NamedTuple

from contoso_lab.errors import EventError
from contoso_lab.relay.calls.call import Call, Note, dump
from contoso_lab.relay.calls.item_parts import create_events, mapping
from contoso_lab.relay.calls.memory import ABOUT_ITEMS, WORDS, Memory
from contoso_lab.relay.calls.owed import ABOUT_RESPONSES, Lost, Owed, still_due
from contoso_lab.relay.calls.reconnect import REPLAY_EVENT_ID, Replayed
from contoso_lab.relay.calls.uncommitted import Uncommitted
from contoso_lab.relay.calls.unheard import Unheard
from contoso_lab.relay.wires.legs import Binary, Message
from contoso_lab.wire.frames import load_object

# The target is no adversary: where its type stands in front, it is believed without a look at the rest.
_TYPE = re.compile(rb'\s*\{(?:\s*"event_id"\s*:\s*"[^"\\]{0,120}"\s*,)?\s*"type"\s*:\s*"([a-z0-9_.]{1,80})"')

WATCHED = frozenset({
    "error", "input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped", "input_audio_buffer.cleared",
})  # fmt: skip
NEEDED = ABOUT_ITEMS | ABOUT_RESPONSES | WATCHED
"""The events of a target that are parsed; the others are passed on by their looks."""


class Resumption(NamedTuple):
    """What to tell a new target, before the client goes on."""

    messages: list[Message]
    items: int
    """How many of the messages are items of the conversation so far."""


class Talk:
    """Follows one conversation. `audio_chars` is how much base64 sound has come from the target by now."""

    def __init__(self, call: Call) -> None:
        self._configuration = call.configuration
        self.memory = Memory()
        """What was said, item by item."""
        self.sound = Uncommitted()
        """What was heard and is no utterance yet; the pump adds to it where there is a way back."""
        self.sound.speaking = self._by_hand
        self._owed = Owed()
        self._unheard = Unheard()
        self._replayed = Replayed()
        self._lost = Lost((), ())
        self._again: list[Message] = []
        self._outputs: set[str] = set()
        """The calls of our own tools in a response that was lost: nobody but us asks for what comes after them."""
        self._due = self._speaking = False
        self.our_tools: Set[str] = frozenset()
        """The names of the functions that the relay runs itself."""

    def read(self, message: Message, more: Set[str]) -> dict[str, Any] | None:
        """A message of the target as an event if it is one of `NEEDED` or `more`, else `None`."""
        if type(message) is Binary:
            return None
        if (found := _TYPE.match(message)) is not None:
            name = found[1].decode()
            if name in WORDS:
                self.memory.words(message)
            if name not in NEEDED and name not in more:
                return None
        try:
            event = load_object(message)
        except EventError:
            return None
        return event if event["type"] in NEEDED or event["type"] in more else None

    def from_target(self, event: Mapping[str, Any], *, audio_chars: int) -> bool:
        """Take an event of the target into account; whether the client has a part in it."""
        if self._replayed.hides(event):
            return False
        name = event["type"]
        if name in ABOUT_ITEMS:
            self.memory.audio_chars = audio_chars
            self.memory.apply(event)
        if name in ABOUT_RESPONSES:
            self._owed.apply(event)
        match event:
            case {"type": "input_audio_buffer.speech_started"}:
                self._speaking = self.sound.speaking = True
            case {"type": "input_audio_buffer.committed"}:
                self._heard_out()
            case {"type": "input_audio_buffer.speech_stopped" | "input_audio_buffer.cleared"}:
                self._speaking = False
                if name == "input_audio_buffer.cleared":
                    self._heard_out()
            case {"type": "session.updated"}:
                self._configuration.confirmed()
                self.sound.speaking = self._by_hand or self._speaking
            case {"type": "conversation.item.added" | "conversation.item.created", "item": dict(item)}:
                self._unheard.heard(item)
            case {"type": "error", "error": dict(error)}:
                self._configuration.refused(error)
                self._unheard.refused(error.get("event_id"))
                self._owed.refused(error.get("event_id"))
        return True

    def note(self, note: Note) -> None:
        """Take into account what the client said, or what was said to the target in its place."""
        event = note.event
        match event["type"]:
            case "response.create":
                self._owed.ask(event)
            case "response.cancel":
                self._owed.cancel()
            case "input_audio_buffer.commit":
                self.sound.also(note.data)
            case "conversation.item.create":
                self._unheard.said(event, note.data)
                self._answered(event)
            case "playback.started" | "playback.stopped":
                self.memory.played(event)

    @property
    def quiet(self) -> bool:
        """Nobody speaks and no answer is asked for or being made: a new one may be asked for."""
        owed = self._owed
        return not (self._speaking or owed.due_by_itself or owed.open_in_band or owed.asked_in_band)

    def end(self, *, audio_chars: int | None) -> None:
        """The call is over: what was not finished stays as it is; `None`: nobody writes it down any more."""
        self.sound.clear()
        if audio_chars is not None:
            self.memory.audio_chars = audio_chars
            self.memory.lose()

    def lose(self, *, audio_chars: int) -> tuple[str, ...]:
        """The target is lost; the responses that the client will not see end."""
        self.memory.audio_chars = audio_chars
        self.memory.lose()
        self._speaking = False
        calls = self.memory.unanswered_calls()
        ours = {call_id for call_id, name in calls.items() if name in self.our_tools}
        self._outputs |= ours if self._owed.open_in_band else set()
        self._lost = self._owed.lose(waits_for_output=bool(calls))
        # What the client says from now on waits elsewhere: only what the lost one was told is told again.
        changes = self._configuration.unconfirmed()
        self._again = [dump({"type": "session.update", "session": session}) for session in changes]
        self._again += self._unheard.messages()
        return self._lost.responses

    def asks_now(self) -> bool:
        """Whether the last output for a lost response has just been given, so that the next one is due."""
        due, self._due = self._due and not self._owed.asked_in_band and not self._owed.open_in_band, False
        return due

    def resumption(self) -> Resumption:
        """What a new target, which has its configuration, has to hear to go on."""
        items = self.memory.items()
        self._replayed = Replayed(items)
        due = still_due(self._lost.again, self._owed)
        for event in due:
            self._owed.ask(event)
        told = _dumped(create_events(items, REPLAY_EVENT_ID))
        return Resumption([*told, *self._again, *_dumped(due)], len(items))

    @property
    def _by_hand(self) -> bool:
        """Whether it is the client that says when an utterance is over."""
        audio = mapping(self._configuration.session.get("audio"))
        heard = mapping(audio.get("input"))
        return "turn_detection" in heard and heard["turn_detection"] is None

    def _heard_out(self) -> None:
        self.sound.clear()
        self.sound.speaking = self._by_hand

    def _answered(self, event: Mapping[str, Any]) -> None:
        match event.get("item"):
            case {"type": "function_call_output", "call_id": str(call_id)} if call_id in self._outputs:
                self._outputs.remove(call_id)
                self._due = not self._outputs


def expired(event: Mapping[str, Any]) -> bool:
    """Whether the provider says that the session has lasted as long as it may; its goodbye follows.

    >>> expired({"type": "error", "error": {"code": "session_expired", "message": "…"}})
    True
    """
    match event:
        case {"type": "error", "error": {"code": "session_expired"}}:
            return True
    return False


def _dumped(events: Iterable[Mapping[str, Any]]) -> list[Message]:
    return [dump(event) for event in events]
