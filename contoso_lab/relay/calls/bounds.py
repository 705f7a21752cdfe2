"""Holds one call to its ceilings: asks them what is due, announces it, and ends the call when one is reached."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from contoso_lab.relay.calls.actions import Action
from contoso_lab.relay.calls.call import Call, dump
from contoso_lab.relay.calls.ceilings import Announce, Ceilings, Decision
from contoso_lab.relay.calls.lines import Lines
from contoso_lab.relay.watching.watch import Watch


class Bounds:
    """Of one call; `end` is called with the last words when a ceiling is reached."""

    def __init__(
        self,
        ceilings: Ceilings,
        *,
        call: Call,
        lines: Lines,
        watch: Watch,
        clock: Callable[[], float],
        end: Callable[[Sequence[Action]], None],
    ) -> None:
        self._ceilings, self._call, self._lines, self._watch = ceilings, call, lines, watch
        self._clock, self._end = clock, end

    def begin(self) -> None:
        """The call begins."""
        self._decide(self._ceilings.begin(self._clock()))

    def active(self) -> None:
        """Something other than sound has passed."""
        self._ceilings.active(self._clock())

    def used(self, done: Mapping[str, Any]) -> None:
        """A response is done; the event says what it took."""
        response = done.get("response")
        usage = response.get("usage") if isinstance(response, dict) else None
        self._decide(self._ceilings.used(usage if isinstance(usage, dict) else None, self._clock()))

    def tick(self) -> None:
        """Time has passed."""
        self._decide(self._ceilings.tick(self._clock()))

    def _decide(self, decisions: Sequence[Decision]) -> None:
        for decision in decisions:
            if isinstance(decision, Announce):
                self._lines.lab(dump(decision.event()))
            else:
                self._watch.limit(decision.reason)
                self._end(self._call.ceiling_reached(decision.sentence))
