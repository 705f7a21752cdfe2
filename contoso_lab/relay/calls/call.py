"""A call without a socket: what happens to each message that is not plain sound.

Feed it what arrives; it returns what to do, in order. It never waits and never looks at a clock, so any
transport can carry it and a test can play both sides.

What it does beyond passing messages on, each as it came:

* after the target's `session.created` it sends the session configuration, before any word of the client;
* it takes instructions and tools out of the client's own `session.update` and `response.create`, and turns away
  the system messages of a web page. A caller may still talk the model into things;
* it keeps the client's `lab.*` events: `lab.local` is recorded (`call.ended` in it hangs up), `lab.ack` tells
  what the client has received, `lab.suggestions.*` what its screen shows, and none of them goes further.

Sound, nearly every message there is, does not come here at all: the pump tells it apart by its shape.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from contoso_lab.errors import EventError
from contoso_lab.relay.calls import endings
from contoso_lab.relay.calls.actions import Acknowledge, Action, Direction, Forward, HangUp, Note, Record, Show, Side
from contoso_lab.relay.calls.closing import NORMAL, TOO_BIG, Close
from contoso_lab.relay.calls.configuration import Configuration
from contoso_lab.relay.calls.suggestions import BAD, BAD_ORDER, noted, read_agreed, read_clicked, read_shown
from contoso_lab.relay.wires.legs import Message
from contoso_lab.wire.frames import load_object

__all__ = [
    "Acknowledge", "Action", "Call", "Direction", "Forward", "HangUp", "Message", "Note", "Record", "Show", "Side",
]  # fmt: skip

PROTECTED = frozenset({"instructions", "tools", "tool_choice", "prompt"})
"""What the relay decides: the fields that a client's `session.update` and `response.create` may not set."""

_MOST_DEEP = 32
"""How deep a local event may nest; ours have three levels."""

SESSION_EVENT_ID = "lab_session"
"""The `event_id` of our own `session.update`: an `error` that names it is about our configuration."""


class Call:
    """The rules of one call.

    >>> call = Call({"type": "realtime", "instructions": "You sell tents."})
    >>> [type(action).__name__ for action in call.opened(b'{"type":"session.created"}')]
    ['Record', 'Record', 'Forward', 'Forward']
    >>> call.from_client(b'{"type":"x"}')[-1]
    Forward(to='target', data=b'{"type":"x"}')
    """

    def __init__(
        self, session: Mapping[str, Any], *, client_may_instruct: bool = False, for_page: bool = False
    ) -> None:
        self.configuration = Configuration(session)
        self._client_may_instruct = client_may_instruct
        self._no_system = for_page and not client_may_instruct
        self._events = 0

    def session_update(self) -> Message:
        """Our `session.update`: what a new target gets first."""
        session = self.configuration.session
        return dump({"type": "session.update", "event_id": SESSION_EVENT_ID, "session": session})

    def opened(self, created: Message) -> Sequence[Action]:
        """The target has greeted: configure it, then let the client see the greeting."""
        update = self.session_update()
        return (
            Record("s2c", created),
            Record("c2s", update),
            Forward("target", update),
            Forward("client", created),
        )

    def from_client(self, message: Message) -> Sequence[Action]:
        """A message from the browser or the client program."""
        on: Sequence[Action] = (Record("c2s", message), Forward("target", message))
        try:
            return self._from_client(load_object(message), message, on)
        except RecursionError:  # it could be read, but not be written again
            return self._ambiguous(message)
        except EventError:
            # Judging a client's mistakes is the target's part: it answers with an `error`.
            return self._ambiguous(message) if _reads_as_event(message) else on

    def _from_client(self, event: dict[str, Any], message: Message, on: Sequence[Action]) -> Sequence[Action]:
        match event["type"]:
            case "lab.local":
                return self._local(event)
            case "lab.ack":
                received = event.get("received")
                return (Acknowledge(received if isinstance(received, int) else 0),)
            case "lab.suggestions.shown" | "lab.suggestions.clicked":
                return self._suggestion(event)
            case "lab.order.agreed":
                if (agreed := read_agreed(event)) is None:
                    return (self._error("bad_order", f"{event['type']} {BAD_ORDER}", about=event.get("event_id")),)
                return (Record("local", {"type": "order.agreed", "total": agreed.total}), agreed)
            case str(name) if name.startswith("lab."):
                sentence = f"{name[:40]} is no event that the relay takes: docs/relay.md names those that it takes"
                return (self._error("unknown_lab_event", sentence, about=event.get("event_id")),)
            case "session.update":
                return self._client_session(event, on)
            case "response.create":
                return self._client_response(event, message)
            case "conversation.item.create" if self._no_system and _is_system(event.get("item")):
                return self._no_system_message(event, message)
            case "response.cancel" | "conversation.item.create" | "input_audio_buffer.commit":
                return _noted(event, message)
            case _:
                return on

    def target_gone(self, code: int, reason: str) -> Sequence[Action]:
        """The target closed, or the connection to it broke, and it will not be dialled again."""
        note = Record("local", {"type": "target.closed", "code": code, "reason": reason})
        return (note, *self._ended(endings.target_gone(code, reason)))

    def target_refused(self, sentence: str) -> Sequence[Action]:
        """The target does not want this call as it is configured: trying on would be in vain."""
        return self._ended(endings.target_refused(sentence))

    def client_gone(self, code: int, reason: str, *, waited_s: float | None = None) -> Sequence[Action]:
        """The client closed, or the connection to it broke (and it has not come back within `waited_s`)."""
        noted: tuple[Action, ...] = ()
        if code == TOO_BIG:
            note = {"type": "frame.unparsed", "dir": "c2s", "bytes": None, "sha": None, "reason": "message too big"}
            noted = (Record("local", note),)
        return (*noted, endings.client_gone(code, reason, waited_s))

    def ceiling_reached(self, sentence: str) -> Sequence[Action]:
        """The call has lasted, or cost, as much as it may."""
        return (endings.ceiling_reached(sentence),)

    def forgotten(self) -> Sequence[Action]:
        """The customer asked to be forgotten, and everything about them is deleted."""
        return (endings.FORGOTTEN,)

    def shut_down(self) -> Sequence[Action]:
        """The relay itself ends."""
        return (endings.SHUT_DOWN,)

    def failed_response(self, response_id: str) -> Message:
        """The end of a response whose target is gone, so that no client waits for it."""
        sentence = "the connection to the target was lost before this response was whole"
        error = {"type": "server_error", "code": "target_lost", "message": sentence}
        details = {"type": "failed", "error": error}
        response: dict[str, Any] = {
            "object": "realtime.response", "id": response_id, "status": "failed", "status_details": details,
            "output": [], "usage": None, "metadata": None,
        }  # fmt: skip
        return dump({"type": "response.done", "event_id": self._event_id(), "response": response})

    def _local(self, event: dict[str, Any]) -> Sequence[Action]:
        local = event.get("event")
        if isinstance(local, dict) and isinstance(local.get("type"), str) and _can_be_kept(local):
            if local["type"] == "call.ended":
                # The client hangs up this way to learn, from our close, that the recording is finished.
                why = f"the client ended the call: {local.get('reason') or 'no reason given'}"
                return (Record("local", local), HangUp(Close(NORMAL), Close(NORMAL), why))
            return (Record("local", local), Note(local))
        sentence = 'a lab.local event needs a field "event": an object with a "type", of plain text'
        return (self._error("bad_local_event", sentence, about=event.get("event_id")),)

    def _suggestion(self, event: dict[str, Any]) -> Sequence[Action]:
        """What the client says of a write-up on its screen; the target never sees it as such."""
        if event["type"] == "lab.suggestions.shown" and (shown := read_shown(event)) is not None:
            return (Record("local", noted(shown)), shown)
        if event["type"] == "lab.suggestions.clicked" and (clicked := read_clicked(event)) is not None:
            return (Record("local", clicked),)
        return (self._error("bad_suggestion", f"{event['type']} {BAD}", about=event.get("event_id")),)

    def _client_session(self, event: dict[str, Any], on: Sequence[Action]) -> Sequence[Action]:
        """The client's update without what it may not set."""
        session = event.get("session")
        if not isinstance(session, dict):
            return on
        taken = [] if self._client_may_instruct else sorted(PROTECTED & session.keys())
        allowed = {name: session[name] for name in session if name not in taken}
        self.configuration.asked(allowed, event_id=event.get("event_id"))
        if not taken:
            return on
        update = dump(event | {"session": allowed})
        return (
            Record("local", {"type": "session.stripped", "fields": taken}),
            Record("c2s", update),
            Forward("target", update),
        )

    def _client_response(self, event: dict[str, Any], message: Message) -> Sequence[Action]:
        """The client's wish for a reply without what it may not set."""
        response = event.get("response")
        if self._no_system and isinstance(response, dict) and _any_system(response.get("input")):
            return self._no_system_message(event, message)
        if self._client_may_instruct or not isinstance(response, dict) or PROTECTED.isdisjoint(response):
            return _noted(event, message)
        taken = sorted(PROTECTED & response.keys())
        asked = event | {"response": {name: response[name] for name in response if name not in PROTECTED}}
        return (Record("local", {"type": "response.stripped", "fields": taken}), *_noted(asked, dump(asked)))

    def _no_system_message(self, event: Mapping[str, Any], message: Message) -> Sequence[Action]:
        sentence = "a page may not give the model system messages here: start the relay with --client-may-instruct"
        return (Record("c2s", message), self._error("system_item_refused", sentence, about=event.get("event_id")))

    def _ended(self, ending: endings.Ending) -> Sequence[Action]:
        told = () if ending.sentence is None else (self._error("target_lost", ending.sentence),)
        return (*told, ending.hang_up)

    def _ambiguous(self, message: Message) -> Sequence[Action]:
        sentence = "two readers may read two things: give each member once, no endless numbers, and nest less deeply"
        return (Record("c2s", message), self._error("ambiguous_message", sentence))

    def _error(self, code: str, sentence: str, *, about: object = None) -> Forward:
        """An `error` event in the target's own shape, so that every client shows it."""
        detail = {"type": "relay_error", "code": code, "message": sentence, "param": None, "event_id": about}
        return Forward("client", dump({"type": "error", "event_id": self._event_id(error=True), "error": detail}))

    def _event_id(self, *, error: bool = False) -> str:
        self._events += 1
        return f"lab_{'error' if error else 'event'}_{self._events}"


def lab_event(name: str, /, **fields: object) -> Message:
    """An event of our own for the client; a field that is `None` is left out.

    >>> lab_event("lab.recording", id="x", path=None)
    b'{"type":"lab.recording","id":"x"}'
    """
    return dump({"type": name, **{key: value for key, value in fields.items() if value is not None}})


def dump(event: Mapping[str, Any]) -> Message:
    """An event as it goes over the wire."""
    try:
        return json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()
    except UnicodeEncodeError:  # half a character pair, which JSON can only hold escaped
        return json.dumps(event, separators=(",", ":")).encode("ascii")


def _noted(event: dict[str, Any], message: Message) -> Sequence[Action]:
    # Noted first: the target's answer may be here before the sending has returned.
    return (Record("c2s", message), Note(event, message), Forward("target", message))


def _is_system(item: object) -> bool:
    return isinstance(item, dict) and item.get("role") in ("system", "developer")


def _any_system(items: object) -> bool:
    return isinstance(items, list) and any(map(_is_system, items))


def _can_be_kept(local: Mapping[str, Any]) -> bool:
    """Whether it can be written down: not so deep that nobody reads it again, and without halves of characters."""
    level: list[Any] = [local]
    for _ in range(_MOST_DEEP):
        level = [
            inner
            for value in level
            for inner in (value.values() if isinstance(value, dict) else value if isinstance(value, list) else ())
        ]
    try:
        return not level and bool(json.dumps(local, ensure_ascii=False).encode())
    except ValueError:
        return False


def _reads_as_event(message: Message) -> bool:
    """Whether a laxer or a more patient reader than ours would take it for an event."""
    try:
        # A number may have more digits than we would read, and an object may be deeper.
        value = json.loads(message, parse_int=float)
    except RecursionError:
        return not message.lstrip().startswith(b"[")  # a list is no event, however deep
    except ValueError:
        return False
    return isinstance(value, dict) and "type" in value
