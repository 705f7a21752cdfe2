"""When the shop rings a customer, and what picking up, declining and waiting lead to. No sockets, no clock.

```
          wants a call, with a consent that was not used yet          accepts
  idle ──────────────────────────────────────────────▶ ringing ─────────────▶ call
   ▲                                                     │ declines, or 30 s    │ either side hangs up
   └─────────────────────────────────────────────────────┴──────────────────────┘
          idle ── the customer presses the phone button ──▶ call
```

A `Ringing` is a value: plain JSON for `thread.state["call"]`, so it survives a restart and can be changed by any of
several relays. Times are Unix seconds, because they have to mean the same after a restart.

>>> step = Ringing().receive(Answered(call=5, consent="message_7"), now_s=0.0)
>>> step.state.phase, step.signals
('ringing', (Ring(number=1),))
>>> step = step.state.receive(Declined(), now_s=3.0)
>>> step.state.phase, step.signals
('idle', (StopRinging(number=1, why='declined'),))
>>> step.state.receive(Answered(call=5, consent="message_7"), now_s=9.0).signals  # the same wish rings once
()
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, assert_never, get_args

from contoso_lab.errors import ShopError

Phase = Literal["idle", "ringing", "call"]

CALL_NOW = 5
"""The chat's score at which the shop rings."""
RINGS_S = 30.0
LONGEST_CALL_S = 2 * 60 * 60.0
"""A call that is older was never ended: the relay that held it died."""
_REMEMBERED = 50


@dataclass(frozen=True, slots=True)
class Answered:
    """The chat answered the customer."""

    call: int
    """Its score, 1 to 5."""
    consent: str | None
    """The id of the customer's message that asked for a call or agreed to one; None: there is none."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The customer picked up."""

    number: int | None = None
    """Which ringing was picked up, where the client says so: a click may come late."""


@dataclass(frozen=True, slots=True)
class Declined:
    """The customer does not want this call."""


@dataclass(frozen=True, slots=True)
class Dialled:
    """The customer pressed the phone button: that is consent enough, and nobody needs to ring."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A call is over, whoever ended it."""

    number: int | None = None
    """Which call, where that is known: the end of an older one must not end this one."""


@dataclass(frozen=True, slots=True)
class Passed:
    """Time passed; tell it at `due_s`, and after a restart."""


RingingEvent = Answered | Accepted | Declined | Dialled | Ended | Passed


@dataclass(frozen=True, slots=True)
class Ring:
    """Let the customer's page ring."""

    number: int


@dataclass(frozen=True, slots=True)
class StopRinging:
    """Stop the ringing."""

    number: int
    why: Literal["accepted", "declined", "timeout"]


@dataclass(frozen=True, slots=True)
class Connect:
    """Open the call; its first words are the assistant's."""

    number: int


@dataclass(frozen=True, slots=True)
class HangUp:
    """The call is over."""

    number: int
    why: Literal["ended", "lost"]


@dataclass(frozen=True, slots=True)
class Refuse:
    """What was asked for cannot be: there is a call already, or nothing rings any more."""

    why: Literal["busy", "missed"]


Signal = Ring | StopRinging | Connect | HangUp | Refuse


class Step(NamedTuple):
    """What an event leads to."""

    state: Ringing
    signals: tuple[Signal, ...]
    """What the client is to be told, in this order."""


@dataclass(frozen=True, slots=True)
class Ringing:
    """Where a customer's call stands."""

    phase: Phase = "idle"
    since_s: float = 0.0
    """When this phase began."""
    number: int = 0
    """Counts the ringings and calls: the one that is on, or the last."""
    score: int = 0
    """The chat's last score; 0 once it was acted upon."""
    used: tuple[str, ...] = ()
    """Consents that were used up, the latest last: whatever became of them, they ring no second time."""
    rings_s: float = RINGS_S

    @property
    def due_s(self) -> float | None:
        """When `Passed` has to be told if nothing else happens before."""
        match self.phase:
            case "idle":
                return None
            case "ringing":
                return self.since_s + self.rings_s
            case "call":
                return self.since_s + LONGEST_CALL_S
            case _:
                assert_never(self.phase)

    def receive(self, event: RingingEvent, *, now_s: float) -> Step:
        """Take in what happened. Whatever is overdue happens first."""
        state, late = self._passed(now_s)
        match event:
            case Answered(call, consent):
                after, signals = state._answered(call, consent, now_s)
            case Accepted(number):
                after, signals = state._accepted(number, now_s)
            case Declined():
                after, signals = state._stopped("declined", now_s) if state.phase == "ringing" else Step(state, ())
            case Dialled():
                after, signals = state._dialled(now_s)
            case Ended(number):
                ours = state.phase == "call" and number in (None, state.number)
                after, signals = state._hung_up("ended", now_s) if ours else Step(state, ())
            case Passed():
                after, signals = Step(state, ())
            case _:
                assert_never(event)
        return Step(after, (*late, *signals))

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON, for `thread.state["call"]`."""
        return {
            "phase": self.phase, "since_s": self.since_s, "number": self.number, "score": self.score,
            "used": list(self.used), "rings_s": self.rings_s,
        }  # fmt: skip

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Ringing:
        """Read what `to_dict` wrote; nothing at all is a customer who was never rung.

        Raises:
            ShopError: this was not written by `to_dict`.

        >>> Ringing.from_dict({}) == Ringing()
        True
        """
        known = Ringing().to_dict() | dict(data)
        used = known["used"]
        whole = all(isinstance(known[name], int) and known[name] >= 0 for name in ("number", "score"))
        times = all(
            isinstance(known[name], int | float) and math.isfinite(known[name]) for name in ("since_s", "rings_s")
        )
        texts = isinstance(used, list | tuple) and all(isinstance(one, str) for one in used)
        if known["phase"] not in get_args(Phase) or not (whole and times and texts) or len(known) != len(_FIELDS):
            raise ShopError(f"state['call'] of a thread is not what Ringing.to_dict writes: {dict(data)!r}")
        return cls(**{**known, "used": tuple(used)})

    # -- the steps --------------------------------------------------------------------------------

    def _answered(self, call: int, consent: str | None, now_s: float) -> Step:
        state = replace(self, score=call)
        if call < CALL_NOW or consent is None or consent in self.used:
            return Step(state, ())
        state = replace(state, score=0, used=(*self.used, consent)[-_REMEMBERED:])
        if self.phase != "idle":
            return Step(state, ())  # it rings already, or they are talking: what was asked for is there
        state = replace(state, phase="ringing", since_s=now_s, number=self.number + 1)
        return Step(state, (Ring(state.number),))

    def _accepted(self, number: int | None, now_s: float) -> Step:
        if self.phase == "call":
            return Step(self, (Refuse("busy"),))
        if self.phase == "idle" or number not in (None, self.number):
            return Step(self, (Refuse("missed"),))
        state = replace(self, phase="call", since_s=now_s)
        return Step(state, (StopRinging(self.number, "accepted"), Connect(self.number)))

    def _dialled(self, now_s: float) -> Step:
        if self.phase == "idle":
            state = replace(self, phase="call", since_s=now_s, number=self.number + 1, score=0)
            return Step(state, (Connect(state.number),))
        return self._accepted(None, now_s)

    def _stopped(self, why: Literal["declined", "timeout"], now_s: float) -> Step:
        return Step(replace(self, phase="idle", since_s=now_s), (StopRinging(self.number, why),))

    def _hung_up(self, why: Literal["ended", "lost"], now_s: float) -> Step:
        return Step(replace(self, phase="idle", since_s=now_s), (HangUp(self.number, why),))

    def _passed(self, now_s: float) -> Step:
        due_s = self.due_s
        if due_s is None or now_s < due_s:
            return Step(self, ())
        return self._stopped("timeout", now_s) if self.phase == "ringing" else self._hung_up("lost", now_s)


_FIELDS = tuple(Ringing().to_dict())
