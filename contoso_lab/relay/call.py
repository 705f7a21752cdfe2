"""A call without a socket: what happens to each message.

Feed it what arrives; it returns what to do, in order. It never waits and never looks at a clock, so any
transport can carry it and a test can play both sides.

What it does beyond passing messages on, each as it came:

* after the target's `session.created` it sends the session configuration, before any word of the client;
* it takes instructions and tools out of the client's own `session.update`. That keeps an experiment
  honest; it is no wall, for a caller may still talk the model into things;
* it keeps `lab.local` events: they are recorded and go no further. `call.ended` among them hangs up.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from contoso_lab.errors import EventError
from contoso_lab.relay.closing import (
    ABNORMAL,
    GOING_AWAY,
    NO_CODE,
    NORMAL,
    TOO_BIG,
    Close,
    is_the_applications,
    passed_on,
)
from contoso_lab.wire.frames import find_audio, load_object

Message = str | bytes
Side = Literal["client", "target"]
Direction = Literal["c2s", "s2c", "local"]

PROTECTED = frozenset({"instructions", "tools", "tool_choice", "prompt"})
"""What the relay decides: the fields that a client's `session.update` may not set."""

SESSION_EVENT_ID = "lab_session"
"""The `event_id` of our own `session.update`: an `error` that names it is about our configuration."""


@dataclass(frozen=True, slots=True)
class Forward:
    """Send this to that side, as one message."""

    to: Side
    data: Message


@dataclass(frozen=True, slots=True)
class Record:
    """Write this into the recording."""

    dir: Direction
    data: Message | Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class HangUp:
    """The call is over: how each side is told, and the reason that the recording keeps."""

    client: Close
    target: Close
    why: str


Action = Forward | Record | HangUp


class Call:
    """The rules of one call.

    >>> call = Call({"type": "realtime", "instructions": "You sell tents."})
    >>> [type(action).__name__ for action in call.opened('{"type":"session.created"}')]
    ['Record', 'Record', 'Forward', 'Forward']
    >>> call.from_client('{"type":"response.create"}')[-1]
    Forward(to='target', data='{"type":"response.create"}')
    """

    def __init__(self, session: Mapping[str, Any], *, client_may_instruct: bool = False) -> None:
        self._session = session
        self._client_may_instruct = client_may_instruct
        self._errors = 0

    def opened(self, created: Message) -> Sequence[Action]:
        """The target has greeted: configure it, then let the client see the greeting."""
        update = _dump({"type": "session.update", "event_id": SESSION_EVENT_ID, "session": self._session})
        return (
            Record("s2c", created),
            Record("c2s", update),
            Forward("target", update),
            Forward("client", created),
        )

    def recording_started(self, recording_id: str, path: str | None) -> Sequence[Action]:
        """Tell the client under which name it is recorded; the path is for clients on this machine only."""
        event = {"type": "lab.recording", "id": recording_id}
        return (Forward("client", _dump(event if path is None else event | {"path": path})),)

    def recording_failed(self, sentence: str) -> Sequence[Action]:
        """Tell the client that the call goes on and is not recorded any more."""
        return (Forward("client", _dump({"type": "lab.recording.failed", "message": sentence})),)

    def from_client(self, message: Message) -> Sequence[Action]:
        """A message from the browser or the client program."""
        on: Sequence[Action] = (Record("c2s", message), Forward("target", message))
        # Nearly every message is audio, and audio is told without parsing.
        if (frame := find_audio(message)) and frame.type == "input_audio_buffer.append":
            return on
        try:
            event = load_object(message)
        except EventError:
            # Judging a client's mistakes is the target's part: it answers with an `error`.
            return self._ambiguous(message) if _reads_as_event(message) else on
        match event["type"]:
            case "lab.local":
                return self._local(event)
            case "session.update" if not self._client_may_instruct:
                return self._client_session(event) or on
            case _:
                return on

    def from_target(self, message: Message) -> Sequence[Action]:
        """A message from the model's side."""
        return (Record("s2c", message), Forward("client", message))

    def target_gone(self, code: int, reason: str) -> Sequence[Action]:
        """The target closed, or the connection to it broke."""
        close = passed_on(code, reason, who="the target")
        lost: list[Action] = [Record("local", {"type": "target.closed", "code": code, "reason": reason})]
        if close.code != NORMAL and not is_the_applications(code):
            sentence = _lost_sentence(code, reason)
            lost.append(Forward("client", self._error("target_lost", sentence)))
            close = Close(close.code, sentence)
        why = "the target ended the call" if close.code == NORMAL else f"target lost ({code}): {close.reason}"
        return (*lost, HangUp(close, Close(NORMAL), why))

    def client_gone(self, code: int, reason: str) -> Sequence[Action]:
        """The client closed, or the connection to it broke."""
        noted: tuple[Action, ...] = ()
        if code == TOO_BIG:
            note = {"type": "frame.unparsed", "dir": "c2s", "bytes": None, "sha": None, "reason": "message too big"}
            noted = (Record("local", note),)
        match code:
            case 1000 | 1001 | 1005:
                why = f"the client ended the call ({NORMAL if code == NO_CODE else code})"
            case 1006:
                why = "client lost (1006): the connection broke"
            case _:
                why = f"the client ended the call ({code}): {reason}"
        goodbye = passed_on(code, reason, who="the client")
        return (*noted, HangUp(Close(NORMAL), goodbye, why))

    def shut_down(self) -> Sequence[Action]:
        """The relay itself ends."""
        goodbye = Close(GOING_AWAY, "the relay is shutting down")
        return (HangUp(goodbye, goodbye, "the relay was shut down"),)

    def _local(self, event: dict[str, Any]) -> Sequence[Action]:
        local = event.get("event")
        if isinstance(local, dict) and isinstance(local.get("type"), str):
            if local["type"] == "call.ended":
                # The client hangs up this way to learn, from our close, that the recording is finished.
                why = f"the client ended the call: {local.get('reason') or 'no reason given'}"
                return (Record("local", local), HangUp(Close(NORMAL), Close(NORMAL), why))
            return (Record("local", local),)
        sentence = 'a lab.local event needs a field "event": an object with a "type"'
        return (Forward("client", self._error("bad_local_event", sentence, about=event.get("event_id"))),)

    def _client_session(self, event: dict[str, Any]) -> Sequence[Action]:
        """The client's update without what it may not set; nothing when there is nothing to take out."""
        session = event.get("session")
        if not isinstance(session, dict) or PROTECTED.isdisjoint(session):
            return ()
        taken = sorted(PROTECTED & session.keys())
        update = _dump(event | {"session": {name: session[name] for name in session if name not in PROTECTED}})
        return (
            Record("local", {"type": "session.stripped", "fields": taken}),
            Record("c2s", update),
            Forward("target", update),
        )

    def _ambiguous(self, message: Message) -> Sequence[Action]:
        sentence = "the message gives a member twice, so two readers may read two things: give each member once"
        return (Record("c2s", message), Forward("client", self._error("ambiguous_message", sentence)))

    def _error(self, code: str, sentence: str, *, about: object = None) -> str:
        """An `error` event in the target's own shape, so that every client shows it."""
        self._errors += 1
        detail = {"type": "relay_error", "code": code, "message": sentence, "param": None, "event_id": about}
        return _dump({"type": "error", "event_id": f"lab_error_{self._errors}", "error": detail})


def _reads_as_event(message: Message) -> bool:
    """Whether a laxer reader than ours would take it for an event."""
    try:
        value = json.loads(message)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and "type" in value


def _dump(event: Mapping[str, Any]) -> str:
    return json.dumps(event, separators=(",", ":"), ensure_ascii=False)


def _lost_sentence(code: int, reason: str) -> str:
    said = f": {reason}" if reason else ""
    if code == ABNORMAL:
        return f"the connection to the target broke in the middle of the call{said}; call again"
    return f"the target ended the call with code {code}{said}; call again"
