"""The target as a speaker: what each of its messages that is not plain sound means, and what the relay tells it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from contoso_lab.relay.calls.actions import Note
from contoso_lab.relay.calls.bounds import Bounds
from contoso_lab.relay.calls.call import dump
from contoso_lab.relay.calls.closing import GOING_AWAY, NORMAL, Close
from contoso_lab.relay.calls.lines import Lines
from contoso_lab.relay.calls.on_screen import SHOWING_TOOL, OnScreen
from contoso_lab.relay.calls.reconnect import refusal
from contoso_lab.relay.calls.recovery import Recovery
from contoso_lab.relay.calls.scribe import Scribe
from contoso_lab.relay.calls.talk import Talk, expired
from contoso_lab.relay.tooling.tool_runner import ToolRunner
from contoso_lab.relay.watching.watch import Watch
from contoso_lab.relay.wires.legs import Leg, Message

_NO_TYPES: frozenset[str] = frozenset()


class Speaker:
    """Of one call."""

    def __init__(
        self,
        *,
        talk: Talk,
        lines: Lines,
        scribe: Scribe,
        watch: Watch,
        clock: Callable[[], float],
        tools: ToolRunner | None,
        screen: OnScreen,
        bounds: Bounds | None,
        recovery: Recovery | None,
        refused: Callable[[str], None],
    ) -> None:
        self._talk, self._lines, self._scribe, self._watch, self._clock = talk, lines, scribe, watch, clock
        self._tools, self._screen, self._bounds, self._recovery = tools, screen, bounds, recovery
        self._refused = refused

    def says(self, leg: Leg, message: Message) -> None:
        """Take a message of the target: remember it, record it, pass it on."""
        if self._bounds is not None:
            self._bounds.active()
        event = self._talk.read(message, self._tools.types if self._tools is not None else _NO_TYPES)
        if event is None:
            self._scribe.record("s2c", message)
            return self._lines.to_client(message)
        if self._recovery is not None and expired(event):
            self._scribe.record("s2c", message)
            self._watch.event("target", event)
            leg.close(Close(NORMAL))
            return self._recovery.begin(GOING_AWAY, "session_expired", why="session_expired")
        if not self._talk.from_target(event, audio_chars=self._watch.counts.target_audio):
            return None
        self._scribe.record("s2c", message)
        self._watch.event("target", event)
        if event["type"] == "error" and (sentence := refusal(event)) is not None:
            return self._refused(sentence)  # going on would be a call without its persona
        if not self._screen.hides(event):
            self._show(event, message)
        if self._bounds is not None and event["type"] == "response.done":
            self._bounds.used(event)
        if self._screen.owes:
            self.tell(*self._screen.due())
        return None

    def tell(self, *events: Mapping[str, Any]) -> None:
        """Say what the relay itself has to say: for its tools, and of what is on the screen."""
        for event in events:
            message = dump(event)
            self._scribe.record("c2s", message)
            self._talk.note(Note(event, message))
            self._lines.to_target(message, at_s=self._clock())
            if self._talk.asks_now():
                self.tell({"type": "response.create"})

    def ran(self, name: str, call_id: str, result: object) -> None:
        """A tool of ours has given something: what is to be shown, the client shows."""
        if name == SHOWING_TOOL and (skus := self._screen.wanted(call_id, result)):
            self._scribe.note("suggestion.requested", suggestion_id=call_id, skus=list(skus))
            self._scribe.tell("lab.suggestions.requested", suggestion_id=call_id, skus=list(skus))

    def _show(self, event: Mapping[str, Any], message: Message) -> None:
        """Let the client see as much of an event as is its own."""
        seen: Mapping[str, Any] | None = event
        if self._tools is not None and event["type"] in self._tools.types:
            seen = self._tools.from_target(event)
        if seen is not None:
            self._lines.to_client(message if seen is event else dump(seen))
