"""The responses that the target owes: begun and not ended, asked for and not begun, or due by themselves."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from contoso_lab.wire.plain import mapping

ABOUT_RESPONSES = frozenset({
    "session.created", "session.updated", "response.created", "response.done", "input_audio_buffer.committed",
})  # fmt: skip
"""The events of a target that say something about what it owes."""

_PLAIN: Mapping[str, Any] = {"type": "response.create"}
_MOST_ASKED = 64


class Lost(NamedTuple):
    """What a lost target owed."""

    responses: tuple[str, ...]
    """The responses that the client saw begin and will not see end."""
    again: tuple[Mapping[str, Any], ...]
    """What to ask of the next target."""


class Owed:
    """What the target owes the conversation.

    >>> owed = Owed()
    >>> owed.apply({"type": "input_audio_buffer.committed", "item_id": "i1"})
    >>> owed.apply({"type": "response.created", "response": {"id": "r1"}})
    >>> owed.lose(waits_for_output=False)
    Lost(responses=('r1',), again=({'type': 'response.create'},))
    """

    def __init__(self) -> None:
        self._asked: deque[Mapping[str, Any]] = deque(maxlen=_MOST_ASKED)
        self._open: dict[str, Mapping[str, Any]] = {}
        self._cancelled = False
        self._answers_alone = True
        self._turn_waits = False

    @property
    def open_in_band(self) -> bool:
        """Whether a response to the conversation has begun and not ended."""
        return any(not _is_aside(cause) for cause in self._open.values())

    @property
    def asked_in_band(self) -> bool:
        """Whether the client has asked for a response to the conversation that has not begun."""
        return any(not _is_aside(event) for event in self._asked)

    @property
    def due_by_itself(self) -> bool:
        """Whether the caller has finished a turn which the target answers without being asked."""
        return self._turn_waits

    def ask(self, event: Mapping[str, Any]) -> None:
        """A `response.create` goes to the target."""
        self._asked.append(event)

    def cancel(self) -> None:
        """The client wants no more of the open response."""
        self._cancelled = True

    def refused(self, event_id: object) -> None:
        """The target will not make the response that this event asked for."""
        for event in self._asked:
            if event_id is not None and event.get("event_id") == event_id:
                self._asked.remove(event)
                return

    def apply(self, event: Mapping[str, Any]) -> None:
        """Take one event of `ABOUT_RESPONSES` into account."""
        response = mapping(event.get("response"))
        match event["type"]:
            case "session.created" | "session.updated":
                self._answers_alone = _answers_alone(mapping(event.get("session")))
            case "input_audio_buffer.committed":
                self._turn_waits = self._answers_alone
            case "response.created":
                cause = self._asked.popleft() if self._asked else _PLAIN
                self._open[str(response.get("id"))] = cause
                if not _is_aside(cause):
                    self._turn_waits = self._cancelled = False
            case "response.done":
                self._open.pop(str(response.get("id")), None)

    def lose(self, *, waits_for_output: bool) -> Lost:
        """The target is gone: tell what it owed, and owe nothing.

        Args:
            waits_for_output: a function is being called; who brings its output asks for the response.
        """
        responses = tuple(self._open)
        causes = [cause for cause in self._open.values() if not _is_aside(cause)]
        again = list(self._asked)
        if not self.asked_in_band and not waits_for_output:
            if causes and not self._cancelled:
                again.append(causes[-1])
            elif self._turn_waits:
                again.append(_PLAIN)
        self._asked.clear()
        self._open.clear()
        self._cancelled = self._turn_waits = False
        return Lost(responses, tuple(again))


def still_due(again: Sequence[Mapping[str, Any]], owed: Owed) -> list[Mapping[str, Any]]:
    """What of `again` is to be asked now: one response at a time, and the client may have asked since."""
    return [event for event in again if _is_aside(event) or not owed.asked_in_band]


def _is_aside(event: Mapping[str, Any]) -> bool:
    """Whether a response is asked for that leaves no trace in the conversation."""
    return mapping(event.get("response")).get("conversation") == "none"


def _answers_alone(session: Mapping[str, Any]) -> bool:
    audio = mapping(mapping(session.get("audio")).get("input"))
    detection = audio.get("turn_detection", {})
    return isinstance(detection, Mapping) and detection.get("create_response") is not False
