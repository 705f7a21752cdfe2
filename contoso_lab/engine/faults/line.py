"""Several faults on one line: each message passes them in the order in which they were asked for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from contoso_lab.engine.faults.kinds import Delivery, Fault, Refusal
from contoso_lab.errors import EventError
from contoso_lab.wire import ga_name, peek_type


class FaultLine:
    """The faults of one call, without a socket and without a clock.

    >>> from contoso_lab.engine.faults.stream import DuplicatedEvent
    >>> line = FaultLine([DuplicatedEvent("response.done")])
    >>> [sent.at_ms for sent in line.sending('{"type": "response.done"}', at_ms=40)]
    [40, 40]
    """

    def __init__(self, faults: Iterable[Fault]) -> None:
        self._behaviours = [fault.begin() for fault in faults]

    @property
    def refusal(self) -> Refusal | None:
        """The answer to the handshake, when the call must not begin."""
        return next((each.refusal for each in self._behaviours if each.refusal), None)

    @property
    def fragment_bytes(self) -> int | None:
        """The size of the WebSocket fragments that messages are split into."""
        return min((each.fragment_bytes for each in self._behaviours if each.fragment_bytes), default=None)

    def opening(self) -> list[Delivery]:
        """What is already certain when the call begins."""
        return [delivery for each in self._behaviours for delivery in each.opening()]

    def sending(self, text: str, *, at_ms: float) -> list[Delivery]:
        """What becomes of a message of the server."""
        out = [Delivery(at_ms, text)]
        for behaviour in self._behaviours:
            out = [
                after for before in out for after in (behaviour.sending(before) if before.ending is None else [before])
            ]
        return out

    def receiving(self, text: str, *, at_ms: float) -> list[dict[str, Any]] | None:
        """The answers to a message of the client that the protocol shall not see; None lets it pass."""
        try:
            type = ga_name(peek_type(text))
        except EventError:
            return None  # the protocol knows what to say to garbage
        for behaviour in self._behaviours:
            answers = behaviour.receiving(type, text, at_ms=at_ms)
            if answers is not None:
                return answers
        return None

    def reading_ms(self, size_bytes: int) -> float:
        """How long the server takes to read a message."""
        return sum(each.reading_ms(size_bytes) for each in self._behaviours)
